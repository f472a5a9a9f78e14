//! One certificate, read strictly: its bytes are the only DER encoding of its content.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use der::{Decode, Encode, ErrorKind};

use super::extensions::Extensions;
use super::name::DistinguishedName;
use super::signature_algorithm::{AlgorithmFault, SignatureAlgorithm};
use super::signed_value::first_value;
use crate::crypto::public_key::PublicKeyError;
use crate::crypto::{Digest, HashAlgorithm, PublicKey};
use crate::encoding::pem_text::{self, PemError, PemText};

/// The label of a certificate in PEM (RFC 7468, section 5.1).
pub const PEM_LABEL: &str = "CERTIFICATE";
/// The most certificates that a file or an envelope may hold.
pub const MOST: usize = 1000;

/// One certificate. Two are equal exactly when their bytes are.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Arc<[u8]>,
    tbs: std::ops::Range<usize>,
    signature: Vec<u8>,
    algorithm: Result<SignatureAlgorithm, AlgorithmFault>,
    serial: Vec<u8>,
    issuer: DistinguishedName,
    subject: DistinguishedName,
    not_before: SystemTime,
    not_after: SystemTime,
    public_key: PublicKey,
    extensions: Extensions,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

/// Why bytes are not a certificate that this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The bytes are not one `Certificate` in DER.
    #[error("it is not a DER X.509 certificate ({0})")]
    Der(String),
    /// More follows the certificate.
    #[error("bytes follow the DER X.509 certificate")]
    TrailingBytes,
    /// It is right in BER, and not the one encoding in DER.
    #[error("it is not the one DER encoding of its certificate")]
    NotCanonical,
    /// The two fields that name the signature's algorithm differ (RFC 5280, section 4.1.1.2).
    #[error("its two signature algorithms differ")]
    TwoAlgorithms,
    /// The key.
    #[error("its key: {0}")]
    Key(#[from] PublicKeyError),
    /// An extension is malformed, or there twice.
    #[error("an extension of it is malformed or there twice ({0})")]
    Extension(String),
    /// A version that has no extensions has some.
    #[error("it has extensions, and its version has none")]
    Version,
    /// The PEM text does not hold together.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A block of the PEM text holds something else.
    #[error("it holds a block {0:?}, which is not a certificate")]
    Label(String),
    /// There is none.
    #[error("it holds no certificate")]
    None,
    /// There are too many.
    #[error("it holds more than {MOST} certificates")]
    TooMany,
}

fn der_error(error: &der::Error) -> CertificateError {
    match error.kind() {
        ErrorKind::TrailingData { .. } => CertificateError::TrailingBytes,
        _ => CertificateError::Der(error.to_string()),
    }
}

impl Certificate {
    /// Reads one certificate in DER.
    pub fn read(bytes: &[u8]) -> Result<Self, CertificateError> {
        let read = x509_cert::Certificate::from_der(bytes).map_err(|error| der_error(&error))?;
        let other = |error: der::Error| CertificateError::Der(error.to_string());
        if read.to_der().map_err(other)? != bytes {
            return Err(CertificateError::NotCanonical);
        }
        let tbs = read.tbs_certificate();
        if tbs.signature() != read.signature_algorithm() {
            return Err(CertificateError::TwoAlgorithms);
        }
        if tbs.extensions().is_some() && tbs.version() != x509_cert::Version::V3 {
            return Err(CertificateError::Version);
        }
        let length = |of: der::Result<der::Length>| of.map(u32::from).map_err(other);
        let tbs_len = length(tbs.encoded_len())? as usize;
        let rest = length(read.signature_algorithm().encoded_len())?
            + length(read.signature().encoded_len())?;
        let start = bytes.len() - rest as usize - tbs_len;
        let signature = read.signature().as_bytes();
        let signature =
            signature.ok_or_else(|| CertificateError::Der("its signature has odd bits".into()))?;
        let spki = tbs.subject_public_key_info().to_der().map_err(other)?;
        let extensions = Extensions::of(tbs.extensions());
        let extensions =
            extensions.map_err(|error| CertificateError::Extension(error.to_string()))?;
        let time = |time: x509_cert::time::Time| SystemTime::UNIX_EPOCH + time.to_unix_duration();
        Ok(Self {
            der: bytes.into(),
            tbs: start..start + tbs_len,
            signature: signature.to_vec(),
            algorithm: SignatureAlgorithm::of(read.signature_algorithm()),
            serial: tbs.serial_number().as_bytes().to_vec(),
            issuer: DistinguishedName::of(tbs.issuer()).map_err(other)?,
            subject: DistinguishedName::of(tbs.subject()).map_err(other)?,
            not_before: time(tbs.validity().not_before),
            not_after: time(tbs.validity().not_after),
            public_key: PublicKey::from_spki(&spki)?,
            extensions,
        })
    }

    /// Reads all certificates of a file: PEM text with nothing but certificates in its blocks, or DER certificates one
    /// after the other.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let mut all = Vec::new();
        if bytes.starts_with(&[0x30]) {
            let mut rest = bytes;
            while !rest.is_empty() && all.len() <= MOST {
                let length = first_value(rest);
                let (first, behind) = rest.split_at(length.unwrap_or(rest.len()));
                all.push(Self::read(first)?);
                rest = behind;
            }
        } else {
            for block in &PemText::of(bytes)?.blocks {
                if block.label != PEM_LABEL {
                    return Err(CertificateError::Label(block.label.to_owned()));
                }
                let mut room = vec![0; block.room()];
                let length = block.read(&mut room)?;
                all.push(Self::read(&room[..length])?);
            }
        }
        match all.len() {
            0 => Err(CertificateError::None),
            n if n > MOST => Err(CertificateError::TooMany),
            _ => Ok(all),
        }
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> String {
        pem_text::write(PEM_LABEL, &self.der)
    }

    /// SHA-256 over the DER bytes.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(HashAlgorithm::Sha256, &self.der)
    }

    /// The subject's key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The subject.
    pub const fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The issuer.
    pub const fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The serial number, as the content of its DER INTEGER.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The first second of its life.
    pub const fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// The last second of its life.
    pub const fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// Whether it lives at this time. Its last second counts whole.
    pub fn is_valid_at(&self, at: SystemTime) -> bool {
        self.not_before <= at && at < self.not_after + Duration::from_secs(1)
    }

    /// Its extensions.
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The algorithm of its issuer's signature.
    pub const fn signature_algorithm(&self) -> &Result<SignatureAlgorithm, AlgorithmFault> {
        &self.algorithm
    }

    /// Whether the issuer's name is the subject's.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The signed part: `TBSCertificate` in DER.
    pub fn tbs(&self) -> &[u8] {
        &self.der[self.tbs.clone()]
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let tbs = self.tbs();
        let algorithm = self.algorithm.as_ref();
        algorithm.is_ok_and(|by| by.verify(key, tbs, &self.signature).is_ok())
    }
}
