//! Public keys of every kind that signatures are verified with.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, ErrorKind, Sequence, Tag, Tagged};
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::curve::{Curve, KeyKind, LARGEST_RSA, SMALLEST_RSA};
use super::digest::{Digest, HashAlgorithm};
use super::names::{ID_EC_PUBLIC_KEY, ID_ED25519, RSA_ENCRYPTION, algorithm_name, curve_name};
use super::verify::{self, Algorithm, NotVerified, Signed};

/// A public key: its kind and its DER `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
///
/// There is one encoding of each key and only that one is read, so two keys are equal exactly when their bytes are.
///
/// ```
/// use ir_sign::crypto::public_key::{PublicKey, PublicKeyError};
/// use ir_sign::crypto::{Curve, KeyKind};
///
/// let error = PublicKey::from_spki(b"no key").unwrap_err();
/// assert!(matches!(error, PublicKeyError::Der(_)));
/// assert_eq!(KeyKind::Ec(Curve::P384).to_string(), "EC P-384");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kind: KeyKind,
    spki: Arc<[u8]>,
}

/// Why bytes are not a public key that signatures are verified with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The bytes are not one `SubjectPublicKeyInfo` in DER.
    #[error("it is not a DER SubjectPublicKeyInfo ({0})")]
    Der(String),
    /// More follows the key.
    #[error("bytes follow the DER SubjectPublicKeyInfo")]
    TrailingBytes,
    /// It is right in BER, and not the one encoding in DER.
    #[error("it is not the one DER encoding of its key")]
    NotCanonical,
    /// The key is for an algorithm that no signature is verified by.
    #[error("it is a key for {0}; EC on P-256, P-384 or P-521, RSA and Ed25519 are supported")]
    Algorithm(String),
    /// The curve is spelt out in explicit parameters, or left out.
    #[error("it does not name its curve by an object identifier")]
    UnnamedCurve,
    /// The parameters are not those of the algorithm.
    #[error("its algorithm has parameters that {0} does not have")]
    Parameters(KeyKind),
    /// The point is compressed, in the hybrid form, not on the curve, or no point at all.
    #[error("it is not an uncompressed point on {0}")]
    Point(Curve),
    /// The modulus has too few or too many bits.
    #[error("its RSA modulus has {0} bits; from {SMALLEST_RSA} to {LARGEST_RSA} are supported")]
    RsaBits(usize),
    /// The RSA key has an even modulus, or an exponent that no key has.
    #[error("it is not an RSA key: {0}")]
    Rsa(&'static str),
    /// The Ed25519 key has not 32 bytes, or is not a point.
    #[error("it is not an Ed25519 key")]
    Ed25519,
}

/// `RSAPublicKey` (RFC 8017, appendix A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`: EC keys with a named curve and an uncompressed point (RFC 5480), RSA keys
    /// under `rsaEncryption` with NULL parameters (RFC 3279, section 2.3.1), Ed25519 keys without parameters
    /// (RFC 8410, section 4).
    pub fn from_spki(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        let spki = SubjectPublicKeyInfo::<AnyRef<'_>, BitStringRef<'_>>::from_der(bytes);
        let spki = spki.map_err(|error| match error.kind() {
            ErrorKind::TrailingData { .. } => PublicKeyError::TrailingBytes,
            _ => PublicKeyError::Der(error.to_string()),
        })?;
        let algorithm = &spki.algorithm;
        let key = spki.subject_public_key.as_bytes();
        let key = key.ok_or_else(|| {
            PublicKeyError::Der("the number of its bits is not a multiple of 8".into())
        })?;
        let kind = match algorithm.oid {
            ID_EC_PUBLIC_KEY => ec(algorithm.parameters, key)?,
            RSA_ENCRYPTION => {
                let kind = rsa(key)?;
                if algorithm.parameters.is_none_or(|p| !is_null(p)) {
                    return Err(PublicKeyError::Parameters(kind));
                }
                kind
            }
            ID_ED25519 => {
                if algorithm.parameters.is_some() {
                    return Err(PublicKeyError::Parameters(KeyKind::Ed25519));
                }
                ed25519(key)?
            }
            other => return Err(PublicKeyError::Algorithm(algorithm_name(&other))),
        };
        if spki.to_der().ok().as_deref() != Some(bytes) {
            return Err(PublicKeyError::NotCanonical);
        }
        Ok(Self {
            kind,
            spki: bytes.into(),
        })
    }

    /// Reads an uncompressed point on a curve (SEC 1, section 2.3.3).
    pub fn from_point(curve: Curve, point: &[u8]) -> Result<Self, PublicKeyError> {
        check_point(curve, point)?;
        let encode = || {
            SubjectPublicKeyInfo {
                algorithm: AlgorithmIdentifier {
                    oid: ID_EC_PUBLIC_KEY,
                    parameters: Some(curve.oid()),
                },
                subject_public_key: BitStringRef::from_bytes(point)?,
            }
            .to_der()
        };
        let spki = encode().map_err(|error: der::Error| PublicKeyError::Der(error.to_string()))?;
        Ok(Self::of_ec(curve, &spki))
    }

    /// A key that was checked already, by its `SubjectPublicKeyInfo`.
    pub(super) fn of_ec(curve: Curve, spki: &[u8]) -> Self {
        Self {
            kind: KeyKind::Ec(curve),
            spki: spki.into(),
        }
    }

    /// Reads an RSA key's modulus and public exponent, both big-endian, as a token gives them.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, PublicKeyError> {
        let encode = || {
            let key = RsaPublicKey {
                modulus: UintRef::new(modulus)?,
                public_exponent: UintRef::new(exponent)?,
            };
            key.to_der()
        };
        let key = encode().map_err(|error: der::Error| PublicKeyError::Der(error.to_string()))?;
        Self::from_pkcs1(&key)
    }

    /// Reads a DER `RSAPublicKey` (RFC 8017, appendix A.1.1), as PEM text with the label `RSA PUBLIC KEY` holds it.
    pub fn from_pkcs1(key: &[u8]) -> Result<Self, PublicKeyError> {
        let encode = || {
            SubjectPublicKeyInfo {
                algorithm: AlgorithmIdentifier {
                    oid: RSA_ENCRYPTION,
                    parameters: Some(AnyRef::NULL),
                },
                subject_public_key: BitStringRef::from_bytes(key)?,
            }
            .to_der()
        };
        let spki = encode().map_err(|error: der::Error| PublicKeyError::Der(error.to_string()))?;
        Self::from_spki(&spki)
    }

    /// The algorithm of the key.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The DER `SubjectPublicKeyInfo`, equal to `openssl pkey -pubin -outform DER`.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 over the DER `SubjectPublicKeyInfo`: what `sha256sum key.pub` prints.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_spki(&self.spki)
    }

    /// Verifies a signature: ECDSA in strict DER (RFC 5480, appendix A), RSA as long as the modulus (RFC 8017), and
    /// Ed25519 of 64 bytes (RFC 8032). RSA-PSS takes MGF1 with the same hash and a salt as long as the hash.
    ///
    /// The caller says which algorithm. If this key cannot make such signatures, this refuses.
    pub fn verify(
        &self,
        by: Algorithm,
        what: Signed<'_>,
        signature: &[u8],
    ) -> Result<(), NotVerified> {
        verify::verify(self.kind, self.bare(), by, what, signature)
    }

    /// The key without its algorithm, as AWS-LC takes it: a point, 32 bytes of Ed25519, or the whole of an RSA key.
    fn bare(&self) -> &[u8] {
        let length = match self.kind {
            KeyKind::Ec(curve) => curve.point_len(),
            KeyKind::Ed25519 => ED25519_LEN,
            KeyKind::Rsa { .. } => self.spki.len(),
        };
        &self.spki[self.spki.len() - length..]
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.kind, self.fingerprint())
    }
}

const ED25519_LEN: usize = 32;

fn is_null(parameters: AnyRef<'_>) -> bool {
    parameters == AnyRef::NULL
}

fn ec(parameters: Option<AnyRef<'_>>, point: &[u8]) -> Result<KeyKind, PublicKeyError> {
    let named = parameters.filter(|p| p.tag() == Tag::ObjectIdentifier);
    let oid = named.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    let oid = oid.ok_or(PublicKeyError::UnnamedCurve)?;
    let curve = Curve::from_oid(&oid);
    let curve =
        curve.ok_or_else(|| PublicKeyError::Algorithm(format!("EC on {}", curve_name(&oid))))?;
    check_point(curve, point)?;
    Ok(KeyKind::Ec(curve))
}

/// Whether a point is uncompressed and on the curve.
pub(super) fn check_point(curve: Curve, point: &[u8]) -> Result<(), PublicKeyError> {
    let uncompressed = point.first() == Some(&4) && point.len() == curve.point_len();
    let any_hash = verify::ecdsa(curve, HashAlgorithm::Sha256);
    if uncompressed && ParsedPublicKey::new(any_hash, point).is_ok() {
        Ok(())
    } else {
        Err(PublicKeyError::Point(curve))
    }
}

fn rsa(key: &[u8]) -> Result<KeyKind, PublicKeyError> {
    let read = RsaPublicKey::from_der(key);
    let read = read.map_err(|error| PublicKeyError::Der(format!("RSAPublicKey: {error}")))?;
    if read.to_der().ok().as_deref() != Some(key) {
        return Err(PublicKeyError::NotCanonical);
    }
    let modulus = read.modulus.as_bytes();
    let zeros = modulus.first().map_or(0, |first| first.leading_zeros());
    let bits = (modulus.len() * 8).saturating_sub(zeros as usize);
    let fits = u16::try_from(bits).ok();
    let fits = fits.filter(|bits| (SMALLEST_RSA..=LARGEST_RSA).contains(bits));
    let bits = fits.ok_or(PublicKeyError::RsaBits(bits))?;
    if modulus.last().is_none_or(|last| last & 1 == 0) {
        return Err(PublicKeyError::Rsa("its modulus is even"));
    }
    // AWS-LC takes odd exponents from 3 up to 33 bits.
    if ParsedPublicKey::new(verify::rsa_pkcs1(HashAlgorithm::Sha256), key).is_err() {
        return Err(PublicKeyError::Rsa(
            "its public exponent is even, 1 or longer than 33 bits",
        ));
    }
    Ok(KeyKind::Rsa { bits })
}

fn ed25519(key: &[u8]) -> Result<KeyKind, PublicKeyError> {
    let is_point = ParsedPublicKey::new(&aws_lc_rs::signature::ED25519, key).is_ok();
    if key.len() == ED25519_LEN && is_point {
        Ok(KeyKind::Ed25519)
    } else {
        Err(PublicKeyError::Ed25519)
    }
}

/// The fingerprint of a public key, shown as `SHA256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// SHA-256 over a DER `SubjectPublicKeyInfo`.
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(Digest::of(HashAlgorithm::Sha256, spki))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", self.0.hex())
    }
}
