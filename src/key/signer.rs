//! The one trait that every signing key implements, wherever the key lives.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::Error;
use crate::crypto::p384::ALGORITHM;
use crate::crypto::{Algorithm, P384Key, PublicKey, Signature, Signed};

/// A private key that can sign, and nothing else: there is no way to read it out.
///
/// Implementations return the signature as their key made it. `Checked` is what callers get.
/// Several threads may sign at once; a key that can make but one signature at a time lets the
/// others wait.
pub trait Signer: Send + Sync {
    /// The public half of the key.
    fn public_key(&self) -> &PublicKey;

    /// Signs a message, or the hash of one that the algorithm wants, with ECDSA (FIPS 186-5, section 6.4). The algorithm
    /// is the caller's to say; a key of another kind refuses. A key that hashes by itself fails for a hash, and for a
    /// message that is too long for it.
    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error>;

    /// Proves that the public half is the key's own, for a caller that relies on it without a new signature.
    /// It is where nobody but the key itself has said so.
    fn prove_public(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A signer whose every signature is verified with its own public key before anyone sees it, so
/// that a faulty token or memory never gets a bad signature out of the door.
pub struct Checked<S> {
    signer: S,
    name: String,
    /// Whether a signature has verified.
    proven: AtomicBool,
}

impl<S: Signer> Checked<S> {
    /// Wraps `signer`; `name` is what the user called the key, for errors.
    pub fn new(signer: S, name: impl Into<String>) -> Self {
        Self {
            signer,
            name: name.into(),
            proven: AtomicBool::new(false),
        }
    }

    fn check(
        &self,
        by: Algorithm,
        what: Signed<'_>,
        signature: Signature,
    ) -> Result<Signature, Error> {
        let verified = self.public_key().verify(by, what, &signature.to_bytes());
        verified.map_err(|_| Error::Faulty {
            key: self.name.clone(),
        })?;
        self.proven.store(true, Ordering::Relaxed);
        Ok(signature)
    }
}

impl<S: Signer> Signer for Checked<S> {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        self.check(by, what, self.signer.sign(by, what)?)
    }

    fn prove_public(&self) -> Result<(), Error> {
        if !self.proven.load(Ordering::Relaxed) {
            self.signer.prove_public()?;
            self.proven.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A signer whose key is on P-384, by SHA-384: what annotations, endorsements, passports and ceremonies take.
pub struct P384Signer {
    signer: Box<dyn Signer>,
    public: P384Key,
}

impl P384Signer {
    /// The signer as a P-384 signer, if its key is on P-384.
    pub fn new(signer: Box<dyn Signer>) -> Option<Self> {
        let public = P384Key::of(signer.public_key())?;
        Some(Self { signer, public })
    }

    /// The public half of the key.
    pub const fn public_key(&self) -> &P384Key {
        &self.public
    }

    /// Signs a message by its SHA-384, or a SHA-384 that was made already.
    pub fn sign(&self, what: Signed<'_>) -> Result<Signature, Error> {
        self.signer.sign(ALGORITHM, what)
    }

    /// The signer for all that a key signs.
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// [`Signer::prove_public`].
    pub fn prove_public(&self) -> Result<(), Error> {
        self.signer.prove_public()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Curve, Prehash};
    use crate::key::ec_key::EcKey;

    /// Signs something other than what it was asked to.
    struct Faulty(EcKey);

    impl Signer for Faulty {
        fn public_key(&self) -> &PublicKey {
            self.0.public_key()
        }

        fn sign(&self, by: Algorithm, _: Signed<'_>) -> Result<Signature, Error> {
            self.0.sign(by, Signed::Bytes(b"something else"))
        }
    }

    #[test]
    fn a_bad_signature_never_leaves() {
        let key = EcKey::generate(Curve::P384);
        let signer = Checked::new(Faulty(key), "ca");
        let prehash = Prehash::sha384(b"message");
        for what in [Signed::Hashed(&prehash), Signed::Bytes(b"message")] {
            let outcome = signer.sign(ALGORITHM, what);
            assert!(
                matches!(outcome, Err(Error::Faulty { ref key }) if key == "ca"),
                "{outcome:?}"
            );
        }
    }
}
