//! docker's list of images beside `index.json`. `docker load` with docker's own store, `docker-archive:` of podman and
//! skopeo, and crane go by `manifest.json`; readers of OCI layouts go by `index.json`. Both files must lead to the same
//! images, or a user may run another image than the signed one.

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
    /// Compares docker's list with `index.json`, and says how they differ. It compares the digests of configs, because
    /// a config determines everything that runs. `index.json` must lead to each image of the list, and by the same name
    /// if it has that name. An image that only `index.json` has does no harm: docker would not mistake it for another
    /// image.
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
                    // A broken or missing entry leads nowhere; ir-sign reports it if the user means it.
                    Err(e) if matches!(e.kind, Kind::Part { .. }) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(configs)
    }
}

/// The configs that `index.json` leads to.
#[derive(Default)]
struct Known {
    all: HashSet<Digest>,
    /// The configs that count if the user names no image: those with a tag, if any entry has a tag.
    meant: HashSet<Digest>,
    /// By full name.
    by_name: HashMap<String, HashSet<Digest>>,
    /// By tag only, from entries without a full name.
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
                "{MANIFEST_FILE} has {name} with config {config}, but index.json leads to no image with that config"
            ));
        }
        for repo_tag in &image.repo_tags {
            let Some((name, tag)) = full_name(repo_tag) else {
                continue;
            };
            let meant = self.by_name.get(&name).or_else(|| self.by_tag.get(tag));
            if meant.is_some_and(|configs| !configs.contains(&config)) {
                return Err(format!(
                    "{MANIFEST_FILE} has {repo_tag} with config {config}, but index.json has that name for another \
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
