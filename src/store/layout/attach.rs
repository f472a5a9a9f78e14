//! Attaching manifests to images of a layout. Each attached manifest gets an entry of `index.json`, where other tools
//! write and look for it.
//!
//! A referrer's entry has no tag. It has the manifest's `artifactType` and annotations, as ORAS and Notation write it.
//! Readers find any other attached manifest only by its tag.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::crypto::Digest;
use crate::encoding::json::{Error as JsonError, Object};
use crate::image::{Blob, Descriptor, Link, REF_NAME, media};
use crate::store::cosign_saved::KIND;
use crate::store::edit::{Attached, Edit};
use crate::store::editor::Editor;
use crate::store::error::{Error, Kind};
use crate::store::layout::folder::Layout;
use crate::store::problem::{Part, Problem};

/// The entries that `index.json` needs for all attached manifests.
#[derive(Default)]
struct Entries<'a> {
    /// New entries.
    added: Vec<&'a Attached>,
    /// Entries that replace the entry with their tag.
    moved: BTreeMap<&'a str, &'a Attached>,
}

/// The blobs of all attached manifests, each once, without the blobs that the layout has already.
pub(super) fn blobs(layout: &Layout, edits: &[Edit]) -> Vec<Blob> {
    let mut seen = HashSet::new();
    let attached = edits.iter().filter_map(|edit| edit.attached.as_ref());
    let all = attached.flat_map(|attached| attached.blobs.iter().chain([&attached.manifest]));
    all.filter(|blob| !layout.has_blob(&blob.digest()) && seen.insert(blob.digest()))
        .cloned()
        .collect()
}

/// The text of `index.json` with an entry for each attached manifest; `None` if it has all of them already. `room`
/// limits the new entries.
pub(super) fn edit_index(
    editor: &mut Editor<'_>,
    room: usize,
    edits: &[Edit],
    bytes: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    // Most edits attach nothing, so this does not read a large index once more for them.
    if edits.iter().all(|edit| edit.attached.is_none()) {
        return Ok(None);
    }
    let part = Part::IndexJson;
    let problem = |e| editor.reader.problem(part.clone(), Problem::json(e));
    let known = crate::store::documents::index(bytes);
    let known = known.map_err(|p| editor.reader.problem(part.clone(), p))?;
    let mut entries = Entries::default();
    for edit in edits {
        let Some(attached) = &edit.attached else {
            continue;
        };
        let digest = attached.manifest.digest();
        let named = |tag: &str| -> HashSet<Digest> {
            let entries = known.manifests.iter();
            let entries = entries.filter(|entry| entry.tag() == Some(tag));
            entries.map(|entry| entry.digest).collect()
        };
        match &attached.by {
            Link::Subject { .. } if known.manifests.iter().any(|d| d.digest == digest) => {}
            Link::Subject { .. } => entries.added.push(attached),
            Link::Tag { tag, replaces } => {
                let now = named(tag);
                if now.len() == 1 && now.contains(&digest) {
                    continue;
                }
                // Another run may have added or moved the tag.
                if now.iter().ne(replaces) {
                    let name = tag.clone();
                    return Err(editor.reader.error(Kind::Lost { name }));
                }
                if now.is_empty() {
                    entries.added.push(attached);
                } else {
                    entries.moved.insert(tag, attached);
                }
            }
        }
    }
    if entries.added.is_empty() && entries.moved.is_empty() {
        return Ok(None);
    }
    if entries.added.len() > room {
        let limit = editor.reader.limits.entries;
        return Err(editor.reader.problem(part, Problem::TooMany(limit)));
    }
    let new = entries.write(bytes, &known.manifests).map_err(problem)?;
    editor.reader.check_document(&part, &new)?;
    editor.grown += new.len().saturating_sub(bytes.len()) as u64;
    Ok(Some(new))
}

impl Entries<'_> {
    fn write(&self, bytes: &[u8], known: &[Arc<Descriptor>]) -> Result<Vec<u8>, JsonError> {
        let mut index: Object<'_> = serde_json::from_slice(bytes)?;
        index.replace_items("manifests", |n, old| {
            let tag = known.get(n).and_then(|entry| entry.tag());
            let mut new = vec![match tag.and_then(|tag| self.moved.get(tag)) {
                Some(attached) => entry(attached, kind(&old)?)?,
                None => old,
            }];
            if n + 1 == known.len() {
                for attached in &self.added {
                    new.push(entry(attached, None)?);
                }
            }
            Ok(new)
        })?;
        index.to_bytes()
    }
}

/// The annotation by which cosign finds what `cosign save` wrote.
fn kind(entry: &Object<'_>) -> Result<Option<String>, JsonError> {
    let annotations: Option<Option<Object<'_>>> = entry.get("annotations")?;
    let kind = annotations.flatten().map(|all| all.get::<String>(KIND));
    Ok(kind.transpose()?.flatten())
}

/// The entry of an attached manifest, with the annotation `kind` of the one whose place it takes.
fn entry<'t>(attached: &Attached, kind: Option<String>) -> Result<Object<'t>, JsonError> {
    let mut entry = Object::new();
    entry.set("mediaType", media::MANIFEST)?;
    entry.set("digest", &attached.manifest.digest().to_string())?;
    entry.set("size", &attached.manifest.size())?;
    match &attached.by {
        Link::Subject { artifact_type } => {
            if !attached.annotations.is_empty() {
                entry.set("annotations", &attached.annotations)?;
            }
            entry.set("artifactType", artifact_type)?;
        }
        Link::Tag { tag, .. } => {
            let mut annotations = BTreeMap::from([(REF_NAME, tag.clone())]);
            annotations.extend(kind.map(|kind| (KIND, kind)));
            entry.set("annotations", &annotations)?;
        }
    }
    Ok(entry)
}
