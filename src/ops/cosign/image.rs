//! The images that a command of cosign's family is about.

use super::error::Error as CosignError;
use crate::image::{ImageName, Reference};
use crate::ops::error::Error;
use crate::ops::location::{Asked, Location, RegistryOptions};

/// An image, or an index as a whole, and the names by which it is signed and looked for.
#[derive(Clone, Debug)]
pub struct CosignImage {
    /// How the user named it.
    pub name: ImageName,
    pub(super) location: Location,
    /// Which image of that place; the only one where none is named.
    pub(super) reference: Option<Reference>,
}

impl CosignImage {
    /// Reads off a name where the image is. Without a tag or a digest it is the tag `latest` of a repository.
    pub fn of(name: ImageName, options: &RegistryOptions) -> Result<Self, Error> {
        let asked = Asked::of(vec![name.clone()], false, options)?;
        let [asked] = <[Asked; 1]>::try_from(asked).expect("one name is one place");
        Ok(Self {
            name,
            reference: asked.references.into_iter().next(),
            location: asked.location,
        })
    }

    /// Whether the image is in an archive.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        match &self.location {
            Location::Archive { .. } => Err(CosignError::InArchive(self.location.place()).into()),
            Location::App { .. } | Location::Layout(_) => Ok(()),
            #[cfg(feature = "registry")]
            Location::Repository(_) => Ok(()),
        }
    }

    /// The name by which it is signed: the user's word, else the repository with the tag that was named, else the name
    /// that the layout gives it where that has a host.
    pub(super) fn identity(
        &self,
        given: Option<&str>,
        in_place: &[Option<&str>],
    ) -> Result<String, Error> {
        if let Some(given) = given {
            return Ok(given.to_owned());
        }
        match &self.name {
            ImageName::Docker {
                host,
                repository,
                tag,
                ..
            } => Ok(tag.as_ref().map_or_else(
                || format!("{host}/{repository}"),
                |tag| format!("{host}/{repository}:{tag}"),
            )),
            ImageName::Layout { .. } | ImageName::Archive { .. } | ImageName::Dir { .. } => {
                let names = in_place.iter().flatten();
                let full = names.copied().find(|name| is_full(name));
                let image = self.name.to_string();
                full.map(str::to_owned)
                    .ok_or_else(|| CosignError::NoIdentity { image }.into())
            }
        }
    }
}

/// Whether a name is one of an image with its host, without a digest.
fn is_full(name: &str) -> bool {
    let parsed = name.parse::<ImageName>();
    matches!(parsed, Ok(ImageName::Docker { digest: None, .. }))
}
