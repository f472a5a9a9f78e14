//! The walk of the server that hands images to realms, written anew from what it does: an app is loaded whole, or the
//! first thing that it does not take keeps all of it from realms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use harness::oci::{CONFIG, INDEX, LAYER, MANIFEST, REF_NAME, blob_path, digest_with};

/// The part of an app that the server hands out.
#[derive(Debug, Default)]
pub struct App {
    /// By each tag the media type and the digest of what it names.
    pub tags: BTreeMap<String, (String, String)>,
    pub manifests: BTreeSet<String>,
    pub blobs: BTreeSet<String>,
}

impl App {
    /// Whether a realm that asks for this tag or digest gets an image's manifest.
    pub fn hands_out(&self, reference: &str) -> bool {
        match self.tags.get(reference) {
            Some((media_type, _)) => media_type == MANIFEST,
            None => self.manifests.contains(reference),
        }
    }
}

/// Loads an app, or says what keeps it from being loaded.
pub fn load(app: &Path) -> Result<App, String> {
    let layout = document(&app.join("oci-layout"))?;
    if layout["imageLayoutVersion"] != "1.0.0" {
        return Err("oci-layout".into());
    }
    let mut loaded = App::default();
    index(app, &app.join("index.json"), true, &mut loaded)?;
    Ok(loaded)
}

fn document(path: &Path) -> Result<Value, String> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|e| format!("{name}: {e}"))?;
    serde_json::from_slice(&bytes).map_err(|e| format!("{name}: {e}"))
}

/// A document that states its version and its type.
fn typed(path: &Path, media_type: &str) -> Result<Value, String> {
    let document = document(path)?;
    if document["schemaVersion"] != 2 {
        return Err(format!("schemaVersion of {}", path.display()));
    }
    if document["mediaType"] != media_type {
        return Err(format!("mediaType of {}", path.display()));
    }
    Ok(document)
}

fn list<'a>(document: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    document[name]
        .as_array()
        .ok_or_else(|| format!("{name} is not a list"))
}

fn index(app: &Path, path: &Path, is_first: bool, loaded: &mut App) -> Result<(), String> {
    for entry in list(&typed(path, INDEX)?, "manifests")? {
        descriptor(app, entry, is_first, loaded)?;
    }
    Ok(())
}

fn manifest(app: &Path, path: &Path, loaded: &mut App) -> Result<(), String> {
    let manifest = typed(path, MANIFEST)?;
    descriptor(app, &manifest["config"], false, loaded)?;
    for layer in list(&manifest, "layers")? {
        descriptor(app, layer, false, loaded)?;
    }
    Ok(())
}

fn descriptor(
    app: &Path,
    descriptor: &Value,
    in_first: bool,
    loaded: &mut App,
) -> Result<(), String> {
    let text = |name: &str| {
        let text = descriptor[name].as_str();
        text.map(str::to_owned)
            .ok_or_else(|| format!("{name} of {descriptor}"))
    };
    let (digest, media_type) = (text("digest")?, text("mediaType")?);
    let path = blob_path(app, &digest);
    let length = fs::metadata(&path)
        .map_err(|_| format!("{digest} is absent"))?
        .len();
    if descriptor["size"] != length {
        return Err(format!("{digest} has {length} bytes"));
    }
    if in_first {
        let algorithm = digest.split(':').next().expect("an algorithm");
        let bytes = fs::read(&path).map_err(|e| e.to_string())?;
        if digest_with(algorithm, &bytes) != digest {
            return Err(format!("{digest} has other content"));
        }
        if let Some(tag) = descriptor["annotations"][REF_NAME].as_str() {
            if !is_tag(tag) {
                return Err(format!("tag {tag}"));
            }
            let named = (media_type.clone(), digest.clone());
            if loaded.tags.insert(tag.to_owned(), named).is_some() {
                return Err(format!("tag {tag} is there twice"));
            }
        }
    }
    let gzip = format!("{LAYER}+gzip");
    let zstd = format!("{LAYER}+zstd");
    match &*media_type {
        INDEX => {
            index(app, &path, false, loaded)?;
            loaded.manifests.insert(digest);
        }
        MANIFEST => {
            manifest(app, &path, loaded)?;
            loaded.manifests.insert(digest);
        }
        other if [CONFIG, LAYER, &*gzip, &*zstd].contains(&other) => {
            loaded.blobs.insert(digest);
        }
        other => return Err(format!("media type {other}")),
    }
    Ok(())
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    let first = bytes
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == b'_');
    let rest = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'_' || c == b'-';
    first && tag.len() < 129 && bytes.all(rest)
}
