//! Syncing files on a separate thread while another thread writes more files.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rustix::fs::Advice;

use crate::store::error::Error;

/// How many files the thread holds open until it syncs them. Files that it syncs together share commits of the file
/// system's journal.
const TOGETHER: usize = 64;
/// How many orders may wait before the writer has to wait too.
const WAITING: usize = 16;

enum Order {
    /// Let the disk start writing a part of a file.
    Start(Arc<File>, u64, NonZeroU64),
    /// Sync a file that is complete.
    Sync(Arc<File>, PathBuf),
    /// Sync all files that are left.
    Finish,
}

/// Syncs files in the background. Dropping a syncer early leaves some files unsynced.
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

    /// Lets the disk start writing a part of a file, so that syncing the whole file finds little left to do.
    pub(super) fn start(&self, file: &Arc<File>, from: u64, length: u64) {
        if let Some(length) = NonZeroU64::new(length) {
            self.order(Order::Start(Arc::clone(file), from, length));
        }
    }

    /// Syncs a file before [`Syncer::finish`] returns; messages show `path`.
    pub(super) fn sync(&self, file: Arc<File>, path: PathBuf) {
        self.order(Order::Sync(file, path));
    }

    /// Waits until the thread has synced everything.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.order(Order::Finish);
        self.thread.join().expect("syncing does not panic")
    }

    fn order(&self, order: Order) {
        // The thread ends after an error and receives no more orders; `finish` returns that error.
        let _ = self.orders.send(order);
    }
}

fn work(orders: &Receiver<Order>) -> Result<(), Error> {
    let mut written = Vec::new();
    for order in orders {
        match order {
            Order::Start(file, from, length) => {
                // Linux starts writing out pages that a program says it will not need (`mm/fadvise.c`), as
                // `sync_file_range` does. It keeps pages while it writes them, so later readers find them. The call is
                // advice: only the time it takes shows whether Linux follows it.
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
