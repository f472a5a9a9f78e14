//! The algorithms of signatures: one for each kind of key ("Signature Specification", "Signature Algorithm
//! Requirements").

use crate::crypto::{Algorithm, Curve, HashAlgorithm, KeyKind};

/// An algorithm under its names in JWS (RFC 7518, section 3.1) and COSE (RFC 9053, section 2.1; RFC 8230, section 2).
pub(super) struct Named {
    pub(super) jose: &'static str,
    pub(super) cose: i128,
    kind: KeyKind,
    pub(super) by: Algorithm,
}

const fn ec(jose: &'static str, cose: i128, curve: Curve) -> Named {
    Named {
        jose,
        cose,
        kind: KeyKind::Ec(curve),
        by: Algorithm::Ecdsa(curve, curve.hash()),
    }
}

const fn rsa(jose: &'static str, cose: i128, bits: u16, hash: HashAlgorithm) -> Named {
    Named {
        jose,
        cose,
        kind: KeyKind::Rsa { bits },
        by: Algorithm::RsaPss(hash),
    }
}

const ALL: [Named; 6] = [
    ec("ES256", -7, Curve::P256),
    ec("ES384", -35, Curve::P384),
    ec("ES512", -36, Curve::P521),
    rsa("PS256", -37, 2048, HashAlgorithm::Sha256),
    rsa("PS384", -38, 3072, HashAlgorithm::Sha384),
    rsa("PS512", -39, 4096, HashAlgorithm::Sha512),
];

/// The one algorithm that a key of this kind signs by; `None` for a key that signs nothing here.
pub fn for_key(kind: KeyKind) -> Option<Algorithm> {
    named(kind).map(|named| named.by)
}

pub(super) fn named(kind: KeyKind) -> Option<&'static Named> {
    ALL.iter().find(|named| named.kind == kind)
}

/// The algorithm with this name in JWS.
pub(super) fn by_jose(name: &str) -> Option<&'static Named> {
    ALL.iter().find(|named| named.jose == name)
}

/// The algorithm with this number in COSE.
pub(super) fn by_cose(number: i128) -> Option<&'static Named> {
    ALL.iter().find(|named| named.cose == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_key_has_one_algorithm() {
        let by = |kind| for_key(kind).map(|by| by.to_string());
        for (kind, words) in [
            (KeyKind::Ec(Curve::P256), "ECDSA on P-256 with SHA-256"),
            (KeyKind::Ec(Curve::P384), "ECDSA on P-384 with SHA-384"),
            (KeyKind::Ec(Curve::P521), "ECDSA on P-521 with SHA-512"),
            (KeyKind::Rsa { bits: 2048 }, "RSA-PSS with SHA-256"),
            (KeyKind::Rsa { bits: 3072 }, "RSA-PSS with SHA-384"),
            (KeyKind::Rsa { bits: 4096 }, "RSA-PSS with SHA-512"),
        ] {
            assert_eq!(by(kind).as_deref(), Some(words));
        }
        for kind in [KeyKind::Rsa { bits: 2560 }, KeyKind::Ed25519] {
            assert_eq!(by(kind), None);
        }
        for name in ["none", "es384", "HS256", "RS256", "EdDSA", ""] {
            assert!(by_jose(name).is_none(), "{name}");
        }
    }
}
