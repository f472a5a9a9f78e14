//! The certificates and the CRL of a plan, with their inputs, and their drafts.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::facts::{self, Fact};
use super::members::{Crl, Issue, PlannedProfile, Revocation, RootTerms};
use crate::ceremony::transcript::bytes_of;
use crate::crypto::{P384Key, PublicKey};
use crate::encoding::base64::base64;
use crate::x509::crl::RevocationList;
use crate::x509::{
    self, Certificate, CrlUrl, Draft, Profile, Reason, Request, Serial, Terms, Validity, dn,
};

/// Why the plan's certificates or CRL are not drafted, in words.
pub(in crate::ceremony) type Wrong = String;

fn words(error: impl std::fmt::Display) -> Wrong {
    error.to_string()
}

/// The CA whose root key signs.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its key.
    pub root: P384Key,
    /// Its certificate.
    pub certificate: Certificate,
    /// The bytes of the certificate's file.
    pub(in crate::ceremony) bytes: Vec<u8>,
    key: PublicKey,
}

impl Issuer {
    /// Reads the certificate's file: one certificate, in PEM or DER, of a key on P-384.
    pub(in crate::ceremony) fn read(bytes: Vec<u8>) -> Result<Self, Wrong> {
        let certificate = one_certificate(&bytes)?;
        let key = certificate.public_key().clone();
        let root = P384Key::of(&key);
        let root = root
            .ok_or_else(|| format!("its key is {}, but a ceremony needs EC P-384", key.kind()))?;
        Ok(Self {
            root,
            certificate,
            bytes,
            key,
        })
    }

    fn signs(&self) -> x509::Issuer<'_> {
        x509::Issuer {
            certificate: &self.certificate,
            key: &self.key,
        }
    }
}

fn one_certificate(bytes: &[u8]) -> Result<Certificate, Wrong> {
    let all = Certificate::read_all(bytes).map_err(words)?;
    match <[Certificate; 1]>::try_from(all) {
        Ok([one]) => Ok(one),
        Err(all) => Err(format!(
            "it holds {} certificates, but must hold one",
            all.len()
        )),
    }
}

/// The root's own certificate.
#[derive(Clone, Debug)]
pub struct PlannedRoot {
    /// The file for it.
    pub certificate: PathBuf,
    subject: x509::DistinguishedName,
    path_len: Option<u8>,
    validity: Validity,
}

impl PlannedRoot {
    pub(in crate::ceremony) fn of(terms: &RootTerms, certificate: PathBuf) -> Result<Self, Wrong> {
        let life = Validity::new(terms.not_before.0, terms.not_after.0);
        Ok(Self {
            certificate,
            subject: dn::parse(&terms.subject).map_err(words)?,
            path_len: terms.path_len,
            validity: life.map_err(words)?,
        })
    }

    /// The subject.
    pub fn subject(&self) -> String {
        self.subject.to_string()
    }

    /// The first second of its life, in RFC 3339.
    pub fn not_before(&self) -> String {
        humantime::format_rfc3339_seconds(self.validity.not_before()).to_string()
    }

    /// The last second of its life, in RFC 3339.
    pub fn not_after(&self) -> String {
        humantime::format_rfc3339_seconds(self.validity.not_after()).to_string()
    }

    pub(in crate::ceremony) fn draft(
        &self,
        root: &P384Key,
        serial: Serial,
    ) -> Result<Draft, Wrong> {
        let terms = Terms {
            serial,
            validity: self.validity,
            crl_url: None,
        };
        let key = PublicKey::from(*root);
        x509::issue::root(&key, &self.subject, self.path_len, &terms).map_err(words)
    }
}

/// A certificate to issue, with its request.
#[derive(Clone, Debug)]
pub struct PlannedCertificate {
    /// The request's file, as the plan spells it.
    pub name: String,
    /// The file for the certificate.
    pub certificate: PathBuf,
    /// The request.
    pub request: Request,
    /// The content of the certificate, but for its serial number.
    pub facts: Vec<Fact>,
    bytes: Vec<u8>,
    subject: Option<x509::DistinguishedName>,
    profile: Profile,
    validity: Validity,
    crl_url: Option<CrlUrl>,
}

impl PlannedCertificate {
    pub(in crate::ceremony) fn read(
        planned: &Issue,
        certificate: PathBuf,
        bytes: Vec<u8>,
    ) -> Result<Self, Wrong> {
        let subject = planned.subject.as_deref().map(dn::parse);
        let url = planned.crl_url.as_deref().map(CrlUrl::parse);
        let profile = match (planned.profile, planned.path_len) {
            (PlannedProfile::Ca, path_len) => Profile::Ca {
                path_len: path_len.unwrap_or(0),
            },
            (PlannedProfile::Signer, None) => Profile::Signer,
            (PlannedProfile::Signer, Some(_)) => {
                return Err("a signer's certificate has no path-len: only a CA's has one".into());
            }
        };
        let life = Validity::new(planned.not_before.0, planned.not_after.0);
        Ok(Self {
            name: planned.request.to_string_lossy().into_owned(),
            certificate,
            request: Request::read(&bytes).map_err(words)?,
            facts: Vec::new(),
            bytes,
            subject: subject.transpose().map_err(words)?,
            profile,
            validity: life.map_err(words)?,
            crl_url: url.transpose().map_err(words)?,
        })
    }

    /// Drafts the certificate once, so that a plan that cannot be done is refused before the ceremony.
    pub(in crate::ceremony) fn try_draft(
        &mut self,
        issuer: &Issuer,
        serial: Serial,
        at: SystemTime,
    ) -> Result<(), Wrong> {
        self.facts = facts_of(&self.draft(issuer, serial, at)?)?;
        self.facts.retain(|fact| fact.what != "serial");
        Ok(())
    }

    pub(in crate::ceremony) fn draft(
        &self,
        issuer: &Issuer,
        serial: Serial,
        at: SystemTime,
    ) -> Result<Draft, Wrong> {
        let terms = Terms {
            serial,
            validity: self.validity,
            crl_url: self.crl_url.clone(),
        };
        let subject = self.subject.as_ref();
        let by = issuer.signs();
        x509::issue::certificate(&self.request, subject, self.profile, by, &terms, at)
            .map_err(words)
    }

    /// The members of a transcript's lines about its inputs.
    pub(in crate::ceremony) fn inputs(&self) -> Value {
        json!({ "request": base64(&self.bytes) })
    }
}

/// The CRL to sign, with the one before it.
#[derive(Clone, Debug)]
pub struct PlannedCrl {
    /// The file for it.
    pub crl: PathBuf,
    /// The content of the CRL.
    pub facts: Vec<Fact>,
    previous: Option<RevocationList>,
    previous_bytes: Option<Vec<u8>>,
    revoked_bytes: Vec<Vec<u8>>,
    revoked: Vec<x509::Revocation>,
    validity: Validity,
}

impl PlannedCrl {
    /// `certificates` are the files of those revocations that name one.
    pub(in crate::ceremony) fn read(
        (crl, revocations): (&Crl, &[Revocation]),
        file: PathBuf,
        issuer: &Issuer,
        previous: Option<Vec<u8>>,
        certificates: Vec<Vec<u8>>,
    ) -> Result<Self, Wrong> {
        let list = previous.as_deref().map(RevocationList::read).transpose();
        let life = Validity::new(crl.this_update.0, crl.next_update.0);
        let mut files = certificates.iter();
        let mut revoked = Vec::new();
        for revocation in revocations {
            let reason = revocation.reason.as_deref();
            let unknown = |name: &str| format!("{name:?} is not a reason for a revocation");
            let reason = reason.map(|name| Reason::named(name).ok_or_else(|| unknown(name)));
            let reason = reason.transpose()?;
            revoked.push(if let Some(serial) = &revocation.serial {
                let serial = Serial::from_hex(serial).map_err(words)?;
                x509::Revocation { serial, reason }
            } else {
                let bytes = files.next().ok_or("a revoked certificate is missing")?;
                let of = one_certificate(bytes)?;
                x509::Revocation::of(&of, &issuer.certificate, reason).map_err(words)?
            });
        }
        Ok(Self {
            crl: file,
            facts: Vec::new(),
            previous: list.map_err(words)?,
            previous_bytes: previous,
            revoked_bytes: certificates,
            revoked,
            validity: life.map_err(words)?,
        })
    }

    pub(in crate::ceremony) fn draft(
        &self,
        issuer: &Issuer,
        at: SystemTime,
    ) -> Result<Draft, Wrong> {
        let previous = self.previous.as_ref();
        x509::revocations(issuer.signs(), previous, &self.revoked, self.validity, at).map_err(words)
    }

    /// The members of a transcript's lines about its inputs.
    pub(in crate::ceremony) fn inputs(&self) -> Value {
        let revoked: Vec<String> = self
            .revoked_bytes
            .iter()
            .map(|bytes| base64(bytes))
            .collect();
        json!({
            "previous": self.previous_bytes.as_deref().map(base64),
            "revoked": revoked,
        })
    }

    /// Drafts the CRL once, so that a plan that cannot be done is refused before the ceremony.
    pub(in crate::ceremony) fn try_draft(
        &mut self,
        issuer: &Issuer,
        at: SystemTime,
    ) -> Result<(), Wrong> {
        self.facts = self.facts_of(&self.draft(issuer, at)?)?;
        Ok(())
    }

    /// The content of its draft.
    pub(in crate::ceremony) fn facts_of(&self, draft: &Draft) -> Result<Vec<Fact>, Wrong> {
        let list = RevocationList::read(&draft.unsigned()).map_err(words)?;
        Ok(facts::of_crl(&list, self.previous.as_ref()))
    }
}

/// The content of a certificate's draft.
pub(in crate::ceremony) fn facts_of(draft: &Draft) -> Result<Vec<Fact>, Wrong> {
    let certificate = Certificate::read(&draft.unsigned()).map_err(words)?;
    Ok(facts::of_certificate(&certificate))
}

/// The bytes of the members of a line that are lists of texts of base64.
pub(in crate::ceremony) fn all_bytes(value: &Value) -> Option<Vec<Vec<u8>>> {
    value.as_array()?.iter().map(bytes_of).collect()
}
