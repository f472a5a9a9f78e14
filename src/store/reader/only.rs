//! The only image of a place, and the images beside it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::blobs::Reader;
use super::distinct::Distinct;
use super::selected::Selected;
use super::tree::Tree;
use crate::crypto::Digest;
use crate::image::{Descriptor, Platform, Reference, media};
use crate::store::error::{Error, Kind};
use crate::store::tags::{Named, check_tags, is_cosigns, only_one};

impl Reader<'_> {
    /// The only image there is, with its name. If any entries have tags, only those count. Manifests that are not
    /// images count only if there is nothing else.
    pub(in crate::store) fn only_image(&self) -> Result<(String, Vec<Arc<Descriptor>>), Error> {
        let entries = self.store.entries()?;
        check_tags(self.place(), &entries)?;
        let named = |entries: &[Arc<Descriptor>]| {
            only_one(self.place(), entries.iter().map(|entry| Named::of(entry)))
        };
        // Signatures have tags of cosign's. An image without a tag beside them still counts.
        let attached = entries.iter().any(|d| d.tag().is_some_and(is_cosigns));
        let first = named(&entries);
        let several = matches!(&first, Err(error) if matches!(error.kind, Kind::NotOneImage { found: 2.., .. }));
        let images = if several || attached {
            self.images_among(&entries)?
        } else {
            Vec::new()
        };
        let only = match &*images {
            [] => first,
            images => named(images),
        };
        let (name, digest) = only?;
        let meant = entries.into_iter().filter(|d| d.digest == digest);
        Ok((name, meant.collect()))
    }

    /// The entries without artifacts, without what cosign tags as attachments, and without manifests that refer to
    /// another entry.
    fn images_among(&self, entries: &[Arc<Descriptor>]) -> Result<Vec<Arc<Descriptor>>, Error> {
        let mut images = Vec::new();
        for entry in entries {
            let attaches = entry.tag().is_some_and(is_cosigns);
            let is_no_image = media::is_manifest(&entry.media_type)
                && self.is_no_image(entry, |m| {
                    attaches || m.is_artifact() || m.subject.is_some()
                })?;
            if !is_no_image {
                images.push(entry.clone());
            }
        }
        Ok(images)
    }

    /// The images beside the one that ir-sign chooses when the user names none; empty if the user names an image,
    /// because that user knows of the others.
    pub fn beside_the_only_one(&self, named: &[Reference]) -> Result<Vec<Arc<Descriptor>>, Error> {
        if !named.is_empty() {
            return Ok(Vec::new());
        }
        let (_, meant) = self.only_image()?;
        let below = Tree::below(self, meant.clone(), self.store.index_size())?.entries();
        let below = below.into_iter().map(|entry| entry.descriptor.digest);
        let known: HashSet<_> = below.chain(meant.iter().map(|d| d.digest)).collect();
        let images = self.reachable_images()?.into_iter();
        let images = images.map(|selected| selected.descriptor);
        let mut seen = HashSet::new();
        Ok(images
            .filter(|image| !known.contains(&image.digest) && seen.insert(image.digest))
            .collect())
    }

    /// The one image of an index, whatever the entries say about it; or the error that lists the choices.
    pub(in crate::store) fn only_of_index(
        &self,
        name: &str,
        images: Vec<Arc<Descriptor>>,
        absent: Option<Digest>,
        mut platform_of: impl FnMut(&Arc<Descriptor>) -> Result<Platform, Error>,
    ) -> Result<Vec<Selected>, Error> {
        if let Some(first) = images.first()
            && images.iter().all(|image| image.digest == first.digest)
            && absent.is_none()
        {
            let mut one = Distinct::default();
            for descriptor in images {
                let name = name.to_owned();
                one.add(Selected { name, descriptor });
            }
            return Ok(one.selected);
        }
        let mut platforms = Vec::new();
        let mut lacking: Vec<_> = absent.iter().map(ToString::to_string).collect();
        for image in &images {
            let stated = image.platform.as_deref();
            if self.store.has(&image.digest) == Some(false) {
                lacking.push(platform_or_digest(stated, &image.digest));
                continue;
            }
            let platform = platform_of(image)?;
            let name = platform_or_digest(Some(&platform), &image.digest);
            platforms.push((name, image.digest));
        }
        Err(self.is_index(name, told_apart(&platforms), lacking))
    }
}

/// A short name for an image among others: its platform, or its digest if it states no platform.
pub(in crate::store) fn platform_or_digest(platform: Option<&Platform>, digest: &Digest) -> String {
    match platform {
        Some(platform) if !platform.os.is_empty() && !platform.architecture.is_empty() => {
            platform.to_string()
        }
        _ => digest.to_string(),
    }
}

/// The names of images, each with its digest too if several images have the name.
pub(super) fn told_apart(images: &[(String, Digest)]) -> Vec<String> {
    let mut owners: HashMap<&str, HashSet<Digest>> = HashMap::new();
    for (name, digest) in images {
        owners.entry(name).or_default().insert(*digest);
    }
    let is_alone = |name: &str| owners.get(name).is_none_or(|all| all.len() == 1);
    let told = images.iter().map(|(name, digest)| {
        if is_alone(name) {
            name.clone()
        } else {
            format!("{name} {digest}")
        }
    });
    told.collect()
}
