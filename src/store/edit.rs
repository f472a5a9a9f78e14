//! Changing images: a new manifest, and all that leads to it, in one transaction.
//!
//! Documents are never edited in place. New blobs are written beside the old ones and synced, and
//! then one rename of `index.json` makes the new images the ones that are there.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::de::IgnoredAny;

use super::dir::Lock;
use super::documents::Index;
use super::error::Part;
use super::json::Object;
use super::layout::{INDEX_FILE, index_bytes, read_index};
use super::tags::TagsAbove;
use super::transaction::Transaction;
use super::tree::Tree;
use super::{Error, Layout, Problem, strict};
use crate::crypto::{Digest, HashAlgorithm};
use crate::image::{ATTESTED_DIGEST, Blob, Change, Descriptor, Image, base64, media};
use crate::parallel;

/// A change to an image, worked out and not yet made.
#[derive(Clone, Debug)]
pub struct Edit {
    name: String,
    old: Digest,
    new: Blob,
}

/// What [`Layout::apply`] did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The images, in the order in which they were given.
    pub images: Vec<AppliedImage>,
    /// What still refers to a manifest or an index that was replaced.
    pub referrers: Vec<Referrer>,
    /// Whether anything was written.
    pub changed: bool,
}

/// One image that was changed.
#[derive(Clone, Debug)]
pub struct AppliedImage {
    /// What it is called in messages.
    pub name: String,
    /// Its manifest's digest before; the new one if another run made this very change meanwhile.
    pub old: Digest,
    /// Its manifest's digest now.
    pub new: Digest,
    /// The tags that lead to it now.
    pub tags: Vec<String>,
    /// The tags that lead to an index that holds it, or the first of them.
    pub index_tags: Vec<String>,
    /// Whether there are more of these.
    pub more_index_tags: bool,
}

/// A manifest, an index or a tag that refers to what was replaced, and still does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest or index that refers, as it is now.
    pub digest: Digest,
    /// Its tag, if it has one.
    pub tag: Option<String>,
    /// What it refers to.
    pub subject: Digest,
}

impl Layout {
    /// Works out what the manifest of an image will be. Nothing is written.
    pub fn edit(&self, image: &Image, change: &Change) -> Result<Edit, Error> {
        let manifest = &image.manifest_blob;
        let old = manifest.digest();
        let part = Part::Manifest(old);
        let Change::Annotate(annotations) = change;
        let new = edit_manifest(manifest, annotations)
            .map_err(|e| self.problem(part.clone(), Problem::json(e)))?;
        self.check_document(&part, new.bytes())?;
        self.check_together(&new, &image.manifest.config)?;
        Ok(Edit {
            name: image.name.clone(),
            old,
            new,
        })
    }

    /// Refuses to write what would then be refused when it is read.
    fn check_document(&self, part: &Part, bytes: &[u8]) -> Result<(), Error> {
        let (size, limit) = (bytes.len() as u64, self.limits.document);
        if size > limit {
            return Err(self.problem(part.clone(), Problem::TooLarge { size, limit }));
        }
        strict::check(bytes).map_err(|e| self.problem(part.clone(), Problem::json(e)))
    }

    /// Makes the changes to the images, all or none.
    ///
    /// Each manifest gets its new digest and size, under the algorithm of its old one, and so does
    /// every index on the way up to `index.json`. On that way embedded `data` is refreshed, the
    /// attestations' `vnd.docker.reference.digest` follows, a missing `mediaType` is added and
    /// docker media types become OCI's. All other members keep their text and order. Every entry
    /// that led to an old manifest leads to the new one.
    ///
    /// Others may change the layout until this takes its lock: if an image is not what it was, the
    /// result is [`Error::Lost`].
    pub fn apply(&mut self, edits: &[Edit]) -> Result<Applied, Error> {
        // A second opening of the folder, so that the lock ends with this call.
        let lock = self.dir.dir(".")?;
        lock.lock(Lock::Exclusive)?;
        // A large one and the one that is read now would be more than is to be held at a time.
        self.index = Index::default();
        let (text, index) = read_index(&self.dir, self.limits)?;
        let (roots, size) = (index.manifests, index.size);
        // Nor are its text and those of the indexes below it.
        let known = Digest::of(HashAlgorithm::Sha256, &text);
        drop(text);
        let mut editor = Editor {
            layout: self,
            tree: Tree::below(self, roots.clone(), size)?,
            replaced: HashMap::new(),
            visited: HashMap::new(),
            blobs: Vec::new(),
            grown: 0,
        };
        let mut images = editor.edit_manifests(edits)?;
        for root in &roots {
            editor.edit_below(root)?;
        }
        let matters = |digest: &Digest| editor.replaced.contains_key(digest);
        let mut above = TagsAbove::new(&roots, &editor.tree, matters);
        for image in &mut images {
            // The signed manifest may have been there before.
            let digests = [image.old, image.new];
            let leads_there = roots.iter().filter(|d| digests.contains(&d.digest));
            let tags = leads_there.filter_map(|d| d.tag().map(str::to_owned));
            image.tags = tags.collect();
            (image.index_tags, image.more_index_tags) = above.of(&image.old);
        }
        drop(above);
        let referrers = editor.referrers()?;
        drop(roots);
        // From here on only the text of index.json is needed, not what was read from it.
        let room = std::mem::take(&mut editor.tree).room;
        let text = index_bytes(&self.dir, self.limits)?;
        if Digest::of(HashAlgorithm::Sha256, &text) != known {
            return Err(Error::Lost {
                layout: self.path().to_owned(),
                name: edits.first().map(|e| e.name.clone()).unwrap_or_default(),
            });
        }
        let new_index = editor.edit_index(&Part::IndexJson, &text)?;
        if editor.grown > room {
            let problem = Problem::TooManyBytes(self.limits.indexes);
            return Err(self.problem(Part::IndexJson, problem));
        }
        drop(text);
        let blobs = editor.blobs;
        let is_changed = new_index.is_some() || !blobs.is_empty();
        if is_changed {
            let mut transaction = Transaction::new(&self.dir)?;
            let files: Vec<_> = blobs
                .iter()
                .map(|blob| {
                    let dir = self
                        .algorithm_dir(blob.digest().algorithm())
                        .expect("a blob under this algorithm was read");
                    (dir, blob.digest().hex(), blob.bytes())
                })
                .collect();
            transaction.add(&files)?;
            if let Some(bytes) = new_index {
                transaction.add_last(INDEX_FILE, &bytes)?;
            }
            transaction.commit()?;
        } else {
            // The run that made this change may have been killed before it was durable.
            self.dir.settle()?;
        }
        self.index = read_index(&self.dir, self.limits)?.1;
        Ok(Applied {
            images,
            referrers,
            changed: is_changed,
        })
    }
}

/// What has become of a manifest or an index.
struct Replacement {
    blob: Blob,
    media_type: &'static str,
}

struct Editor<'a> {
    layout: &'a Layout,
    tree: Tree,
    /// By the old digest; an image that stays as it is stands here too, under its own.
    replaced: HashMap<Digest, Replacement>,
    /// Whether each index leads to a target.
    visited: HashMap<Digest, bool>,
    /// New blobs, each after those that it leads to.
    blobs: Vec<Blob>,
    /// Bytes by which the indexes have grown.
    grown: u64,
}

impl Editor<'_> {
    /// Puts the new manifests in the places of the old ones.
    fn edit_manifests(&mut self, edits: &[Edit]) -> Result<Vec<AppliedImage>, Error> {
        let reachable: HashSet<_> = self
            .tree
            .entries()
            .into_iter()
            .map(|entry| entry.descriptor.digest)
            .collect();
        let mut images = Vec::new();
        for edit in edits {
            let (old, blob) = (edit.old, edit.new.clone());
            let new = blob.digest();
            // Another run may have made this very change meanwhile; any other one is a loss.
            let old = if reachable.contains(&old) {
                old
            } else if reachable.contains(&new) {
                new
            } else {
                return Err(Error::Lost {
                    layout: self.layout.path().to_owned(),
                    name: edit.name.clone(),
                });
            };
            images.push(AppliedImage {
                name: edit.name.clone(),
                old,
                new,
                tags: Vec::new(),
                index_tags: Vec::new(),
                more_index_tags: false,
            });
            if new != old {
                self.blobs.push(blob.clone());
            }
            let media_type = media::MANIFEST;
            self.replaced.insert(old, Replacement { blob, media_type });
        }
        Ok(images)
    }

    /// Edits the indexes below an entry, the lowest first, and says whether it leads to a target
    /// through them. An index that leads to none stays as it is.
    fn edit_below(&mut self, entry: &Descriptor) -> Result<bool, Error> {
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
            let (old, _) = self.layout.nested(entry)?;
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

    /// The new text of an index; `None` where it stays as it is.
    fn edit_index(&mut self, part: &Part, bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let this = &*self;
        let edit = || -> Result<Option<Vec<u8>>, serde_json::Error> {
            // It was checked when it was read as an index.
            let mut index: Object = serde_json::from_slice(bytes)?;
            index.edit_list("manifests", |entry| this.edit_entry(entry))?;
            set_media_type(&mut index, media::INDEX)?;
            index.is_changed().then(|| index.to_bytes()).transpose()
        };
        let edited = edit().map_err(|e| self.layout.problem(part.clone(), Problem::json(e)))?;
        if let Some(new) = &edited {
            self.layout.check_document(part, new)?;
            self.grown += new.len().saturating_sub(bytes.len()) as u64;
        }
        Ok(edited)
    }

    fn edit_entry(&self, entry: &mut Object<'_>) -> Result<(), serde_json::Error> {
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
            let attested: Option<String> = annotations.get(ATTESTED_DIGEST)?;
            if let Some(replacement) = self.replacement(attested.as_deref()) {
                let digest = replacement.blob.digest().to_string();
                annotations.set(ATTESTED_DIGEST, &digest)?;
                if annotations.is_changed() {
                    entry.set("annotations", &annotations)?;
                }
            }
        }
        Ok(())
    }

    fn replacement(&self, digest: Option<&str>) -> Option<&Replacement> {
        self.replaced.get(&digest?.parse().ok()?)
    }

    /// What refers to a manifest or an index that is replaced: by its `subject`, or by a tag that spells the
    /// digest (`sha256-HEX`, the referrers tag schema, and what cosign derives from it).
    fn referrers(&self) -> Result<Vec<Referrer>, Error> {
        let new = |old: &Digest| self.replaced.get(old).map(|new| new.blob.digest());
        let replaced = self.replaced.keys().copied();
        let replaced: HashSet<_> = replaced.filter(|old| new(old) != Some(*old)).collect();
        let mut found = Vec::new();
        if replaced.is_empty() {
            return Ok(found);
        }
        let mut seen = HashSet::new();
        let spelt: BTreeMap<_, _> = replaced
            .iter()
            .map(|digest| (format!("{}-{}", digest.algorithm(), digest.hex()), *digest))
            .collect();
        let entries = self.tree.entries();
        let mut subjects: HashMap<Digest, Option<Digest>> = HashMap::new();
        // Each once, and no more at a time than what is found in them is small.
        for some in entries.chunks(256) {
            let mut new = Vec::new();
            for descriptor in some.iter().map(|entry| &entry.descriptor) {
                let media_type = &descriptor.media_type;
                if (media::is_manifest(media_type) || media::is_index(media_type))
                    && let Entry::Vacant(place) = subjects.entry(descriptor.digest)
                {
                    place.insert(None);
                    new.push(descriptor);
                }
            }
            let found = parallel::map(&new, usize::MAX, |_, descriptor| {
                self.layout.subject_of(descriptor)
            });
            for (descriptor, subject) in new.iter().zip(found) {
                subjects.insert(descriptor.digest, subject?);
            }
        }
        for entry in &entries {
            let descriptor = &entry.descriptor;
            let tag = descriptor.tag().map(str::to_owned);
            let by_tag = tag.as_deref().and_then(|tag| {
                let stem = tag.split('.').next().unwrap_or(tag);
                spelt.get(stem).copied()
            });
            let by_subject = || {
                let subject = subjects.get(&descriptor.digest).copied().flatten();
                subject.filter(|subject| replaced.contains(subject))
            };
            if let Some(subject) = by_tag.or_else(by_subject)
                && seen.insert((descriptor.digest, tag.clone()))
            {
                found.push(Referrer {
                    // It may have been replaced itself.
                    digest: new(&descriptor.digest).unwrap_or(descriptor.digest),
                    tag,
                    subject,
                });
            }
        }
        Ok(found)
    }
}

/// The manifest with the annotations set, and with OCI's media types.
fn edit_manifest(
    old: &Blob,
    annotations: &BTreeMap<String, String>,
) -> Result<Blob, serde_json::Error> {
    // It was checked when the image was loaded.
    let mut manifest: Object = serde_json::from_slice(old.bytes())?;
    set_media_type(&mut manifest, media::MANIFEST)?;
    let mut config: Object = manifest.get("config")?.unwrap_or_else(Object::new);
    translate_media_type(&mut config)?;
    if config.is_changed() {
        manifest.set("config", &config)?;
    }
    manifest.edit_list("layers", translate_media_type)?;
    let present = manifest.get::<Option<Object>>("annotations")?.flatten();
    let mut all = present.unwrap_or_else(Object::new);
    for (key, value) in annotations {
        all.set(key, value)?;
    }
    if all.is_changed() {
        manifest.set_object("annotations", all);
    }
    if manifest.is_changed() {
        Ok(Blob::new(old.digest().algorithm(), manifest.to_bytes()?))
    } else {
        Ok(old.clone())
    }
}

fn set_media_type(document: &mut Object<'_>, media_type: &str) -> Result<(), serde_json::Error> {
    match document.get::<Option<String>>("mediaType")?.flatten() {
        Some(present) if present == media_type => Ok(()),
        _ => document.set_behind("schemaVersion", "mediaType", media_type),
    }
}

fn translate_media_type(descriptor: &mut Object<'_>) -> Result<(), serde_json::Error> {
    let present: Option<String> = descriptor.get("mediaType")?;
    match present.as_deref().and_then(media::oci_equivalent) {
        Some(translated) => descriptor.set("mediaType", translated),
        None => Ok(()),
    }
}
