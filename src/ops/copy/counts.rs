//! How much of a copy the run sent, and how much it did not have to send.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::store::Brought;

/// How many blobs and documents the copy sent, found or mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Written or sent.
    pub sent: usize,
    /// Bytes of these.
    pub bytes: u64,
    /// There already.
    pub there: usize,
    /// Taken from another repository of the registry.
    pub mounted: usize,
}

#[derive(Default)]
pub(super) struct Counting {
    sent: AtomicUsize,
    bytes: AtomicU64,
    there: AtomicUsize,
    mounted: AtomicUsize,
}

impl Counting {
    pub(super) fn count(&self, brought: Brought, size: u64) {
        let counter = match brought {
            Brought::Sent => {
                self.bytes.fetch_add(size, Ordering::Relaxed);
                &self.sent
            }
            Brought::There => &self.there,
            Brought::Mounted => &self.mounted,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            sent: self.sent.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            there: self.there.load(Ordering::Relaxed),
            mounted: self.mounted.load(Ordering::Relaxed),
        }
    }
}
