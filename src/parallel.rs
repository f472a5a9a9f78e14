//! Doing the same to many things at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;

/// Does `work` to all items, on as many threads as there are processors but no more than
/// `at_most`, and keeps the items' order in the results.
pub fn map<T: Sync, R: Send + Sync>(
    items: &[T],
    at_most: usize,
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    let threads = at_most.min(items.len());
    // Finding out how many processors there are takes longer than many a small item.
    let threads = match threads {
        0 | 1 => threads,
        _ => thread::available_parallelism().map_or(1, |n| threads.min(n.get())),
    };
    map_on(threads, items, work)
}

/// The same on this many threads, where work waits for something else than a processor.
pub fn map_on<T: Sync, R: Send + Sync>(
    threads: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    map_ahead(threads, 0, items, work, |done| done)
}

/// The same in two steps, where `finish` waits for what `begin` has asked for: each thread begins up to
/// `ahead` items more before it finishes the first ones.
pub fn map_ahead<T: Sync, B, R: Send + Sync>(
    threads: usize,
    ahead: usize,
    items: &[T],
    begin: impl Fn(usize, &T) -> B + Sync,
    finish: impl Fn(B) -> R + Sync,
) -> Vec<R> {
    let results: Vec<OnceLock<R>> = items.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut waiting = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let item = items.get(n);
            waiting.extend(item.map(|item| (n, begin(n, item))));
            let most = if item.is_some() { ahead } else { 0 };
            while waiting.len() > most {
                // The last of several first: once it is there the others are, and this has waited but once.
                let some = waiting.len().div_ceil(2);
                for (n, begun) in waiting.drain(..some).rev() {
                    results[n].get_or_init(|| finish(begun));
                }
            }
            if item.is_none() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            // Where the system gives no more threads, those that there are do it all.
            if thread::Builder::new().spawn_scoped(scope, worker).is_err() {
                break;
            }
        }
        worker();
    });
    results
        .into_iter()
        .map(|cell| cell.into_inner().expect("every item was worked on"))
        .collect()
}

/// Lets only so many in at a time: for work that needs much memory.
pub struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

/// Stands for one that is in; dropping it lets the next one in.
pub struct Pass<'a>(&'a Gate);

impl Gate {
    /// A gate for `places` at a time.
    pub const fn new(places: usize) -> Self {
        Self {
            free: Mutex::new(places),
            freed: Condvar::new(),
        }
    }

    /// Waits until there is a place.
    pub fn enter(&self) -> Pass<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .freed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Pass(self)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_gate_lets_only_so_many_in() {
        let gate = super::Gate::new(2);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let pass = gate.enter();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(pass);
                });
            }
        });
        assert_eq!(inside.into_inner(), 0);
        assert!(most.into_inner() <= 2);
    }

    #[test]
    fn begins_so_many_ahead_and_finishes_each() {
        let items: Vec<usize> = (0..1000).collect();
        for (threads, ahead) in [(1, 0), (1, 1), (1, 8), (3, 5), (2, 2000)] {
            let (open, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let begin = |n, item: &usize| {
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                n + item
            };
            let finish = |sum| {
                open.fetch_sub(1, Ordering::SeqCst);
                sum
            };
            let doubled = super::map_ahead(threads, ahead, &items, begin, finish);
            assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
            let most = most.into_inner();
            assert!(most <= threads * (ahead + 1), "{most}");
            // One thread begins as many as it may; among several, another one may be faster.
            assert!(
                threads > 1 || most == (ahead + 1).min(items.len()),
                "{most}"
            );
        }
    }

    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = super::map(&items, usize::MAX, |n, item| n + item);
        assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(super::map(&[(); 0], 4, |_, ()| ()).is_empty());
    }
}
