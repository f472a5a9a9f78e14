//! Who signs: the one trait that a key, wherever it lives, has to offer.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::Error;
use crate::crypto::{HashAlgorithm, P384Key, Signature, Signed};

/// A private key that can sign, and nothing else: there is no way to read it out.
///
/// Implementations return the signature as their key made it. `Checked` is what callers get.
/// Several threads may sign at once; a key that can make but one signature at a time lets the
/// others wait.
pub trait Signer: Send + Sync {
    /// The public half of the key.
    fn public_key(&self) -> &P384Key;

    /// Signs a message by its SHA-384, or a hash that was made already, with ECDSA (FIPS 186-5, section 6.4).
    /// A key that hashes by itself fails for a hash, and for a message that is too long for it.
    fn sign(&self, what: Signed<'_>) -> Result<Signature, Error>;

    /// Proves that the public half is the key's own, for one who relies on it without a new signature.
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

    fn check(&self, what: Signed<'_>, signature: Signature) -> Result<Signature, Error> {
        let prehash = what.prehash(HashAlgorithm::Sha384);
        if self.public_key().verifies(&prehash, &signature) {
            self.proven.store(true, Ordering::Relaxed);
            Ok(signature)
        } else {
            Err(Error::Faulty {
                key: self.name.clone(),
            })
        }
    }
}

impl<S: Signer> Signer for Checked<S> {
    fn public_key(&self) -> &P384Key {
        self.signer.public_key()
    }

    fn sign(&self, what: Signed<'_>) -> Result<Signature, Error> {
        self.check(what, self.signer.sign(what)?)
    }

    fn prove_public(&self) -> Result<(), Error> {
        if !self.proven.load(Ordering::Relaxed) {
            self.signer.prove_public()?;
            self.proven.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Prehash;
    use ecdsa::signature::hazmat::PrehashSigner;
    use p384::ecdsa::SigningKey;

    /// Signs something other than what it was asked to.
    struct Faulty(SigningKey, P384Key);

    impl Signer for Faulty {
        fn public_key(&self) -> &P384Key {
            &self.1
        }

        fn sign(&self, _: Signed<'_>) -> Result<Signature, Error> {
            let other = Prehash::sha384(b"something else");
            let signature = self.0.sign_prehash(other.as_bytes());
            Ok(Signature::from_fixed(
                signature.expect("a hash of the right length"),
            ))
        }
    }

    #[test]
    fn a_bad_signature_never_leaves() {
        let key = SigningKey::from_slice(&[7; 48]).expect("a scalar below the order");
        let point = key.verifying_key().to_sec1_point(false);
        let public = P384Key::from_point(point.as_bytes()).expect("a point");
        let signer = Checked::new(Faulty(key, public), "ca");
        let prehash = Prehash::sha384(b"message");
        for what in [Signed::Hashed(&prehash), Signed::Bytes(b"message")] {
            let outcome = signer.sign(what);
            assert!(
                matches!(outcome, Err(Error::Faulty { ref key }) if key == "ca"),
                "{outcome:?}"
            );
        }
    }
}
