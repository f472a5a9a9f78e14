//! Doing the same to many things at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does `work` to all items, on as many threads as there are processors but no more than
/// `at_most`, and keeps the items' order in the results.
pub fn map<T: Sync, R: Send + Sync>(
    items: &[T],
    at_most: usize,
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
    let threads = at_most.min(items.len());
    // Finding out how many processors there are takes longer than many a small item.
    let threads = match threads {
        0 | 1 => threads,
        _ => thread::available_parallelism().map_or(1, |n| threads.min(n.get())),
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
    results
        .into_iter()
        .map(|cell| cell.into_inner().expect("every item was worked on"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = super::map(&items, usize::MAX, |n, item| n + item);
        assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(super::map(&[(); 0], 4, |_, ()| ()).is_empty());
    }
}
