//! Image manifests (OCI image-spec, "Image Manifest"), and how runtimes read them.

use std::collections::BTreeMap;

use super::descriptor::Descriptor;
use super::media;
use crate::crypto::Digest;

/// An image manifest as it was read.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The config.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// The manifest's own annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest that this manifest refers to: its subject.
    pub subject: Option<Digest>,
    /// Its `artifactType`, if any.
    pub artifact_type: Option<String>,
}

impl Manifest {
    /// Whether nothing in it could be an image's. It has no image's config, because some runtimes then unpack layers of
    /// any type. Its config is `{}`, because some read the platform in any config. It has no layer of files.
    pub fn is_artifact(&self) -> bool {
        let empty = Digest::of(self.config.digest.algorithm(), b"{}");
        !self.has_image_config() && !self.has_files() && self.config.digest == empty
    }

    fn has_image_config(&self) -> bool {
        let config = &self.config.media_type;
        media::oci_equivalent(config).unwrap_or(config) == media::CONFIG
    }

    /// Whether a layer claims to hold files.
    pub fn has_files(&self) -> bool {
        let mut layers = self.layers.iter();
        layers.any(|layer| media::is_layer(&layer.media_type))
    }
}
