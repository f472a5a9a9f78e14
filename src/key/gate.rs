//! Keys that make only so many signatures at a time.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::Error;
use super::signer::Signer;
use crate::crypto::{Algorithm, PublicKey, Signature, Signed};
use crate::parallel::Gate;

/// A signer that lets only so many threads sign at a time, and asks nothing more of a key that failed: a person may
/// have given up on a PIN.
pub struct Gated<S> {
    signer: S,
    gate: Gate,
    failed: AtomicBool,
}

impl<S: Signer> Gated<S> {
    /// Lets `places` signatures be made at once.
    pub const fn new(signer: S, places: usize) -> Self {
        Self {
            signer,
            gate: Gate::new(places),
            failed: AtomicBool::new(false),
        }
    }
}

impl<S: Signer> Signer for Gated<S> {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
        let _pass = self.gate.enter();
        // Set for the time of the call, so that a call that panics counts as failed too.
        if self.failed.load(Ordering::SeqCst) {
            return Err(Error::GivenUp);
        }
        let failure = Failure(&self.failed);
        let signature = self.signer.sign(by, what)?;
        failure.none();
        Ok(signature)
    }

    fn prove_public(&self) -> Result<(), Error> {
        self.signer.prove_public()
    }
}

/// Marks the key as failed when it is dropped, be it by a panic.
struct Failure<'a>(&'a AtomicBool);

impl Failure<'_> {
    fn none(self) {
        std::mem::forget(self);
    }
}

impl Drop for Failure<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::crypto::p384::ALGORITHM;
    use crate::crypto::{HashAlgorithm, Prehash};
    use crate::key::file::FileKey;

    /// Signs slowly, and counts how often and how many do at once; the hash of `bad` makes it fail or panic.
    struct Slow {
        key: FileKey,
        inside: AtomicUsize,
        most: AtomicUsize,
        made: AtomicUsize,
        bad: Option<(Prehash, bool)>,
    }

    impl Signer for Slow {
        fn public_key(&self) -> &PublicKey {
            Signer::public_key(&self.key)
        }

        fn sign(&self, by: Algorithm, what: Signed<'_>) -> Result<Signature, Error> {
            let prehash = what.prehash(HashAlgorithm::Sha384);
            let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(inside, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            self.inside.fetch_sub(1, Ordering::SeqCst);
            self.made.fetch_add(1, Ordering::SeqCst);
            match self.bad {
                Some((bad, panics)) if bad == prehash => {
                    assert!(!panics, "as it was told");
                    Err(Error::Faulty {
                        key: "as it was told".into(),
                    })
                }
                _ => self.key.sign(by, what),
            }
        }
    }

    fn hash(n: usize) -> Prehash {
        Prehash::sha384(&n.to_le_bytes())
    }

    fn slow(bad: Option<(Prehash, bool)>) -> Slow {
        Slow {
            key: FileKey::generate(),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
            bad,
        }
    }

    /// What becomes of signatures asked for on so many threads; `None` where a thread panicked.
    fn ask(gated: &Gated<Slow>, threads: usize) -> Vec<Option<Result<Signature, Error>>> {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|n| scope.spawn(move || gated.sign(ALGORITHM, Signed::Hashed(&hash(n)))))
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join().ok());
            joined.collect()
        })
    }

    #[test]
    fn each_gets_the_signature_of_its_own_hash_and_no_more_sign_than_may() {
        for places in [1, 2, 3] {
            let gated = Gated::new(slow(None), places);
            for (n, outcome) in ask(&gated, 16).into_iter().enumerate() {
                let signature = outcome.expect("no panic").expect("a signature");
                assert!(
                    gated.signer.key.public_key().verifies(&hash(n), &signature),
                    "{n}"
                );
            }
            let most = gated.signer.most.load(Ordering::SeqCst);
            assert!((1..=places).contains(&most), "{most}");
        }
    }

    #[test]
    fn a_key_that_failed_is_asked_for_nothing_more() {
        for panics in [false, true] {
            let gated = Gated::new(slow(Some((hash(0), panics))), 1);
            let outcomes = ask(&gated, 8);
            let panicked = outcomes.iter().filter(|outcome| outcome.is_none()).count();
            assert_eq!(panicked, usize::from(panics));
            assert!(matches!(
                gated.sign(ALGORITHM, Signed::Hashed(&hash(1))),
                Err(Error::GivenUp)
            ));
            let made = gated.signer.made.load(Ordering::SeqCst);
            let signed = |outcome: &Option<Result<_, _>>| matches!(outcome, Some(Ok(_)));
            assert_eq!(outcomes.iter().filter(|o| signed(o)).count() + 1, made);
        }
    }
}
