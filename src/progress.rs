//! The progress of long work, whoever shows it.

/// Gets notice of work as it is done. Called from several threads.
pub trait Progress: Sync {
    /// Work on `what` starts; it is about `bytes` long.
    fn begin(&self, what: &str, bytes: u64);

    /// `bytes` more are done.
    fn advance(&self, bytes: u64);

    /// `bytes` of the work need not be done after all: they take no time, and say nothing of its speed.
    fn skip(&self, bytes: u64);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn skip(&self, _: u64) {}
}
