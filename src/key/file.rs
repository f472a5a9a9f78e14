//! Private keys in files: SEC1 `ECPrivateKey` in DER (SEC1, appendix C.4; RFC 5915).

use std::path::Path;

use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use ecdsa::signature::hazmat::PrehashSigner;
use p384::ecdsa::SigningKey;
use p384::elliptic_curve::Generate;
use sec1::{EcParameters, EcPrivateKey};
use zeroize::{Zeroize, Zeroizing};

use super::{Error, MAX_KEY_FILE};
use crate::crypto::p384::{SECP384R1, curve_name};
use crate::crypto::{Prehash, PublicKey, SignError, Signature, Signer};
use crate::files;

/// Bytes in a P-384 scalar.
const SCALAR_LEN: usize = 48;

/// Why bytes are not a private key of the one kind that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The bytes are PEM text.
    #[error("it is PEM, and DER SEC1 is wanted")]
    Pem,
    /// The bytes are PKCS#8 `PrivateKeyInfo`.
    #[error("it is PKCS#8, and DER SEC1 is wanted")]
    Pkcs8,
    /// The bytes are PKCS#8 `EncryptedPrivateKeyInfo`.
    #[error("it is an encrypted PKCS#8 key, and DER SEC1 is wanted")]
    EncryptedPkcs8,
    /// The bytes are a public key.
    #[error("it is a public key, and a private key is wanted")]
    PublicKey,
    /// The bytes are not one DER `ECPrivateKey`.
    #[error("it is not a DER SEC1 private key ({0})")]
    Der(String),
    /// More follows the key.
    #[error("bytes follow the DER SEC1 private key")]
    TrailingBytes,
    /// The key is on another curve.
    #[error("it is a key on {0}, and secp384r1 is wanted")]
    Curve(String),
    /// The key does not name its curve.
    #[error("it does not name its curve; secp384r1 is wanted")]
    NoCurve,
    /// The curve is spelt out in explicit parameters.
    #[error("it spells its curve out in explicit parameters; the named curve secp384r1 is wanted")]
    ExplicitCurve,
    /// The scalar has not 48 bytes, is zero, or is not below the group's order.
    #[error("its scalar is not a number from 1 to n - 1 in 48 bytes")]
    Scalar,
    /// The public part is not the scalar's.
    #[error("its public part does not belong to its private part")]
    Mismatch,
}

/// A private key held in memory while it is used, and wiped after.
pub struct FileKey {
    key: SigningKey,
    public: PublicKey,
}

impl FileKey {
    /// Reads a key file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = files::read_secret(path, MAX_KEY_FILE)?;
        let key = Self::from_sec1(&bytes).map_err(|source| Error::Private {
            path: path.to_owned(),
            source,
        });
        wipe_stack();
        key
    }

    /// Makes a key from the system's random source.
    pub fn generate() -> Self {
        let key = Self::new(SigningKey::generate());
        wipe_stack();
        key
    }

    fn new(key: SigningKey) -> Self {
        let public = PublicKey::from_verifying_key(*key.verifying_key());
        Self { key, public }
    }

    /// Reads a DER `ECPrivateKey` with the named curve secp384r1; its public part may be absent, or
    /// a compressed or uncompressed point that has to belong to the scalar.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let parsed = EcPrivateKey::try_from(bytes).map_err(|e| diagnose(bytes, &e.to_string()))?;
        match parsed.parameters {
            Some(EcParameters::NamedCurve(SECP384R1)) => {}
            Some(EcParameters::NamedCurve(other)) => {
                return Err(KeyFileError::Curve(curve_name(&other)));
            }
            None => return Err(KeyFileError::NoCurve),
        }
        if parsed.private_key.len() != SCALAR_LEN {
            return Err(KeyFileError::Scalar);
        }
        let key = SigningKey::from_slice(parsed.private_key).map_err(|_| KeyFileError::Scalar)?;
        if let Some(public) = parsed.public_key {
            let ours = key.verifying_key();
            let compressed = ours.to_sec1_point(true);
            let uncompressed = ours.to_sec1_point(false);
            if public != compressed.as_bytes() && public != uncompressed.as_bytes() {
                return Err(KeyFileError::Mismatch);
            }
        }
        Ok(Self::new(key))
    }

    /// The DER `ECPrivateKey`, 167 bytes: the named curve secp384r1 and the uncompressed public
    /// point, as OpenSSL writes it.
    pub fn to_sec1(&self) -> Zeroizing<Vec<u8>> {
        let mut scalar = self.key.to_bytes();
        let point = self.public.to_point();
        let document = EcPrivateKey {
            private_key: &scalar,
            parameters: Some(EcParameters::NamedCurve(SECP384R1)),
            public_key: Some(&point),
        };
        let bytes = document
            .to_der()
            .expect("a P-384 key always fits an ECPrivateKey");
        scalar.zeroize();
        wipe_stack();
        Zeroizing::new(bytes)
    }
}

impl Signer for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs deterministically (RFC 6979): the same hash gives the same signature.
    fn sign(&self, prehash: &Prehash) -> Result<Signature, SignError> {
        let signature = self.key.sign_prehash(prehash.as_bytes());
        wipe_stack();
        signature
            .map(Signature::from_fixed)
            .map_err(|e| SignError::Backend {
                key: "key file".into(),
                source: e.into(),
            })
    }
}

/// Overwrites the part of the stack that the calls before this one have used.
///
/// The arithmetic below wipes what it owns, but copies that the compiler made while values were
/// moved stay in dead stack frames until something lies over them.
#[inline(never)]
#[allow(clippy::large_stack_arrays)] // The size is the point.
fn wipe_stack() {
    let mut frame = [0u8; 96 * 1024];
    frame.zeroize();
    std::hint::black_box(&mut frame);
}

/// Says what bytes are that are not an `ECPrivateKey`.
fn diagnose(bytes: &[u8], reason: &str) -> KeyFileError {
    if bytes.starts_with(b"-----BEGIN") {
        return KeyFileError::Pem;
    }
    probe(bytes).unwrap_or_else(|| KeyFileError::Der(reason.to_owned()))
}

/// Recognises the neighbours of `ECPrivateKey` by the types of their first members.
fn probe(bytes: &[u8]) -> Option<KeyFileError> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let outer = AnyRef::decode(&mut reader).ok()?;
    if outer.tag() != Tag::Sequence {
        return None;
    }
    let trailing = !reader.is_finished();
    let mut inner = SliceReader::new(outer.value()).ok()?;
    let first = AnyRef::decode(&mut inner).ok()?;
    let second = AnyRef::decode(&mut inner).ok()?;
    match (first.tag(), second.tag()) {
        (Tag::Sequence, Tag::BitString) => Some(KeyFileError::PublicKey),
        (Tag::Sequence, Tag::OctetString) => Some(KeyFileError::EncryptedPkcs8),
        (Tag::Integer, Tag::Sequence) => Some(KeyFileError::Pkcs8),
        (Tag::Integer, Tag::OctetString) => {
            second.decode_as::<&OctetStringRef>().ok()?;
            if trailing {
                return Some(KeyFileError::TrailingBytes);
            }
            let parameters = AnyRef::decode(&mut inner).ok()?;
            let inside = AnyRef::from_der(parameters.value()).ok()?;
            (inside.tag() == Tag::Sequence).then_some(KeyFileError::ExplicitCurve)
        }
        _ => None,
    }
}
