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
    /// The repository that holds what hangs on the image, if that is another one.
    pub(super) elsewhere: Option<Location>,
    /// Which image of that place. If the name gives none, the only image there.
    pub(super) reference: Option<Reference>,
}

impl CosignImage {
    /// Finds the image's place by its name. In a repository, a name without a tag or digest means the tag `latest`.
    pub fn of(name: ImageName, options: &RegistryOptions) -> Result<Self, Error> {
        let asked = Asked::of(vec![name.clone()], false, options)?;
        let [asked] = <[Asked; 1]>::try_from(asked).expect("one name is one place");
        Ok(Self {
            name,
            reference: asked.references.into_iter().next(),
            location: asked.location,
            elsewhere: None,
        })
    }

    /// The same image, whose signatures and attestations are in this repository. An image outside registries has them
    /// in its own place.
    pub fn with_signatures_in(
        mut self,
        repository: &ImageName,
        options: &RegistryOptions,
    ) -> Result<Self, Error> {
        if self.location.is_repository() {
            let asked = Asked::of(vec![repository.clone()], false, options)?;
            let location = asked.into_iter().next().map(|asked| asked.location);
            self.elsewhere = location.filter(|other| *other != self.location);
        }
        Ok(self)
    }

    /// The name of the place that holds what hangs on the image.
    pub fn beside(&self) -> ImageName {
        match &self.elsewhere {
            #[cfg(feature = "registry")]
            Some(Location::Repository(at)) => ImageName::Docker {
                host: at.host.clone(),
                repository: at.name.clone(),
                tag: None,
                digest: None,
            },
            Some(_) | None => self.name.clone(),
        }
    }

    /// The other repository, as a place to write to.
    #[cfg(feature = "registry")]
    pub(super) fn elsewhere_to_write(&self) -> Option<crate::store::remote::RemoteStore> {
        match &self.elsewhere {
            Some(Location::Repository(at)) => Some(at.to_write()),
            Some(Location::App { .. } | Location::Layout(_) | Location::Archive { .. }) | None => {
                None
            }
        }
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

    /// The name by which to sign the image: the user's name for it, else the repository with the tag, else the name
    /// that the layout gives the image if that name has a host.
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

/// Whether a name has the form of an image name with a host and without a digest.
fn is_full(name: &str) -> bool {
    let parsed = name.parse::<ImageName>();
    matches!(parsed, Ok(ImageName::Docker { digest: None, .. }))
}
