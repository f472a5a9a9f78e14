//! The algorithms that certificates and CRLs are signed with (RFC 3279, RFC 4055, RFC 5758).

use std::fmt;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

use crate::crypto::{Algorithm, HashAlgorithm, KeyKind, NotVerified, PublicKey, Signed};

/// How a certificate or a CRL is signed. The curve is the key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ECDSA.
    Ecdsa(HashAlgorithm),
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS, MGF1 with the same hash, a salt as long as the hash.
    RsaPss(HashAlgorithm),
}

/// Why an algorithm is not one that certificates are verified by here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlgorithmFault {
    /// SHA-1 and MD5 are broken: others can make a certificate with the same hash.
    #[error("it is signed with {0}, which is broken")]
    Broken(&'static str),
    /// Another algorithm.
    #[error("it is signed with {0}; ECDSA and RSA with SHA-256, SHA-384 or SHA-512 are supported")]
    Unknown(String),
    /// Parameters that the algorithm does not have.
    #[error("its signature algorithm has wrong parameters")]
    Parameters,
}

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

const ECDSA: [(ObjectIdentifier, HashAlgorithm); 3] = [
    (oid("1.2.840.10045.4.3.2"), HashAlgorithm::Sha256),
    (oid("1.2.840.10045.4.3.3"), HashAlgorithm::Sha384),
    (oid("1.2.840.10045.4.3.4"), HashAlgorithm::Sha512),
];
const RSA: [(ObjectIdentifier, HashAlgorithm); 3] = [
    (oid("1.2.840.113549.1.1.11"), HashAlgorithm::Sha256),
    (oid("1.2.840.113549.1.1.12"), HashAlgorithm::Sha384),
    (oid("1.2.840.113549.1.1.13"), HashAlgorithm::Sha512),
];
const HASHES: [(ObjectIdentifier, HashAlgorithm); 3] = [
    (oid("2.16.840.1.101.3.4.2.1"), HashAlgorithm::Sha256),
    (oid("2.16.840.1.101.3.4.2.2"), HashAlgorithm::Sha384),
    (oid("2.16.840.1.101.3.4.2.3"), HashAlgorithm::Sha512),
];
const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = oid("1.2.840.113549.1.1.8");
const BROKEN: [(ObjectIdentifier, &str); 4] = [
    (oid("1.2.840.113549.1.1.4"), "MD5"),
    (oid("1.2.840.113549.1.1.5"), "SHA-1"),
    (oid("1.2.840.10045.4.1"), "SHA-1"),
    (oid("1.2.840.10040.4.3"), "SHA-1"),
];

/// `RSASSA-PSS-params` (RFC 4055, section 3.1).
#[derive(Sequence)]
struct PssParameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<Identifier<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<Identifier<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt: Option<u32>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u32>,
}

/// An `AlgorithmIdentifier` whose parameters are read later.
#[derive(Clone, Copy, Sequence)]
struct Identifier<'a> {
    oid: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<AnyRef<'a>>,
}

fn find<T: Copy>(oid: ObjectIdentifier, table: &[(ObjectIdentifier, T)]) -> Option<T> {
    let found = table.iter().find(|(known, _)| *known == oid);
    found.map(|(_, value)| *value)
}

impl SignatureAlgorithm {
    /// Reads an `AlgorithmIdentifier`.
    pub fn of(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmFault> {
        let bytes = identifier
            .to_der()
            .map_err(|_| AlgorithmFault::Parameters)?;
        let read = Identifier::from_der(&bytes).map_err(|_| AlgorithmFault::Parameters)?;
        let fits = |fits: bool| fits.then_some(()).ok_or(AlgorithmFault::Parameters);
        if let Some(hash) = find(read.oid, &ECDSA) {
            fits(read.parameters.is_none())?;
            return Ok(Self::Ecdsa(hash));
        }
        if let Some(hash) = find(read.oid, &RSA) {
            fits(read.parameters == Some(AnyRef::NULL))?;
            return Ok(Self::RsaPkcs1(hash));
        }
        if read.oid == RSA_PSS {
            return pss(read.parameters);
        }
        Err(find(read.oid, &BROKEN).map_or_else(
            || AlgorithmFault::Unknown(format!("algorithm {}", read.oid)),
            AlgorithmFault::Broken,
        ))
    }

    /// The hash function.
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::Ecdsa(hash) | Self::RsaPkcs1(hash) | Self::RsaPss(hash) => hash,
        }
    }

    /// The object identifier, and whether its parameters are NULL or absent. RSA-PSS has parameters of its own, and
    /// ir-sign only verifies it.
    pub(super) fn identifier(self) -> Option<(ObjectIdentifier, bool)> {
        let of = |table: &[(ObjectIdentifier, HashAlgorithm); 3], hash| {
            let found = table.iter().find(|(_, known)| *known == hash);
            found.map(|(oid, _)| *oid)
        };
        match self {
            Self::Ecdsa(hash) => Some((of(&ECDSA, hash)?, false)),
            Self::RsaPkcs1(hash) => Some((of(&RSA, hash)?, true)),
            Self::RsaPss(_) => None,
        }
    }

    /// Verifies a signature by a key.
    pub fn verify(
        self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), NotVerified> {
        let by = match (self, key.kind()) {
            (Self::Ecdsa(hash), KeyKind::Ec(curve)) => Algorithm::Ecdsa(curve, hash),
            // No RSA or Ed25519 key fits any curve, so this is refused with the right words.
            (Self::Ecdsa(hash), KeyKind::Rsa { .. } | KeyKind::Ed25519) => {
                Algorithm::Ecdsa(crate::crypto::Curve::P384, hash)
            }
            (Self::RsaPkcs1(hash), _) => Algorithm::RsaPkcs1(hash),
            (Self::RsaPss(hash), _) => Algorithm::RsaPss(hash),
        };
        key.verify(by, Signed::Bytes(message), signature)
    }
}

fn pss(parameters: Option<AnyRef<'_>>) -> Result<SignatureAlgorithm, AlgorithmFault> {
    let read = || -> der::Result<PssParameters<'_>> {
        parameters.ok_or(der::ErrorKind::Failed)?.decode_as()
    };
    let read = read().map_err(|_| AlgorithmFault::Parameters)?;
    // Left out, they mean SHA-1.
    let (Some(hash), Some(mask)) = (read.hash, read.mask) else {
        return Err(AlgorithmFault::Broken("SHA-1"));
    };
    let no_more = |parameters: Option<AnyRef<'_>>| parameters.is_none_or(|p| p == AnyRef::NULL);
    let of_mask = mask.parameters.filter(|_| mask.oid == MGF1);
    let of_mask = of_mask.and_then(|p| p.decode_as::<Identifier<'_>>().ok());
    let known = find(hash.oid, &HASHES).filter(|_| no_more(hash.parameters));
    match (known, of_mask) {
        (Some(known), Some(of_mask))
            if of_mask.oid == hash.oid
                && no_more(of_mask.parameters)
                && read.salt.map(|salt| salt as usize) == Some(known.hash_len())
                && read.trailer.is_none_or(|trailer| trailer == 1) =>
        {
            Ok(SignatureAlgorithm::RsaPss(known))
        }
        _ => Err(AlgorithmFault::Parameters),
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(hash) => write!(f, "ECDSA with {}", hash.title()),
            Self::RsaPkcs1(hash) => write!(f, "RSA PKCS#1 v1.5 with {}", hash.title()),
            Self::RsaPss(hash) => write!(f, "RSA-PSS with {}", hash.title()),
        }
    }
}
