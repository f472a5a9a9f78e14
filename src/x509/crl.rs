//! Certificate revocation lists (RFC 5280, section 5), read strictly. Lists that say less than all about their
//! issuer's certificates, or more than about its own, are refused: indirect lists, delta lists and lists of a part.

use std::sync::Arc;
use std::time::SystemTime;

use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Encode, ErrorKind};
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlReason};
use x509_cert::time::Time;

use super::certificate::Certificate;
use super::name::DistinguishedName;
use super::revocation::{Entry, Reason, Status};
use super::serial::shown;
use super::signature_algorithm::{AlgorithmFault, SignatureAlgorithm};
use super::signed_value::{self, FormError, SignedValue};
use crate::crypto::{Digest, HashAlgorithm, PublicKey};
use crate::encoding::pem_text;

/// The label of a list in PEM (RFC 7468, section 7).
pub const PEM_LABEL: &str = "X509 CRL";

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

pub(super) const CRL_NUMBER: ObjectIdentifier = oid("2.5.29.20");
pub(super) const REASON_CODE: ObjectIdentifier = oid("2.5.29.21");
const DELTA: ObjectIdentifier = oid("2.5.29.27");
const ISSUING_POINT: ObjectIdentifier = oid("2.5.29.28");
const CERTIFICATE_ISSUER: ObjectIdentifier = oid("2.5.29.29");
const AUTHORITY_KEY_ID: ObjectIdentifier = oid("2.5.29.35");

/// A certificate revocation list. Two are equal exactly when their bytes are.
#[derive(Clone, Debug)]
pub struct RevocationList {
    der: Arc<[u8]>,
    signed: SignedValue,
    issuer: DistinguishedName,
    this_update: SystemTime,
    next_update: SystemTime,
    number: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    entries: Vec<Entry>,
    /// Places in `entries`, by serial number.
    by_serial: Vec<usize>,
}

impl PartialEq for RevocationList {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for RevocationList {}

/// Why bytes are not a revocation list that this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// The file holds none, or more than one.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The bytes are not one `CertificateList` of version 2 in DER.
    #[error("it is not a DER certificate revocation list of version 2 ({0})")]
    Der(String),
    /// More follows the list.
    #[error("bytes follow the DER certificate revocation list")]
    TrailingBytes,
    /// It is right in BER, and not the one encoding in DER.
    #[error("it is not the one DER encoding of its revocation list")]
    NotCanonical,
    /// The two fields that name the signature's algorithm differ (RFC 5280, section 5.1.1.2).
    #[error("its two signature algorithms differ")]
    TwoAlgorithms,
    /// The list is of another version than 2.
    #[error("it is not of version 2")]
    Version,
    /// A time is encoded in the wrong form, or the next update is missing or before this one.
    #[error("its times are wrong: {0}")]
    Times(&'static str),
    /// There is a list of entries with none in it (RFC 5280, section 5.1.2.6).
    #[error("it has an empty list of entries, which must be left out")]
    Empty,
    /// A serial number stands in two entries.
    #[error("serial number {0} is on it twice")]
    Twice(String),
    /// It is a delta list.
    #[error("it is a delta list, which says only what changed")]
    Delta,
    /// It covers a part of the issuer's certificates, or those of others.
    #[error("it covers a part of its issuer's certificates or those of other issuers")]
    Scope,
    /// A critical extension, which this program does not know.
    #[error("it has the critical extension {0}, which is unknown here")]
    Critical(ObjectIdentifier),
    /// An extension is malformed, or there twice.
    #[error("its extension {0} is malformed or there twice")]
    Extension(ObjectIdentifier),
}

/// Why a revocation list says nothing about an issuer's certificates at a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlFault {
    /// It is another issuer's.
    #[error("it is the list of \"{found}\", not of \"{wanted}\"")]
    Issuer {
        /// The list's issuer.
        found: String,
        /// The issuer of the certificate in question.
        wanted: String,
    },
    /// It names another key than the issuer's.
    #[error("it names another key of \"{0}\"")]
    Key(String),
    /// The issuer may not sign lists.
    #[error("the key usage of \"{0}\" lacks cRLSign")]
    Usage(String),
    /// The algorithm.
    #[error(transparent)]
    Algorithm(#[from] AlgorithmFault),
    /// The issuer's key did not sign it.
    #[error("it is not signed by the key of \"{0}\"")]
    Signature(String),
    /// It is of a later time.
    #[error("it is not valid before {0}")]
    NotYet(String),
    /// A newer one was due.
    #[error("it is stale: the next one was due at {0}")]
    Stale(String),
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

impl RevocationList {
    /// Reads the one list of a file: DER, or PEM text with one block.
    pub fn read(bytes: &[u8]) -> Result<Self, CrlError> {
        Self::read_der(&signed_value::unwrap(bytes, &[PEM_LABEL])?)
    }

    fn read_der(bytes: &[u8]) -> Result<Self, CrlError> {
        let other = |error: der::Error| match error.kind() {
            ErrorKind::TrailingData { .. } => CrlError::TrailingBytes,
            _ => CrlError::Der(error.to_string()),
        };
        let (signed, algorithm) = SignedValue::read(bytes).map_err(other)?;
        let read = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(bytes);
        let read = read.map_err(other)?;
        if read.to_der().map_err(other)? != bytes {
            return Err(CrlError::NotCanonical);
        }
        let list = read.tbs_cert_list;
        if list.version != x509_cert::Version::V2 {
            return Err(CrlError::Version);
        }
        if list.signature != algorithm {
            return Err(CrlError::TwoAlgorithms);
        }
        let this_update = time(list.this_update)?;
        let next_update = list.next_update.ok_or(CrlError::Times("no next update"))?;
        let next_update = time(next_update)?;
        if next_update < this_update {
            return Err(CrlError::Times("the next update is before this one"));
        }
        let entries = match list.revoked_certificates {
            None => Vec::new(),
            Some(entries) if entries.is_empty() => return Err(CrlError::Empty),
            Some(entries) => entries.iter().map(entry).collect::<Result<_, _>>()?,
        };
        let mut read = Self {
            der: bytes.into(),
            signed,
            issuer: DistinguishedName::of(&list.issuer).map_err(other)?,
            this_update,
            next_update,
            number: None,
            authority_key_id: None,
            by_serial: by_serial(&entries)?,
            entries,
        };
        for extension in extensions(list.crl_extensions.as_deref())? {
            read.add(extension)?;
        }
        Ok(read)
    }

    fn add(&mut self, extension: &Extension) -> Result<(), CrlError> {
        let id = extension.extn_id;
        let value = extension.extn_value.as_bytes();
        let malformed = |_| CrlError::Extension(id);
        match id {
            DELTA => return Err(CrlError::Delta),
            ISSUING_POINT => return Err(CrlError::Scope),
            CRL_NUMBER => {
                let number = UintRef::from_der(value).map_err(malformed)?;
                self.number = Some(number.as_bytes().to_vec());
            }
            AUTHORITY_KEY_ID => {
                let read = AuthorityKeyIdentifier::from_der(value).map_err(malformed)?;
                self.authority_key_id = read.key_identifier.map(|id| id.as_bytes().to_vec());
            }
            _ if extension.critical => return Err(CrlError::Critical(id)),
            _ => {}
        }
        Ok(())
    }

    /// The list in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The list in PEM.
    pub fn pem(&self) -> String {
        pem_text::write(PEM_LABEL, &self.der)
    }

    /// SHA-256 over the DER bytes.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(HashAlgorithm::Sha256, &self.der)
    }

    /// The issuer.
    pub const fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// When it was made.
    pub const fn this_update(&self) -> SystemTime {
        self.this_update
    }

    /// When the next one is due. After that it says nothing.
    pub const fn next_update(&self) -> SystemTime {
        self.next_update
    }

    /// Its number, big-endian without leading zeros (0 is one zero byte), if it has one.
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// The identifier of the issuer's key, if it names one.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// The certificates on it, in its order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The algorithm of the signature.
    pub const fn signature_algorithm(&self) -> &Result<SignatureAlgorithm, AlgorithmFault> {
        self.signed.algorithm()
    }

    /// The signed part: `TBSCertList` in DER.
    pub fn tbs(&self) -> &[u8] {
        self.signed.message(&self.der)
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.signed.is_signed_by(key, &self.der)
    }

    /// Checks that it is this issuer's: the name, the key's identifier where the list names one, the right to sign
    /// lists, and the signature.
    pub fn check_issuer(&self, issuer: &Certificate) -> Result<(), CrlFault> {
        let name = || issuer.subject().to_string();
        if self.issuer != *issuer.subject() {
            return Err(CrlFault::Issuer {
                found: self.issuer.to_string(),
                wanted: name(),
            });
        }
        let extensions = issuer.extensions();
        let ids = (
            self.authority_key_id(),
            extensions.subject_key_id.as_deref(),
        );
        if let (Some(named), Some(own)) = ids
            && named != own
        {
            return Err(CrlFault::Key(name()));
        }
        if extensions.key_usage.is_some_and(|u| !u.usages.crl_sign()) {
            return Err(CrlFault::Usage(name()));
        }
        if let Err(fault) = self.signed.algorithm() {
            return Err(fault.clone().into());
        }
        if !self.is_signed_by(issuer.public_key()) {
            return Err(CrlFault::Signature(name()));
        }
        Ok(())
    }

    /// Checks that it speaks for this time: made by then, and no newer one due.
    pub fn check_time(&self, at: SystemTime) -> Result<(), CrlFault> {
        if at < self.this_update {
            return Err(CrlFault::NotYet(rfc3339(self.this_update)));
        }
        if at > self.next_update {
            return Err(CrlFault::Stale(rfc3339(self.next_update)));
        }
        Ok(())
    }

    /// The status of the certificate with this serial number, the content of a DER INTEGER. The caller checks that the
    /// certificate is this issuer's: [`Self::check_issuer`].
    pub fn status(&self, serial: &[u8]) -> Status<'_> {
        let found = self
            .by_serial
            .binary_search_by(|at| (*self.entries[*at].serial).cmp(serial));
        let Ok(found) = found else {
            return Status::NotRevoked;
        };
        let entry = &self.entries[self.by_serial[found]];
        match entry.reason {
            Some(Reason::CertificateHold) => Status::Held(entry),
            _ => Status::Revoked(entry),
        }
    }
}

fn by_serial(entries: &[Entry]) -> Result<Vec<usize>, CrlError> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|a, b| entries[*a].serial.cmp(&entries[*b].serial));
    for pair in order.windows(2) {
        let serial = &entries[pair[0]].serial;
        if *serial == entries[pair[1]].serial {
            return Err(CrlError::Twice(shown(serial)));
        }
    }
    Ok(order)
}

/// A time through 2049 is a `UTCTime`, one from 2050 a `GeneralizedTime` (RFC 5280, section 5.1.2.4).
fn time(time: Time) -> Result<SystemTime, CrlError> {
    match time {
        Time::GeneralTime(time) if time.to_date_time().year() < 2050 => {
            Err(CrlError::Times("a time before 2050 is not a UTCTime"))
        }
        time => Ok(SystemTime::UNIX_EPOCH + time.to_unix_duration()),
    }
}

/// The extensions, each at most once. A list must not be empty.
fn extensions(all: Option<&[Extension]>) -> Result<&[Extension], CrlError> {
    let Some(all) = all else {
        return Ok(&[]);
    };
    if all.is_empty() {
        return Err(CrlError::Empty);
    }
    for (at, extension) in all.iter().enumerate() {
        if all[..at].iter().any(|e| e.extn_id == extension.extn_id) {
            return Err(CrlError::Extension(extension.extn_id));
        }
    }
    Ok(all)
}

fn entry(read: &RevokedCert) -> Result<Entry, CrlError> {
    let mut reason = None;
    for extension in extensions(read.crl_entry_extensions.as_deref())? {
        let id = extension.extn_id;
        match id {
            REASON_CODE => {
                let code = CrlReason::from_der(extension.extn_value.as_bytes());
                let code = code.map_err(|_| CrlError::Extension(id))?;
                reason = Some(Reason::of(code).ok_or(CrlError::Delta)?);
            }
            CERTIFICATE_ISSUER => return Err(CrlError::Scope),
            _ if extension.critical => return Err(CrlError::Critical(id)),
            _ => {}
        }
    }
    Ok(Entry {
        serial: read.serial_number.as_bytes().to_vec(),
        since: time(read.revocation_date)?,
        reason,
    })
}
