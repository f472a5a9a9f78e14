//! docker's list of images beside `index.json`. `docker load` with docker's own store, podman's and skopeo's
//! `docker-archive:` and crane go by `manifest.json`, readers of OCI layouts by `index.json`: both have to lead to the
//! same images, or another one runs than is signed.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::blobs::Reader;
use super::tree::Tree;
use crate::crypto::Digest;
use crate::image::{Descriptor, media};
use crate::store::error::{Error, Kind};
use crate::store::saved::{MANIFEST_FILE, SavedImage};
use crate::store::tags::full_name;

impl Reader<'_> {
    /// Holds docker's list against `index.json`, by the digests of configs: they stand for all that runs. Or tells how
    /// they differ. Each image of the list has to be one that `index.json` leads to, and by that name, where it has the
    /// name; an image that only `index.json` has is none that docker would take for another one.
    pub fn compare_docker_list(&self, images: &[SavedImage]) -> Result<Result<(), String>, Error> {
        let known = Known::of(self)?;
        Ok(images
            .iter()
            .try_for_each(|image| known.check(image))
            .and_then(|()| known.check_some(images)))
    }

    /// The configs of all images that an entry of `index.json` leads to.
    fn configs_below(&self, root: &Arc<Descriptor>) -> Result<HashSet<Digest>, Error> {
        let mut configs = HashSet::new();
        for entry in Tree::below(self, vec![root.clone()], self.store.index_size())?.entries() {
            if media::is_manifest(&entry.descriptor.media_type) {
                match self.manifest(&entry.descriptor) {
                    Ok((_, manifest)) => {
                        configs.insert(manifest.config.digest);
                    }
                    // What is broken or not there leads nowhere, and is told of where it is meant.
                    Err(e) if matches!(e.kind, Kind::Part { .. }) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(configs)
    }
}

/// What `index.json` leads to.
#[derive(Default)]
struct Known {
    all: HashSet<Digest>,
    /// Those that are meant where nothing is asked for: that have a tag, if any has.
    meant: HashSet<Digest>,
    /// By names in full.
    by_name: HashMap<String, HashSet<Digest>>,
    /// By tag alone, of entries that have no full name.
    by_tag: HashMap<String, HashSet<Digest>>,
}

impl Known {
    fn of(reader: &Reader<'_>) -> Result<Self, Error> {
        let mut known = Self::default();
        let mut below = HashMap::new();
        let entries = reader.store.entries()?;
        let any_tag = entries.iter().any(|entry| entry.tag().is_some());
        for root in &entries {
            let configs: &HashSet<Digest> = match below.entry(root.digest) {
                Occupied(known) => known.into_mut(),
                Vacant(place) => place.insert(reader.configs_below(root)?),
            };
            known.all.extend(configs);
            if root.tag().is_some() || !any_tag {
                known.meant.extend(configs);
            }
            let name = root.full_name.as_deref().and_then(full_name);
            let name = name.or_else(|| root.tag().and_then(full_name));
            if let Some((name, _)) = name {
                known.by_name.entry(name).or_default().extend(configs);
            } else if let Some(tag) = root.tag() {
                let tag = tag.to_owned();
                known.by_tag.entry(tag).or_default().extend(configs);
            }
        }
        Ok(known)
    }

    fn check(&self, image: &SavedImage) -> Result<(), String> {
        let config = image.config;
        if !self.all.contains(&config) {
            let name = image.repo_tags.first();
            let name =
                name.map_or_else(|| "an image".into(), |name| name.escape_debug().to_string());
            return Err(format!(
                "{MANIFEST_FILE} has {name} with config {config}, and index.json leads to no image with that config"
            ));
        }
        for repo_tag in &image.repo_tags {
            let Some((name, tag)) = full_name(repo_tag) else {
                continue;
            };
            let meant = self.by_name.get(&name).or_else(|| self.by_tag.get(tag));
            if meant.is_some_and(|configs| !configs.contains(&config)) {
                return Err(format!(
                    "{MANIFEST_FILE} has {repo_tag} with config {config}, and index.json has that name for another \
                     image"
                ));
            }
        }
        Ok(())
    }

    fn check_some(&self, images: &[SavedImage]) -> Result<(), String> {
        if images.is_empty()
            || images
                .iter()
                .any(|image| self.meant.contains(&image.config))
        {
            return Ok(());
        }
        Err(format!(
            "{MANIFEST_FILE} has none of the images that have a tag in index.json"
        ))
    }
}
