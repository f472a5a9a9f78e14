//! Removing blobs that nothing refers to.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

use rustix::fs::FileType;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::crypto::digest::DigestError;
use crate::crypto::{Digest, HashAlgorithm};
use crate::encoding::base64::unbase64;
use crate::encoding::json::Object;
use crate::encoding::strict;
use crate::image::{AppName, Blob, media};
use crate::progress::Progress;
use crate::store::dir::Lock;
use crate::store::error::{Error, Kind};
use crate::store::layout::folder::{INDEX_FILE, Layout, read_index};
use crate::store::layout::registry::Registry;
use crate::store::layout::transaction::{is_temporary, looks_temporary, remove_abandoned};
use crate::store::problem::{Part, Problem};

/// The files of a layout that pruning can remove, or has removed.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Blobs that nothing leads to, with their sizes, sorted.
    pub blobs: Vec<(Digest, u64)>,
    /// Temporary files that killed runs left.
    pub temporary: Vec<String>,
    /// Files and folders among the blobs with a name or kind that no blob has, and folders with the name of a temporary
    /// file. Pruning leaves them alone.
    pub foreign: Vec<String>,
}

/// Indexes and manifests that the layout will never get back: pruning also removes the blobs that only they led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The missing document with this digest.
    Document(Digest),
    /// Every missing document.
    All,
}

impl FromStr for Absent {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            "all" => Ok(Self::All),
            digest => digest.parse().map(Self::Document),
        }
    }
}

impl Registry {
    /// Prunes an app's layout as [`Layout::prune`] does. If another run replaces the layout while this call waits, this
    /// call prunes the new layout.
    pub fn prune(
        &self,
        app: &AppName,
        absent: &[Absent],
        progress: &dyn Progress,
        confirm: impl FnOnce(&Pruned) -> bool,
    ) -> Result<Pruned, Error> {
        loop {
            let layout = self.layout(app)?;
            layout.lock_alone(progress)?;
            match self.check_in_place(app, &layout) {
                Ok(()) => return layout.prune(absent, progress, confirm),
                Err(e) if matches!(e.kind, Kind::Replaced) => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Layout {
    /// Waits until no other run has the layout open, and keeps other runs from opening it.
    fn lock_alone(&self, progress: &dyn Progress) -> Result<(), Error> {
        if !self.blobs.try_lock()? {
            progress.begin("waiting for other runs that use the layout", 0);
            self.blobs.lock(Lock::Exclusive)?;
        }
        Ok(())
    }

    /// Finds the blobs that nothing reachable from `index.json` refers to, passes them to `confirm`, and removes them
    /// if `confirm` returns true. A missing index or manifest might refer to any blob: unless `absent` names the
    /// document, this call removes nothing.
    ///
    /// Waits until no other run has the layout open, and keeps other runs from opening it meanwhile.
    pub fn prune(
        mut self,
        absent: &[Absent],
        progress: &dyn Progress,
        confirm: impl FnOnce(&Pruned) -> bool,
    ) -> Result<Pruned, Error> {
        self.lock_alone(progress)?;
        // Another run may have changed the layout since this run opened it.
        let (bytes, index) = read_index(&self.dir, self.limits)?;
        self.index = index;
        self.open_algorithms()?;
        let found = self.unreachable(&bytes, absent)?;
        if confirm(&found) {
            // A power failure must not bring back an old index.json whose blobs are gone: the run that wrote this
            // index.json may have died before it synced the file.
            let (file, _) = self.dir.file(INDEX_FILE)?;
            file.sync_all()
                .map_err(|e| Error::io(&self.dir.path_of(INDEX_FILE), "sync", e))?;
            self.dir.sync()?;
            for algorithm in HashAlgorithm::ALL {
                let Some(dir) = self.algorithm_dir(algorithm) else {
                    continue;
                };
                let of_this = found.blobs.iter().filter(|b| b.0.algorithm() == algorithm);
                for (digest, _) in of_this {
                    dir.remove(digest.hex())?;
                }
                dir.sync()?;
            }
            remove_abandoned(&self.dir)?;
            self.dir.sync()?;
        }
        Ok(found)
    }

    fn unreachable(&self, index: &[u8], absent: &[Absent]) -> Result<Pruned, Error> {
        let reachable = self.reachable(index, absent)?;
        let mut found = Pruned::default();
        for algorithm in HashAlgorithm::ALL {
            let Some(dir) = self.algorithm_dir(algorithm) else {
                continue;
            };
            for (name, kind) in dir.entries()? {
                let digest = format!("{algorithm}:{name}").parse::<Digest>();
                match digest {
                    Ok(digest) if kind == FileType::RegularFile => {
                        if !reachable.contains(&digest) {
                            found.blobs.push((digest, dir.file(&name)?.1));
                        }
                    }
                    _ => found.foreign.push(format!("{algorithm}/{name}")),
                }
            }
        }
        for (name, kind) in self.dir.entries()? {
            if is_temporary(&name, kind) {
                found.temporary.push(name);
            } else if looks_temporary(&name) {
                found.foreign.push(name);
            }
        }
        Ok(found)
    }

    /// Every digest that a document refers to. Any member `digest` anywhere in a document counts, so that documents of
    /// future kinds keep their blobs too. Any `blobSum` counts as well.
    fn reachable(&self, index: &[u8], absent: &[Absent]) -> Result<HashSet<Digest>, Error> {
        let mut reachable = HashSet::new();
        let mut documents = HashSet::new();
        let mut embedded = HashSet::new();
        let mut lacking = BTreeMap::new();
        let mut queue = self.references(&Part::IndexJson, index)?;
        if let Some(saved) = &self.index.saved {
            let unlisted = self.unlisted_referrers(saved, &[])?;
            queue.extend(unlisted.iter().map(|it| Reference::to_manifest(it.digest)));
        }
        while let Some(reference) = queue.pop() {
            let Reference {
                digest, document, ..
            } = &reference;
            if reference.is_embedded {
                embedded.insert(*digest);
            }
            if (reference.is_listed || document.is_some())
                && !lacking.contains_key(digest)
                && self.lacks_blob(digest)
            {
                let part = document.clone().unwrap_or(Part::Blob(*digest));
                lacking.insert(*digest, part);
            }
            // A digest gets a second visit if a later reference shows that its blob is a document.
            let is_new = reachable.insert(*digest);
            let is_new_document = document.is_some() && documents.insert(*digest);
            if !is_new && !is_new_document {
                continue;
            }
            if let Some(blob) = self.small_blob(digest, document.as_ref())?
                && (document.is_some() || looks_like_document(blob.bytes()))
            {
                // The blob's digest matches its name, so these are the bytes that the reference means.
                let part = document.clone().unwrap_or(Part::Blob(*digest));
                queue.extend(self.references(&part, blob.bytes())?);
            }
        }
        let is_named = |digest: &Digest| {
            absent.contains(&Absent::All) || absent.contains(&Absent::Document(*digest))
        };
        lacking.retain(|digest, _| !embedded.contains(digest) && !is_named(digest));
        if lacking.is_empty() {
            return Ok(reachable);
        }
        let parts = lacking.into_values().collect();
        Err(self.error(Kind::Lacking { parts }))
    }

    /// The content of a blob that is small enough for a document, if the layout has the blob. Pruning stops at a blob
    /// whose content does not match its name, and at a document too large to read: ir-sign cannot tell what such a file
    /// refers to.
    fn small_blob(&self, digest: &Digest, document: Option<&Part>) -> Result<Option<Blob>, Error> {
        let Some(dir) = self.algorithm_dir(digest.algorithm()) else {
            return Ok(None);
        };
        let name = digest.hex();
        let Some((_, size)) = crate::store::dir::absent_is_none(dir.file(&name))? else {
            return Ok(None);
        };
        let limit = self.limits.document;
        if size > limit {
            return document.map_or(Ok(None), |part| {
                Err(self.problem(part.clone(), Problem::TooLarge { size, limit }))
            });
        }
        let blob = Blob::new(digest.algorithm(), dir.read(&name, limit)?);
        if blob.digest() == *digest {
            return Ok(Some(blob));
        }
        let mismatch = crate::image::Mismatch::Digest {
            expected: *digest,
            found: blob.digest(),
        };
        let part = document.cloned().unwrap_or(Part::Blob(*digest));
        Err(self.problem(part, mismatch))
    }

    /// The references of a document, and those of the documents that its descriptors embed: an embedded document need
    /// not be among the blobs.
    fn references(&self, part: &Part, bytes: &[u8]) -> Result<Vec<Reference>, Error> {
        let mut found = Found::default();
        let read = |part: &Part, bytes: &[u8], found: &mut Found| {
            strict::read::<&RawValue>(bytes)
                .and_then(|document| collect(document, false, found))
                .map_err(|e| self.problem(part.clone(), Problem::json(e)))
        };
        read(part, bytes, &mut found)?;
        while let Some((part, bytes)) = found.embedded.pop() {
            read(&part, &bytes, &mut found)?;
        }
        Ok(found.references)
    }
}

/// The references and embedded documents that a document contains.
#[derive(Default)]
struct Found {
    references: Vec<Reference>,
    /// Documents that descriptors embed.
    embedded: Vec<(Part, Vec<u8>)>,
}

/// A reference from a document to a blob.
struct Reference {
    digest: Digest,
    /// The kind of document, if the media type beside the digest names an index or a manifest.
    document: Option<Part>,
    /// Whether an index lists the digest, or a `subject` member states it: a blob of any type may then refer to more
    /// blobs.
    is_listed: bool,
    /// Whether the descriptor embeds the content.
    is_embedded: bool,
}

impl Reference {
    /// A reference to a manifest that refers to an image.
    const fn to_manifest(digest: Digest) -> Self {
        Self {
            digest,
            document: Some(Part::Manifest(digest)),
            is_listed: true,
            is_embedded: false,
        }
    }

    /// A reference to a layer or a config.
    const fn to_leaf(digest: Digest) -> Self {
        Self {
            digest,
            document: None,
            is_listed: false,
            is_embedded: false,
        }
    }
}

/// Whether bytes are an index or a manifest: a JSON object with members that only an index or a manifest has.
fn looks_like_document(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<Look>(bytes).is_ok_and(|look| look.is_document)
}

/// A look at the members of an object; an object may have any number of members.
struct Look {
    is_document: bool,
}

impl<'de> Deserialize<'de> for Look {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Look;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Look, A::Error> {
                let mut is_document = false;
                while let Some(name) = map.next_key::<String>()? {
                    let value: &RawValue = map.next_value()?;
                    is_document |= match name.as_str() {
                        "manifests" | "layers" | "blobs" | "fsLayers" => true,
                        "mediaType" => serde_json::from_str::<String>(value.get())
                            .is_ok_and(|t| media::is_index(&t) || media::is_manifest(&t)),
                        _ => false,
                    };
                }
                Ok(Look { is_document })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The content that a descriptor embeds. If the embedded text does not match the digest, it says nothing about the
/// blob.
fn embedded(digest: &Digest, mut data: String) -> Option<Vec<u8>> {
    // Go's readers pass over line breaks in base64.
    data.retain(|c| !matches!(c, '\n' | '\r'));
    let bytes = unbase64(&data)?;
    (Digest::of(digest.algorithm(), &bytes) == *digest).then_some(bytes)
}

/// Collects the references in a value; `is_listed` says whether the value is an entry of an index. This reads one level
/// at a time: reading all levels at once would take much memory.
fn collect(value: &RawValue, is_listed: bool, found: &mut Found) -> Result<(), serde_json::Error> {
    match value.get().as_bytes().first() {
        Some(b'{') => {
            let object: Object<'_> = serde_json::from_str(value.get())?;
            let text = |key: &str| object.get::<String>(key).ok().flatten();
            let digest = |key: &str| text(key).and_then(|text| text.parse::<Digest>().ok());
            // A layer in docker's first schema, where layers have neither types nor sizes.
            if let Some(digest) = digest("blobSum") {
                found.references.push(Reference::to_leaf(digest));
            }
            if let Some(digest) = digest("digest") {
                let document = match text("mediaType") {
                    Some(t) if media::is_index(&t) => Some(Part::Index(digest)),
                    Some(t) if media::is_manifest(&t) => Some(Part::Manifest(digest)),
                    _ => None,
                };
                let content = text("data").and_then(|data| embedded(&digest, data));
                let is_embedded = content.is_some();
                if let Some(bytes) = content
                    && (document.is_some() || looks_like_document(&bytes))
                {
                    let part = document.clone().unwrap_or(Part::Blob(digest));
                    found.embedded.push((part, bytes));
                }
                found.references.push(Reference {
                    digest,
                    document,
                    is_listed,
                    is_embedded,
                });
            }
            object
                .keys()
                .zip(object.texts())
                .try_for_each(|(key, text)| {
                    collect(text, matches!(key, "manifests" | "subject"), found)
                })
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value.get())?;
            items
                .into_iter()
                .try_for_each(|item| collect(item, is_listed, found))
        }
        _ => Ok(()),
    }
}
