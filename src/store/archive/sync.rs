//! Syncing files on a thread of its own, while others are written.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rustix::fs::Advice;

use crate::store::error::Error;

/// Files that are held open until they are synced. Synced together, they share commits of the file
/// system's journal.
const TOGETHER: usize = 64;
/// How many orders may wait before the writer has to.
const WAITING: usize = 16;

enum Order {
    /// Set the disk to work on a part of a file.
    Start(Arc<File>, u64, NonZeroU64),
    /// Sync a file that is wholly written.
    Sync(Arc<File>, PathBuf),
    /// Sync all that is left.
    Finish,
}

/// Syncs files in the background. Dropping it early leaves the rest unsynced.
pub(super) struct Syncer {
    orders: SyncSender<Order>,
    thread: JoinHandle<Result<(), Error>>,
}

impl Syncer {
    pub(super) fn new() -> io::Result<Self> {
        let (orders, received) = sync_channel(WAITING);
        let thread = thread::Builder::new().spawn(move || work(&received))?;
        Ok(Self { orders, thread })
    }

    /// Lets the disk start on a part of a file, so that syncing the whole finds little left to do.
    pub(super) fn start(&self, file: &Arc<File>, from: u64, length: u64) {
        if let Some(length) = NonZeroU64::new(length) {
            self.order(Order::Start(Arc::clone(file), from, length));
        }
    }

    /// Syncs a file, whose path messages name, before [`Syncer::finish`] returns.
    pub(super) fn sync(&self, file: Arc<File>, path: PathBuf) {
        self.order(Order::Sync(file, path));
    }

    /// Waits until everything is synced.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.order(Order::Finish);
        self.thread.join().expect("syncing does not panic")
    }

    fn order(&self, order: Order) {
        // Nobody receives it after an error, which finishing brings to light.
        let _ = self.orders.send(order);
    }
}

fn work(orders: &Receiver<Order>) -> Result<(), Error> {
    let mut written = Vec::new();
    for order in orders {
        match order {
            Order::Start(file, from, length) => {
                // Linux starts writing out what it is told will not be needed (`mm/fadvise.c`), as
                // `sync_file_range` does; pages stay while they are being written, so that later
                // readers find them. It is advice: whether it is taken shows in time only.
                let _ = rustix::fs::fadvise(&*file, from, Some(length), Advice::DontNeed);
            }
            Order::Sync(file, path) => {
                written.push((file, path));
                if written.len() >= TOGETHER {
                    sync(&mut written)?;
                }
            }
            Order::Finish => return sync(&mut written),
        }
    }
    Ok(())
}

fn sync(files: &mut Vec<(Arc<File>, PathBuf)>) -> Result<(), Error> {
    for (file, path) in files.drain(..) {
        file.sync_all().map_err(|e| Error::io(&path, "sync", e))?;
    }
    Ok(())
}
