//! ECDSA public keys on the curve P-384 (secp384r1), with their DER form.

use std::fmt;

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Encode, ErrorKind, Reader, SliceReader, Tag, Tagged};
use sec1::EcParameters;
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::curve::{Curve, KeyKind};
use super::digest::{HashAlgorithm, Prehash};
use super::forms::{self, Pem};

pub use super::names::{ID_EC_PUBLIC_KEY, SECP384R1, algorithm_name, curve_name};
pub use super::public_key::Fingerprint;
use super::public_key::{PublicKey, check_point};
use super::signature::{Signature, SignatureError};
use super::verify::{self, Algorithm, Signed};

/// Length of the DER `SubjectPublicKeyInfo` of a P-384 key with an uncompressed point.
pub const SPKI_LEN: usize = 120;

/// How annotations, passports and ceremonies sign.
pub const ALGORITHM: Algorithm = Algorithm::Ecdsa(Curve::P384, HashAlgorithm::Sha384);

/// Bytes of an uncompressed point.
const POINT_LEN: usize = Curve::P384.point_len();

/// A P-384 public key: a point on the curve, never the identity. Annotations, passports and ceremonies take no other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct P384Key([u8; POINT_LEN]);

impl From<P384Key> for PublicKey {
    fn from(key: P384Key) -> Self {
        Self::of_ec(Curve::P384, &key.to_spki())
    }
}

impl P384Key {
    /// A public key of every kind, where it is one on P-384.
    pub fn of(key: &PublicKey) -> Option<Self> {
        let is_ours = key.kind() == KeyKind::Ec(Curve::P384);
        // The reader has checked the key already.
        let point = is_ours.then(|| &key.spki()[SPKI_LEN - POINT_LEN..])?;
        point.try_into().map(Self).ok()
    }
}

/// Why bytes are not a P-384 public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The bytes are PEM text.
    #[error("it is {0}; expected a public key in DER")]
    Pem(Pem),
    /// The bytes are a private key.
    #[error("it is a private key; expected a public key")]
    PrivateKey,
    /// The bytes are a PKCS#8 private key.
    #[error("it is a private key in PKCS#8; expected a public key")]
    Pkcs8,
    /// The bytes are not one `SubjectPublicKeyInfo` in DER.
    #[error("it is not a DER SubjectPublicKeyInfo ({0})")]
    Der(String),
    /// More follows the key.
    #[error("bytes follow the DER SubjectPublicKeyInfo")]
    TrailingBytes,
    /// The curve is spelt out in explicit parameters.
    #[error("it spells its curve out in explicit parameters; expected the named curve secp384r1")]
    ExplicitCurve,
    /// The key is for another algorithm or another curve.
    #[error("it is not an EC key on secp384r1 but {0}")]
    Algorithm(String),
    /// The point is compressed.
    #[error("its point is compressed; expected the uncompressed form")]
    Compressed,
    /// The point is in the hybrid form.
    #[error("its point is in the hybrid form; expected the uncompressed form")]
    Hybrid,
    /// The point is not on the curve, or not a point at all.
    #[error("its point is not on the curve")]
    Point,
}

impl P384Key {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280, section 4.1; RFC 5480) of exactly
    /// [`SPKI_LEN`] bytes: `id-ecPublicKey`, the named curve secp384r1, an uncompressed point.
    ///
    /// There is one encoding of each key and only that one is read, so that two byte strings are
    /// the same key exactly when they are equal.
    pub fn from_spki(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        if let Some(error) = neighbour(bytes) {
            return Err(error);
        }
        let spki =
            SubjectPublicKeyInfo::<AnyRef<'_>, BitStringRef<'_>>::from_der(bytes).map_err(|e| {
                match e.kind() {
                    ErrorKind::TrailingData { .. } if is_followed(bytes) => {
                        PublicKeyError::TrailingBytes
                    }
                    _ => PublicKeyError::Der(e.to_string()),
                }
            })?;
        if spki.algorithm.oid != ID_EC_PUBLIC_KEY {
            return Err(PublicKeyError::Algorithm(format!(
                "a key for {}",
                algorithm_name(&spki.algorithm.oid)
            )));
        }
        let parameters = spki.algorithm.parameters;
        if parameters.is_some_and(|p| p.tag() == Tag::Sequence) {
            return Err(PublicKeyError::ExplicitCurve);
        }
        let curve = parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
        match curve {
            Some(SECP384R1) => {}
            Some(other) => return Err(PublicKeyError::Algorithm(curve_name(&other))),
            None => {
                return Err(PublicKeyError::Algorithm(
                    "a key without a named curve".into(),
                ));
            }
        }
        let point = spki
            .subject_public_key
            .as_bytes()
            .ok_or(PublicKeyError::Point)?;
        let key = Self::from_point(point)?;
        if key.to_spki() != bytes {
            return Err(PublicKeyError::Der("not the one DER encoding".into()));
        }
        Ok(key)
    }

    /// Reads an uncompressed SEC1 point: `04`, then x and y of 48 bytes each (SEC1, section 2.3.4).
    pub fn from_point(point: &[u8]) -> Result<Self, PublicKeyError> {
        match point {
            [4, ..] => {}
            [2 | 3, ..] if point.len() == 49 => return Err(PublicKeyError::Compressed),
            [form @ (6 | 7), rest @ .., last] if *form == 6 + (last & 1) => {
                let uncompressed = [&[4], rest, &[*last]].concat();
                let read = Self::from_point(&uncompressed);
                return Err(read.map_or_else(|error| error, |_| PublicKeyError::Hybrid));
            }
            _ => return Err(PublicKeyError::Point),
        }
        let uncompressed = <[u8; POINT_LEN]>::try_from(point).ok();
        uncompressed
            .filter(|point| check_point(Curve::P384, point).is_ok())
            .map(Self)
            .ok_or(PublicKeyError::Point)
    }

    /// The uncompressed SEC1 point, 97 bytes.
    pub fn to_point(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// The DER `SubjectPublicKeyInfo`, [`SPKI_LEN`] bytes, equal to `openssl ec -pubout -outform DER`.
    pub fn to_spki(&self) -> Vec<u8> {
        let encode = || -> der::Result<Vec<u8>> {
            SubjectPublicKeyInfo {
                algorithm: AlgorithmIdentifier {
                    oid: ID_EC_PUBLIC_KEY,
                    parameters: Some(SECP384R1),
                },
                subject_public_key: BitStringRef::from_bytes(&self.0)?,
            }
            .to_der()
        };
        encode().expect("a 97-byte point always fits a SubjectPublicKeyInfo")
    }

    /// SHA-256 over the DER `SubjectPublicKeyInfo`: what `sha256sum key.pub` prints.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_spki(&self.to_spki())
    }

    /// Whether `signature` is this key's over `prehash` (FIPS 186-5, section 6.4.2).
    ///
    /// Verification is AWS-LC's, four times as fast as the `p384` crate's, which makes the
    /// signatures of key files: each signature is so checked by an implementation that did not make
    /// it.
    #[must_use]
    pub fn verifies(&self, prehash: &Prehash, signature: &Signature) -> bool {
        // Annotations, passports and ceremonies sign no other hash: this refuses other hashes and guesses at none.
        let by = ALGORITHM;
        verify::verify(
            KeyKind::Ec(Curve::P384),
            &self.0,
            by,
            Signed::Hashed(prehash),
            &signature.to_bytes(),
        )
        .is_ok()
    }
}

impl fmt::Debug for P384Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P384Key({})", self.fingerprint())
    }
}

/// Recognises what is often given for a public key.
fn neighbour(bytes: &[u8]) -> Option<PublicKeyError> {
    if let Some(pem) = Pem::of(bytes) {
        return Some(PublicKeyError::Pem(pem));
    }
    if let Ok(key) = sec1::EcPrivateKey::try_from(bytes) {
        return Some(match key.parameters {
            Some(EcParameters::NamedCurve(curve)) if curve != SECP384R1 => {
                PublicKeyError::Algorithm(format!("a private key on {}", curve_name(&curve)))
            }
            _ => PublicKeyError::PrivateKey,
        });
    }
    match forms::of_pkcs8(bytes) {
        Some(ID_EC_PUBLIC_KEY) => Some(PublicKeyError::Pkcs8),
        Some(other) => Some(PublicKeyError::Algorithm(format!(
            "a private key for {}",
            algorithm_name(&other)
        ))),
        None => forms::is_encrypted_pkcs8(bytes).then_some(PublicKeyError::Pkcs8),
    }
}

/// Whether more follows a whole DER value.
fn is_followed(bytes: &[u8]) -> bool {
    let Ok(mut reader) = SliceReader::new(bytes) else {
        return false;
    };
    AnyRef::decode(&mut reader).is_ok() && !reader.is_finished()
}

/// Reads a P-384 signature in strict DER, at most 104 bytes: [`Signature::from_der`].
pub fn signature_from_der(der: &[u8]) -> Result<Signature, SignatureError> {
    Signature::from_der(Curve::P384, der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_points_of_the_right_form_and_length_are_read() {
        let point = p384::SecretKey::from_slice(&[7; 48]).expect("a scalar below the order");
        let key = p384::ecdsa::VerifyingKey::from(point.public_key());
        let point = key.to_sec1_point(false).as_bytes().to_vec();
        let first = |byte: u8, length: usize| [&[byte], &point[1..length]].concat();
        assert!(P384Key::from_point(&first(4, 97)).is_ok());
        for byte in [2, 3] {
            let compressed = P384Key::from_point(&first(byte, 49));
            assert_eq!(compressed, Err(PublicKeyError::Compressed), "{byte}");
        }
        let hybrid = 6 + (point[96] & 1);
        let read = P384Key::from_point(&first(hybrid, 97));
        assert_eq!(read, Err(PublicKeyError::Hybrid));
        let none = [
            (0, 1),
            (2, 48),
            (3, 97),
            (4, 49),
            (4, 96),
            (5, 49),
            (hybrid ^ 1, 97),
            (hybrid, 96),
        ];
        for (byte, length) in none {
            let read = P384Key::from_point(&first(byte, length));
            assert_eq!(read, Err(PublicKeyError::Point), "{byte}, {length}");
        }
        assert_eq!(P384Key::from_point(&[]), Err(PublicKeyError::Point));
    }
}
