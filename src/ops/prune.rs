//! Removing blobs that nothing in a layout refers to.

use super::error::Error;
use super::location::Location;
use crate::image::ImageName;
use crate::progress::Progress;
use crate::store::{Absent, Layout, Limits, Pruned, Registry};

/// A layout to prune.
#[derive(Debug)]
pub struct Prune {
    /// Its place.
    pub location: Location,
    /// The indexes and manifests that will never be there.
    pub absent: Vec<Absent>,
}

/// Finds the layout that a name means. Names of one image, of archives and of registries are refused.
pub fn layout(name: ImageName) -> Result<Location, Error> {
    let image = name.to_string();
    let reason = match name {
        ImageName::Layout {
            path,
            reference: None,
        } => return Ok(Location::of_layout(path)),
        ImageName::Layout { .. } => "prune works on a whole layout: leave the tag or digest out",
        ImageName::Archive { .. } => "prune works on layouts in folders, and never on an archive",
        ImageName::Docker { .. } => {
            "prune works on layouts in folders: a registry itself removes what nothing refers to"
        }
        ImageName::Dir { .. } => "prune works on layouts in folders: name one as oci:DIR",
    };
    Err(Error::NotHere { image, reason })
}

impl Prune {
    /// Finds the removable blobs, passes them to `confirm`, and removes them if `confirm` returns true.
    pub fn run(
        &self,
        progress: &dyn Progress,
        confirm: impl FnOnce(&Pruned) -> bool,
    ) -> Result<Pruned, Error> {
        let (limits, absent) = (Limits::default(), &*self.absent);
        let pruned = match &self.location {
            Location::App { registry, app } => {
                Registry::open(registry, limits)?.prune(app, absent, progress, confirm)
            }
            Location::Layout(path) => Layout::at(path, limits)?.prune(absent, progress, confirm),
            Location::Archive { .. } => return Err(self.refused()),
            #[cfg(feature = "registry")]
            Location::Repository(_) => return Err(self.refused()),
        };
        Ok(pruned?)
    }

    fn refused(&self) -> Error {
        Error::NotHere {
            image: self.location.full_name(None),
            reason: "prune works on layouts in folders",
        }
    }
}
