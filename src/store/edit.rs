//! Changes to images, and their results.

use std::collections::BTreeMap;

use super::layout::mend::Mended;
use crate::crypto::Digest;
use crate::image::{Blob, Link};

/// A change to an image that is computed, but not made yet.
#[derive(Clone, Debug)]
pub struct Edit {
    pub(super) name: String,
    pub(super) old: Digest,
    /// The new manifest, unless that stays as it is.
    pub(super) new: Option<Blob>,
    pub(super) attached: Option<Attached>,
}

/// A manifest to attach to an image: checked, so that readers accept it.
#[derive(Clone, Debug)]
pub(super) struct Attached {
    pub(super) manifest: Blob,
    /// The manifest's own.
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) blobs: Vec<Blob>,
    pub(super) by: Link,
}

impl Edit {
    /// The digest that the manifest is going to have.
    pub(super) fn digest(&self) -> Digest {
        self.new.as_ref().map_or(self.old, Blob::digest)
    }
}

/// The result of [`super::Target::apply`].
#[derive(Clone, Debug)]
pub struct Applied {
    /// The images, in the order in which they were given.
    pub images: Vec<AppliedImage>,
    /// The referrers of a manifest or an index that was replaced.
    pub referrers: Vec<Referrer>,
    /// The changes that let realms get the images.
    pub mended: Vec<Mended>,
    /// Whether anything was written.
    pub changed: bool,
}

/// One changed image.
#[derive(Clone, Debug)]
pub struct AppliedImage {
    /// Its name in messages.
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

/// A manifest, an index or a tag that still refers to a replaced manifest or index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest or index that refers, as it is now.
    pub digest: Digest,
    /// Its tag, if it has one.
    pub tag: Option<String>,
    /// What it refers to.
    pub subject: Digest,
}
