//! The JSON documents of an image: this turns checked bytes into values.
//!
//! The types are those of `oci-spec`. This also refuses documents that readers are known to understand differently: a
//! member twice, a member whose name differs from a known one in case only, and documents that are an index and a
//! manifest at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use oci_spec::image as oci;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use super::cosign_saved::{self, KIND, Listed, Role};
use super::problem::Problem;
use super::shapes;
use crate::crypto::Digest;
use crate::encoding::strict::{self, Refusal, Shape};
use crate::image::{
    Descriptor, Embedded, IMAGE_NAME, Manifest, OsFeatures, Platform, REF_NAME, Reference, media,
};

/// An image index, or `index.json`.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// The entries. There may be many, and several parts of the program make lists of them.
    pub manifests: Vec<Arc<Descriptor>>,
    /// The digest that the index refers to.
    pub subject: Option<Digest>,
    /// The size of the document in bytes.
    pub size: u64,
    /// The image that `cosign save` wrote, if the annotations say so of one digest.
    pub saved: Option<Digest>,
}

/// The members of a config that ir-sign uses.
#[derive(Clone, Debug)]
pub struct Config {
    /// The digests of the uncompressed layers.
    pub diff_ids: Vec<Digest>,
    /// The platform.
    pub platform: Platform,
}

/// The most bytes of a media type (RFC 6838, section 4.2: two names of 127), and of a part of a platform.
const LONGEST_NAME: usize = 255;
/// The length of the longest tag in bytes: no reference could name a longer one.
const LONGEST_TAG: usize = Reference::LONGEST;

/// Reads the version that the file `oci-layout` states.
pub fn layout_version(bytes: &[u8]) -> Result<String, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        image_layout_version: String,
    }
    let document: Document = read(bytes, &shapes::LAYOUT_MARKER)?;
    Ok(document.image_layout_version)
}

/// Reads an image index.
pub fn index(bytes: &[u8]) -> Result<Index, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        schema_version: u32,
        media_type: Option<String>,
        #[serde(rename = "artifactType")]
        _artifact_type: Option<String>,
        #[serde(deserialize_with = "list")]
        manifests: Vec<Entry<Listed>>,
        subject: Option<Entry<Descriptor>>,
        #[serde(rename = "annotations")]
        _annotations: Option<BTreeMap<String, String>>,
    }
    let index: Document = read(bytes, &shapes::INDEX)?;
    check_version(index.schema_version)?;
    if let Some(found) = index.media_type
        && !media::is_index(&found)
    {
        check_media_type(&found).map_err(Problem::json)?;
        return Err(Problem::MediaType {
            found,
            wanted: "an image index",
        });
    }
    let listed = index.manifests.into_iter().map(|entry| entry.0);
    let (manifests, saved) = cosign_saved::with_tags(listed);
    Ok(Index {
        manifests,
        saved,
        subject: index.subject.map(|entry| entry.0.digest),
        size: bytes.len() as u64,
    })
}

/// Reads an image manifest; `outside` is the media type in the descriptor that leads to it.
pub fn manifest(bytes: &[u8], outside: &str) -> Result<Manifest, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        schema_version: u32,
        media_type: Option<String>,
        artifact_type: Option<String>,
        config: Entry<Descriptor>,
        #[serde(deserialize_with = "list")]
        layers: Vec<Entry<Descriptor>>,
        subject: Option<Entry<Descriptor>>,
        annotations: Option<BTreeMap<String, String>>,
    }
    let manifest: Document = read(bytes, &shapes::MANIFEST)?;
    check_version(manifest.schema_version)?;
    if let Some(inside) = manifest.media_type
        && media::oci_equivalent(&inside).unwrap_or(&inside)
            != media::oci_equivalent(outside).unwrap_or(outside)
    {
        check_media_type(&inside).map_err(Problem::json)?;
        return Err(Problem::MediaTypes {
            inside,
            outside: outside.to_owned(),
        });
    }
    if let Some(kind) = &manifest.artifact_type {
        check_length("artifactType", kind, LONGEST_NAME).map_err(Problem::json)?;
    }
    Ok(Manifest {
        config: manifest.config.0,
        layers: manifest.layers.into_iter().map(|entry| entry.0).collect(),
        annotations: manifest.annotations.unwrap_or_default(),
        subject: manifest.subject.map(|entry| entry.0.digest),
        artifact_type: manifest.artifact_type,
    })
}

/// The annotations of each layer of an image manifest that [`manifest`] has read.
pub fn layer_annotations(bytes: &[u8]) -> Result<Vec<BTreeMap<String, String>>, Problem> {
    #[derive(serde::Deserialize)]
    struct Document {
        #[serde(deserialize_with = "list")]
        layers: Vec<Layer>,
    }
    #[derive(serde::Deserialize)]
    struct Layer {
        annotations: Option<BTreeMap<String, String>>,
    }
    let document: Document = read(bytes, &shapes::MANIFEST)?;
    let all = document.layers.into_iter();
    Ok(all
        .map(|layer| layer.annotations.unwrap_or_default())
        .collect())
}

/// Checks that a document itself states this media type.
pub fn check_stated(bytes: &[u8], wanted: &'static str) -> Result<(), Problem> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        media_type: Option<String>,
    }
    let document: Document = serde_json::from_slice(bytes).map_err(Problem::json)?;
    match document.media_type {
        Some(found) if found == wanted => Ok(()),
        Some(inside) => Err(Problem::MediaTypes {
            inside,
            outside: wanted.to_owned(),
        }),
        None => Err(Problem::NoMediaType(wanted)),
    }
}

/// Checks that the server which hands images to realms can read an index or a manifest; `wanted` is its media type. It
/// must state exactly that type, and none of its lists may be `null`.
pub fn check_served(bytes: &[u8], wanted: &'static str) -> Result<(), Problem> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a> {
        #[serde(borrow)]
        manifests: Option<&'a RawValue>,
        #[serde(borrow)]
        layers: Option<&'a RawValue>,
    }
    let list = if wanted == media::INDEX {
        index(bytes)?;
        "manifests"
    } else {
        manifest(bytes, wanted)?;
        "layers"
    };
    let document: Document = serde_json::from_slice(bytes).map_err(Problem::json)?;
    if document.manifests.or(document.layers).is_none() {
        return Err(Problem::json(format_args!("its member \"{list}\" is null")));
    }
    check_stated(bytes, wanted)
}

/// Reads an image config.
pub fn config(bytes: &[u8]) -> Result<Config, Problem> {
    #[derive(serde::Deserialize)]
    struct Document {
        architecture: String,
        os: String,
        variant: Option<String>,
        #[serde(rename = "os.version")]
        os_version: Option<String>,
        #[serde(rename = "os.features")]
        os_features: Option<Vec<String>>,
        rootfs: RootFs,
    }
    #[derive(serde::Deserialize)]
    struct RootFs {
        #[serde(rename = "type")]
        kind: String,
        // Docker leaves an empty list out. Either way the config vouches for no layer.
        #[serde(default, deserialize_with = "list")]
        diff_ids: Vec<String>,
    }
    let document: Document = read(bytes, &shapes::CONFIG)?;
    let RootFs { kind, diff_ids } = document.rootfs;
    if kind != "layers" {
        check_length("the type of its rootfs", &kind, LONGEST_NAME).map_err(Problem::json)?;
        return Err(Problem::json(format_args!(
            "its rootfs has type \"{kind}\", but \"layers\" is the only type"
        )));
    }
    let platform = Platform {
        os: document.os,
        architecture: document.architecture,
        variant: stated(document.variant),
        os_version: stated(document.os_version),
        os_features: OsFeatures::of(&document.os_features.unwrap_or_default()),
    };
    check_platform(&platform).map_err(Problem::json)?;
    let diff_ids = diff_ids.iter();
    Ok(Config {
        diff_ids: diff_ids
            .map(|text| text.parse::<Digest>().map_err(Problem::json))
            .collect::<Result<_, _>>()?,
        platform,
    })
}

/// Checks the document, then reads it. This checks its small parts one by one, to save memory.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], shape: &'static Shape) -> Result<T, Problem> {
    strict::check_shape(bytes, shape).map_err(|refusal| match refusal {
        Refusal::Invalid(error) => Problem::json(error),
        Refusal::Member(name) => Problem::Member(name),
        Refusal::Alike { name, known } => Problem::Alike { name, known },
    })?;
    serde_json::from_slice(bytes).map_err(Problem::json)
}

/// A list. `null` is an empty list, because Go writes an empty list that way if no code has added to it.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

/// Refuses a name that is longer than any real one: ir-sign stores and prints facts about each image, and there may be
/// very many images, so the facts must be short.
fn check_length(what: &'static str, text: &str, most: usize) -> Result<(), TooLong> {
    let size = text.len();
    if size > most {
        return Err(TooLong { what, size, most });
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("{what} has {size} bytes, more than the limit of {most}")]
struct TooLong {
    what: &'static str,
    size: usize,
    most: usize,
}

fn check_media_type(text: &str) -> Result<(), TooLong> {
    check_length("mediaType", text, LONGEST_NAME)
}

fn check_platform(platform: &Platform) -> Result<(), TooLong> {
    let version = platform.os_version.as_deref();
    let features = platform.os_features.as_ref().map(OsFeatures::as_str);
    for (what, text) in [
        ("os", Some(platform.os.as_str())),
        ("architecture", Some(&platform.architecture)),
        ("variant", platform.variant.as_deref()),
        ("os.version", version),
        ("os.features", features),
    ] {
        check_length(what, text.unwrap_or_default(), LONGEST_NAME)?;
    }
    Ok(())
}

/// A member that may be absent; Go writes and reads an empty text as an absent one.
fn stated(member: Option<String>) -> Option<String> {
    member.filter(|text| !text.is_empty())
}

fn check_names(descriptor: &Descriptor) -> Result<(), TooLong> {
    check_media_type(&descriptor.media_type)?;
    check_length("tag", descriptor.tag().unwrap_or_default(), LONGEST_TAG)?;
    descriptor
        .platform
        .as_deref()
        .map_or(Ok(()), check_platform)
}

fn check_version(version: u32) -> Result<(), Problem> {
    if version == 2 {
        Ok(())
    } else {
        Err(Problem::json(format_args!(
            "its schemaVersion is {version}, but must be 2"
        )))
    }
}

/// A descriptor; reads only the members that ir-sign uses.
struct Entry<T>(T);

impl From<Read> for Descriptor {
    fn from(read: Read) -> Self {
        read.descriptor
    }
}

impl From<Read> for Listed {
    fn from(read: Read) -> Self {
        Self {
            descriptor: Arc::new(read.descriptor),
            role: read.role,
        }
    }
}

/// Everything that is read of a descriptor.
struct Read {
    descriptor: Descriptor,
    role: Option<Role>,
}

impl<'de, T: From<Read>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let read: oci::Descriptor = serde_json::from_str(text).map_err(|e| within(&e))?;
        let digest: Digest = read.digest().as_ref().parse().map_err(D::Error::custom)?;
        let annotation = |name| read.annotations().as_ref().and_then(|all| all.get(name));
        let platform = read.platform().as_ref().map(|_| listed(text));
        let platform = platform.transpose().map_err(|e| within(&e))?;
        let descriptor = Descriptor {
            media_type: media::shared(read.media_type().to_string()),
            digest,
            size: read.size(),
            tag: annotation(REF_NAME).cloned(),
            // No reference could name a longer full name, so this drops one.
            full_name: annotation(IMAGE_NAME)
                .filter(|name| name.len() <= LONGEST_TAG)
                .map(|name| name.as_str().into()),
            // A platform without any values counts as no platform.
            platform: platform
                .filter(|platform| !platform.is_empty())
                .map(Box::new),
            embedded: read.data().as_ref().map_or(Embedded::Nothing, |data| {
                Embedded::of(data, &digest, read.size())
            }),
        };
        check_names(&descriptor).map_err(D::Error::custom)?;
        let role = annotation(KIND).and_then(|kind| Role::of(kind));
        Ok(Self(Read { descriptor, role }.into()))
    }
}

/// The platform of a descriptor, word for word: [`oci::Platform`] drops `os.version` and `os.features`, and takes
/// `armbe` for `arm64be`.
fn listed(descriptor: &str) -> Result<Platform, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Document {
        platform: Listed,
    }
    #[derive(serde::Deserialize)]
    struct Listed {
        architecture: String,
        os: String,
        variant: Option<String>,
        #[serde(rename = "os.version")]
        os_version: Option<String>,
        #[serde(rename = "os.features")]
        os_features: Option<Vec<String>>,
    }
    let Document { platform } = serde_json::from_str(descriptor)?;
    Ok(Platform {
        os: platform.os,
        architecture: platform.architecture,
        variant: stated(platform.variant),
        os_version: stated(platform.os_version),
        os_features: OsFeatures::of(&platform.os_features.unwrap_or_default()),
    })
}

/// An error in a part of a document, without its line and column in the part.
fn within<E: Error>(error: &serde_json::Error) -> E {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    E::custom(text.strip_suffix(&place).unwrap_or(&text))
}
