//! docker's list of saved images: `manifest.json` (docker engine, `image/tarexport`).

use super::problem::Problem;
use crate::crypto::Digest;
use crate::encoding::json::{self, Object};
use crate::encoding::strict;

/// The file's name.
pub(super) const MANIFEST_FILE: &str = "manifest.json";
/// The longest `manifest.json` that ir-sign reads, in bytes; the file for one image has about ten thousand bytes.
pub(super) const LONGEST_MANIFEST: u64 = 1 << 20;
/// Files in which engines before 1.10 listed images. Engines up to 27 still load them if there is no `manifest.json`.
/// In a folder that has blobs too, they read one of these first.
pub(super) const OLDER_LISTS: [&str; 2] = ["repositories", "blobs/json"];

const CONFIG: &str = "Config";
const REPO_TAGS: &str = "RepoTags";
const LAYERS: &str = "Layers";

/// An image of docker's list; ir-sign has read its config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedImage {
    /// The config's digest.
    pub config: Digest,
    /// The names that docker gives the image.
    pub repo_tags: Vec<String>,
}

/// One image of `manifest.json`.
pub(super) struct Saved {
    /// The config's name in the archive.
    pub(super) config: String,
    /// The layers' names, the lowest first.
    pub(super) layers: Vec<String>,
    /// The tags, each `NAME:TAG`.
    pub(super) repo_tags: Vec<String>,
}

/// Reads `manifest.json`. Ignores members other than the three that matter, such as `Parent` and `LayerSources`.
/// docker, podman and skopeo read names in any case, and some builders write them in lower case, so this accepts any
/// case if it fits only one member.
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

/// The spelling of a member in this object. Of several spellings Go's reader takes the last, and it also accepts
/// letters outside ASCII that are the same in lower case.
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
