//! One image: the subject of signatures.

use super::descriptor::Blob;
use super::manifest::Manifest;
use super::platform::Platform;
use crate::crypto::Digest;

/// One image whose manifest and config have the digests that lead to them.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name by which the user asked for the image, for messages.
    pub name: String,
    /// The platform that its config states.
    pub platform: Platform,
    /// The manifest's bytes.
    pub manifest_blob: Blob,
    /// The manifest, read from those bytes.
    pub manifest: Manifest,
    /// The config's bytes, which the signature covers.
    pub config: Blob,
    /// The digests of the uncompressed layers, read from the config.
    pub diff_ids: Vec<Digest>,
}

impl Image {
    /// The manifest's digest, by which the image is known.
    pub const fn digest(&self) -> Digest {
        self.manifest_blob.digest()
    }
}
