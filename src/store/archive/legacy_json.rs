//! The documents that a conversion writes: an OCI manifest and index.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::crypto::Digest;
use crate::image::{Compression, IMAGE_NAME, Platform, REF_NAME, media};

/// A file of the archive that has become a blob.
#[derive(Clone, Debug)]
pub(super) struct Converted {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) compression: Compression,
    /// The platform that a config states.
    pub(super) platform: Option<Platform>,
}

/// The names that one entry of `index.json` gives an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) ref_name: String,
    pub(super) full_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor<'a>,
    layers: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'static str,
    manifests: &'a [Descriptor<'a>],
}

/// An OCI content descriptor.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor<'a> {
    media_type: &'static str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<PlatformOut>,
}

#[derive(Serialize)]
struct PlatformOut {
    architecture: String,
    os: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
    #[serde(rename = "os.features", skip_serializing_if = "Option::is_none")]
    os_features: Option<Vec<String>>,
}

impl<'a> Descriptor<'a> {
    fn new(media_type: &'static str, digest: Digest, size: u64) -> Self {
        Self {
            media_type,
            digest: digest.to_string(),
            size,
            annotations: BTreeMap::new(),
            platform: None,
        }
    }

    /// An entry of `index.json`.
    pub(super) fn entry(
        digest: Digest,
        size: u64,
        platform: Option<&Platform>,
        tag: Option<&'a Tag>,
    ) -> Self {
        let mut entry = Self::new(media::MANIFEST, digest, size);
        if let Some(tag) = tag {
            entry.annotations.insert(REF_NAME, &tag.ref_name);
            entry.annotations.insert(IMAGE_NAME, &tag.full_name);
        }
        entry.platform = platform.cloned().map(|p| PlatformOut {
            architecture: p.architecture,
            os: p.os,
            variant: p.variant,
            os_version: p.os_version,
            os_features: p.os_features.map(|features| features.names().collect()),
        });
        entry
    }
}

/// Writes an image manifest.
pub(super) fn manifest(config: &Converted, layers: &[&Converted]) -> serde_json::Result<Vec<u8>> {
    let layer = |l: &&Converted| Descriptor::new(layer_type(l.compression), l.digest, l.size);
    serde_json::to_vec(&Manifest {
        schema_version: 2,
        media_type: media::MANIFEST,
        config: Descriptor::new(media::CONFIG, config.digest, config.size),
        layers: layers.iter().map(layer).collect(),
    })
}

/// Writes `index.json`.
pub(super) fn index(entries: &[Descriptor<'_>]) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Index {
        schema_version: 2,
        media_type: media::INDEX,
        manifests: entries,
    })
}

const fn layer_type(compression: Compression) -> &'static str {
    match compression {
        Compression::None => media::LAYER,
        Compression::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
        Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
    }
}
