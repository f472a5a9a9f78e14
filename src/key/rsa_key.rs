//! Private RSA keys that are held in memory.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as lc, KeyPair, RsaKeyPair, RsaSignatureEncoding};

use super::error::Error;
use super::key_type::RsaSize;
use super::signer::Signer;
use super::wiped_stack::on_wiped_stack;
use crate::crypto::{Algorithm, HashAlgorithm, PublicKey, Signature, Signed};
use crate::secret::Secret;

/// A private RSA key that is held in memory while it is used, and wiped afterwards.
///
/// AWS-LC signs with blinding and in constant time. The numbers lie in memory of AWS-LC's own, which it wipes when it
/// frees them, and which is not locked: it may reach swap.
pub struct RsaKey {
    key: RsaKeyPair,
    public: PublicKey,
}

impl RsaKey {
    /// Makes a key with the public exponent 65537.
    pub fn generate(size: RsaSize) -> Self {
        let size = match size {
            RsaSize::Rsa2048 => KeySize::Rsa2048,
            RsaSize::Rsa3072 => KeySize::Rsa3072,
            RsaSize::Rsa4096 => KeySize::Rsa4096,
        };
        let made = on_wiped_stack(|| RsaKeyPair::generate(size));
        let key = made.expect("AWS-LC makes keys of this size");
        let public = PublicKey::from_pkcs1(key.public_key().as_ref());
        let public = public.expect("it is a key that is read");
        Self { key, public }
    }

    /// Takes a DER `RSAPrivateKey` (RFC 8017, appendix A.1.2), with its public key; `None` for numbers that do not belong
    /// together: AWS-LC checks n = p·q, and that d, dP and dQ are the inverses of e, and qInv is that of q.
    pub(super) fn from_pkcs1(bytes: &[u8], public: PublicKey) -> Option<Self> {
        let key = on_wiped_stack(|| RsaKeyPair::from_der(bytes)).ok()?;
        Some(Self { key, public })
    }

    /// Whether this `RSAPublicKey` in DER (RFC 8017, appendix A.1.1) is the public half.
    pub(super) fn has_public(&self, public: &[u8]) -> bool {
        self.key.public_key().as_ref() == public
    }

    /// The DER `PrivateKeyInfo` (RFC 5208, section 5), as OpenSSL writes it.
    pub fn to_pkcs8(&self) -> Secret {
        on_wiped_stack(|| {
            let bytes: Result<Pkcs8V1Der<'_>, _> = self.key.as_der();
            Secret::of(bytes.expect("a private key can be written").as_ref())
        })
    }
}

impl Signer for RsaKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs by RSASSA-PSS with a salt as long as the hash, or by RSASSA-PKCS1-v1_5.
    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        let (encoding, hash) = match by {
            Algorithm::RsaPss(hash) => (pss(hash), hash),
            Algorithm::RsaPkcs1(hash) => (pkcs1(hash), hash),
            Algorithm::Ecdsa(..) | Algorithm::Ed25519 => {
                let key = self.public.kind();
                return Err(Error::Algorithm { key, by });
            }
        };
        let prehash = what.prehash(hash);
        let digest = Digest::import_less_safe(prehash.as_bytes(), function(prehash.algorithm()));
        let digest = digest.expect("a hash is as long as its function's");
        let mut bytes = vec![0; self.key.public_modulus_len()];
        let signed = on_wiped_stack(|| self.key.sign_digest(encoding, &digest, &mut bytes));
        // A hash by another function than the algorithm's.
        signed.map_err(|_| Error::Algorithm {
            key: self.public.kind(),
            by,
        })?;
        Ok(Signature::of(by, &bytes).expect("it is as long as the modulus"))
    }
}

fn pss(hash: HashAlgorithm) -> &'static RsaSignatureEncoding {
    match hash {
        HashAlgorithm::Sha256 => &lc::RSA_PSS_SHA256,
        HashAlgorithm::Sha384 => &lc::RSA_PSS_SHA384,
        HashAlgorithm::Sha512 => &lc::RSA_PSS_SHA512,
    }
}

fn pkcs1(hash: HashAlgorithm) -> &'static RsaSignatureEncoding {
    match hash {
        HashAlgorithm::Sha256 => &lc::RSA_PKCS1_SHA256,
        HashAlgorithm::Sha384 => &lc::RSA_PKCS1_SHA384,
        HashAlgorithm::Sha512 => &lc::RSA_PKCS1_SHA512,
    }
}

fn function(hash: HashAlgorithm) -> &'static digest::Algorithm {
    match hash {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Curve, Prehash};

    #[test]
    fn a_key_signs_by_both_paddings_and_each_hash() {
        for size in [RsaSize::Rsa2048, RsaSize::Rsa3072] {
            let key = RsaKey::generate(size);
            for hash in HashAlgorithm::ALL {
                let prehash = Prehash::of(hash, b"message");
                for by in [Algorithm::RsaPss(hash), Algorithm::RsaPkcs1(hash)] {
                    for what in [Signed::Bytes(b"message"), Signed::Hashed(&prehash)] {
                        let signature = key.sign(by, what).expect("a signature");
                        assert_eq!(signature.to_bytes().len(), usize::from(size.bits() / 8));
                        let verified = key.public.verify(by, what, &signature.to_bytes());
                        verified.expect("it holds");
                    }
                }
            }
        }
    }

    #[test]
    fn a_key_signs_by_no_other_algorithm_and_under_no_other_hash() {
        let key = RsaKey::generate(RsaSize::Rsa2048);
        let prehash = Prehash::of(HashAlgorithm::Sha512, b"message");
        for (by, what) in [
            (
                Algorithm::Ecdsa(Curve::P256, HashAlgorithm::Sha256),
                Signed::Bytes(b"message"),
            ),
            (Algorithm::Ed25519, Signed::Bytes(b"message")),
            (
                Algorithm::RsaPss(HashAlgorithm::Sha256),
                Signed::Hashed(&prehash),
            ),
        ] {
            let refused = key.sign(by, what);
            assert!(matches!(refused, Err(Error::Algorithm { .. })), "{by}");
        }
    }
}
