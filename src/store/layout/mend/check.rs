//! Which content of a layout the server for realms takes, and which content stays after mending.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::image::realm::is_served;
use crate::image::{Blob, Descriptor, media};
use crate::store::documents;
use crate::store::edit::AppliedImage;
use crate::store::error::Error;
use crate::store::layout::folder::Layout;
use crate::store::layout::tags_above::TagsAbove;
use crate::store::manifest_text::edit_manifest;
use crate::store::problem::{Part, Problem};
use crate::store::reader::blobs::Reader;

/// Drops the blobs that nothing leads to any more: an index whose tag now names an image.
pub(in crate::store) fn retain_reachable(blobs: &mut Vec<Blob>, index_json: &[u8]) {
    let below = |bytes: &[u8]| {
        let index = documents::index(bytes).map(|index| index.manifests);
        let entries = index.unwrap_or_default().into_iter();
        entries.map(|entry| entry.digest).collect::<Vec<_>>()
    };
    let by_digest: HashMap<_, _> = blobs
        .iter()
        .map(|blob| (blob.digest(), blob.clone()))
        .collect();
    let mut reachable = HashSet::new();
    let mut todo = below(index_json);
    while let Some(digest) = todo.pop() {
        if reachable.insert(digest)
            && let Some(blob) = by_digest.get(&digest)
        {
            todo.extend(below(blob.bytes()));
        }
    }
    blobs.retain(|blob| reachable.contains(&blob.digest()));
}

impl Layout {
    /// Records which tags lead to the images after mending changed some tags.
    pub(in crate::store) fn retag(&self, images: &mut [AppliedImage]) -> Result<(), Error> {
        let roots = &self.index.manifests;
        let tree = self.reader().tree()?;
        let mut above = TagsAbove::new(roots, &tree, |_| true);
        for image in images {
            let leads_there = roots.iter().filter(|root| root.digest == image.new);
            image.tags = leads_there
                .filter_map(|root| root.tag().map(str::to_owned))
                .collect();
            (image.index_tags, image.more_index_tags) = above.of(&image.new);
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Whether the server hands out an image once its docker types are OCI's; `Err` gives the reason why not.
    pub(in crate::store) fn served(
        &self,
        entry: &Descriptor,
    ) -> Result<Result<Blob, String>, Error> {
        let part = Part::Manifest(entry.digest);
        let old = match self.document(&part, entry) {
            Ok(blob) => blob,
            Err(e) => return Ok(Err(e.into_problem()?.to_string())),
        };
        let new = match edited(&old, &entry.media_type) {
            Ok(new) => new,
            Err(problem) => return Ok(Err(problem.to_string())),
        };
        Ok(self.check_served(&new)?.map(|()| new))
    }

    /// Whether an entry leads to an image that the server hands out, once its docker types are OCI's.
    pub fn is_served(&self, entry: &Descriptor) -> Result<bool, Error> {
        Ok(media::is_manifest(&entry.media_type) && self.served(entry)?.is_ok())
    }

    /// Whether the server takes a manifest and everything that the manifest leads to.
    fn check_served(&self, manifest: &Blob) -> Result<Result<(), String>, Error> {
        let parts = match parts(manifest) {
            Ok(parts) => parts,
            Err(problem) => return Ok(Err(problem.to_string())),
        };
        for (part, descriptor) in parts {
            if let Err(reason) = self.check_blob(&part, &descriptor)? {
                return Ok(Err(reason));
            }
        }
        Ok(Ok(()))
    }

    /// Whether the server takes a blob that is neither an index nor a manifest.
    pub(super) fn check_blob(
        &self,
        part: &Part,
        descriptor: &Descriptor,
    ) -> Result<Result<(), String>, Error> {
        if let Some(reason) = unserved_type(part, descriptor) {
            return Ok(Err(reason));
        }
        match self.open_blob(part, descriptor) {
            Ok(_) => Ok(Ok(())),
            Err(e) => Ok(Err(format!("{part} {}", e.into_problem()?))),
        }
    }
}

/// Why the server would refuse to hand out an image, judged only by its manifest's text; `None` if the server would
/// hand it out once docker's types are OCI's.
pub fn unserved(entry: &Descriptor, content: &Blob) -> Option<String> {
    let parts = edited(content, &entry.media_type).and_then(|new| parts(&new));
    match parts {
        Ok(parts) => parts
            .iter()
            .find_map(|(part, descriptor)| unserved_type(part, descriptor)),
        Err(problem) => Some(problem.to_string()),
    }
}

/// A manifest with OCI's types.
fn edited(old: &Blob, media_type: &str) -> Result<Blob, Problem> {
    documents::manifest(old.bytes(), media_type)?;
    edit_manifest(old, &BTreeMap::new()).map_err(Problem::json)
}

/// The config and the layers of a manifest that the server can read.
fn parts(manifest: &Blob) -> Result<Vec<(Part, Descriptor)>, Problem> {
    documents::check_served(manifest.bytes(), media::MANIFEST)?;
    let manifest = documents::manifest(manifest.bytes(), media::MANIFEST)?;
    let config = (Part::Config(manifest.config.digest), manifest.config);
    let layers = (1..).zip(manifest.layers);
    let layers = layers.map(|(n, layer)| (Part::Layer(n, layer.digest), layer));
    Ok(std::iter::once(config).chain(layers).collect())
}

fn unserved_type(part: &Part, descriptor: &Descriptor) -> Option<String> {
    let media_type = &descriptor.media_type;
    let is_document = media::is_index(media_type) || media::is_manifest(media_type);
    (is_document || !is_served(media_type))
        .then(|| format!("{part} has media type \"{media_type}\""))
}
