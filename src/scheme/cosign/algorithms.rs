//! Which hash a key of each kind signs and verifies with.

use crate::crypto::{Algorithm, Curve, HashAlgorithm, KeyKind};

/// The algorithms under which a key signs so that every verifier of the field finds one that it takes. SHA-256 comes
/// first: cosign and skopeo look for that.
pub fn for_signing(curve: Curve) -> Vec<Algorithm> {
    let own = Algorithm::Ecdsa(curve, curve.hash());
    let sha256 = Algorithm::Ecdsa(curve, HashAlgorithm::Sha256);
    if own == sha256 {
        vec![sha256]
    } else {
        vec![sha256, own]
    }
}

/// The algorithms that a key of this kind is verified with. No other pair is tried: none with SHA-1, and no hash that is
/// not SHA-256 or the curve's own.
pub fn for_verifying(kind: KeyKind) -> Vec<Algorithm> {
    match kind {
        KeyKind::Ec(curve) => for_signing(curve),
        KeyKind::Rsa { .. } => vec![
            Algorithm::RsaPkcs1(HashAlgorithm::Sha256),
            Algorithm::RsaPss(HashAlgorithm::Sha256),
        ],
        KeyKind::Ed25519 => vec![Algorithm::Ed25519],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p384_and_p521_sign_twice_and_sha256_comes_first() {
        let hashes = |curve| -> Vec<_> {
            let all = for_signing(curve).into_iter();
            all.filter_map(Algorithm::hash).collect()
        };
        assert_eq!(hashes(Curve::P256), [HashAlgorithm::Sha256]);
        assert_eq!(
            hashes(Curve::P384),
            [HashAlgorithm::Sha256, HashAlgorithm::Sha384]
        );
        assert_eq!(
            hashes(Curve::P521),
            [HashAlgorithm::Sha256, HashAlgorithm::Sha512]
        );
    }
}
