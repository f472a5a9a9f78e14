//! Reading every layer of an image once, and hashing its packed and its unpacked bytes.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cache::{Contents, Key, NotUnpacked};
use super::mislabelled;
use super::read::{self, READ_SIZE, Sink, Tee, Unpacked};
use crate::crypto::{Digest, HashAlgorithm};
use crate::image::realm::Finding;
use crate::image::{Compression, Descriptor, Image, Mismatch, media};
use crate::ocicrypt::{LayerKey, Sealed};
use crate::parallel;
use crate::progress::Progress;
use crate::store::error::{Error, Kind};
use crate::store::problem::{Part, Problem};
use crate::store::reader::blobs::Reader;
use crate::store::realm_layers::{Budget, Faults, Model, Watch};

/// An image is large if all its layers together have more bytes than this.
const LARGE_IMAGE: u64 = 4 << 20;
/// The end of the reason for which an encrypted layer was not looked into.
pub const SEALED: &str = "and no decryption key is given";

/// The findings on an image's layers.
#[derive(Debug)]
pub struct LayerFindings {
    /// Each layer's blob has the digest and size that the manifest states; or the first blob that differs.
    pub blobs: Result<(), String>,
    /// The config lists exactly the digests of the unpacked layers; or the first fault. `None` if a wrong blob keeps
    /// ir-sign from finding out.
    pub diff_ids: Option<Result<(), String>>,
    /// The first encrypted layer, if the reader has no key: then `diff_ids` is about the other layers.
    pub sealed: Option<String>,
    /// The findings about content that a realm cannot unpack, at most one for each rule; `None` if the caller did not
    /// ask, or if a layer is wrong.
    pub realm: Option<Vec<Finding>>,
}

impl Reader<'_> {
    /// Takes note of a blob that ir-sign hashed while writing it: if it is an uncompressed layer, the reader need not
    /// read it again.
    pub fn note_written(&self, digest: Digest, size: u64) {
        self.layer_cache.note_written(digest, size);
    }

    /// Reads every layer of an image once, and hashes its packed and its unpacked bytes.
    ///
    /// An error means that ir-sign could not read something; the findings say what is wrong with the image.
    pub fn check_layers(
        &self,
        image: &Image,
        progress: &dyn Progress,
    ) -> Result<LayerFindings, Error> {
        self.look_at_layers(image, self.limits.window, false, progress)
    }

    /// Checks the layers as [`Reader::check_layers`] does, and also looks for content that a realm could not unpack.
    pub fn check_layers_for_realms(
        &self,
        image: &Image,
        progress: &dyn Progress,
    ) -> Result<LayerFindings, Error> {
        self.look_at_layers(image, self.limits.window, true, progress)
    }

    /// Checks the layers of an image with valid signatures, for realms or not. The signer has unpacked the layers, so
    /// they may ask for a larger window ([`crate::store::Limits::signed_window`]).
    pub fn check_signed_layers(
        &self,
        image: &Image,
        for_realms: bool,
        progress: &dyn Progress,
    ) -> Result<LayerFindings, Error> {
        self.look_at_layers(image, self.limits.signed_window, for_realms, progress)
    }

    fn look_at_layers(
        &self,
        image: &Image,
        window: u64,
        for_realms: bool,
        progress: &dyn Progress,
    ) -> Result<LayerFindings, Error> {
        let layers = &image.manifest.layers;
        // The sizes are still unverified.
        let total = layers
            .iter()
            .fold(0, |sum: u64, l| sum.saturating_add(l.size));
        // Records about many members take memory.
        let in_turn = for_realms && total > LARGE_IMAGE;
        let _turn = in_turn.then(|| self.layer_cache.large_images.enter());
        progress.begin(&format!("layers of {}", image.name), total);
        let is_encrypted = |layer: &Descriptor| media::decrypted(&layer.media_type).is_some();
        let annotations = if self.keys.is_some() && layers.iter().any(is_encrypted) {
            self.layer_annotations(image)?
        } else {
            Vec::new()
        };
        let checker = Checker {
            reader: self,
            annotations: &annotations,
            image,
            window,
            progress,
            members: for_realms.then(Budget::default),
            size: AtomicU64::new(0),
        };
        let outcomes = checker.all()?;
        let mut findings = LayerFindings {
            blobs: Ok(()),
            diff_ids: Some(Ok(())),
            sealed: None,
            realm: None,
        };
        let mut faults = Faults::default();
        let mut model = Model::default();
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
                (Err(NotUnpacked::Sealed), _) => {
                    let media_type = &layer.media_type;
                    let reason = || format!("{part} has media type \"{media_type}\", {SEALED}");
                    findings.sealed.get_or_insert_with(reason);
                }
                (Err(NotUnpacked::Wrong(reason)), _) => {
                    let mislabelled = mislabelled::told(self, &part, layer);
                    findings.fail_diff_id(mislabelled.unwrap_or(format!("{part} {reason}")));
                }
                (Ok(found), Some(stated)) if found.digest != *stated => {
                    let found = found.digest;
                    let mislabelled = mislabelled::told(self, &part, layer);
                    findings.fail_diff_id(mislabelled.unwrap_or(format!(
                        "{part} unpacks to {found}, but the config says {stated}"
                    )));
                }
                (Ok(found), _) => {
                    found.check_first(layer, &part, &mut faults);
                    if for_realms {
                        model.unpack(contents.members.as_deref(), &part, &mut faults);
                    }
                }
            }
        }
        if for_realms && findings.sealed.is_none() && matches!(findings.diff_ids, Some(Ok(()))) {
            findings.realm = Some(faults.findings());
        }
        Ok(findings)
    }
}

impl LayerFindings {
    fn fail_blob(&mut self, reason: String) {
        self.diff_ids = match self.diff_ids.take() {
            // A wrong number of layers is a fault, whatever the blobs are.
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

/// How to read a layer.
enum How {
    /// It is not encrypted.
    AsItIs,
    /// With this key.
    Decrypted(Box<LayerKey>),
    /// Only its blob.
    NotOpened(NotUnpacked),
}

/// The outcome for a layer: its contents, or why its blob is missing or wrong.
type Outcome = Result<Contents, Problem>;

struct Checker<'a> {
    reader: &'a Reader<'a>,
    /// The annotations of each layer, if there are encrypted ones and keys for them.
    annotations: &'a [BTreeMap<String, String>],
    image: &'a Image,
    /// The largest window that a zstd layer may ask for.
    window: u64,
    progress: &'a dyn Progress,
    /// The memory that the members of the layers may take, if the caller wants them.
    members: Option<Budget>,
    /// The bytes of this image's layers so far; each layer counts with its packed or its unpacked size, whichever is
    /// larger.
    size: AtomicU64,
}

impl Checker<'_> {
    /// Reads all layers; as many threads work at once as there are processors.
    fn all(&self) -> Result<Vec<Outcome>, Error> {
        let layers = &self.image.manifest.layers;
        // Starting a thread costs more than reading a small layer.
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
        let decrypted = media::decrypted(&layer.media_type);
        let compression = Compression::of_layer(decrypted.unwrap_or(&layer.media_type));
        let window = match compression {
            Some(Compression::Zstd) => self.window,
            _ => 0,
        };
        let key = (layer.digest, compression, window, algorithm);
        // The content of an encrypted layer depends on its annotations too, and other images may have other
        // annotations.
        let cell = match decrypted {
            Some(_) => Arc::default(),
            None => self.reader.layer_cache.cell(key),
        };
        let part = Part::Layer(n + 1, layer.digest);
        let stream = match self.reader.open_blob(&part, layer) {
            Ok(stream) => stream,
            Err(Error {
                kind: Kind::Part { problem, .. },
                ..
            }) => return Ok(Err(problem)),
            Err(e) => return Err(e),
        };
        if let Err(mismatch) = layer.check_embedded() {
            return Ok(Err(mismatch.into()));
        }
        self.layer_within_limit(&part, layer.size)?;
        self.count(layer.size)?;
        let known = cell
            .get()
            .filter(|known| known.members.is_some() || self.members.is_none());
        if let Some(known) = known {
            self.progress.skip(layer.size);
            if let Ok(Unpacked { size, .. }) = known.unpacked {
                self.layer_within_limit(&part, size)?;
                self.count(size.saturating_sub(layer.size))?;
            }
            return Ok(Ok(known.clone()));
        }
        let how = match decrypted {
            Some(_) => self.key_of(n),
            None => How::AsItIs,
        };
        let read = self.read(stream, layer, key, &how)?;
        // The cache remembers a layer that is too large, too: very many other images may have it.
        cell.get_or_init(|| self.reader.layer_cache.to_keep(&read));
        // Reading may have gone beyond the limit of the image.
        self.count(0)?;
        if let Ok(Unpacked { size, .. }) = read.unpacked {
            self.layer_within_limit(&part, size)?;
        }
        Ok(Ok(read))
    }

    /// Counts bytes towards the limit of the image. Beyond the limit the reader reads no more of any layer.
    fn count(&self, more: u64) -> Result<(), Error> {
        let limit = self.reader.limits.image;
        let before = self.size.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > limit {
            let what = format!("the image {}", self.image.name);
            return Err(self.too_large(what, limit, "--max-image-size"));
        }
        Ok(())
    }

    fn layer_within_limit(&self, part: &Part, size: u64) -> Result<(), Error> {
        let limit = self.reader.limits.layer;
        if size > limit {
            let what = format!("{part} of image {}", self.image.name);
            return Err(self.too_large(what, limit, "--max-layer-size"));
        }
        Ok(())
    }

    fn too_large(&self, what: String, limit: u64, flag: &'static str) -> Error {
        self.reader.error(Kind::Bomb { what, limit, flag })
    }

    /// Finds the key of an encrypted layer.
    fn key_of(&self, n: usize) -> How {
        let Some(keys) = self.reader.keys else {
            return How::NotOpened(NotUnpacked::Sealed);
        };
        let sealed = Sealed::read(&self.annotations[n]);
        match sealed.and_then(|sealed| sealed.open(keys)) {
            Ok(key) => How::Decrypted(Box::new(key)),
            Err(error) => How::NotOpened(NotUnpacked::Wrong(error.to_string())),
        }
    }

    fn read(
        &self,
        stream: Box<dyn Read + Send + '_>,
        layer: &Descriptor,
        key: Key,
        how: &How,
    ) -> Result<Contents, Error> {
        let (_, compression, _, algorithm) = key;
        let mut packed = Tee::new(stream, layer.size, layer.digest.algorithm(), self.progress);
        // One byte beyond the limit shows that the layer is too large; ir-sign does not unpack the rest.
        let limit = self.reader.limits.layer.saturating_add(1);
        let mut counted = layer.size;
        let mut beyond = Ok(());
        // The second time, the reader reads the layer to its end, so that it need not do so a third time.
        let to_the_end = self.reader.layer_cache.was_ended(&key);
        let mut count = |size: u64| {
            if beyond.is_ok() {
                beyond = self.count(size.saturating_sub(counted));
            }
            counted = counted.max(size);
            beyond.is_ok() || to_the_end
        };
        let window = self.window;
        let told = |e| NotUnpacked::Wrong(read::reason(&e, window));
        let shared = &self.reader.layer_cache.window;
        let mut watch = self.members.as_ref().map(Watch::new);
        let unpacked = match (compression, how) {
            (_, How::NotOpened(reason)) => Err(reason.clone()),
            (None, _) => Err(NotUnpacked::Wrong(format!(
                "has media type \"{}\", but a layer must be a tar archive, plain, gzip or zstd",
                layer.media_type
            ))),
            // The layer is not packed, so one hash gives both digests.
            (Some(Compression::None), How::AsItIs) if algorithm == layer.digest.algorithm() => {
                let shown = watch.as_mut().map(|watch| read::show(&mut packed, watch));
                shown.unwrap_or(Ok(())).map(|()| None).map_err(told)
            }
            (Some(compression), how) => {
                let sink = Sink::new(algorithm, limit, &mut count, watch.as_mut());
                let unpack = |bytes: &mut dyn Read| {
                    let unpacked = match compression {
                        Compression::None => sink.plain(bytes),
                        Compression::Gzip => sink.gzip(bytes),
                        Compression::Zstd => sink.zstd(bytes, window, shared),
                    };
                    unpacked.map(Some).map_err(told)
                };
                match how {
                    How::Decrypted(key) => {
                        let mut opening = key.open(&mut packed);
                        let unpacked = unpack(&mut opening);
                        match opening.finish() {
                            // The unpacked bytes count only if the ciphertext is authentic.
                            Ok(Err(error)) => Err(NotUnpacked::Wrong(error.to_string())),
                            // An error of the stream arrives again where the blob is hashed to its end.
                            Ok(Ok(())) | Err(_) => unpacked,
                        }
                    }
                    How::AsItIs | How::NotOpened(_) => unpack(&mut packed),
                }
            }
        };
        if let Err(error) = beyond
            && !to_the_end
        {
            self.reader.layer_cache.note_ended(key);
            return Err(error);
        }
        // The reader hashes the blob to its end even if unpacking failed.
        let blob = packed.finish();
        let blob = blob.map_err(|error| self.reader.unread(layer, error))?;
        let as_it_lies = Unpacked {
            digest: blob,
            size: layer.size,
            first: layer.size,
        };
        Ok(Contents {
            blob,
            unpacked: unpacked.map(|known| known.unwrap_or(as_it_lies)),
            members: watch.map(|watch| Arc::new(watch.finish())),
        })
    }
}
