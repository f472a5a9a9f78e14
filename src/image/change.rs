//! The change that a scheme makes to an image.

use std::collections::BTreeMap;

use super::descriptor::Blob;
use crate::crypto::Digest;

/// The change that a scheme makes to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Leave the image as it is: it is signed already.
    Keep,
    /// Set these annotations of the manifest.
    Annotate(BTreeMap<String, String>),
    /// Put another manifest beside the image, which itself stays as it is.
    Attach {
        /// An OCI image manifest.
        manifest: Blob,
        /// Its config and layers, without those that exist already.
        blobs: Vec<Blob>,
        /// How readers find it from the image.
        by: Link,
    },
}

/// How readers find what is attached to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The manifest's `subject` is the image (OCI Distribution Specification 1.1, "Listing Referrers").
    Subject {
        /// The manifest's `artifactType`.
        artifact_type: String,
    },
    /// A tag leads to it, with the image's digest in its name.
    Tag {
        /// The tag.
        tag: String,
        /// The manifest that the tag leads to until then; `None` if there is no such tag yet.
        replaces: Option<Digest>,
    },
}
