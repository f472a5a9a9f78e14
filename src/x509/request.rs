//! Certification requests (RFC 2986), read strictly and drafted.
//!
//! ```
//! use ir_sign::x509::Request;
//!
//! assert!(Request::read(b"no request").is_err());
//! ```

use std::sync::Arc;

use der::asn1::{AnyRef, ObjectIdentifier, SetOfVec};
use der::{Decode, Encode, ErrorKind, Sequence};
use x509_cert::request::CertReq;

use super::draft::{Draft, NoSigner, Signing};
use super::name::DistinguishedName;
use super::signature_algorithm::AlgorithmFault;
use super::signed_value::{self, FormError, SignedValue};
use crate::crypto::public_key::PublicKeyError;
use crate::crypto::{Digest, HashAlgorithm, KeyKind, PublicKey};
use crate::encoding::pem_text;

/// The label of a request in PEM (RFC 7468, section 7).
pub const PEM_LABEL: &str = "CERTIFICATE REQUEST";
/// An older one, which some programs still write.
pub const OLD_LABEL: &str = "NEW CERTIFICATE REQUEST";
/// The attribute with the requested extensions (RFC 2985, section 5.4.2).
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

/// A request whose signature is its key's. Two are equal exactly when their bytes are.
#[derive(Clone, Debug)]
pub struct Request {
    der: Arc<[u8]>,
    subject: DistinguishedName,
    public_key: PublicKey,
    asked: Vec<ObjectIdentifier>,
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Request {}

/// Why bytes are not a request for which a CA can issue a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The file holds none, or more than one.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The bytes are not one `CertificationRequest` in DER.
    #[error("it is not a DER certification request ({0})")]
    Der(String),
    /// More follows the request.
    #[error("bytes follow the DER certification request")]
    TrailingBytes,
    /// It is right in BER, and not the one encoding in DER.
    #[error("it is not the one DER encoding of its request")]
    NotCanonical,
    /// The key.
    #[error("its key: {0}")]
    Key(#[from] PublicKeyError),
    /// The key is of a kind that gets no certificate.
    #[error(
        "its key is of the kind {0}; EC keys on P-256, P-384 and P-521 and RSA keys get certificates"
    )]
    Kind(KeyKind),
    /// The algorithm.
    #[error(transparent)]
    Algorithm(#[from] AlgorithmFault),
    /// The signature is not the key's own, so the key is not the requester's.
    #[error("its signature is not that of its own key")]
    Signature,
}

/// `CertificationRequestInfo` (RFC 2986, section 4.1).
#[derive(Sequence)]
struct Info<'a> {
    version: u8,
    subject: AnyRef<'a>,
    public_key: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    attributes: SetOfVec<AnyRef<'a>>,
}

/// Drafts the request of this key for a name. It asks for no extension: the issuer's profile decides.
pub fn draft(key: &PublicKey, subject: &DistinguishedName) -> Result<Draft, NoSigner> {
    let signing = Signing::of(key.kind())?;
    let encode = || {
        Info {
            version: 0,
            subject: AnyRef::try_from(subject.der())?,
            public_key: AnyRef::try_from(key.spki())?,
            attributes: SetOfVec::new(),
        }
        .to_der()
    };
    let message: der::Result<_> = encode();
    let message = message.expect("a name and a key in DER are encoded");
    Ok(Draft::new(message, signing, key))
}

impl Request {
    /// Reads the one request of a file, DER or PEM text with one block, and verifies its signature.
    pub fn read(bytes: &[u8]) -> Result<Self, RequestError> {
        Self::read_der(&signed_value::unwrap(bytes, &[PEM_LABEL, OLD_LABEL])?)
    }

    fn read_der(bytes: &[u8]) -> Result<Self, RequestError> {
        let other = |error: der::Error| match error.kind() {
            ErrorKind::TrailingData { .. } => RequestError::TrailingBytes,
            _ => RequestError::Der(error.to_string()),
        };
        let (signed, _) = SignedValue::read(bytes).map_err(other)?;
        let read = CertReq::from_der(bytes).map_err(other)?;
        if read.to_der().map_err(other)? != bytes {
            return Err(RequestError::NotCanonical);
        }
        let spki = read.info.public_key.to_der().map_err(other)?;
        let public_key = PublicKey::from_spki(&spki)?;
        match public_key.kind() {
            KeyKind::Ec(_) | KeyKind::Rsa { .. } => {}
            kind @ KeyKind::Ed25519 => return Err(RequestError::Kind(kind)),
        }
        if let Err(fault) = signed.algorithm() {
            return Err(fault.clone().into());
        }
        if !signed.is_signed_by(&public_key, bytes) {
            return Err(RequestError::Signature);
        }
        Ok(Self {
            der: bytes.into(),
            subject: DistinguishedName::of(&read.info.subject).map_err(other)?,
            public_key,
            asked: asked(&read).map_err(other)?,
        })
    }

    /// The request in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request in PEM.
    pub fn pem(&self) -> String {
        pem_text::write(PEM_LABEL, &self.der)
    }

    /// SHA-256 over the DER bytes.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(HashAlgorithm::Sha256, &self.der)
    }

    /// The requested name. It may be empty.
    pub const fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The key that is to be certified.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The requested extensions. No certificate copies them.
    pub fn asked(&self) -> &[ObjectIdentifier] {
        &self.asked
    }
}

/// The extensions that a request asks for.
fn asked(read: &CertReq) -> der::Result<Vec<ObjectIdentifier>> {
    let mut all = Vec::new();
    let attributes = read.info.attributes.iter();
    for attribute in attributes.filter(|attribute| attribute.oid == EXTENSION_REQUEST) {
        for value in attribute.values.iter() {
            let extensions: x509_cert::ext::Extensions = value.decode_as()?;
            all.extend(extensions.iter().map(|extension| extension.extn_id));
        }
    }
    Ok(all)
}
