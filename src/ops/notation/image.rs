//! The images that a command of notation's family is about.

use super::error::Error as NotationError;
use crate::image::{ImageName, Reference};
use crate::ops::error::Error;
use crate::ops::location::{Asked, Location, RegistryOptions};

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
