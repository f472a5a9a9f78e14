//! All parts of an image, from its manifest or index down.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::blobs::Reader;
use super::selected::Selection;
use crate::crypto::Digest;
use crate::image::{Blob, Descriptor, Platform, Reference, media};
use crate::store::documents;
use crate::store::error::Error;
use crate::store::intake::Referring;
use crate::store::problem::{Part, Problem};

/// The most bytes of all documents of an image together: they stay in memory until ir-sign has copied them.
const MOST: u64 = 64 << 20;

/// The parts of an image.
#[derive(Debug, Default)]
pub struct Closure {
    /// Manifests and indexes, each after everything that it leads to.
    pub documents: Vec<(Descriptor, Blob)>,
    /// Configs and layers, each once.
    pub blobs: Vec<Descriptor>,
    seen: HashSet<Digest>,
    bytes: u64,
}

impl Closure {
    /// Whether the closure has this manifest or index.
    pub fn has(&self, digest: &Digest) -> bool {
        self.seen.contains(digest)
    }
}

impl Reader<'_> {
    /// The manifest or index that a reference means, and its name. Without a reference this is the only one there is;
    /// with a platform, the manifest for that platform.
    pub fn root(
        &self,
        reference: Option<&Reference>,
        platform: Option<&Platform>,
    ) -> Result<(String, Arc<Descriptor>), Error> {
        if let Some(platform) = platform {
            let references: Vec<_> = reference.into_iter().cloned().collect();
            let selection = Selection::Platform(platform.clone());
            let selected = self.resolve(&references, &selection)?;
            let first = selected.into_iter().next();
            let first = first.expect("a platform selects one image, or is an error");
            return Ok((first.name, first.descriptor));
        }
        let Some(reference) = reference else {
            let (name, entries) = self.only_image()?;
            let first = entries.into_iter().next();
            return Ok((name, first.expect("the only image has an entry")));
        };
        // Several entries may lead to one digest.
        let found = self.store.find(reference)?.into_iter().next();
        let found = found.ok_or_else(|| self.store.no_such_image(reference))?;
        Ok((reference.to_string(), found))
    }

    /// Adds a manifest or an index and everything that it leads to. A missing part is an error.
    pub fn close_over(&self, root: &Descriptor, closure: &mut Closure) -> Result<(), Error> {
        self.close_at(root, 0, closure)
    }

    fn close_at(
        &self,
        descriptor: &Descriptor,
        depth: usize,
        closure: &mut Closure,
    ) -> Result<(), Error> {
        if !closure.seen.insert(descriptor.digest) {
            return Ok(());
        }
        let is_index = media::is_index(&descriptor.media_type);
        let part = if is_index {
            Part::Index(descriptor.digest)
        } else {
            Part::Manifest(descriptor.digest)
        };
        if depth > self.limits.index_depth {
            let problem = Problem::TooDeep(self.limits.index_depth);
            return Err(self.problem(part, problem));
        }
        closure.bytes += descriptor.size;
        if closure.bytes > MOST {
            return Err(self.problem(part, Problem::TooManyBytes(MOST)));
        }
        let blob = if is_index {
            let (blob, index) = self.nested(descriptor)?;
            for entry in &index.manifests {
                self.close_at(entry, depth + 1, closure)?;
            }
            blob
        } else {
            let (blob, manifest) = self.manifest(descriptor)?;
            for content in std::iter::once(manifest.config).chain(manifest.layers) {
                if closure.seen.insert(content.digest) {
                    closure.blobs.push(content);
                }
            }
            blob
        };
        closure.documents.push((descriptor.clone(), blob));
        Ok(())
    }

    /// The facts for the entry of a referrer, read from the manifest or index itself, because some programs leave them
    /// out of their listings. `None` if the document refers to nothing.
    pub fn referring(
        &self,
        descriptor: &Descriptor,
        document: &Blob,
    ) -> Result<Option<Referring>, Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Said {
            artifact_type: Option<String>,
            config: Option<Config>,
            annotations: Option<BTreeMap<String, String>>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Config {
            media_type: String,
        }
        let (part, bytes) = (Part::Blob(descriptor.digest), document.bytes());
        let subject = if media::is_index(&descriptor.media_type) {
            documents::index(bytes).map(|index| index.subject)
        } else {
            documents::manifest(bytes, &descriptor.media_type).map(|manifest| manifest.subject)
        };
        let subject = subject.map_err(|problem| self.problem(part.clone(), problem))?;
        let Some(subject) = subject else {
            return Ok(None);
        };
        let said: Said = serde_json::from_slice(bytes)
            .map_err(|error| self.problem(part, Problem::json(error)))?;
        let of_config = said.config.map(|config| config.media_type);
        Ok(Some(Referring {
            subject,
            artifact_type: said
                .artifact_type
                .filter(|text| !text.is_empty())
                .or(of_config),
            annotations: said.annotations.unwrap_or_default().into_iter().collect(),
        }))
    }
}
