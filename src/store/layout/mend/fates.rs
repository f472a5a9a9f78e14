//! What happens to each entry: it stays, perhaps with new text, or it goes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::words::Mended;
use crate::crypto::Digest;
use crate::encoding::json::Object;
use crate::image::realm::{called, is_served};
use crate::image::{Blob, Descriptor, media};
use crate::store::edit::Edit;
use crate::store::editor::{Editor, Replacement};
use crate::store::error::{Error, Kind};
use crate::store::manifest_text::set_media_type;
use crate::store::problem::{Part, Problem};

/// An image below an entry: its future manifest, and the index, as it was, that holds the image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Below {
    pub(super) digest: Digest,
    pub(super) holder: Option<Digest>,
}

/// What happens to an entry.
#[derive(Clone)]
pub(super) enum Fate {
    /// It stays, and leads to these images.
    Stays(Arc<Vec<Below>>),
    /// It goes, for this reason.
    Goes(String),
}

pub(super) type Key = (Digest, u64, Cow<'static, str>);

pub(in crate::store) struct Mend<'a, 'e> {
    pub(super) editor: &'e mut Editor<'a>,
    pub(super) edits: &'e [Edit],
    pub(super) fates: HashMap<Key, Fate>,
    /// The total size of the manifests with new text, in bytes.
    rewritten: u64,
    pub(super) told: Vec<Mended>,
}

impl<'a, 'e> Mend<'a, 'e> {
    pub(in crate::store) fn new(editor: &'e mut Editor<'a>, edits: &'e [Edit]) -> Self {
        Self {
            editor,
            edits,
            fates: HashMap::new(),
            rewritten: 0,
            told: Vec::new(),
        }
    }
    /// The digest that a manifest or an index has from now on.
    pub(super) fn now(&self, digest: &Digest) -> Digest {
        let replaced = self.editor.replaced.get(digest);
        replaced.map_or(*digest, |replacement| replacement.blob.digest())
    }

    /// Decides as [`Mend::fate`] does, for an entry of `index.json`, and also hashes a blob that is not a document.
    pub(super) fn root(&mut self, entry: &Descriptor) -> Result<Fate, Error> {
        let media_type = &entry.media_type;
        let is_document = media::is_index(media_type) || media::is_manifest(media_type);
        if !is_document && is_served(media_type) {
            let found = self.editor.reader.hashed(entry)?;
            if let Err(reason) = found {
                return Ok(Fate::Goes(reason));
            }
        }
        self.fate(entry)
    }

    fn fate(&mut self, entry: &Descriptor) -> Result<Fate, Error> {
        let key = (entry.digest, entry.size, entry.media_type.clone());
        if let Some(known) = self.fates.get(&key) {
            return Ok(known.clone());
        }
        let fate = if media::is_index(&entry.media_type) {
            self.index(entry)?
        } else if media::is_manifest(&entry.media_type) {
            self.manifest(entry)?
        } else {
            match self
                .editor
                .reader
                .check_blob(&Part::Blob(entry.digest), entry)?
            {
                Ok(()) => Fate::Stays(Arc::default()),
                Err(reason) => Fate::Goes(reason),
            }
        };
        self.fates.insert(key, fate.clone());
        Ok(fate)
    }

    fn index(&mut self, entry: &Descriptor) -> Result<Fate, Error> {
        let digest = entry.digest;
        if !self.editor.tree.has(&digest) {
            return Ok(Fate::Goes(Problem::Absent("layout").to_string()));
        }
        let children = self.editor.tree.children(&digest).to_vec();
        let mut stays = Vec::new();
        let mut images: Vec<Below> = Vec::new();
        for child in &children {
            match self.fate(child)? {
                Fate::Goes(reason) => {
                    self.leave_out(child.digest.to_string(), reason);
                    stays.push(false);
                }
                Fate::Stays(below) => {
                    let own = |below: &Below| Below {
                        digest: below.digest,
                        holder: below.holder.or(Some(digest)),
                    };
                    let new = below
                        .iter()
                        .map(own)
                        .filter(|new| images.iter().all(|image| image.digest != new.digest));
                    let new: Vec<_> = new.collect();
                    images.extend(new);
                    stays.push(true);
                }
            }
        }
        if !children.is_empty() && stays.iter().all(|stays| !stays) {
            return Ok(Fate::Goes("nothing that it holds is left".into()));
        }
        let reader = self.editor.reader;
        let (old, _) = reader.nested(entry)?;
        let edit = || -> Result<Option<Vec<u8>>, serde_json::Error> {
            let mut index: Object = serde_json::from_slice(old.bytes())?;
            index.replace_items("manifests", |n, mut child| {
                if !stays[n] {
                    return Ok(Vec::new());
                }
                self.editor.edit_entry(&mut child)?;
                Ok(vec![child])
            })?;
            set_media_type(&mut index, media::INDEX)?;
            index.is_changed().then(|| index.to_bytes()).transpose()
        };
        let part = Part::Index(digest);
        let edited = edit().map_err(|e| reader.problem(part.clone(), Problem::json(e)))?;
        let blob = match edited {
            Some(bytes) => {
                reader.check_document(&part, &bytes)?;
                self.editor.grown += bytes.len().saturating_sub(old.bytes().len()) as u64;
                Blob::new(digest.algorithm(), bytes)
            }
            None => old,
        };
        self.replace(digest, blob, media::INDEX);
        Ok(Fate::Stays(images.into()))
    }

    fn manifest(&mut self, entry: &Descriptor) -> Result<Fate, Error> {
        let reader = self.editor.reader;
        let digest = entry.digest;
        let served = reader.served(entry)?;
        let target = self
            .editor
            .replaced
            .get(&digest)
            .map(|target| target.blob.clone());
        let blob = match (served, target) {
            (Ok(_), Some(signed)) => signed,
            (Ok(blob), None) => {
                if blob.digest() != digest {
                    self.rewritten += blob.size();
                    let limit = reader.limits.indexes;
                    if self.rewritten > limit {
                        return Err(
                            reader.problem(Part::Manifest(digest), Problem::TooManyBytes(limit))
                        );
                    }
                    self.told.push(Mended::Rewritten {
                        old: digest,
                        new: blob.digest(),
                    });
                }
                blob
            }
            (Err(reason), Some(_)) => {
                let name = called(entry);
                return Err(reader.error(Kind::NotForRealms { name, reason }));
            }
            (Err(reason), None) => return Ok(Fate::Goes(reason)),
        };
        let below = Below {
            digest: blob.digest(),
            holder: None,
        };
        // A manifest that does not change needs no place in memory.
        if blob.digest() != digest || entry.media_type != media::MANIFEST {
            self.replace(digest, blob, media::MANIFEST);
        }
        Ok(Fate::Stays(Arc::new(vec![below])))
    }

    fn replace(&mut self, old: Digest, blob: Blob, media_type: &'static str) {
        let is_known = self.editor.replaced.contains_key(&old);
        if blob.digest() != old && !is_known {
            self.editor.blobs.push(blob.clone());
        }
        self.editor
            .replaced
            .insert(old, Replacement { blob, media_type });
    }
}
