//! The certificates of keys, kept on the keys' token: PKCS #11 v2.40, section 4.6.3.

use std::sync::Arc;

use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle};
use der::Encode;
use der::asn1::IntRef;

use super::attributes;
use super::certificate_fault::CertificateFault as Fault;
use super::error::Error;
use super::object::{Wanted, key_uri};
use super::raw::Session;
use super::signer::TokenKey;
use super::token::{Retry, Token};
use super::token_lock;
use super::tokens::{Tokens, check_kind};
use crate::crypto::{Digest, HashAlgorithm};
use crate::key::signer::Signer;
use crate::key::uri::{ObjectType, TokenUri};
use crate::x509::Certificate;

/// Bytes of the id of an issuer's certificate: the first of its SHA-256, so that it is the same each time.
const ID_LEN: usize = 20;
/// The most certificates of a chain.
const LONGEST_CHAIN: usize = 10;

/// A certificate on a token.
#[derive(Clone, Debug)]
pub struct TokenCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// The URI that names it.
    pub uri: TokenUri,
    /// Its label.
    pub label: String,
    /// Its id. A certificate belongs to the key of the same id.
    pub id: Vec<u8>,
}

/// A certificate that is on a token after an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The certificate.
    pub certificate: TokenCertificate,
    /// Whether this run put it there; false where the same bytes were there.
    pub is_new: bool,
}

impl Tokens {
    /// The certificates of the private key that a URI names, as far as the token holds them: the key's own, by its id
    /// and its public key, then each one's issuer. Nothing here checks more than who signed whom.
    pub fn certificates(&self, uri: &TokenUri) -> Result<Vec<Certificate>, Error> {
        let key = self.find(uri, ObjectType::Private, Wanted::Any)?;
        let all = all(&key.token)?;
        let of_id: Vec<_> = all.iter().filter(|there| is_of(there, &key)).collect();
        let of_key = of_id
            .iter()
            .map(|there| &there.certificate)
            .filter(|certificate| certificate.public_key() == key.public_key());
        let wrong = |fault| Error::Certificate(key.name(), fault);
        let own = the_one(of_key, "it").map_err(wrong)?;
        let mut chain = vec![
            own.ok_or_else(|| wrong(Fault::None(!of_id.is_empty())))?
                .clone(),
        ];
        while chain.len() < LONGEST_CHAIN {
            let last = &chain[chain.len() - 1];
            let issuers = all
                .iter()
                .map(|there| &there.certificate)
                .filter(|issuer| issued(last, issuer) && !chain.contains(issuer));
            let subject = last.issuer().to_string();
            match the_one(issuers, &format!("issuer \"{subject}\"")).map_err(wrong)? {
                Some(issuer) if !last.is_self_issued() => chain.push(issuer.clone()),
                Some(_) | None => break,
            }
        }
        Ok(chain)
    }

    /// All certificates of the token that a URI names, after a login.
    pub fn all_certificates(&self, uri: &TokenUri) -> Result<Vec<TokenCertificate>, Error> {
        let all = all(&*self.logged_in(uri)?)?;
        let label = uri.object.as_ref();
        let is_named = |there: &TokenCertificate| {
            label.is_none_or(|label| *label == there.label)
                && uri.id.as_ref().is_none_or(|id| *id == there.id)
        };
        Ok(all.into_iter().filter(is_named).collect())
    }

    /// Puts a chain on the token of the private key that a URI names: the first certificate, which must be of this
    /// key, under the key's label and id; each issuer behind it under an id of its own. Those that are there with the
    /// same bytes stay; another one of the key's id is never replaced.
    pub fn import_certificates(
        &self,
        uri: &TokenUri,
        chain: &[Certificate],
    ) -> Result<Vec<Imported>, Error> {
        check_kind(uri, ObjectType::Private)?;
        self.token(uri)?.will_write();
        let key = self.find(uri, ObjectType::Private, Wanted::Any)?;
        let _lock = token_lock::take(&key.token)?;
        check(&key, chain).map_err(|fault| Error::Certificate(key.name(), fault))?;
        key.prove()?;
        let there = all(&key.token)?;
        if let Some(other) = there
            .iter()
            .find(|there| is_of(there, &key) && !chain.contains(&there.certificate))
        {
            let subject = other.certificate.subject().to_string();
            return Err(Error::Certificate(key.name(), Fault::There(subject)));
        }
        let mut imported = Vec::new();
        for (n, certificate) in chain.iter().enumerate() {
            // The key's own has to have the key's id, whatever else has its bytes.
            let fits = |there: &&TokenCertificate| {
                there.certificate == *certificate && (n > 0 || is_of(there, &key))
            };
            if let Some(there) = there.iter().find(fits) {
                imported.push(Imported {
                    certificate: there.clone(),
                    is_new: false,
                });
                continue;
            }
            let (label, id) = if n == 0 {
                (key.key.label.clone(), key.key.id.clone())
            } else {
                let digest = Digest::of(HashAlgorithm::Sha256, certificate.der());
                let label = certificate.subject().to_string().into_bytes();
                (label, digest.as_bytes()[..ID_LEN].to_vec())
            };
            let certificate = create(&key.token, certificate, label, id)?;
            imported.push(Imported {
                certificate,
                is_new: true,
            });
        }
        Ok(imported)
    }
}

/// Whether a certificate has the key's id. An empty id names nothing.
fn is_of(there: &TokenCertificate, key: &TokenKey) -> bool {
    !key.key.id.is_empty() && there.id == key.key.id
}

/// Whether the one certificate was issued by the subject of the other.
fn issued(certificate: &Certificate, by: &Certificate) -> bool {
    certificate.issuer() == by.subject() && certificate.is_signed_by(by.public_key())
}

/// The only certificate of some; copies of it do not count.
fn the_one<'a>(
    mut all: impl Iterator<Item = &'a Certificate>,
    of: &str,
) -> Result<Option<&'a Certificate>, Fault> {
    let Some(first) = all.next() else {
        return Ok(None);
    };
    if all.all(|other| other == first) {
        Ok(Some(first))
    } else {
        Err(Fault::Several(of.to_owned()))
    }
}

/// Refuses a chain that is not the key's.
fn check(key: &TokenKey, chain: &[Certificate]) -> Result<(), Fault> {
    if key.key.id.is_empty() {
        return Err(Fault::NoId);
    }
    let own = chain.first().ok_or(Fault::None(false))?;
    if own.public_key() != key.public_key() {
        return Err(Fault::OtherKey {
            subject: own.subject().to_string(),
            fingerprint: own.public_key().fingerprint().to_string(),
        });
    }
    let wrong = chain.windows(2).find(|pair| !issued(&pair[0], &pair[1]));
    wrong.map_or(Ok(()), |pair| {
        Err(Fault::Order {
            subject: pair[0].subject().to_string(),
            next: pair[1].subject().to_string(),
        })
    })
}

/// All X.509 certificates of a token that are read.
fn all(token: &Token) -> Result<Vec<TokenCertificate>, Error> {
    token.with(Retry::Yes, |session, _, _| {
        let template = [
            Attribute::Class(ObjectClass::CERTIFICATE),
            Attribute::CertificateType(CertificateType::X_509),
        ];
        let found = session.find_objects(&template);
        let mut all = Vec::new();
        for handle in found.map_err(Error::refusal(&token.name()))? {
            all.extend(read(token, session, handle)?);
        }
        Ok(all)
    })
}

/// The certificate of an object; none where it is none that is read.
fn read(
    token: &Token,
    session: &Session,
    handle: ObjectHandle,
) -> Result<Option<TokenCertificate>, Error> {
    let wanted = [
        AttributeType::Label,
        AttributeType::Id,
        AttributeType::Value,
    ];
    let (mut label, mut id, mut value) = (Vec::new(), Vec::new(), Vec::new());
    for attribute in attributes::read(session, handle, &wanted, &token.name())? {
        match attribute {
            Attribute::Label(found) => label = found,
            Attribute::Id(found) => id = found,
            Attribute::Value(found) => value = found,
            _ => {}
        }
    }
    let certificate = Certificate::read(&value).ok();
    Ok(certificate.map(|certificate| TokenCertificate {
        certificate,
        uri: TokenUri {
            kind: Some(ObjectType::Cert),
            ..key_uri(token, &label, &id)
        },
        label: String::from_utf8_lossy(&label).into_owned(),
        id,
    }))
}

/// Puts a certificate on a token, and reads it back.
fn create(
    token: &Arc<Token>,
    certificate: &Certificate,
    label: Vec<u8>,
    id: Vec<u8>,
) -> Result<TokenCertificate, Error> {
    let serial = IntRef::new(certificate.serial()).and_then(|serial| serial.to_der());
    let serial = serial.map_err(|error| Error::Nonsense {
        what: format!("certificate \"{}\"", certificate.subject()),
        reason: error.to_string(),
    })?;
    let template = [
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(label),
        Attribute::Id(id),
        Attribute::Subject(certificate.subject().der().to_vec()),
        Attribute::Issuer(certificate.issuer().der().to_vec()),
        Attribute::SerialNumber(serial),
        Attribute::Value(certificate.der().to_vec()),
    ];
    token.with_writing(Retry::No, |session, _, _| {
        let name = token.name();
        let created = session.create_object(&template);
        let handle = created.map_err(Error::refusal(&name))?;
        match read(token, session, handle)? {
            Some(there) if there.certificate == *certificate => Ok(there),
            Some(_) | None => {
                let removed = session.destroy_object(handle);
                removed.map_err(Error::refusal(&name))?;
                let subject = certificate.subject().to_string();
                Err(Error::Certificate(name, Fault::Changed(subject)))
            }
        }
    })
}
