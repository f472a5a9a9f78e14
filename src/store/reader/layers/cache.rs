//! The layers that a reader has read.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::read::Unpacked;
use crate::crypto::{Digest, HashAlgorithm};
use crate::image::Compression;
use crate::parallel::Gate;
use crate::store::realm_layers::Members;
use crate::store::window::Window;

/// Bytes of the members of all layers that are kept for other images.
const MEMBERS_KEPT: usize = 2 << 20;

/// How many layers are kept. A fleet has any number of them: beyond these, one that comes again is read again.
const MOST_LAYERS: usize = 16_000;

/// A layer's digests, before any comparison.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) blob: Digest,
    /// What it unpacks to; or why it does not unpack.
    pub(super) unpacked: Result<Unpacked, String>,
    /// Its members, where they were watched.
    pub(super) members: Option<Arc<Members>>,
}

/// How a blob is to be looked at: unpacked in this way, with a zstd window of so many bytes at most, and hashed with
/// that algorithm.
pub(super) type Key = (Digest, Option<Compression>, u64, HashAlgorithm);

/// Layers that were hashed by this run, each once however many images share it.
pub(in crate::store) struct LayerCache {
    cells: Mutex<HashMap<Key, Arc<OnceLock<Contents>>>>,
    /// Those whose reading was ended because the image was beyond its limit.
    ended: Mutex<HashSet<Key>>,
    /// Images and their layers are both worked on several at a time, and zstd layers in turn: two windows, and all
    /// else, are more than 24 MB.
    pub(super) window: Mutex<Window>,
    /// Images whose layers are large are looked at one at a time for realms.
    pub(super) large_images: Gate,
    /// Bytes of all members that are kept.
    members: AtomicUsize,
}

impl LayerCache {
    pub(in crate::store) fn new(window: Window) -> Self {
        Self {
            cells: Mutex::default(),
            ended: Mutex::default(),
            window: Mutex::new(window),
            large_images: Gate::new(1),
            members: AtomicUsize::new(0),
        }
    }

    pub(super) fn cell(&self, key: Key) -> Arc<OnceLock<Contents>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= MOST_LAYERS && !cells.contains_key(&key) {
            cells.clear();
        }
        Arc::clone(cells.entry(key).or_default())
    }

    /// Drops the members of layers beyond a limit of memory. A layer without them is read again.
    pub(super) fn to_keep(&self, contents: &Contents) -> Contents {
        let mut kept = contents.clone();
        let size = kept.members.as_ref().and_then(|members| members.kept());
        let size = size.unwrap_or(MEMBERS_KEPT + 1);
        let before = self.members.fetch_add(size, Ordering::Relaxed);
        if before + size > MEMBERS_KEPT {
            self.members.fetch_sub(size, Ordering::Relaxed);
            kept.members = None;
        }
        kept
    }

    pub(super) fn was_ended(&self, key: &Key) -> bool {
        self.ended().contains(key)
    }

    pub(super) fn note_ended(&self, key: Key) {
        let mut ended = self.ended();
        if ended.len() >= MOST_LAYERS {
            ended.clear();
        }
        ended.insert(key);
    }

    fn ended(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_written(&self, digest: Digest, size: u64) {
        let contents = Contents {
            blob: digest,
            unpacked: Ok(Unpacked {
                digest,
                size,
                first: size,
            }),
            members: None,
        };
        let key = (digest, Some(Compression::None), 0, digest.algorithm());
        // It is the same whoever says it first.
        let _ = self.cell(key).set(contents);
    }
}
