//! Editing the text of manifests and indexes: unchanged parts keep their exact text.

use std::collections::{HashMap, HashSet};

use serde::de::IgnoredAny;

use super::edit::{AppliedImage, Edit};
use super::error::{Error, Kind};
use super::manifest_text::set_media_type;
use super::problem::{Part, Problem};
use super::reader::blobs::Reader;
use super::reader::tree::Tree;
use crate::crypto::Digest;
use crate::encoding::base64::base64;
use crate::encoding::json::Object;
use crate::image::{ATTESTED_DIGEST, Blob, Descriptor, media};

/// The new text and media type of a manifest or an index.
pub(super) struct Replacement {
    pub(super) blob: Blob,
    pub(super) media_type: &'static str,
}

pub(super) struct Editor<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) tree: Tree,
    /// The new manifests and indexes by their old digests. An image that does not change is in this map too, under its
    /// own digest.
    pub(super) replaced: HashMap<Digest, Replacement>,
    /// Whether each index leads to a target.
    pub(super) visited: HashMap<Digest, bool>,
    /// New blobs, each after the blobs that it leads to.
    pub(super) blobs: Vec<Blob>,
    /// How many bytes the indexes have grown.
    pub(super) grown: u64,
}

impl Editor<'_> {
    /// Replaces the old manifests by the new ones.
    pub(super) fn edit_manifests(&mut self, edits: &[Edit]) -> Result<Vec<AppliedImage>, Error> {
        let reachable: HashSet<_> = self
            .tree
            .entries()
            .into_iter()
            .map(|entry| entry.descriptor.digest)
            .collect();
        let mut images = Vec::new();
        for edit in edits {
            let (old, new) = (edit.old, edit.digest());
            // Another run may have made this very change meanwhile; if it made another change, the edit is lost.
            let old = if reachable.contains(&old) {
                old
            } else if reachable.contains(&new) {
                new
            } else {
                let name = edit.name.clone();
                return Err(self.reader.error(Kind::Lost { name }));
            };
            images.push(AppliedImage {
                name: edit.name.clone(),
                old,
                new,
                tags: Vec::new(),
                index_tags: Vec::new(),
                more_index_tags: false,
            });
            let Some(blob) = edit.new.clone() else {
                continue;
            };
            if new != old {
                self.blobs.push(blob.clone());
            }
            let media_type = media::MANIFEST;
            self.replaced.insert(old, Replacement { blob, media_type });
        }
        Ok(images)
    }

    /// Edits the indexes below an entry, the lowest first, and says whether the entry leads to a target through them.
    /// An index that leads to no target does not change.
    pub(super) fn edit_below(&mut self, entry: &Descriptor) -> Result<bool, Error> {
        let digest = entry.digest;
        if !media::is_index(&entry.media_type) || !self.tree.has(&digest) {
            return Ok(false);
        }
        if let Some(known) = self.visited.get(&digest) {
            return Ok(*known);
        }
        let mut leads_there = false;
        for child in self.tree.children(&digest).to_vec() {
            leads_there |= self.edit_below(&child)?;
            let is_manifest = media::is_manifest(&child.media_type);
            leads_there |= is_manifest && self.replaced.contains_key(&child.digest);
        }
        if leads_there {
            // The tree has read an index with this digest before.
            let old = self.reader.document(&Part::Index(digest), entry)?;
            let edited = self.edit_index(&Part::Index(digest), old.bytes())?;
            let blob = match edited {
                Some(bytes) => Blob::new(digest.algorithm(), bytes),
                None => old,
            };
            if blob.digest() != digest {
                self.blobs.push(blob.clone());
            }
            let media_type = media::INDEX;
            self.replaced
                .insert(digest, Replacement { blob, media_type });
        }
        self.visited.insert(digest, leads_there);
        Ok(leads_there)
    }

    /// The new text of an index; `None` if it does not change.
    pub(super) fn edit_index(
        &mut self,
        part: &Part,
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let this = &*self;
        let edit = || -> Result<Option<Vec<u8>>, serde_json::Error> {
            // The tree checked the text when it read the index.
            let mut index: Object = serde_json::from_slice(bytes)?;
            index.edit_list("manifests", |entry| this.edit_entry(entry))?;
            set_media_type(&mut index, media::INDEX)?;
            index.is_changed().then(|| index.to_bytes()).transpose()
        };
        let edited = edit().map_err(|e| self.reader.problem(part.clone(), Problem::json(e)))?;
        if let Some(new) = &edited {
            self.reader.check_document(part, new)?;
            self.grown += new.len().saturating_sub(bytes.len()) as u64;
        }
        Ok(edited)
    }

    pub(super) fn edit_entry(&self, entry: &mut Object<'_>) -> Result<(), serde_json::Error> {
        let digest: Option<String> = entry.get("digest")?;
        if let Some(replacement) = self.replacement(digest.as_deref()) {
            entry.set("mediaType", replacement.media_type)?;
            entry.set("digest", &replacement.blob.digest().to_string())?;
            entry.set("size", &replacement.blob.size())?;
            let data: Option<Option<IgnoredAny>> = entry.get("data")?;
            if data.flatten().is_some() {
                entry.set("data", &base64(replacement.blob.bytes()))?;
            }
        }
        if let Some(mut annotations) = entry.get::<Option<Object>>("annotations")?.flatten() {
            self.edit_annotations(&mut annotations)?;
            if annotations.is_changed() {
                entry.set("annotations", &annotations)?;
            }
        }
        Ok(())
    }

    pub(super) fn edit_annotations(
        &self,
        annotations: &mut Object<'_>,
    ) -> Result<(), serde_json::Error> {
        let attested: Option<String> = annotations.get(ATTESTED_DIGEST)?;
        if let Some(replacement) = self.replacement(attested.as_deref()) {
            let digest = replacement.blob.digest().to_string();
            annotations.set(ATTESTED_DIGEST, &digest)?;
        }
        Ok(())
    }

    fn replacement(&self, digest: Option<&str>) -> Option<&Replacement> {
        self.replaced.get(&digest?.parse().ok()?)
    }
}
