//! The images that a command of notation's family is about.

use std::collections::HashSet;

use super::error::Error as NotationError;
use crate::crypto::Digest;
use crate::image::{ImageName, Reference};
use crate::ops::error::Error;
use crate::ops::location::{Asked, Location, Opened, RegistryOptions};
use crate::progress::Progress;
use crate::store::Limits;

/// An image, or an index as a whole.
#[derive(Clone, Debug)]
pub struct NotationImage {
    /// How the user named it.
    pub name: ImageName,
    pub(super) location: Location,
    /// Which image of that place. If the name gives none, the only image there.
    pub(super) reference: Option<Reference>,
}

impl NotationImage {
    /// Finds the image's place by its name. In a repository, a name without a tag or digest means the tag `latest`.
    pub fn of(name: ImageName, options: &RegistryOptions) -> Result<Self, Error> {
        let asked = Asked::of(vec![name.clone()], false, options)?;
        let [asked] = <[Asked; 1]>::try_from(asked).expect("one name is one place");
        Ok(Self {
            name,
            reference: asked.references.into_iter().next(),
            location: asked.location,
        })
    }

    /// Every image of the place that has a tag. The name names none of them.
    pub fn all_tags(self, progress: &dyn Progress) -> Result<Vec<Self>, Error> {
        let is_named = match &self.name {
            ImageName::Docker { tag, digest, .. } => tag.is_some() || digest.is_some(),
            ImageName::Layout { reference, .. } | ImageName::Archive { reference, .. } => {
                reference.is_some()
            }
            ImageName::Dir { .. } => false,
        };
        if is_named {
            return Err(Error::NamedAndAll(self.location.place()));
        }
        let opened = self.location.open(Limits::default(), progress)?;
        let mut seen = HashSet::new();
        let tags: Vec<String> = match &opened {
            #[cfg(feature = "registry")]
            Opened::Remote(store) => store.tag_names()?,
            Opened::Layout(_) | Opened::Archive(_) => {
                let entries = opened.store().entries()?;
                entries
                    .iter()
                    .filter_map(|entry| entry.tag().map(str::to_owned))
                    .collect()
            }
        };
        // The index of an image's referrers, and what cosign attaches, have tags of their own.
        let own = tags.into_iter().filter(|tag| !is_of_a_digest(tag));
        let own = own.filter(|tag| seen.insert(tag.clone()));
        let place = self.location.place();
        let images: Vec<_> = own
            .map(|tag| Self {
                name: with_tag(&self.name, &tag),
                location: self.location.clone(),
                reference: Some(Reference::Tag(tag)),
            })
            .collect();
        if images.is_empty() {
            return Err(NotationError::NoTags(place).into());
        }
        Ok(images)
    }

    /// Whether it is in a registry.
    pub const fn is_in_registry(&self) -> bool {
        self.location.is_repository()
    }

    /// Refuses an image in an archive.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        match &self.location {
            Location::Archive { .. } => Err(NotationError::InArchive(self.location.place()).into()),
            Location::App { .. } | Location::Layout(_) => Ok(()),
            #[cfg(feature = "registry")]
            Location::Repository(_) => Ok(()),
        }
    }
}

/// Whether a tag is made of a digest: `sha256-HEX`, or that with an ending.
fn is_of_a_digest(tag: &str) -> bool {
    let stem = tag.split('.').next().unwrap_or(tag);
    let parts = stem.split_once('-');
    parts.is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
}

/// The name with this tag.
fn with_tag(name: &ImageName, tag: &str) -> ImageName {
    let mut name = name.clone();
    match &mut name {
        ImageName::Docker { tag: own, .. } => *own = tag.parse().ok(),
        ImageName::Layout { reference, .. } | ImageName::Archive { reference, .. } => {
            *reference = Some(Reference::Tag(tag.to_owned()));
        }
        ImageName::Dir { .. } => {}
    }
    name
}
