//! Kinds of keys, and the elliptic curves that EC keys lie on (FIPS 186-5, section 6.1.1; SEC 2).

use std::fmt;

use der::asn1::ObjectIdentifier;

use super::digest::HashAlgorithm;
use super::names::{SECP256R1, SECP384R1, SECP521R1};

/// A named curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// P-256 (secp256r1, prime256v1).
    P256,
    /// P-384 (secp384r1).
    P384,
    /// P-521 (secp521r1).
    P521,
}

impl Curve {
    /// Every curve, the smallest first.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The object identifier (RFC 5480, section 2.1.1.1).
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::P256 => SECP256R1,
            Self::P384 => SECP384R1,
            Self::P521 => SECP521R1,
        }
    }

    /// The curve with that object identifier.
    pub fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == *oid)
    }

    /// Bytes of a coordinate, and of `r` and of `s` (SEC 1, section 2.3.5).
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Bytes of an uncompressed point (SEC 1, section 2.3.3).
    pub const fn point_len(self) -> usize {
        1 + 2 * self.coordinate_len()
    }

    /// The hash function that is as strong as the curve (SEC 1, section 4.1; RFC 7518, section 3.4).
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::P256 => HashAlgorithm::Sha256,
            Self::P384 => HashAlgorithm::Sha384,
            Self::P521 => HashAlgorithm::Sha512,
        }
    }

    /// The name in SEC 2.
    pub const fn sec_name(self) -> &'static str {
        match self {
            Self::P256 => "secp256r1",
            Self::P384 => "secp384r1",
            Self::P521 => "secp521r1",
        }
    }

    /// The name in FIPS 186-5, which JOSE uses too (RFC 7518, section 6.2.1.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The algorithm of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA on a curve.
    Ec(Curve),
    /// RSA, with the number of bits of the modulus.
    Rsa {
        /// From [`SMALLEST_RSA`] to [`LARGEST_RSA`].
        bits: u16,
    },
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// Bits of the smallest RSA modulus that this program reads.
pub const SMALLEST_RSA: u16 = 2048;
/// Bits of the largest RSA modulus that is read: with a larger one a single signature takes long to verify.
pub const LARGEST_RSA: u16 = 8192;

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec(curve) => write!(f, "EC {curve}"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}
