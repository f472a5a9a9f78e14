//! Bytes that a key has yet to sign: certificates, requests and revocation lists. A draft knows only the public half,
//! so the key may be in a file, on a token or far away, and its errors stay its own.

use der::asn1::{Any, AnyRef, BitStringRef};
use der::{Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

use super::signature_algorithm::SignatureAlgorithm;
use crate::crypto::{Algorithm, HashAlgorithm, KeyKind, NotVerified, PublicKey, Signature, Signed};

/// A certificate, a request or a revocation list before its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    message: Vec<u8>,
    signing: Signing,
    key: PublicKey,
}

/// A kind of key that signs no certificates here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key of the kind {0} signs no certificates; EC keys on P-256, P-384 and P-521 and RSA keys do"
)]
pub struct NoSigner(pub KeyKind);

#[derive(Sequence)]
struct Outer<'a> {
    message: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
}

/// How a key signs certificates, requests and lists: ECDSA with the hash of its curve, RSA PKCS#1 v1.5 with a hash as
/// strong as the modulus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signing {
    algorithm: Algorithm,
    /// The algorithm's name in the value.
    pub(super) identifier: AlgorithmIdentifierOwned,
}

impl Signing {
    /// How a key of this kind signs.
    pub(super) fn of(kind: KeyKind) -> Result<Self, NoSigner> {
        let (algorithm, name) = match kind {
            KeyKind::Ec(curve) => {
                let hash = curve.hash();
                (
                    Algorithm::Ecdsa(curve, hash),
                    SignatureAlgorithm::Ecdsa(hash),
                )
            }
            KeyKind::Rsa { bits } => {
                let hash = match bits {
                    ..3072 => HashAlgorithm::Sha256,
                    3072..4096 => HashAlgorithm::Sha384,
                    4096.. => HashAlgorithm::Sha512,
                };
                (
                    Algorithm::RsaPkcs1(hash),
                    SignatureAlgorithm::RsaPkcs1(hash),
                )
            }
            KeyKind::Ed25519 => return Err(NoSigner(kind)),
        };
        let (oid, has_null) = name.identifier().ok_or(NoSigner(kind))?;
        let parameters = has_null.then(Any::null);
        Ok(Self {
            algorithm,
            identifier: AlgorithmIdentifierOwned { oid, parameters },
        })
    }
}

impl Draft {
    /// The draft of a message. If that names its algorithm, it is the same.
    pub(super) fn new(message: Vec<u8>, signing: Signing, key: &PublicKey) -> Self {
        let key = key.clone();
        Self {
            message,
            signing,
            key,
        }
    }

    /// The bytes to be signed.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// How the key signs them.
    pub const fn algorithm(&self) -> Algorithm {
        self.signing.algorithm
    }

    /// The public half of the key that signs.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The whole in DER with an empty signature, which never verifies, to show the bytes before a key signs them.
    pub fn unsigned(&self) -> Vec<u8> {
        self.whole(&[])
    }

    fn whole(&self, signature: &[u8]) -> Vec<u8> {
        let encode = || {
            Outer {
                message: AnyRef::try_from(&*self.message)?,
                algorithm: self.signing.identifier.clone(),
                signature: BitStringRef::from_bytes(signature)?,
            }
            .to_der()
        };
        let whole: der::Result<_> = encode();
        whole.expect("a message in DER and a short signature are encoded")
    }

    /// The whole in DER, if the signature is the key's.
    pub fn finish(self, signature: &Signature) -> Result<Vec<u8>, NotVerified> {
        let signature = signature.to_bytes();
        let message = Signed::Bytes(&self.message);
        self.key
            .verify(self.signing.algorithm, message, &signature)?;
        Ok(self.whole(&signature))
    }
}
