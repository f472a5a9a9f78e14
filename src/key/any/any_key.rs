//! A private key of any kind, held in memory.

use crate::crypto::{Algorithm, PublicKey, Signature, Signed};
use crate::key::ec_key::EcKey;
use crate::key::error::Error;
use crate::key::key_type::KeyType;
use crate::key::rsa_key::RsaKey;
use crate::key::signer::Signer;
use crate::secret::Secret;

/// A private key of any kind that signs, held in memory while it is used, and wiped afterwards.
pub enum AnyKey {
    /// On a curve.
    Ec(EcKey),
    /// RSA.
    Rsa(RsaKey),
}

impl AnyKey {
    /// Makes a key from the system's random source.
    pub fn generate(of: KeyType) -> Self {
        match of {
            KeyType::Ec(curve) => Self::Ec(EcKey::generate(curve)),
            KeyType::Rsa(size) => Self::Rsa(RsaKey::generate(size)),
        }
    }

    /// The DER that `gen-key` writes: `ECPrivateKey` (RFC 5915) of a key on a curve, PKCS#8 `PrivateKeyInfo` of RSA.
    pub fn to_der(&self) -> Secret {
        match self {
            Self::Ec(key) => key.to_sec1(),
            Self::Rsa(key) => key.to_pkcs8(),
        }
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Self::Ec(key) => key,
            Self::Rsa(key) => key,
        }
    }
}

impl Signer for AnyKey {
    fn public_key(&self) -> &PublicKey {
        self.signer().public_key()
    }

    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        self.signer().sign(by, what)
    }
}
