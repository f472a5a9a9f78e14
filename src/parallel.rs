//! Doing the same to many things at once.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// The results that wait for those before them.
struct InOrder<'a, 'b, R> {
    next: usize,
    waiting: BTreeMap<usize, R>,
    sink: &'a mut (dyn FnMut(R) -> ControlFlow<()> + Send + 'b),
}

/// Does `work` to all items on this many threads, and hands each result to `sink` once it and those before it are there.
/// When the sink breaks off, no further work starts.
pub fn in_order<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    sink: &mut (dyn FnMut(R) -> ControlFlow<()> + Send),
) -> ControlFlow<()> {
    let is_over = AtomicBool::new(false);
    let order = Mutex::new(InOrder {
        next: 0,
        waiting: BTreeMap::new(),
        sink,
    });
    map_on(threads, items, |n, item| {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let result = work(item);
        let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
        let order = &mut *order;
        order.waiting.insert(n, result);
        while let Some(result) = order.waiting.remove(&order.next) {
            order.next += 1;
            if is_over.load(Ordering::Relaxed) {
                continue;
            }
            if (order.sink)(result).is_break() {
                is_over.store(true, Ordering::Relaxed);
            }
        }
    });
    if is_over.into_inner() {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
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
    fn results_are_handed_on_in_order_until_the_sink_breaks_off() {
        use std::ops::ControlFlow;
        let items: Vec<usize> = (0..100).collect();
        let slow = |n: &usize| {
            std::thread::sleep(std::time::Duration::from_micros(100 * (n % 7) as u64));
            *n
        };
        let mut taken = Vec::new();
        let ended = super::in_order(6, &items, slow, &mut |n| {
            taken.push(n);
            ControlFlow::Continue(())
        });
        assert!(ended.is_continue());
        assert_eq!(taken, items);
        taken.clear();
        let ended = super::in_order(6, &items, slow, &mut |n| {
            taken.push(n);
            if n == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert!(ended.is_break());
        assert_eq!(taken, items[..6]);
    }

    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = super::map(&items, usize::MAX, |n, item| n + item);
        assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(super::map(&[(); 0], 4, |_, ()| ()).is_empty());
    }
}
