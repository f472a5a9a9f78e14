//! Keeping a key busy that makes only so many signatures at a time.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::crypto::{Asked, Prehash, PublicKey, SignError, Signature, Signer};

/// A signer that goes from one signature to the next without a pause while there are more to make.
///
/// Whoever comes while the key is busy leaves its hash with those who use it: waking a thread so that
/// it can sign would leave the key idle meanwhile, for a good part of the time that a signature
/// takes.
pub struct Queued<S> {
    signer: S,
    /// How many may sign at once.
    places: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    busy: usize,
    waiting: VecDeque<Arc<Request>>,
    /// Whether a signature failed. A person may have given up on a PIN: nobody asks for another.
    failed: bool,
}

/// A hash that somebody else signs.
struct Request {
    prehash: Prehash,
    answer: Mutex<Option<Result<Signature, SignError>>>,
    answered: Condvar,
}

/// A request that was taken out of the queue to be signed.
struct Taken(Arc<Request>);

impl Drop for Taken {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
    }
}

impl Request {
    fn give_up(&self) {
        self.answer(Err(SignError::GivenUp));
    }

    fn answer(&self, outcome: Result<Signature, SignError>) {
        *lock(&self.answer) = Some(outcome);
        self.answered.notify_one();
    }

    fn wait(&self) -> Result<Signature, SignError> {
        let answer = self
            .answered
            .wait_while(lock(&self.answer), |answer| answer.is_none())
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        answer.expect("waited for")
    }
}

/// One of the places, taken. Should signing panic, those who wait are told, for nobody else would
/// ever answer them.
struct Place<'a>(&'a Mutex<State>);

impl Place<'_> {
    /// The next hash to sign; the place is free again where there is none.
    fn next(&self) -> Option<Taken> {
        let mut state = lock(self.0);
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.busy -= 1;
        }
        next.map(Taken)
    }

    /// Nothing more is asked of a key that failed: what waits is answered without it, and so is what
    /// comes later.
    fn give_up(&self) {
        let mut state = lock(self.0);
        state.failed = true;
        for request in mem::take(&mut state.waiting) {
            request.give_up();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        lock(self.0).busy -= 1;
        self.give_up();
    }
}

impl<S: Signer> Queued<S> {
    /// Lets `places` signatures be made at once.
    pub fn new(signer: S, places: usize) -> Self {
        Self {
            signer,
            places,
            state: Mutex::default(),
        }
    }
}

impl<S: Signer> Signer for Queued<S> {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, prehash: &Prehash) -> Result<Signature, SignError> {
        self.ask(prehash)?()
    }

    fn ask<'a>(&'a self, prehash: &Prehash) -> Result<Asked<'a>, SignError> {
        let mut state = lock(&self.state);
        if state.failed {
            return Err(SignError::GivenUp);
        }
        if state.busy == self.places {
            let request = Arc::new(Request {
                prehash: *prehash,
                answer: Mutex::new(None),
                answered: Condvar::new(),
            });
            state.waiting.push_back(Arc::clone(&request));
            return Ok(Box::new(move || request.wait()));
        }
        state.busy += 1;
        drop(state);
        let place = Place(&self.state);
        let sign = |prehash: &Prehash| {
            let signed = self.signer.sign(prehash);
            if signed.is_err() {
                place.give_up();
            }
            signed
        };
        let own = sign(prehash);
        while let Some(Taken(request)) = &place.next() {
            request.answer(sign(&request.prehash));
        }
        let own = own?;
        Ok(Box::new(move || Ok(own)))
    }

    fn prove_public(&self) -> Result<(), SignError> {
        self.signer.prove_public()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;
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
            self.key.public_key()
        }

        fn sign(&self, prehash: &Prehash) -> Result<Signature, SignError> {
            let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(inside, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            self.inside.fetch_sub(1, Ordering::SeqCst);
            self.made.fetch_add(1, Ordering::SeqCst);
            match self.bad {
                Some((bad, panics)) if bad == *prehash => {
                    assert!(!panics, "as it was told");
                    Err(SignError::Backend {
                        source: "as it was told".into(),
                    })
                }
                _ => self.key.sign(prehash),
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
    fn ask(queue: &Queued<Slow>, threads: usize) -> Vec<Option<Result<Signature, SignError>>> {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|n| scope.spawn(move || queue.sign(&hash(n))))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().ok())
                .collect()
        })
    }

    #[test]
    fn each_gets_the_signature_of_its_own_hash_and_no_more_sign_than_may() {
        for places in [1, 2, 3] {
            let queue = Queued::new(slow(None), places);
            for (n, outcome) in ask(&queue, 16).into_iter().enumerate() {
                let signature = outcome.expect("no panic").expect("a signature");
                assert!(queue.public_key().verifies(&hash(n), &signature), "{n}");
            }
            let most = queue.signer.most.load(Ordering::SeqCst);
            assert!((1..=places).contains(&most), "{most}");
            assert_eq!(lock(&queue.state).busy, 0);
        }
    }

    /// A queue that so many hashes wait in, and what is to be called for the signatures.
    fn asked(queue: &Queued<Slow>, hashes: usize) -> Vec<Asked<'_>> {
        lock(&queue.state).busy = queue.places;
        let ask = |n| queue.ask(&hash(n)).expect("it only waits");
        let asked = (0..hashes).map(ask).collect();
        assert_eq!(lock(&queue.state).waiting.len(), hashes);
        lock(&queue.state).busy = 0;
        asked
    }

    #[test]
    fn who_uses_the_key_signs_what_others_have_asked_for() {
        let queue = Queued::new(slow(None), 1);
        let asked = asked(&queue, 5);
        assert!(queue.sign(&hash(5)).is_ok());
        assert_eq!(queue.signer.made.load(Ordering::SeqCst), 6);
        for (n, asked) in asked.into_iter().enumerate() {
            let signature = asked().expect("a signature");
            assert!(queue.public_key().verifies(&hash(n), &signature), "{n}");
        }
    }

    #[test]
    fn what_waits_when_the_key_fails_is_not_asked_of_it() {
        for bad in [2, 5] {
            let queue = Queued::new(slow(Some((hash(bad), false))), 1);
            let asked = asked(&queue, 5);
            // The last is signed first, by the one who asks.
            let own = queue.sign(&hash(5));
            assert_eq!(own.is_err(), bad == 5);
            let made = if bad == 5 { 1 } else { 4 };
            assert_eq!(queue.signer.made.load(Ordering::SeqCst), made);
            for (n, asked) in asked.into_iter().enumerate() {
                match asked() {
                    Ok(_) => assert!(n < bad && bad != 5, "{n}"),
                    Err(SignError::Backend { .. }) => assert_eq!(n, bad),
                    Err(error) => {
                        assert!(matches!(error, SignError::GivenUp), "{error:?}");
                        assert!(n > bad || bad == 5, "{n}");
                    }
                }
            }
            // Nor is it by those who come later.
            assert!(matches!(queue.sign(&hash(1)), Err(SignError::GivenUp)));
            assert_eq!(queue.signer.made.load(Ordering::SeqCst), made);
        }
    }

    /// The one who panics may sign for itself or for another: the bad hash comes first or last.
    #[test]
    fn nobody_waits_for_a_signer_that_panicked_over_anothers_hash() {
        let queue = Queued::new(slow(Some((hash(1), true))), 1);
        thread::scope(|scope| {
            let first = scope.spawn(|| queue.sign(&hash(0)));
            while lock(&queue.state).busy == 0 && !first.is_finished() {
                thread::yield_now();
            }
            // It signs still, or all is over: then the bad hash is signed by the one who asks.
            let second = scope.spawn(|| queue.sign(&hash(1)));
            let panicked = [first.join().is_err(), second.join().is_err()];
            assert_eq!(panicked.iter().filter(|p| **p).count(), 1);
        });
        assert_eq!(lock(&queue.state).busy, 0);
    }

    #[test]
    fn nobody_waits_for_a_signer_that_panicked() {
        let queue = Queued::new(slow(Some((hash(0), true))), 1);
        let outcomes = ask(&queue, 8);
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_none()).count(),
            1
        );
        assert_eq!(lock(&queue.state).busy, 0);
        assert!(matches!(queue.sign(&hash(1)), Err(SignError::GivenUp)));
    }
}
