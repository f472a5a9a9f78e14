//! Private keys in files: SEC1 `ECPrivateKey` in DER (SEC1, appendix C.4; RFC 5915).

use std::cell::Cell;

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use ecdsa::hazmat::sign_prehashed_rfc6979;
use p384::ecdsa::SigningKey;
use p384::elliptic_curve::Generate;
use p384::{NistP384, SecretKey};
use sec1::{EcParameters, EcPrivateKey};
use sha2::Sha384;
use zeroize::{Zeroize, Zeroizing};

use super::error::Error;
use super::file_error::KeyFileError;
use super::signer::Signer;
use crate::crypto::forms::{self, Pem};
use crate::crypto::p384::{ID_EC_PUBLIC_KEY, SECP384R1, algorithm_name, curve_name};
use crate::crypto::{HashAlgorithm, P384Key, Signature, Signed};
use crate::secret::{self, Secret};

/// Bytes in a P-384 scalar.
const SCALAR_LEN: usize = 48;

/// A private key held in memory while it is used, and wiped after.
pub struct FileKey {
    /// On the heap, where it never moves, and by itself: what lies beside a secret in one value can
    /// carry bytes of it away in its padding.
    scalar: Secret,
    public: P384Key,
}

/// What is left of a private key's arithmetic: the scalar and the public point.
type Parts = (Secret, Vec<u8>);

impl FileKey {
    /// Makes a key from the system's random source.
    pub fn generate() -> Self {
        Self::new(on_wiped_stack(|| parts(&SigningKey::generate())))
    }

    /// Reads a DER `ECPrivateKey` with the named curve secp384r1; its public part may be absent, or
    /// a compressed or uncompressed point that has to belong to the scalar.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyFileError> {
        on_wiped_stack(|| parse(bytes)).map(Self::new)
    }

    fn new((scalar, point): Parts) -> Self {
        let public = P384Key::from_point(&point).expect("the point of a private key");
        Self { scalar, public }
    }

    /// The scalar, for the token that the key is brought to.
    pub(super) fn scalar(&self) -> &[u8] {
        &self.scalar
    }

    /// The DER `ECPrivateKey`, 167 bytes: the named curve secp384r1 and the uncompressed public
    /// point, as OpenSSL writes it.
    pub fn to_sec1(&self) -> Secret {
        let point = self.public.to_point();
        on_wiped_stack(|| {
            let document = EcPrivateKey {
                private_key: &self.scalar,
                parameters: Some(EcParameters::NamedCurve(SECP384R1)),
                public_key: Some(&point),
            };
            let bytes = document
                .to_der()
                .expect("a P-384 key always fits an ECPrivateKey");
            Secret::taken(Zeroizing::new(bytes))
        })
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
fn parse(bytes: &[u8]) -> Result<Parts, KeyFileError> {
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
            let same = public.get(1..) == uncompressed.as_bytes().get(1..);
            return Err(match public {
                [6 | 7, ..] if same => KeyFileError::Hybrid,
                _ => KeyFileError::Mismatch,
            });
        }
    }
    Ok(parts(&key))
}

fn parts(key: &SigningKey) -> Parts {
    let point = key.verifying_key().to_sec1_point(false);
    let scalar = Zeroizing::new(key.to_bytes());
    (Secret::of(&scalar), point.as_bytes().to_vec())
}

impl Signer for FileKey {
    fn public_key(&self) -> &P384Key {
        &self.public
    }

    /// Signs deterministically (RFC 6979): the same hash gives the same signature.
    fn sign(&self, what: Signed<'_>) -> Result<Signature, Error> {
        let prehash = what.prehash(HashAlgorithm::Sha384);
        let signature = on_wiped_stack(|| {
            let key = SecretKey::from_slice(&self.scalar).expect("it was a scalar before");
            let scalar = Zeroizing::new(key.to_nonzero_scalar());
            let hash = prehash.as_bytes();
            sign_prehashed_rfc6979::<NistP384, Sha384>(&scalar, hash, &[]).0
        });
        Ok(Signature::from_fixed(signature))
    }
}

/// Does `work` on a part of the stack that is locked, and overwrites that part. Its result must hold
/// secrets on the heap only.
///
/// The arithmetic below wipes what it owns, but copies that the compiler made while values were
/// moved stay in dead stack frames until something lies over them.
fn on_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    // A frame of its own: what was inlined into the caller would lie above the part that is wiped.
    #[inline(never)]
    fn call<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    if !STACK_LOCKED.replace(true) {
        stack(|frame| secret::lock(frame));
    }
    let result = call(work);
    stack(Zeroize::zeroize);
    result
}

thread_local! {
    static STACK_LOCKED: Cell<bool> = const { Cell::new(false) };
}

/// Shows the part of the stack that the caller's next call will use.
#[inline(never)]
#[allow(clippy::large_stack_arrays)] // The size is the point.
fn stack(look: impl FnOnce(&mut [u8])) {
    let mut frame = [0u8; 96 * 1024];
    look(&mut frame);
    std::hint::black_box(&mut frame);
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
