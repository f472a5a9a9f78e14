//! Certificates drafted by a profile: roots, intermediate CAs, and signers of code. They take only the key and the name
//! from a request.

use std::time::SystemTime;

use der::asn1::{AnyRef, UintRef};
use der::{Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;

use super::certificate::Certificate;
use super::chain::{self, ChainFault};
use super::dn::{self, DnError};
use super::draft::{Draft, NoSigner, Signing};
use super::name::DistinguishedName;
use super::profile::{self, CrlUrl};
use super::request::Request;
use super::serial::Serial;
use super::validity::{Encoded, Validity};
use crate::crypto::{KeyKind, PublicKey};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// An intermediate CA, with the most CAs that may stand below it.
    Ca {
        /// `pathLenConstraint`.
        path_len: u8,
    },
    /// A signer of code, such as of images.
    Signer,
}

/// The serial number, the life and the list's address of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The serial number.
    pub serial: Serial,
    /// The life.
    pub validity: Validity,
    /// The address at which the issuer publishes its revocation list.
    pub crl_url: Option<CrlUrl>,
}

/// A CA: its certificate, and the public half of the key that is about to sign.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The CA's certificate.
    pub certificate: &'a Certificate,
    /// The key.
    pub key: &'a PublicKey,
}

/// Why no certificate or list is issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The key signs no certificates.
    #[error(transparent)]
    NoSigner(#[from] NoSigner),
    /// The subject's name.
    #[error("the subject's name: {0}")]
    Subject(#[from] DnError),
    /// The key is not the one in the CA's certificate.
    #[error("the key is not that of the CA certificate \"{0}\"")]
    CaKey(String),
    /// The CA's certificate does not allow it.
    #[error("the CA {0}")]
    Ca(#[from] ChainFault),
    /// The CA's certificate has no right to sign lists.
    #[error("the CA certificate \"{0}\" has a key usage that lacks cRLSign")]
    NoCrlSign(String),
    /// It would live before or after its issuer.
    #[error(
        "it would live from {from} to {to}, and its issuer \"{issuer}\" lives from {since} to {until}"
    )]
    Life {
        /// The issuer.
        issuer: String,
        /// Its first second.
        since: String,
        /// Its last second.
        until: String,
        /// The first second of the new certificate.
        from: String,
        /// Its last second.
        to: String,
    },
    /// A CA would get a certificate of its own name from itself.
    #[error("the subject \"{0}\" is the issuer itself")]
    Itself(String),
    /// The request is for the CA's own key.
    #[error("the request is for the CA's own key")]
    OwnKey,
    /// A signer's key is of a kind that signs for no Notary Project verifier.
    #[error("a signer's key is of the kind {0}; EC keys and RSA 2048, 3072 and 4096 sign")]
    SignerKey(KeyKind),
}

/// `TBSCertificate` (RFC 5280, section 4.1).
#[derive(Sequence)]
struct Tbs<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: UintRef<'a>,
    signature: AlgorithmIdentifierOwned,
    issuer: AnyRef<'a>,
    validity: Encoded,
    subject: AnyRef<'a>,
    public_key: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

/// Drafts a root's certificate, which its own key signs.
pub fn root(
    key: &PublicKey,
    subject: &DistinguishedName,
    path_len: Option<u8>,
    terms: &Terms,
) -> Result<Draft, IssueError> {
    dn::check(subject)?;
    let id = profile::key_id(key);
    let extensions = profile::ca(path_len).expect("two short extensions are encoded");
    draft(key, subject, (key, subject), (extensions, &id), terms)
}

/// Drafts a certificate for a request. A name that is given takes the place of the request's. `at` is the time at which
/// it is issued: the CA's certificate has to be alive then.
pub fn certificate(
    request: &Request,
    subject: Option<&DistinguishedName>,
    profile: Profile,
    issuer: Issuer<'_>,
    terms: &Terms,
    at: SystemTime,
) -> Result<Draft, IssueError> {
    let subject = subject.unwrap_or_else(|| request.subject());
    dn::check(subject)?;
    let (extensions, below) = match profile {
        Profile::Ca { path_len } => (profile::ca(Some(path_len)), 1 + usize::from(path_len)),
        Profile::Signer => (profile::signer(), 0),
    };
    let extensions = extensions.expect("two short extensions are encoded");
    let ca = issuer.certificate;
    check_ca(issuer, at)?;
    chain::check_ca(ca, below)?;
    if subject == ca.subject() {
        return Err(IssueError::Itself(subject.to_string()));
    }
    if request.public_key() == issuer.key {
        return Err(IssueError::OwnKey);
    }
    let kind = request.public_key().kind();
    match (profile, kind) {
        (Profile::Ca { .. }, _)
        | (
            Profile::Signer,
            KeyKind::Ec(_)
            | KeyKind::Rsa {
                bits: 2048 | 3072 | 4096,
            },
        ) => {}
        (Profile::Signer, KeyKind::Rsa { .. } | KeyKind::Ed25519) => {
            return Err(IssueError::SignerKey(kind));
        }
    }
    let life = terms.validity;
    if life.not_before() < ca.not_before() || life.not_after() > ca.not_after() {
        let shown = |time| humantime::format_rfc3339_seconds(time).to_string();
        return Err(IssueError::Life {
            issuer: ca.subject().to_string(),
            since: shown(ca.not_before()),
            until: shown(ca.not_after()),
            from: shown(life.not_before()),
            to: shown(life.not_after()),
        });
    }
    let by = (issuer.key, ca.subject());
    let id = profile::key_id_of(ca);
    draft(request.public_key(), subject, by, (extensions, &id), terms)
}

/// Checks that the key is the CA's, and that the CA's certificate is alive.
pub(super) fn check_ca(issuer: Issuer<'_>, at: SystemTime) -> Result<(), IssueError> {
    let ca = issuer.certificate;
    if ca.public_key() != issuer.key {
        return Err(IssueError::CaKey(ca.subject().to_string()));
    }
    chain::check_validity(std::slice::from_ref(ca), at)?;
    Ok(())
}

fn draft(
    key: &PublicKey,
    subject: &DistinguishedName,
    (issuer_key, issuer): (&PublicKey, &DistinguishedName),
    (mut extensions, issuer_id): (Vec<Extension>, &[u8]),
    terms: &Terms,
) -> Result<Draft, IssueError> {
    let signing = Signing::of(issuer_key.kind())?;
    let mut encode = || {
        extensions.push(profile::subject_key(&profile::key_id(key))?);
        extensions.push(profile::authority_key(issuer_id)?);
        if let Some(url) = &terms.crl_url {
            extensions.push(profile::crl_point(url)?);
        }
        Tbs {
            version: 2,
            serial: UintRef::new(terms.serial.content())?,
            signature: signing.identifier.clone(),
            issuer: AnyRef::try_from(issuer.der())?,
            validity: terms.validity.encoded(),
            subject: AnyRef::try_from(subject.der())?,
            public_key: AnyRef::try_from(key.spki())?,
            extensions: std::mem::take(&mut extensions),
        }
        .to_der()
    };
    let message: der::Result<_> = encode();
    let message = message.expect("names, keys and short extensions are encoded");
    Ok(Draft::new(message, signing, issuer_key))
}
