//! Private EC keys that are held in memory, on each curve that signatures are made on.

use der::Encode;
use ecdsa::hazmat::sign_prehashed_rfc6979;
use ecdsa::{EcdsaCurve, SignatureSize};
use p256::NistP256;
use p384::NistP384;
use p384::elliptic_curve::array::ArraySize;
use p384::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p384::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, Generate, SecretKey};
use p521::NistP521;
use sec1::{EcParameters, EcPrivateKey};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::error::Error;
use super::file_error::KeyFileError;
use super::signer::Signer;
use super::wiped_stack::on_wiped_stack;
use crate::crypto::{
    Algorithm, Curve, HashAlgorithm, KeyKind, Prehash, PublicKey, Signature, Signed,
};
use crate::secret::Secret;

/// A private key that is held in memory while it is used, and wiped afterwards.
pub struct EcKey {
    curve: Curve,
    /// On the heap, where it never moves, and by itself: what lies beside a secret in one value can
    /// carry bytes of it away in its padding.
    scalar: Secret,
    public: PublicKey,
}

/// What is left of a private key's arithmetic: the scalar and the public point.
type Parts = (Secret, Vec<u8>);

/// Does the same on whichever curve the key has: each curve has its own types.
macro_rules! on {
    ($curve:expr, $work:ident($($argument:expr),*)) => {
        match $curve {
            Curve::P256 => $work::<NistP256>($($argument),*),
            Curve::P384 => $work::<NistP384>($($argument),*),
            Curve::P521 => $work::<NistP521>($($argument),*),
        }
    };
}

impl EcKey {
    /// Makes a key from the system's random source.
    pub fn generate(curve: Curve) -> Self {
        Self::new(curve, on_wiped_stack(|| on!(curve, made())))
    }

    /// The key with this scalar, a big-endian number from 1 to n − 1 that is as long as a coordinate; `None` for another.
    pub fn from_scalar(curve: Curve, scalar: &[u8]) -> Option<Self> {
        if scalar.len() != curve.coordinate_len() {
            return None;
        }
        let parts = on_wiped_stack(|| on!(curve, parts_of(scalar)))?;
        Some(Self::new(curve, parts))
    }

    fn new(curve: Curve, (scalar, point): Parts) -> Self {
        let public = PublicKey::from_point(curve, &point).expect("the point of a private key");
        Self {
            curve,
            scalar,
            public,
        }
    }

    /// The curve.
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// The scalar, for a caller that writes the key to a file.
    pub(super) fn scalar(&self) -> &[u8] {
        &self.scalar
    }

    /// The DER `ECPrivateKey` (RFC 5915), with the name of the curve and the uncompressed public point, as OpenSSL
    /// writes it.
    pub fn to_sec1(&self) -> Secret {
        on_wiped_stack(|| {
            let document = EcPrivateKey {
                private_key: self.scalar(),
                parameters: Some(EcParameters::NamedCurve(self.curve.oid())),
                public_key: Some(self.point()),
            };
            let bytes = document.to_der();
            let bytes = bytes.expect("an EC key always fits an ECPrivateKey");
            Secret::taken(Zeroizing::new(bytes))
        })
    }

    /// Refuses a public part that does not belong to the scalar: it has to be its compressed or uncompressed point.
    pub(super) fn check_public(&self, public: &[u8]) -> Result<(), KeyFileError> {
        let coordinates = &self.point()[1..];
        let (x, y) = coordinates.split_at(self.curve.coordinate_len());
        let sign = 2 + (y[y.len() - 1] & 1);
        match public.split_first() {
            Some((4, rest)) if rest == coordinates => Ok(()),
            Some((first, rest)) if *first == sign && rest == x => Ok(()),
            Some((6 | 7, rest)) if rest == coordinates => Err(KeyFileError::Hybrid),
            _ => Err(KeyFileError::Mismatch),
        }
    }

    /// The uncompressed public point.
    pub(super) fn point(&self) -> &[u8] {
        let spki = self.public.spki();
        &spki[spki.len() - self.curve.point_len()..]
    }
}

impl Signer for EcKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs deterministically (RFC 6979, with the hash function of the message): the same hash gives the same signature.
    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        let hash = by.hash().filter(|_| by.fits(KeyKind::Ec(self.curve)));
        let hash = hash.ok_or_else(|| Error::Algorithm {
            key: self.public.kind(),
            by,
        })?;
        let prehash = what.prehash(hash);
        let raw = on_wiped_stack(|| on!(self.curve, signed(&self.scalar, &prehash)));
        Ok(Signature::from_raw(self.curve, &raw).expect("a signature has the right length"))
    }
}

fn made<C>() -> Parts
where
    C: EcdsaCurve + CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    parts(&SecretKey::<C>::generate())
}

fn parts_of<C>(scalar: &[u8]) -> Option<Parts>
where
    C: EcdsaCurve + CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    SecretKey::<C>::from_slice(scalar)
        .ok()
        .map(|key| parts(&key))
}

fn parts<C>(key: &SecretKey<C>) -> Parts
where
    C: EcdsaCurve + CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    let point = key.public_key().to_sec1_point(false);
    let scalar = Zeroizing::new(key.to_bytes());
    (Secret::of(&scalar), point.as_bytes().to_vec())
}

/// r and s, one after the other.
fn signed<C>(scalar: &[u8], prehash: &Prehash) -> Vec<u8>
where
    C: EcdsaCurve + CurveArithmetic,
    SignatureSize<C>: ArraySize,
{
    let key = SecretKey::<C>::from_slice(scalar).expect("it was a scalar before");
    let scalar = Zeroizing::new(key.to_nonzero_scalar());
    let hash = prehash.as_bytes();
    let (signature, _) = match prehash.algorithm() {
        HashAlgorithm::Sha256 => sign_prehashed_rfc6979::<C, Sha256>(&scalar, hash, &[]),
        HashAlgorithm::Sha384 => sign_prehashed_rfc6979::<C, Sha384>(&scalar, hash, &[]),
        HashAlgorithm::Sha512 => sign_prehashed_rfc6979::<C, Sha512>(&scalar, hash, &[]),
    };
    signature.to_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_on_each_curve_sign_by_each_hash() {
        for curve in Curve::ALL {
            let key = EcKey::generate(curve);
            let again = EcKey::from_scalar(curve, key.scalar()).expect("the same key");
            assert_eq!(key.public_key(), again.public_key());
            for hash in HashAlgorithm::ALL {
                let by = Algorithm::Ecdsa(curve, hash);
                let what = Signed::Bytes(b"message");
                let signature = key.sign(by, what).expect("a signature").to_bytes();
                key.public_key()
                    .verify(by, what, &signature)
                    .expect("it holds");
                assert_eq!(
                    again.sign(by, what).expect("the same").to_bytes(),
                    signature
                );
            }
        }
    }

    #[test]
    fn a_key_signs_by_no_other_algorithm() {
        let key = EcKey::generate(Curve::P256);
        for by in [
            Algorithm::Ecdsa(Curve::P384, HashAlgorithm::Sha256),
            Algorithm::RsaPss(HashAlgorithm::Sha256),
            Algorithm::Ed25519,
        ] {
            let refused = key.sign(by, Signed::Bytes(b"message"));
            assert!(matches!(refused, Err(Error::Algorithm { .. })), "{by}");
        }
    }

    #[test]
    fn no_other_number_is_a_scalar() {
        for curve in Curve::ALL {
            let length = curve.coordinate_len();
            for bad in [
                vec![0; length],
                vec![0xff; length],
                vec![1; length - 1],
                vec![1; length + 1],
            ] {
                assert!(EcKey::from_scalar(curve, &bad).is_none());
            }
        }
    }
}
