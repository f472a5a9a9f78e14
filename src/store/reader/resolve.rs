//! From a reference to the images it means.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::blobs::Reader;
use super::distinct::Distinct;
use super::only::{platform_or_digest, told_apart};
use super::selected::{Selected, Selection};
use super::tree::{Entry, Tree};
use crate::crypto::Digest;
use crate::image::{Descriptor, Image, Manifest, Platform, Reference, media};
use crate::store::error::{Error, Kind};
use crate::store::problem::Part;
use crate::store::tags::{check_tags, is_cosigns};

impl Reader<'_> {
    /// The entries and the indexes below them as a list, each index before what it holds.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.tree()?.entries())
    }

    pub(in crate::store) fn tree(&self) -> Result<Tree, Error> {
        Tree::below(self, self.store.entries()?, self.store.index_size())
    }

    /// The images that the references mean, in their order; without references, the only image there is.
    pub fn resolve(
        &self,
        references: &[Reference],
        selection: &Selection,
    ) -> Result<Vec<Selected>, Error> {
        if references.is_empty() {
            let (name, entries) = self.only_image()?;
            return self.all_selected(&name, entries, selection);
        }
        let mut selected = Vec::new();
        for reference in references {
            let entries = self.store.find(reference)?;
            if entries.is_empty() {
                return Err(self.store.no_such_image(reference));
            }
            selected.extend(self.all_selected(&reference.to_string(), entries, selection)?);
        }
        Ok(selected)
    }

    /// The selected images of entries that lead to the same manifest or index.
    fn all_selected(
        &self,
        name: &str,
        entries: Vec<Arc<Descriptor>>,
        selection: &Selection,
    ) -> Result<Vec<Selected>, Error> {
        let mut all = Distinct::default();
        for descriptor in entries {
            for selected in self.selected(name.to_owned(), descriptor, selection)? {
                all.add(selected);
            }
        }
        Ok(all.selected)
    }

    /// The selected images of an entry of `index.json`.
    fn selected(
        &self,
        name: String,
        descriptor: Arc<Descriptor>,
        selection: &Selection,
    ) -> Result<Vec<Selected>, Error> {
        if media::is_index(&descriptor.media_type) {
            return self.of_index(&name, &descriptor, selection);
        }
        let selected = Selected { name, descriptor };
        if let Selection::Platform(wanted) = selection {
            match self.load(&selected) {
                Ok(Image { platform, .. }) if !platform.serves(wanted) => {
                    let there = platform_or_digest(Some(&platform), &selected.descriptor.digest);
                    return Err(self.no_platform(&selected.name, wanted, 0, vec![there]));
                }
                // The user means this image even if it is broken; reading it reports the fault.
                Ok(_) => {}
                Err(e) if matches!(e.kind, Kind::Part { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(vec![selected])
    }

    /// Every image that `index.json` leads to, and the entries that are not images. An image comes once, or several
    /// times if its entries state different things. The others are `BuildKit`'s attestations, manifests under cosign's
    /// tags for signatures, and untagged manifests that only refer to another manifest or are artifacts. An entry's own
    /// claims do not count: a manifest that a runtime could run is an image.
    pub fn all_images(&self) -> Result<(Vec<Selected>, Vec<Arc<Descriptor>>), Error> {
        let entries = self.store.entries()?;
        check_tags(self.place(), &entries)?;
        self.all_images_of(entries)
    }

    /// The images and the others as [`Reader::all_images`] finds them, but only below these entries.
    pub fn all_images_of(
        &self,
        entries: Vec<Arc<Descriptor>>,
    ) -> Result<(Vec<Selected>, Vec<Arc<Descriptor>>), Error> {
        let tree = Tree::below(self, entries, self.store.index_size())?;
        for entry in tree.entries() {
            if !entry.present {
                return Err(self.absent(Part::Index(entry.descriptor.digest)));
            }
        }
        tree.check_platforms(self)?;
        self.images_in(&tree)
    }

    /// Every image that `index.json` leads to through the indexes that the layout has. Accepts tags of any form.
    pub fn reachable_images(&self) -> Result<Vec<Selected>, Error> {
        Ok(self.images_in(&self.tree()?)?.0)
    }

    fn images_in(&self, tree: &Tree) -> Result<(Vec<Selected>, Vec<Arc<Descriptor>>), Error> {
        let mut images = Distinct::default();
        let mut others = Vec::new();
        let mut passed_over = HashSet::new();
        let mut tag = None;
        for entry in tree.entries() {
            if entry.depth == 0 {
                tag = entry.descriptor.tag().map(str::to_owned);
            }
            let descriptor = entry.descriptor;
            if media::is_index(&descriptor.media_type) {
                continue;
            }
            if images.covers(&descriptor) {
                continue;
            }
            let name = match (&tag, entry.depth) {
                (Some(tag), 0) => tag.clone(),
                (Some(tag), _) => with_platform(tag, descriptor.platform.as_deref()),
                (None, _) => descriptor.digest.to_string(),
            };
            let nested = entry.depth > 0;
            let is_named_so = !nested && tag.as_deref().is_some_and(is_cosigns);
            let attests = is_named_so || nested && descriptor.is_attestation();
            // A tag or a platform shows that someone takes the entry for an image.
            let may_refer = tag.is_none() && !nested;
            let unlisted = nested && descriptor.platform.is_none();
            let kind = (descriptor.digest, attests, may_refer);
            let known = passed_over.contains(&kind);
            let like = |manifest: &Manifest| {
                attests || (may_refer && manifest.subject.is_some()) || manifest.is_artifact()
            };
            let may_be_none = attests || may_refer || unlisted;
            if may_be_none && (known || self.is_no_image(&descriptor, like)?) {
                if passed_over.insert(kind) {
                    others.push(descriptor);
                }
            } else {
                images.add(Selected { name, descriptor });
            }
        }
        // A manifest that another entry puts among the images counts there.
        let mut seen = HashSet::new();
        others.retain(|other: &Arc<Descriptor>| {
            !images.first.contains_key(&other.digest) && seen.insert(other.digest)
        });
        Ok((images.selected, others))
    }

    /// Whether an entry is `BuildKit`'s attestation about an image, and its manifest is readable and nothing that a
    /// runtime could run.
    pub fn is_attestation(&self, descriptor: &Descriptor) -> Result<bool, Error> {
        Ok(descriptor.is_attestation() && self.is_no_image(descriptor, |_| true)?)
    }

    /// Whether a manifest is readable and an artifact rather than an image. If its entry states no platform, a user who
    /// asks for a platform or for all images does not mean it.
    fn is_artifact(&self, descriptor: &Descriptor) -> Result<bool, Error> {
        self.is_no_image(descriptor, Manifest::is_artifact)
    }

    /// Whether a manifest is readable, meets the condition `like`, and holds nothing that a runtime could run.
    pub(in crate::store) fn is_no_image(
        &self,
        descriptor: &Descriptor,
        like: impl Fn(&Manifest) -> bool,
    ) -> Result<bool, Error> {
        // A broken manifest counts as an image; reading that image reports the fault.
        match self.manifest_if_any(descriptor)? {
            Some(manifest) if like(&manifest) => self.is_inert(&manifest),
            _ => Ok(false),
        }
    }

    /// Whether a manifest is readable and a runtime could run it.
    pub(in crate::store) fn can_run(&self, descriptor: &Descriptor) -> Result<bool, Error> {
        match self.manifest_if_any(descriptor)? {
            Some(manifest) => Ok(!self.is_inert(&manifest)?),
            None => Ok(false),
        }
    }

    /// The digest that a manifest refers to, if any.
    pub(in crate::store) fn subject_of(
        &self,
        descriptor: &Descriptor,
    ) -> Result<Option<Digest>, Error> {
        let manifest = self.manifest_if_any(descriptor)?;
        Ok(manifest.and_then(|manifest| manifest.subject))
    }

    /// Reads a manifest; `None` if the layout lacks it or the blob is not a manifest. A failure of the operating system
    /// is an error.
    fn manifest_if_any(&self, descriptor: &Descriptor) -> Result<Option<Manifest>, Error> {
        let part = Part::Manifest(descriptor.digest);
        let blob = match self.document(&part, descriptor) {
            Ok(blob) => blob,
            Err(e) if matches!(e.kind, Kind::Part { .. }) => return Ok(None),
            Err(e) => return Err(e),
        };
        Ok(crate::store::documents::manifest(blob.bytes(), &descriptor.media_type).ok())
    }

    fn of_index(
        &self,
        name: &str,
        index: &Arc<Descriptor>,
        selection: &Selection,
    ) -> Result<Vec<Selected>, Error> {
        let part = Part::Index(index.digest);
        let tree = Tree::below(self, vec![index.clone()], self.store.index_size())?;
        if !tree.has(&index.digest) {
            return Err(self.absent(part));
        }
        tree.check_platforms(self)?;
        let mut seen = HashSet::new();
        let shows_all = *selection == Selection::Any;
        let mut passed = HashMap::new();
        let mut images = Vec::new();
        let mut absent = None;
        for entry in tree.entries() {
            let descriptor = entry.descriptor;
            if !entry.present {
                absent.get_or_insert(descriptor.digest);
            }
            let shown = shows_all && !entry.present;
            if media::is_index(&descriptor.media_type) && !shown || !seen.insert(descriptor.clone())
            {
                continue;
            }
            // An index may list one manifest very often, each time for another platform.
            let attests = descriptor.is_attestation();
            // No user asks for an entry without a platform, and no runtime can run a missing manifest: a sparse layout
            // lacks attestations.
            let chooses = matches!(selection, Selection::One | Selection::Platform(_));
            if attests && chooses && self.store.has(&descriptor.digest) == Some(false) {
                continue;
            }
            let unlisted = !shows_all && descriptor.platform.is_none();
            // An entry of unknown type has no platform either, but some readers take it for a manifest of their own.
            if media::is_manifest(&descriptor.media_type) && (attests || unlisted) {
                let is_no_image = match passed.entry((descriptor.digest, descriptor.size, attests))
                {
                    Occupied(known) => *known.get(),
                    Vacant(place) if attests => *place.insert(self.is_attestation(&descriptor)?),
                    Vacant(place) => *place.insert(self.is_artifact(&descriptor)?),
                };
                if is_no_image {
                    continue;
                }
            }
            images.push(descriptor);
        }
        // A missing index holds at least one image, and ir-sign cannot know which.
        let lacks = |digest| self.absent(Part::Index(digest));
        if let Some(digest) = absent
            && (*selection == Selection::All || images.is_empty())
        {
            return Err(lacks(digest));
        }
        let mut configs = HashMap::new();
        let wanted = match selection {
            Selection::Platform(wanted) => Some(wanted),
            Selection::One | Selection::All | Selection::Any => None,
        };
        // The config supplies the facts that the entry does not state.
        let is_enough = |stated: &&Platform| wanted.is_none_or(|w| !stated.leaves_open(w));
        let mut platform_of = |descriptor: &Arc<Descriptor>| match descriptor.platform.as_deref() {
            Some(platform) if is_enough(&platform) => Ok(platform.clone()),
            _ => match configs.entry((descriptor.digest, descriptor.size)) {
                Occupied(known) => Ok(Platform::clone(known.get())),
                Vacant(place) => Ok(place
                    .insert(self.config_platform(name, descriptor)?)
                    .clone()),
            },
        };
        match selection {
            Selection::One => {
                return self.only_of_index(name, images, absent, platform_of);
            }
            Selection::All | Selection::Any | Selection::Platform(_) => {}
        }
        let mut platforms = Vec::new();
        let mut selected = Distinct::default();
        for descriptor in images {
            let digest = descriptor.digest;
            let platform = match wanted {
                Some(_) => Some(platform_of(&descriptor)?),
                None => descriptor.platform.as_deref().cloned(),
            };
            if wanted.is_none_or(|w| platform.as_ref().is_some_and(|p| p.serves(w))) {
                let name = with_platform(name, platform.as_ref());
                selected.add(Selected { name, descriptor });
            }
            if let Some(platform) = platform
                && self.store.has(&digest) != Some(false)
            {
                platforms.push((platform_or_digest(Some(&platform), &digest), digest));
            }
        }
        let selected = selected.selected;
        match (wanted, selected.len(), absent) {
            (Some(_), 0, Some(digest)) => Err(lacks(digest)),
            (Some(wanted), found, _) if found != 1 => {
                Err(self.no_platform(name, wanted, found, told_apart(&platforms)))
            }
            (None, 0, _) => Err(self.is_index(name, Vec::new(), Vec::new())),
            _ => Ok(selected),
        }
    }

    /// The platform that an image's config states.
    fn config_platform(&self, name: &str, descriptor: &Arc<Descriptor>) -> Result<Platform, Error> {
        let selected = Selected {
            name: name.to_owned(),
            descriptor: descriptor.clone(),
        };
        Ok(self.load(&selected)?.platform)
    }

    fn no_platform(
        &self,
        name: &str,
        wanted: &Platform,
        found: usize,
        platforms: Vec<String>,
    ) -> Error {
        self.error(Kind::Platform {
            name: name.to_owned(),
            wanted: wanted.clone(),
            found,
            platforms,
        })
    }

    pub(super) fn is_index(
        &self,
        name: &str,
        platforms: Vec<String>,
        lacking: Vec<String>,
    ) -> Error {
        self.error(Kind::IsIndex {
            name: name.to_owned(),
            platforms,
            lacking,
            within: self.place().kind(),
        })
    }
}

fn with_platform(tag: &str, platform: Option<&Platform>) -> String {
    platform.map_or_else(|| tag.to_owned(), |platform| format!("{tag} ({platform})"))
}
