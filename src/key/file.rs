//! Private keys in files: SEC1 `ECPrivateKey` in DER (SEC1, appendix C.4; RFC 5915).

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use sec1::{EcParameters, EcPrivateKey};

use super::ec_key::EcKey;
use super::error::Error;
use super::file_error::KeyFileError;
use super::signer::Signer;
use crate::crypto::forms::{self, Pem};
use crate::crypto::p384::{ID_EC_PUBLIC_KEY, SECP384R1, algorithm_name, curve_name};
use crate::crypto::{Algorithm, Curve, P384Key, PublicKey, Signature, Signed};
use crate::secret::Secret;

/// A private key on P-384, as key files hold it.
pub struct FileKey {
    key: EcKey,
    public: P384Key,
}

impl FileKey {
    /// Makes a key from the system's random source.
    pub fn generate() -> Self {
        Self::new(EcKey::generate(Curve::P384))
    }

    /// Reads a DER `ECPrivateKey` with the named curve secp384r1; its public part may be absent, or
    /// a compressed or uncompressed point that has to belong to the scalar.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyFileError> {
        parse(bytes).map(Self::new)
    }

    fn new(key: EcKey) -> Self {
        let public = P384Key::of(key.public_key()).expect("the key is on P-384");
        Self { key, public }
    }

    /// The public half.
    pub const fn public_key(&self) -> &P384Key {
        &self.public
    }

    /// The scalar, for the token that the key is brought to.
    pub(super) fn scalar(&self) -> &[u8] {
        self.key.scalar()
    }

    /// The DER `ECPrivateKey`, 167 bytes: [`EcKey::to_sec1`].
    pub fn to_sec1(&self) -> Secret {
        self.key.to_sec1()
    }

    /// The key, of any curve from now on.
    pub(super) fn into_ec(self) -> EcKey {
        self.key
    }
}

/// Whether bytes are a private key, of whichever kind, or a container of one.
pub(super) fn is_private(bytes: &[u8]) -> bool {
    use KeyFileError as E;
    match FileKey::from_sec1(bytes) {
        Err(E::Pem(_) | E::PublicKey | E::Der(_)) => forms::has_private_pem(bytes),
        _ => true,
    }
}

/// Takes a DER `ECPrivateKey` apart.
fn parse(bytes: &[u8]) -> Result<EcKey, KeyFileError> {
    let parsed = EcPrivateKey::try_from(bytes).map_err(|e| diagnose(bytes, &e.to_string()))?;
    match parsed.parameters {
        Some(EcParameters::NamedCurve(SECP384R1)) => {}
        Some(EcParameters::NamedCurve(other)) => {
            return Err(KeyFileError::Curve(curve_name(&other)));
        }
        None => return Err(KeyFileError::NoCurve),
    }
    let key = EcKey::from_scalar(Curve::P384, parsed.private_key).ok_or(KeyFileError::Scalar)?;
    if let Some(public) = parsed.public_key {
        key.check_public(public)?;
    }
    Ok(key)
}

impl Signer for FileKey {
    fn public_key(&self) -> &PublicKey {
        Signer::public_key(&self.key)
    }

    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        self.key.sign(by, what)
    }
}

/// Says what bytes are that are not an `ECPrivateKey`.
fn diagnose(bytes: &[u8], reason: &str) -> KeyFileError {
    if let Some(pem) = Pem::of(bytes) {
        return KeyFileError::Pem(pem);
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
        (Tag::Integer, Tag::Sequence) => match first.value() {
            [0 | 1] => Some(inside_pkcs8(second).unwrap_or(KeyFileError::Pkcs8)),
            [3] => Some(KeyFileError::Pkcs12),
            _ => None,
        },
        (Tag::Integer, Tag::Integer) => of_numbers(first.value(), inner),
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

/// Recognises keys that are a version and numbers: RSA's (RFC 8017, appendix A.1.2) and DSA's, as openssl
/// writes them without PKCS#8.
fn of_numbers(version: &[u8], mut rest: SliceReader<'_>) -> Option<KeyFileError> {
    let mut numbers = 1;
    while !rest.is_finished() {
        AnyRef::decode(&mut rest).ok()?;
        numbers += 1;
    }
    match (version, numbers) {
        ([0 | 1], 8..) => Some(KeyFileError::Numbers("RSA")),
        ([0], 5) => Some(KeyFileError::Numbers("DSA")),
        _ => None,
    }
}

/// Says of a PKCS#8 key why no conversion makes it one that is read, from its `AlgorithmIdentifier`.
fn inside_pkcs8(algorithm: AnyRef<'_>) -> Option<KeyFileError> {
    let mut reader = SliceReader::new(algorithm.value()).ok()?;
    let algorithm = ObjectIdentifier::decode(&mut reader).ok()?;
    if algorithm != ID_EC_PUBLIC_KEY {
        return Some(KeyFileError::Algorithm(algorithm_name(&algorithm)));
    }
    match ObjectIdentifier::decode(&mut reader).ok()? {
        SECP384R1 => None,
        curve => Some(KeyFileError::Curve(curve_name(&curve))),
    }
}
