//! The table from a kind of key and an algorithm to AWS-LC's algorithm.

use std::fmt;

use aws_lc_rs::digest as lc_digest;
use aws_lc_rs::signature as lc;
use aws_lc_rs::signature::{
    EcdsaVerificationAlgorithm, RsaParameters, UnparsedPublicKey, VerificationAlgorithm,
};

use super::curve::{Curve, KeyKind};
use super::digest::{HashAlgorithm, Prehash};

/// How a signature is made. The hash is not a property of the key: SHA-256 under a P-384 key can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA (FIPS 186-5, section 6.4), the signature an `ECDSA-Sig-Value` in DER.
    Ecdsa(Curve, HashAlgorithm),
    /// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS (RFC 8017, section 8.1): MGF1 with the same hash, a salt as long as the hash.
    RsaPss(HashAlgorithm),
    /// Ed25519 (RFC 8032, section 5.1), over the message itself.
    Ed25519,
}

impl Algorithm {
    /// The hash to make first; none if the key signs the message itself.
    pub const fn hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::Ecdsa(_, hash) | Self::RsaPkcs1(hash) | Self::RsaPss(hash) => Some(hash),
            Self::Ed25519 => None,
        }
    }

    /// Whether a key of this kind can sign so.
    pub fn fits(self, kind: KeyKind) -> bool {
        match (self, kind) {
            (Self::Ecdsa(curve, _), KeyKind::Ec(of_key)) => curve == of_key,
            (Self::RsaPkcs1(_) | Self::RsaPss(_), KeyKind::Rsa { .. })
            | (Self::Ed25519, KeyKind::Ed25519) => true,
            (
                Self::Ecdsa(..) | Self::RsaPkcs1(_) | Self::RsaPss(_) | Self::Ed25519,
                KeyKind::Ec(_) | KeyKind::Rsa { .. } | KeyKind::Ed25519,
            ) => false,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(curve, hash) => write!(f, "ECDSA on {curve} with {}", hash.title()),
            Self::RsaPkcs1(hash) => write!(f, "RSA PKCS#1 v1.5 with {}", hash.title()),
            Self::RsaPss(hash) => write!(f, "RSA-PSS with {}", hash.title()),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// The input of a signature.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// A message. This code hashes it if the algorithm hashes at all.
    Bytes(&'a [u8]),
    /// A message's hash. Ed25519 cannot do with that.
    Hashed(&'a Prehash),
}

impl Signed<'_> {
    /// The hash that is at hand, or the message's by this function.
    pub fn prehash(self, by: HashAlgorithm) -> Prehash {
        match self {
            Self::Bytes(message) => Prehash::of(by, message),
            Self::Hashed(prehash) => *prehash,
        }
    }
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotVerified {
    /// The key is of another kind than the algorithm's.
    #[error("no {key} key makes signatures by {by}")]
    Algorithm {
        /// The key's kind.
        key: KeyKind,
        /// The algorithm.
        by: Algorithm,
    },
    /// The hash at hand was made by another function than the algorithm's.
    #[error("{by} wants another hash than {found}")]
    Hash {
        /// The algorithm.
        by: Algorithm,
        /// The hash function of what is at hand.
        found: HashAlgorithm,
    },
    /// The algorithm wants the message, and there is only a hash of it.
    #[error("{0} wants the message itself, not a hash of it")]
    WantsMessage(Algorithm),
    /// The signature is not this key's of this message.
    #[error("the signature is not this key's")]
    Signature,
}

pub(super) fn ecdsa(curve: Curve, hash: HashAlgorithm) -> &'static EcdsaVerificationAlgorithm {
    match (curve, hash) {
        (Curve::P256, HashAlgorithm::Sha256) => &lc::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, HashAlgorithm::Sha384) => &lc::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, HashAlgorithm::Sha512) => &lc::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, HashAlgorithm::Sha256) => &lc::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, HashAlgorithm::Sha384) => &lc::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, HashAlgorithm::Sha512) => &lc::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, HashAlgorithm::Sha256) => &lc::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, HashAlgorithm::Sha384) => &lc::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, HashAlgorithm::Sha512) => &lc::ECDSA_P521_SHA512_ASN1,
    }
}

pub(super) fn rsa_pkcs1(hash: HashAlgorithm) -> &'static RsaParameters {
    match hash {
        HashAlgorithm::Sha256 => &lc::RSA_PKCS1_2048_8192_SHA256,
        HashAlgorithm::Sha384 => &lc::RSA_PKCS1_2048_8192_SHA384,
        HashAlgorithm::Sha512 => &lc::RSA_PKCS1_2048_8192_SHA512,
    }
}

fn rsa_pss(hash: HashAlgorithm) -> &'static RsaParameters {
    match hash {
        HashAlgorithm::Sha256 => &lc::RSA_PSS_2048_8192_SHA256,
        HashAlgorithm::Sha384 => &lc::RSA_PSS_2048_8192_SHA384,
        HashAlgorithm::Sha512 => &lc::RSA_PSS_2048_8192_SHA512,
    }
}

fn function(hash: HashAlgorithm) -> &'static lc_digest::Algorithm {
    match hash {
        HashAlgorithm::Sha256 => &lc_digest::SHA256,
        HashAlgorithm::Sha384 => &lc_digest::SHA384,
        HashAlgorithm::Sha512 => &lc_digest::SHA512,
    }
}

/// Verifies with a key as AWS-LC takes it.
pub(super) fn verify(
    kind: KeyKind,
    key: &[u8],
    by: Algorithm,
    what: Signed<'_>,
    signature: &[u8],
) -> Result<(), NotVerified> {
    if !by.fits(kind) {
        return Err(NotVerified::Algorithm { key: kind, by });
    }
    let table: &'static dyn VerificationAlgorithm = match by {
        Algorithm::Ecdsa(curve, hash) => ecdsa(curve, hash),
        Algorithm::RsaPkcs1(hash) => rsa_pkcs1(hash),
        Algorithm::RsaPss(hash) => rsa_pss(hash),
        Algorithm::Ed25519 => &lc::ED25519,
    };
    let key = UnparsedPublicKey::new(table, key);
    let holds = match (what, by.hash()) {
        (Signed::Bytes(message), _) => key.verify(message, signature),
        (Signed::Hashed(_), None) => return Err(NotVerified::WantsMessage(by)),
        (Signed::Hashed(prehash), Some(hash)) => {
            let found = prehash.algorithm();
            if found != hash {
                return Err(NotVerified::Hash { by, found });
            }
            lc_digest::Digest::import_less_safe(prehash.as_bytes(), function(hash))
                .and_then(|digest| key.verify_digest(&digest, signature))
        }
    };
    holds.map_err(|_| NotVerified::Signature)
}
