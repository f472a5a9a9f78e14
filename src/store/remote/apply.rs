//! Changing images in a repository: new manifests first, then the indexes above them, then the tags (R40, R48).

use std::collections::HashMap;
use std::sync::Arc;

use super::manifest::Document;
use super::push::Move;
use super::store::RemoteStore;
use crate::crypto::Digest;
use crate::image::{Blob, Descriptor, Link, Tag, media};
use crate::store::access::{Store, Target};
use crate::store::edit::{Applied, Edit, Referrer};
use crate::store::editor::Editor;
use crate::store::error::{Error, Kind};
use crate::store::problem::Part;
use crate::store::reader::blobs::Reader;
use crate::store::reader::tree::Tree;

/// The endings of the tags by which cosign finds what belongs to an image.
const ENDINGS: [&str; 2] = ["sig", "att"];

impl Target for RemoteStore {
    /// Makes the changes, and moves each tag that named an image to the new image.
    ///
    /// A registry has no transactions, so this sends every manifest after the content that it leads to. If another run
    /// has moved a tag meanwhile, the result is [`Kind::Lost`], and the tags before that one have moved already.
    fn apply(&mut self, edits: &[Edit]) -> Result<Applied, Error> {
        let this: &Self = self;
        let roots = this.meant.clone();
        let reader = Reader::new(this, this.limits);
        let mut editor = Editor {
            reader: &reader,
            tree: Tree::below(&reader, roots.clone(), 0)?,
            replaced: HashMap::new(),
            visited: HashMap::new(),
            blobs: Vec::new(),
            grown: 0,
        };
        let mut images = editor.edit_manifests(edits)?;
        for root in &roots {
            editor.edit_below(root)?;
        }
        let mut referrers = Vec::new();
        for image in &mut images {
            let leads = |root: &&Arc<Descriptor>| [image.old, image.new].contains(&root.digest);
            let tags = roots.iter().filter(leads);
            image.tags = tags.filter_map(|root| root.tag.clone()).collect();
            let above = roots.iter().filter(|root| {
                root.digest != image.old && editor.replaced.contains_key(&root.digest)
            });
            image.index_tags = above.filter_map(|root| root.tag.clone()).collect();
            if image.old != image.new {
                referrers.extend(this.referring(&image.old)?);
            }
        }
        let types: HashMap<Digest, &str> = editor
            .replaced
            .values()
            .map(|new| (new.blob.digest(), new.media_type))
            .collect();
        for blob in &editor.blobs {
            let kind = types.get(&blob.digest()).copied().unwrap_or_default();
            let document = document(blob, kind);
            let pushed = this.repository.push_manifest(&document);
            pushed.map_err(|error| this.error(Part::Manifest(blob.digest()), error))?;
        }
        let mut attached = false;
        for edit in edits {
            attached |= this.attach(edit)?;
        }
        for root in &roots {
            if let Some(new) = editor.replaced.get(&root.digest)
                && new.blob.digest() != root.digest
                && let Some(tag) = root.tag.as_ref().and_then(|tag| tag.parse().ok())
            {
                this.follow(&tag, &root.digest, &document(&new.blob, new.media_type))?;
            }
        }
        let changed = attached || !editor.blobs.is_empty();
        Ok(Applied {
            images,
            referrers,
            mended: Vec::new(),
            changed,
        })
    }
}

fn document(blob: &Blob, media_type: &str) -> Document {
    Document {
        blob: blob.clone(),
        media_type: media_type.to_owned(),
    }
}

impl RemoteStore {
    /// Attaches to images of another repository: this repository holds what hangs on them, and not the images.
    pub fn attach_all(&self, edits: &[Edit]) -> Result<(), Error> {
        for edit in edits {
            self.attach(edit)?;
        }
        Ok(())
    }

    /// Pushes what an edit attaches to an image: blobs first, then the manifest, then what leads to it. Says if
    /// the run sent anything.
    fn attach(&self, edit: &Edit) -> Result<bool, Error> {
        let Some(attached) = &edit.attached else {
            return Ok(false);
        };
        let digest = attached.manifest.digest();
        let error = |error| self.error(Part::Manifest(digest), error);
        let document = document(&attached.manifest, media::MANIFEST);
        for blob in &attached.blobs {
            let pushed = self
                .repository
                .push_blob(&blob.digest(), blob.size(), blob, None);
            pushed.map_err(|error| self.error(Part::Blob(blob.digest()), error))?;
        }
        match &attached.by {
            Link::Subject { .. } => {
                let sent = self.repository.attach(&document, &edit.digest());
                sent.map_err(error)?;
                Ok(true)
            }
            Link::Tag { tag, replaces } => {
                if *replaces == Some(digest) {
                    return Ok(false);
                }
                let name = tag.parse().map_err(|_| self.no_tag(tag))?;
                let moved = self
                    .repository
                    .move_tag(&name, replaces.as_ref(), &document);
                match moved.map_err(error)? {
                    Move::Done { .. } => Ok(true),
                    Move::Lost { .. } => Err(self.lost(tag)),
                }
            }
        }
    }

    fn lost(&self, tag: &str) -> Error {
        let name = tag.to_owned();
        Kind::Lost { name }.at(Store::place(self).clone())
    }

    fn no_tag(&self, tag: &str) -> Error {
        let reason = "no registry takes such a tag".to_owned();
        let tag = tag.to_owned();
        Kind::Tagged { tag, reason }.at(Store::place(self).clone())
    }

    /// Lets a tag lead to a new document if it still leads to the old one.
    fn follow(&self, tag: &Tag, old: &Digest, new: &Document) -> Result<(), Error> {
        let moved = self.repository.move_tag(tag, Some(old), new);
        let part = Part::Manifest(new.blob.digest());
        match moved.map_err(|error| self.error(part, error))? {
            Move::Done { .. } => Ok(()),
            Move::Lost { .. } => Err(self.lost(tag.as_str())),
        }
    }

    /// The referrers of an image to replace: from the registry's list or fallback tag, and cosign's tags.
    fn referring(&self, old: &Digest) -> Result<Vec<Referrer>, Error> {
        let mut found = Vec::new();
        for one in self.referrers(old)? {
            found.push(Referrer {
                digest: one.digest,
                tag: None,
                subject: *old,
            });
        }
        for ending in ENDINGS {
            let name = format!("{}-{}.{ending}", old.algorithm(), old.hex());
            let Ok(tag) = name.parse() else { continue };
            let led = self.repository.resolve(&tag);
            if let Some(digest) = led.map_err(|error| self.error(Part::Blob(*old), error))? {
                found.push(Referrer {
                    digest,
                    tag: Some(name),
                    subject: *old,
                });
            }
        }
        Ok(found)
    }
}
