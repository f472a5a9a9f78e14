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
    // Counting the processors takes longer than many a small item.
    let threads = match threads {
        0 | 1 => threads,
        _ => thread::available_parallelism().map_or(1, |n| threads.min(n.get())),
    };
    map_on(threads, items, work)
}

/// The same on this many threads, for work that waits for something else than a processor.
pub fn map_on<T: Sync, R: Send + Sync>(
    threads: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    let results: Vec<OnceLock<R>> = items.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(n) else { break };
            results[n].get_or_init(|| work(n, item));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            // If the system gives no more threads, the existing ones do all the work.
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

/// A semaphore, for work that needs much memory.
pub struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A permit; dropping it lets the next thread in.
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
    fn keeps_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = super::map(&items, usize::MAX, |n, item| n + item);
        assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(super::map(&[(); 0], 4, |_, ()| ()).is_empty());
    }
}
