//! The documents of a conversion: docker's `manifest.json` in, an OCI manifest and index out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::crypto::Digest;
use crate::image::{Compression, IMAGE_NAME, Platform, REF_NAME, media};
use crate::store::Problem;
use crate::store::json::{self, Object};
use crate::store::strict;

const CONFIG: &str = "Config";
const REPO_TAGS: &str = "RepoTags";
const LAYERS: &str = "Layers";

/// One image of `manifest.json`.
pub(super) struct Saved {
    /// The config's name in the archive.
    pub(super) config: String,
    /// The layers' names, the lowest first.
    pub(super) layers: Vec<String>,
    /// The tags, each `NAME:TAG`.
    pub(super) repo_tags: Vec<String>,
}

/// Reads `manifest.json`. Members beside the three that matter are passed over (`Parent`,
/// `LayerSources`). docker, podman and skopeo read names in any case, and some builders write them in
/// lower case: they are taken where one member alone could be meant.
pub(super) fn saved(bytes: &[u8]) -> Result<Vec<Saved>, Problem> {
    let images: Vec<Object<'_>> = json::read(bytes).map_err(|e| invalid(&e))?;
    images.iter().map(image).collect()
}

fn image(object: &Object<'_>) -> Result<Saved, Problem> {
    let [config, layers, repo_tags] = [CONFIG, LAYERS, REPO_TAGS].map(|known| spelt(object, known));
    let config = match config? {
        Some(key) => object.get(key).map_err(|e| invalid(&e))?,
        None => None,
    };
    Ok(Saved {
        config: config.ok_or_else(|| Problem::Json("an image has no \"Config\"".into()))?,
        layers: list(object, layers?)?,
        repo_tags: list(object, repo_tags?)?,
    })
}

/// How a member is spelt here. Go's reader takes the last of several spellings, and other letters than ASCII's that
/// are alike in lower case.
fn spelt<'o>(object: &'o Object<'_>, known: &str) -> Result<Option<&'o str>, Problem> {
    let mut found = None;
    for key in object.keys() {
        if key.eq_ignore_ascii_case(known) && found.is_none() {
            found = Some(key);
        } else if strict::is_like(known, key) {
            return Err(Problem::Member(key.to_owned()));
        }
    }
    Ok(found)
}

/// A list of texts; Go writes an empty one as `null`.
fn list(object: &Object<'_>, key: Option<&str>) -> Result<Vec<String>, Problem> {
    let Some(key) = key else {
        return Ok(Vec::new());
    };
    let list: Option<Option<Vec<String>>> = object.get(key).map_err(|e| invalid(&e))?;
    Ok(list.flatten().unwrap_or_default())
}

fn invalid(error: &json::Error) -> Problem {
    Problem::json(error)
}

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
