//! Layers: their blobs against the manifest, and what they unpack to against the config.
//!
//! This is what makes a signature over the config bind an image's content.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use flate2::bufread::MultiGzDecoder;

use super::archive::compression;
use super::error::{Error, Part};
use super::window::{self, Window};
use super::{Layout, Problem};
use crate::crypto::{Digest, HashAlgorithm, Hasher};
use crate::files;
use crate::image::{Compression, Descriptor, Image, Mismatch};
use crate::parallel::{self, Gate};
use crate::progress::Progress;

/// How many zstd layers are unpacked at a time: two windows, and all else, are more than 24 MB.
const ZSTD_WINDOWS: usize = 1;
const READ_SIZE: usize = 64 << 10;

/// What was found out about an image's layers.
#[derive(Debug)]
pub struct LayerFindings {
    /// Each layer's blob has the digest and size that the manifest states; or the first that has not.
    pub blobs: Result<(), String>,
    /// The config lists exactly what the layers unpack to; or what is wrong first. `None` when it
    /// could not be told because a blob is wrong.
    pub diff_ids: Option<Result<(), String>>,
}

/// What a layer's bytes turned out to be, with nothing compared to it yet.
#[derive(Clone, Debug)]
struct Contents {
    blob: Digest,
    /// The digest and the size of what it unpacks to; or why it does not unpack.
    unpacked: Result<(Digest, u64), String>,
}

/// How a blob is to be looked at: unpacked in this way and hashed with that algorithm.
type Key = (Digest, Option<Compression>, HashAlgorithm);

/// Layers that were hashed by this run, each once however many images share it.
pub(super) struct LayerCache {
    cells: Mutex<HashMap<Key, Arc<OnceLock<Contents>>>>,
    /// Those whose reading was ended because the image was beyond its limit.
    ended: Mutex<HashSet<Key>>,
    /// Images and their layers are both worked on several at a time, and each zstd layer may take a
    /// window.
    windows: Gate,
}

impl Default for LayerCache {
    fn default() -> Self {
        Self {
            cells: Mutex::default(),
            ended: Mutex::default(),
            windows: Gate::new(ZSTD_WINDOWS),
        }
    }
}

impl LayerCache {
    fn cell(&self, key: Key) -> Arc<OnceLock<Contents>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    }

    fn was_ended(&self, key: &Key) -> bool {
        self.ended().contains(key)
    }

    fn note_ended(&self, key: Key) {
        self.ended().insert(key);
    }

    fn ended(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_written(&self, digest: Digest, size: u64) {
        let contents = Contents {
            blob: digest,
            unpacked: Ok((digest, size)),
        };
        let key = (digest, Some(Compression::None), digest.algorithm());
        // It is the same whoever says it first.
        let _ = self.cell(key).set(contents);
    }
}

impl Layout {
    /// Takes note of a blob that was hashed while it was written: as an uncompressed layer it need
    /// not be read again.
    pub fn note_written(&self, digest: Digest, size: u64) {
        self.layer_cache.note_written(digest, size);
    }

    /// Reads every layer of an image once, hashing it as it lies and as it unpacks.
    ///
    /// An error means that something could not be read; what is wrong with the image is in the
    /// findings.
    pub fn check_layers(
        &self,
        image: &Image,
        progress: &dyn Progress,
    ) -> Result<LayerFindings, Error> {
        let layers = &image.manifest.layers;
        // Sizes are anybody's word so far.
        let total = layers
            .iter()
            .fold(0, |sum: u64, l| sum.saturating_add(l.size));
        progress.begin(&format!("layers of {}", image.name), total);
        let checker = Checker {
            layout: self,
            image,
            progress,
            size: AtomicU64::new(0),
        };
        let outcomes = checker.all()?;
        let mut findings = LayerFindings {
            blobs: Ok(()),
            diff_ids: Some(Ok(())),
        };
        if layers.len() != image.diff_ids.len() {
            findings.diff_ids = Some(Err(format!(
                "the manifest has {} layers and the config {} diff_ids",
                layers.len(),
                image.diff_ids.len()
            )));
        }
        for (n, (layer, outcome)) in layers.iter().zip(outcomes).enumerate() {
            let part = Part::Layer(n + 1, layer.digest);
            let contents = match outcome {
                Ok(contents) if contents.blob == layer.digest => contents,
                Ok(contents) => {
                    let mismatch = Mismatch::Digest {
                        expected: layer.digest,
                        found: contents.blob,
                    };
                    findings.fail_blob(format!("{part} {mismatch}"));
                    continue;
                }
                Err(problem) => {
                    findings.fail_blob(format!("{part} {problem}"));
                    continue;
                }
            };
            match (contents.unpacked, image.diff_ids.get(n)) {
                (Err(reason), _) => {
                    let mislabelled = self.mislabelled(&part, layer);
                    findings.fail_diff_id(mislabelled.unwrap_or(format!("{part} {reason}")));
                }
                (Ok((found, _)), Some(stated)) if found != *stated => {
                    let mislabelled = self.mislabelled(&part, layer);
                    findings.fail_diff_id(mislabelled.unwrap_or(format!(
                        "{part} unpacks to {found}, and the config states {stated}"
                    )));
                }
                _ => {}
            }
        }
        Ok(findings)
    }
}

impl Layout {
    /// What is to be told of a layer that does not unpack to what it should: that it is packed in another way than
    /// its media type says, if it is.
    fn mislabelled(&self, part: &Part, layer: &Descriptor) -> Option<String> {
        let stated = Compression::of_layer(&layer.media_type)?;
        let mut start = Vec::new();
        let file = self.open_blob(part, layer).ok()?;
        file.take(4).read_to_end(&mut start).ok()?;
        let found = compression(&start);
        (found != Compression::None && found != stated).then(|| {
            format!(
                "{part} is {} though its media type says {}: \"{}\"",
                called(found),
                called(stated),
                layer.media_type
            )
        })
    }
}

const fn called(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "plain",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

impl LayerFindings {
    fn fail_blob(&mut self, reason: String) {
        self.diff_ids = match self.diff_ids.take() {
            // A wrong count stands whatever the blobs are.
            Some(Err(known)) => Some(Err(known)),
            _ => None,
        };
        if self.blobs.is_ok() {
            self.blobs = Err(reason);
        }
    }

    fn fail_diff_id(&mut self, reason: String) {
        if matches!(self.diff_ids, Some(Ok(()))) {
            self.diff_ids = Some(Err(reason));
        }
    }
}

/// The outcome of a layer: its contents, or why its blob is not there as stated.
type Outcome = Result<Contents, Problem>;

struct Checker<'a> {
    layout: &'a Layout,
    image: &'a Image,
    progress: &'a dyn Progress,
    /// Bytes of this image's layers so far, each as it lies or as it unpacks, whichever is more.
    size: AtomicU64,
}

impl Checker<'_> {
    /// Looks at all layers, as many at a time as there are processors.
    fn all(&self) -> Result<Vec<Outcome>, Error> {
        let layers = &self.image.manifest.layers;
        // A thread costs more than a small layer.
        let large = layers.iter().filter(|layer| layer.size > READ_SIZE as u64);
        parallel::map(layers, large.count(), |n, layer| self.one(n, layer))
            .into_iter()
            .collect()
    }

    fn one(&self, n: usize, layer: &Descriptor) -> Result<Outcome, Error> {
        let algorithm = self
            .image
            .diff_ids
            .get(n)
            .map_or(HashAlgorithm::Sha256, Digest::algorithm);
        let compression = Compression::of_layer(&layer.media_type);
        let key = (layer.digest, compression, algorithm);
        let cell = self.layout.layer_cache.cell(key);
        let part = Part::Layer(n + 1, layer.digest);
        let file = match self.layout.open_blob(&part, layer) {
            Ok(file) => file,
            Err(Error::Part { problem, .. }) => return Ok(Err(problem)),
            Err(e) => return Err(e),
        };
        if let Err(mismatch) = layer.check_embedded() {
            return Ok(Err(mismatch.into()));
        }
        self.layer_within_limit(&part, layer.size)?;
        self.count(layer.size)?;
        if let Some(known) = cell.get() {
            self.progress.skip(layer.size);
            if let Ok((_, size)) = known.unpacked {
                self.layer_within_limit(&part, size)?;
                self.count(size.saturating_sub(layer.size))?;
            }
            return Ok(Ok(known.clone()));
        }
        let read = self.read(file, layer, key)?;
        // One that is too large is known too: other images may have it, and very many.
        let read = cell.get_or_init(|| read).clone();
        // It may have been read beyond the limit of the image.
        self.count(0)?;
        if let Ok((_, size)) = read.unpacked {
            self.layer_within_limit(&part, size)?;
        }
        Ok(Ok(read))
    }

    /// Counts bytes towards the limit of the image. Beyond it no more of any layer is read.
    fn count(&self, more: u64) -> Result<(), Error> {
        let limit = self.layout.limits.image;
        let before = self.size.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > limit {
            let what = format!("the image {}", self.image.name);
            return Err(self.too_large(what, limit, "--max-image-size"));
        }
        Ok(())
    }

    fn layer_within_limit(&self, part: &Part, size: u64) -> Result<(), Error> {
        let limit = self.layout.limits.layer;
        if size > limit {
            let what = format!("{part} of image {}", self.image.name);
            return Err(self.too_large(what, limit, "--max-layer-size"));
        }
        Ok(())
    }

    fn too_large(&self, what: String, limit: u64, flag: &'static str) -> Error {
        Error::Bomb {
            layout: self.layout.path().to_owned(),
            what,
            limit,
            flag,
        }
    }

    fn read(&self, file: File, layer: &Descriptor, key: Key) -> Result<Contents, Error> {
        let (_, compression, algorithm) = key;
        let mut packed = Tee {
            file: file.take(layer.size),
            hasher: Hasher::new(layer.digest.algorithm()),
            progress: self.progress,
            error: None,
        };
        // One byte more than the limit shows that there is more; the rest is not unpacked.
        let limit = self.layout.limits.layer.saturating_add(1);
        let mut counted = layer.size;
        let mut beyond = Ok(());
        // At the second time it is read to its end, and need not be a third time.
        let to_the_end = self.layout.layer_cache.was_ended(&key);
        let mut count = |size: u64| {
            if beyond.is_ok() {
                beyond = self.count(size.saturating_sub(counted));
            }
            counted = counted.max(size);
            beyond.is_ok() || to_the_end
        };
        let window = self.layout.limits.window;
        let told = |e| format!("does not unpack: {}", window::reason(&e, window));
        let unpacked = match compression {
            None => Err(format!(
                "has media type \"{}\", and a layer is a tar archive, plain, gzip or zstd",
                layer.media_type
            )),
            // Hashed as it lies, it is hashed as it unpacks.
            Some(Compression::None) if algorithm == layer.digest.algorithm() => Ok(None),
            Some(Compression::None) => {
                hash(&mut packed, algorithm, limit, &mut count).map_err(told)
            }
            Some(Compression::Gzip) => {
                let packed = BufReader::with_capacity(READ_SIZE, &mut packed);
                hash(MultiGzDecoder::new(packed), algorithm, limit, &mut count).map_err(told)
            }
            Some(Compression::Zstd) => {
                let _window = self.layout.layer_cache.windows.enter();
                let packed = BufReader::with_capacity(READ_SIZE, &mut packed);
                Window::default()
                    .unpack(packed, window)
                    .and_then(|unpacked| hash(unpacked, algorithm, limit, &mut count))
                    .map_err(told)
            }
        };
        if let Err(error) = beyond
            && !to_the_end
        {
            self.layout.layer_cache.note_ended(key);
            return Err(error);
        }
        // Whatever else became of the unpacking, the blob is hashed to its end.
        let rest = drain(&mut packed);
        if let Some(error) = packed.error.take().or(rest.err()) {
            let path = self.layout.blob_path(&layer.digest);
            return Err(Error::io(&path, "read", error));
        }
        let blob = packed.hasher.digest();
        Ok(Contents {
            blob,
            unpacked: unpacked.map(|known| known.unwrap_or((blob, layer.size))),
        })
    }
}

/// A blob that is hashed as it is read.
struct Tee<'a> {
    file: io::Take<File>,
    hasher: Hasher,
    progress: &'a dyn Progress,
    /// What kept the file from being read: that is the disk's fault, not the layer's.
    error: Option<io::Error>,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match files::read_some(&mut self.file, buffer) {
            Ok(n) => {
                self.hasher.update(&buffer[..n]);
                self.progress.advance(n as u64);
                Ok(n)
            }
            Err(e) => {
                let kind = e.kind();
                self.error = Some(e);
                Err(kind.into())
            }
        }
    }
}

/// Hashes what a reader gives, up to `limit` bytes and as long as `go_on` agrees with how many it is.
fn hash(
    reader: impl Read,
    algorithm: HashAlgorithm,
    limit: u64,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> io::Result<Option<(Digest, u64)>> {
    let mut hasher = Hasher::new(algorithm);
    let mut size = 0;
    read_all(reader.take(limit), |bytes| {
        hasher.update(bytes);
        size += bytes.len() as u64;
        go_on(size)
    })?;
    Ok(Some((hasher.digest(), size)))
}

fn drain(reader: impl Read) -> io::Result<()> {
    read_all(reader, |_| true)
}

/// Reads to the end, or until `take` wants no more.
fn read_all(mut reader: impl Read, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; READ_SIZE];
    loop {
        match files::read_some(&mut reader, &mut buffer)? {
            0 => return Ok(()),
            n if take(&buffer[..n]) => {}
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
