//! The reader, and the documents that it reads: each has the digest and size that its descriptor states.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use super::layers::LayerCache;
use super::selected::Selected;
use crate::crypto::Digest;
use crate::image::{Blob, Descriptor, Image, Manifest, media};
use crate::ocicrypt::Keys;
use crate::store::access::Store;
use crate::store::documents::{self, Index};
use crate::store::error::{Error, Kind};
use crate::store::limits::Limits;
use crate::store::place::Place;
use crate::store::problem::{Part, Problem};
use crate::store::window::Window;

/// Reads images out of a place, and checks all bytes against digest and size before it returns them.
///
/// A reader remembers the layers that it has read, so it reads a layer of several images once. Use one reader for one
/// run: it does not notice when another run changes the place.
pub struct Reader<'a> {
    pub(in crate::store) store: &'a dyn Store,
    pub(in crate::store) limits: Limits,
    pub(in crate::store) layer_cache: LayerCache,
    /// The keys for encrypted layers.
    pub(super) keys: Option<&'a Keys>,
}

impl<'a> Reader<'a> {
    /// A reader of a place, with these limits.
    pub fn new(store: &'a dyn Store, limits: Limits) -> Self {
        Self::with_window(store, limits, Window::default())
    }

    /// A reader with a window that unpacked another stream before.
    pub fn with_window(store: &'a dyn Store, limits: Limits, window: Window) -> Self {
        Self {
            store,
            limits,
            layer_cache: LayerCache::new(window),
            keys: None,
        }
    }

    /// The same reader with keys for encrypted layers. Without a key, it leaves their content alone.
    #[must_use]
    pub fn opening(self, keys: &'a Keys) -> Self {
        let keys = (!keys.is_empty()).then_some(keys);
        Self { keys, ..self }
    }

    /// The place that it reads.
    pub const fn store(&self) -> &'a dyn Store {
        self.store
    }

    /// Where the images are.
    pub fn place(&self) -> &'a Place {
        self.store.place()
    }

    pub(in crate::store) fn problem(&self, part: Part, problem: impl Into<Problem>) -> Error {
        Error::part(self.place(), part, problem)
    }

    pub(in crate::store) fn error(&self, kind: Kind) -> Error {
        kind.at(self.place().clone())
    }

    pub(in crate::store) fn absent(&self, part: Part) -> Error {
        self.problem(part, Problem::Absent(self.place().kind()))
    }

    /// Opens a blob that a descriptor leads to. The caller has to check its content.
    pub(in crate::store) fn open_blob(
        &self,
        part: &Part,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send + 'a>, Error> {
        self.store.open(descriptor).map_err(|e| e.about(part))
    }

    /// An error of a blob's stream: the operating system or the network failed.
    pub(in crate::store) fn unread(&self, descriptor: &Descriptor, error: std::io::Error) -> Error {
        self.store.unread(descriptor, error)
    }

    /// Reads a JSON document that a descriptor leads to, and checks it.
    pub(in crate::store) fn document(
        &self,
        part: &Part,
        descriptor: &Descriptor,
    ) -> Result<Blob, Error> {
        self.document_up_to(part, descriptor, self.limits.document)
    }

    pub(super) fn document_up_to(
        &self,
        part: &Part,
        descriptor: &Descriptor,
        limit: u64,
    ) -> Result<Blob, Error> {
        if descriptor.size > limit {
            let size = descriptor.size;
            return Err(self.problem(part.clone(), Problem::TooLarge { size, limit }));
        }
        let stream = self.open_blob(part, descriptor)?;
        descriptor
            .check_embedded()
            .map_err(|m| self.problem(part.clone(), m))?;
        let mut bytes = Vec::with_capacity(usize::try_from(descriptor.size).unwrap_or(0));
        stream
            .take(descriptor.size)
            .read_to_end(&mut bytes)
            .map_err(|e| self.unread(descriptor, e))?;
        Blob::verified(bytes, descriptor).map_err(|m| self.problem(part.clone(), m))
    }

    /// Reads a nested image index.
    pub(in crate::store) fn nested(&self, descriptor: &Descriptor) -> Result<(Blob, Index), Error> {
        let part = Part::Index(descriptor.digest);
        let blob = self.document(&part, descriptor)?;
        let index = documents::index(blob.bytes()).map_err(|p| self.problem(part, p))?;
        Ok((blob, index))
    }

    /// Reads an image's manifest, checked against the digest and size that lead to it.
    pub fn manifest(&self, descriptor: &Descriptor) -> Result<(Blob, Manifest), Error> {
        let part = Part::Manifest(descriptor.digest);
        if !media::is_manifest(&descriptor.media_type) {
            let problem = Problem::MediaType {
                found: descriptor.media_type.to_string(),
                wanted: "an image manifest",
            };
            return Err(self.problem(part, problem));
        }
        let blob = self.document(&part, descriptor)?;
        let manifest = documents::manifest(blob.bytes(), &descriptor.media_type)
            .map_err(|p| self.problem(part, p))?;
        Ok((blob, manifest))
    }

    /// Refuses a manifest and a config that are too large together.
    pub(super) fn check_together(&self, manifest: &Blob, config: &Descriptor) -> Result<(), Error> {
        let limit = self.limits.documents.saturating_sub(manifest.size());
        let size = config.size;
        if size > limit {
            let part = Part::Config(config.digest);
            return Err(self.problem(part, Problem::TooLarge { size, limit }));
        }
        Ok(())
    }

    /// Reads an image: its manifest and its config, both checked against the digest and size that their descriptors
    /// state. An error names the wrong part.
    pub fn load(&self, selected: &Selected) -> Result<Image, Error> {
        let (manifest_blob, manifest) = self.manifest(&selected.descriptor)?;
        let part = Part::Config(manifest.config.digest);
        let found = &manifest.config.media_type;
        if media::oci_equivalent(found).unwrap_or(found) != media::CONFIG {
            let problem = Problem::MediaType {
                found: found.to_string(),
                wanted: "an image config",
            };
            return Err(self.problem(part, problem));
        }
        self.check_together(&manifest_blob, &manifest.config)?;
        let config = self.document(&part, &manifest.config)?;
        let read = documents::config(config.bytes()).map_err(|p| self.problem(part, p))?;
        Ok(Image {
            name: selected.name.clone(),
            platform: read.platform,
            manifest_blob,
            manifest,
            config,
            diff_ids: read.diff_ids,
        })
    }

    /// The annotations of each layer of an image that was read.
    pub(super) fn layer_annotations(
        &self,
        image: &Image,
    ) -> Result<Vec<BTreeMap<String, String>>, Error> {
        let all = documents::layer_annotations(image.manifest_blob.bytes());
        all.map_err(|p| self.problem(Part::Manifest(image.digest()), p))
    }

    /// Reads an image as [`Reader::load`] does, for an entry whose platform matters because runtimes choose by it. The
    /// config must state everything that the entry's platform states. If the config states no variant, as many do, any
    /// variant fits.
    pub fn load_as_listed(&self, selected: &Selected) -> Result<Image, Error> {
        let image = self.load(selected)?;
        if let Some(listed) = selected.descriptor.platform.as_deref()
            && !listed.holds_for(&image.platform)
        {
            let problem = Problem::Platform {
                listed: listed.clone(),
                found: image.platform,
            };
            return Err(self.problem(Part::Manifest(selected.descriptor.digest), problem));
        }
        Ok(image)
    }

    /// Reads the whole of a small blob attached to an image: a signature, or a statement.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<Blob, Error> {
        self.document(&Part::Blob(descriptor.digest), descriptor)
    }

    /// The manifests and indexes that name this digest as their `subject`.
    pub fn referrers(&self, subject: &Digest) -> Result<Vec<Arc<Descriptor>>, Error> {
        self.store.referrers(subject)
    }

    /// The same one by one, so that a malformed entry of a list, or a malformed manifest, hides no other.
    pub fn each_referrer(
        &self,
        subject: &Digest,
    ) -> Result<Vec<Result<Arc<Descriptor>, Error>>, Error> {
        self.store.each_referrer(subject)
    }
}
