//! The JSON documents of an image, from bytes that have been checked to values.
//!
//! Read with the types of `oci-spec`; beyond those, refused where readers are known to differ: a
//! member twice, a member whose name differs from a known one in case only, and documents that are
//! an index and a manifest at once.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image as oci;
use serde::Deserialize;

use super::error::Problem;
use super::json::{self, Object};
use crate::crypto::Digest;
use crate::image::{Descriptor, Manifest, Platform, media};

/// An image index, or `index.json`.
#[derive(Clone, Debug)]
pub struct Index {
    /// The entries.
    pub manifests: Vec<Descriptor>,
}

/// What is wanted of a config.
#[derive(Clone, Debug)]
pub struct Config {
    /// The digests of the uncompressed layers.
    pub diff_ids: Vec<Digest>,
    /// The platform.
    pub platform: Platform,
}

const INDEX_MEMBERS: [&str; 6] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "manifests",
    "subject",
    "annotations",
];
const MANIFEST_MEMBERS: [&str; 7] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "subject",
    "annotations",
];
const CONFIG_MEMBERS: [&str; 5] = ["architecture", "os", "variant", "rootfs", "config"];

/// Reads an image index.
pub fn index(bytes: &[u8]) -> Result<Index, Problem> {
    check_members(bytes, &INDEX_MEMBERS, &["config", "layers"])?;
    let index: oci::ImageIndex = parse(bytes)?;
    check_version(index.schema_version())?;
    if let Some(found) = index.media_type().as_ref().map(ToString::to_string)
        && !media::is_index(&found)
    {
        return Err(Problem::MediaType {
            found,
            wanted: "an image index",
        });
    }
    let manifests = index.manifests().iter().map(descriptor);
    Ok(Index {
        manifests: manifests.collect::<Result<_, _>>()?,
    })
}

/// Reads an image manifest that a descriptor with media type `outside` led to.
pub fn manifest(bytes: &[u8], outside: &str) -> Result<Manifest, Problem> {
    check_members(bytes, &MANIFEST_MEMBERS, &["manifests"])?;
    let manifest: oci::ImageManifest = parse(bytes)?;
    check_version(manifest.schema_version())?;
    if let Some(inside) = manifest.media_type().as_ref().map(ToString::to_string)
        && inside != outside
        && media::oci_equivalent(&inside).unwrap_or(&inside)
            != media::oci_equivalent(outside).unwrap_or(outside)
    {
        return Err(Problem::MediaTypes {
            inside,
            outside: outside.to_owned(),
        });
    }
    let layers = manifest.layers().iter().map(descriptor);
    Ok(Manifest {
        config: descriptor(manifest.config())?,
        layers: layers.collect::<Result<_, _>>()?,
        annotations: sorted(manifest.annotations().as_ref()),
        subject: manifest
            .subject()
            .as_ref()
            .map(|s| digest(s.digest()))
            .transpose()?,
    })
}

/// Reads an image config.
pub fn config(bytes: &[u8]) -> Result<Config, Problem> {
    #[derive(Deserialize)]
    struct Document {
        architecture: String,
        os: String,
        variant: Option<String>,
        rootfs: oci::RootFs,
    }
    check_members(bytes, &CONFIG_MEMBERS, &[])?;
    let document: Document = parse(bytes)?;
    if document.rootfs.typ() != "layers" {
        return Err(Problem::Json(format!(
            "its rootfs has type \"{}\", and \"layers\" is the only one there is",
            document.rootfs.typ()
        )));
    }
    let diff_ids = document.rootfs.diff_ids().iter();
    Ok(Config {
        diff_ids: diff_ids
            .map(|text| text.parse().map_err(json_problem))
            .collect::<Result<_, _>>()?,
        platform: Platform {
            os: document.os,
            architecture: document.architecture,
            variant: document.variant.filter(|v| !v.is_empty()),
        },
    })
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(json_problem)
}

fn json_problem(error: impl std::fmt::Display) -> Problem {
    Problem::Json(error.to_string())
}

/// Refuses doubled members at any depth, and at the top those that look like a known one but for
/// case (some readers would take them for it) or belong to another kind of document.
fn check_members(bytes: &[u8], known: &[&str], foreign: &[&str]) -> Result<(), Problem> {
    let object: Object = json::read(bytes).map_err(json_problem)?;
    for key in object.keys() {
        let disguised = |k: &&str| *k != key && k.eq_ignore_ascii_case(key);
        let belongs_elsewhere = |k: &&str| k.eq_ignore_ascii_case(key);
        if known.iter().any(disguised) || foreign.iter().any(belongs_elsewhere) {
            return Err(Problem::Member(key.to_owned()));
        }
    }
    Ok(())
}

fn check_version(version: u32) -> Result<(), Problem> {
    if version == 2 {
        Ok(())
    } else {
        Err(Problem::Json(format!(
            "its schemaVersion is {version}, and 2 is the only one there is"
        )))
    }
}

fn digest(digest: &oci::Digest) -> Result<Digest, Problem> {
    digest.as_ref().parse().map_err(json_problem)
}

fn descriptor(descriptor: &oci::Descriptor) -> Result<Descriptor, Problem> {
    let platform = descriptor.platform().as_ref().map(|p| Platform {
        os: p.os().to_string(),
        architecture: p.architecture().to_string(),
        variant: p.variant().clone().filter(|v| !v.is_empty()),
    });
    Ok(Descriptor {
        media_type: descriptor.media_type().to_string(),
        digest: digest(descriptor.digest())?,
        size: descriptor.size(),
        annotations: sorted(descriptor.annotations().as_ref()),
        platform,
        data: descriptor.data().clone(),
    })
}

fn sorted(map: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    map.into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}
