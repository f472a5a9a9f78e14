//! Writing a layout: this hashes blobs while it writes them, and syncs them at little cost.

use std::io::{self, Write};
use std::sync::Arc;

use super::packing::compression;
use super::sync::Syncer;
use super::walk::Data;
use crate::crypto::stream::StreamHasher;
use crate::crypto::{Digest, HashAlgorithm};
use crate::image::Compression;
use crate::store::dir::Dir;
use crate::store::error::Error;
use crate::store::layout::folder::{BLOBS, INDEX_FILE, LAYOUT_FILE};

/// After how many bytes the disk starts on a file that is still growing.
const WRITEBACK: u64 = 8_000_000;
/// How many bytes this reads, then writes, at a time: few enough to stay in a core's cache in between.
const STEP: usize = 32 << 10;
/// Hashing a smaller blob again is quicker than remembering it.
const NOTABLE: u64 = 1_000_000;
/// The name of a blob before its digest is known.
const UNNAMED: &str = ".unnamed";

/// A layout that is being written.
pub(super) struct Writer<'a> {
    into: &'a Dir,
    blobs: Dir,
    algorithms: Vec<(HashAlgorithm, Dir)>,
    syncer: Syncer,
    notable: Vec<(Digest, u64)>,
}

/// A blob that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// The packing that its first bytes show.
    pub(super) compression: Compression,
}

impl<'a> Writer<'a> {
    pub(super) fn new(into: &'a Dir) -> Result<Self, Error> {
        Ok(Self {
            into,
            blobs: into.make_new_dir(BLOBS)?,
            algorithms: Vec::new(),
            syncer: Syncer::new().map_err(|e| Error::io(into.path(), "start a thread for", e))?,
            notable: Vec::new(),
        })
    }

    fn folder(&mut self, algorithm: HashAlgorithm) -> Result<usize, Error> {
        if let Some(n) = self.algorithms.iter().position(|(a, _)| *a == algorithm) {
            return Ok(n);
        }
        let dir = self.blobs.make_new_dir(algorithm.name())?;
        self.algorithms.push((algorithm, dir));
        Ok(self.algorithms.len() - 1)
    }

    /// Writes a blob under its stated digest. The caller compares the stated digest with the returned one.
    pub(super) fn named(
        &mut self,
        digest: &Digest,
        data: &mut Data<'_, '_>,
    ) -> Result<Written, Error> {
        let folder = self.folder(digest.algorithm())?;
        self.copy(folder, digest.algorithm(), &digest.hex(), data)
    }

    /// Writes a blob under its own digest.
    pub(super) fn unnamed(
        &mut self,
        algorithm: HashAlgorithm,
        data: &mut Data<'_, '_>,
    ) -> Result<Written, Error> {
        let folder = self.folder(algorithm)?;
        let written = self.copy(folder, algorithm, UNNAMED, data)?;
        let (_, dir) = &self.algorithms[folder];
        dir.rename(UNNAMED, dir, &written.digest.hex())?;
        Ok(written)
    }

    /// Writes a small blob.
    pub(super) fn bytes(
        &mut self,
        algorithm: HashAlgorithm,
        bytes: &[u8],
    ) -> Result<Written, Error> {
        let folder = self.folder(algorithm)?;
        let (_, dir) = &self.algorithms[folder];
        let digest = Digest::of(algorithm, bytes);
        let path = dir.path_of(digest.hex());
        let mut file = dir.create(UNNAMED)?;
        file.write_all(bytes)
            .map_err(|e| Error::io(&path, "write", e))?;
        dir.rename(UNNAMED, dir, &digest.hex())?;
        let file = Arc::new(file);
        self.syncer.start(&file, 0, bytes.len() as u64);
        self.syncer.sync(file, path);
        Ok(Written {
            digest,
            size: bytes.len() as u64,
            compression: compression(bytes),
        })
    }

    fn copy(
        &mut self,
        folder: usize,
        algorithm: HashAlgorithm,
        name: &str,
        data: &mut Data<'_, '_>,
    ) -> Result<Written, Error> {
        let (_, dir) = &self.algorithms[folder];
        let path = dir.path_of(name);
        let file = Arc::new(dir.create(name)?);
        let mut hasher = StreamHasher::new(algorithm);
        let mut packed = Compression::None;
        let mut size = 0;
        let mut set_going = 0;
        while data.left() > 0 {
            let mut failed = None;
            let step = hasher.update_with(|buffer| {
                let length = buffer.len().min(STEP);
                let copied = data.fill(&mut buffer[..length]).and_then(|n| {
                    if size == 0 {
                        packed = compression(&buffer[..n]);
                    }
                    let written = (&*file).write_all(&buffer[..n]);
                    written.map_err(|e| Error::io(&path, "write", e))?;
                    Ok(n)
                });
                copied.map_err(|e| {
                    failed = Some(e);
                    io::ErrorKind::Other.into()
                })
            });
            if let Some(error) = failed {
                return Err(error);
            }
            size += step.map_err(|e| Error::io(&path, "write", e))? as u64;
            if size - set_going >= WRITEBACK {
                self.syncer.start(&file, set_going, size - set_going);
                set_going = size;
            }
        }
        self.syncer.start(&file, set_going, size - set_going);
        let digest = hasher.digest();
        if size >= NOTABLE {
            self.notable.push((digest, size));
        }
        self.syncer.sync(file, path);
        Ok(Written {
            digest,
            size,
            compression: packed,
        })
    }

    /// Adds the files that lead to the blobs and makes everything durable. Returns the large blobs,
    /// with their sizes.
    pub(super) fn finish(
        self,
        layout_file: &[u8],
        index: &[u8],
    ) -> Result<Vec<(Digest, u64)>, Error> {
        self.syncer.finish()?;
        self.into.write_new(LAYOUT_FILE, layout_file)?;
        self.into.write_new(INDEX_FILE, index)?;
        for (_, dir) in &self.algorithms {
            dir.sync()?;
        }
        self.blobs.sync()?;
        self.into.sync()?;
        Ok(self.notable)
    }
}
