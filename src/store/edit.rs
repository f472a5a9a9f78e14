//! Changes to images, and their results.

use std::collections::BTreeMap;

use super::layout::mend::Mended;
use crate::crypto::Digest;
use crate::image::{Blob, Link};

/// A change to an image, computed but not made yet.
#[derive(Clone, Debug)]
pub struct Edit {
    pub(super) name: String,
    pub(super) old: Digest,
    /// The new manifest; `None` if the manifest does not change.
    pub(super) new: Option<Blob>,
    pub(super) attached: Option<Attached>,
}

/// A manifest to attach to an image; ir-sign has checked that readers accept it.
#[derive(Clone, Debug)]
pub(super) struct Attached {
    pub(super) manifest: Blob,
    /// The manifest's annotations.
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) blobs: Vec<Blob>,
    pub(super) by: Link,
}

impl Edit {
    /// The digest that the manifest will have.
    pub(super) fn digest(&self) -> Digest {
        self.new.as_ref().map_or(self.old, Blob::digest)
    }
}

/// The result of [`super::Target::apply`].
#[derive(Clone, Debug)]
pub struct Applied {
    /// The images, in the order of the edits.
    pub images: Vec<AppliedImage>,
    /// The referrers of a replaced manifest or index.
    pub referrers: Vec<Referrer>,
    /// The changes that let realms get the images.
    pub mended: Vec<Mended>,
    /// Whether this wrote anything.
    pub changed: bool,
}

/// One changed image.
#[derive(Clone, Debug)]
pub struct AppliedImage {
    /// Its name in messages.
    pub name: String,
    /// The digest that its manifest had before; the new digest if another run made this very change meanwhile.
    pub old: Digest,
    /// The digest that its manifest has now.
    pub new: Digest,
    /// The tags that lead to the image now.
    pub tags: Vec<String>,
    /// The tags that lead to an index that holds the image, or the first of these tags.
    pub index_tags: Vec<String>,
    /// Whether more tags of indexes lead to the image.
    pub more_index_tags: bool,
}

/// A manifest, an index or a tag that still refers to a replaced manifest or index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest or index that refers, with its present digest.
    pub digest: Digest,
    /// Its tag, if it has one.
    pub tag: Option<String>,
    /// The replaced manifest or index that it refers to.
    pub subject: Digest,
}
