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

/// How many bytes of layers' members the cache keeps for other images.
const MEMBERS_KEPT: usize = 2 << 20;

/// How many layers the cache keeps. A fleet may have any number of layers; the reader reads a layer again if the cache
/// has dropped it.
const MOST_LAYERS: usize = 16_000;

/// A layer's digests, before any comparison.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) blob: Digest,
    /// The unpacked content, or the reason why there is none.
    pub(super) unpacked: Result<Unpacked, NotUnpacked>,
    /// The layer's members, if the caller wanted them.
    pub(super) members: Option<Arc<Members>>,
}

/// Why a layer has no unpacked content.
#[derive(Clone, Debug)]
pub(super) enum NotUnpacked {
    /// It does not unpack, or decrypt.
    Wrong(String),
    /// It is encrypted, and the reader has no key at all.
    Sealed,
}

/// How to read a blob: its digest and packing, the largest zstd window in bytes, and the algorithm for the unpacked
/// digest.
pub(super) type Key = (Digest, Option<Compression>, u64, HashAlgorithm);

/// The layers that this run has hashed, each once, however many images share it.
pub(in crate::store) struct LayerCache {
    cells: Mutex<HashMap<Key, Arc<OnceLock<Contents>>>>,
    /// The layers that the reader gave up because their image exceeded its limit.
    ended: Mutex<HashSet<Key>>,
    /// Several threads work on images and layers at once, but they unpack zstd layers in turn: two windows and
    /// everything else take more than 24 MB.
    pub(super) window: Mutex<Window>,
    /// For realms, one thread at a time works on an image with large layers.
    pub(super) large_images: Gate,
    /// How many bytes of members the cache keeps now.
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

    /// Drops a layer's members if the cache has too many bytes. The reader reads such a layer again.
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
        // The contents are the same whichever thread sets them first.
        let _ = self.cell(key).set(contents);
    }
}
