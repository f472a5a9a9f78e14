//! Signing images of several places, one after another.

use std::path::Path;

use super::endorsement::Staging;
use super::error::Error;
use super::location::{Asked, Location};
use super::sign::{How, Ready, Site};
#[cfg(feature = "registry")]
use super::sign_remote::SignInRegistry;
use super::signed::SignedImages;
use crate::image::AppName;
use crate::key::KeyRing;
use crate::progress::Progress;
use crate::store::{Registry, Window};

/// Signs images of apps that are in registry directories, and of repositories in registries.
#[derive(Clone, Debug)]
pub struct SignImages {
    /// The places, and which of their images.
    pub asked: Vec<Asked>,
    /// How, but for the references.
    pub how: How,
}

impl SignImages {
    /// Checks and signs the images, one place after another. Each place changes whole or not at all. An error
    /// concerns all places; the error of one place does not stop the others.
    pub fn run(
        &self,
        ring: &KeyRing,
        progress: &dyn Progress,
    ) -> Result<Vec<Result<SignedImages, Error>>, Error> {
        let mut places = Vec::new();
        for asked in &self.asked {
            places.extend(self.places(asked)?);
        }
        if self.how.wants_token() {
            // The errors that the user can mend come before the PIN prompt.
            self.how.endorsement.check_files()?;
            for place in &places {
                place.check()?;
            }
        }
        let ready = self.how.ready(ring)?;
        let mut all = Vec::new();
        for place in places {
            let signed = place.sign(&ready, progress);
            let is_over = matches!(signed, Err(Error::Key(_)));
            all.push(signed);
            // The run asks a key that failed for nothing more.
            if is_over {
                break;
            }
        }
        Ok(all)
    }

    /// Whether the run has an outcome for each of several places, or of several tags of a repository.
    pub fn has_several(&self) -> bool {
        let is_repository = |asked: &Asked| !asked.location.is_layout();
        self.asked.len() > 1 || self.how.all && self.asked.iter().any(is_repository)
    }

    /// The parts of a place that a run signs, each in its own change: a layout, or the tags of a repository.
    fn places<'a>(&self, asked: &'a Asked) -> Result<Vec<SignTarget<'a>>, Error> {
        if self.how.all && !asked.references.is_empty() {
            return Err(Error::NamedAndAll(asked.location.place()));
        }
        if self.how.for_realms && !asked.location.is_layout() {
            return Err(Error::NotForRealms(asked.location.place()));
        }
        let how = How {
            references: asked.references.clone(),
            ..self.how.clone()
        };
        match &asked.location {
            Location::App { registry, app } => {
                let how = Box::new(how);
                Ok(vec![SignTarget::App { registry, app, how }])
            }
            Location::Layout(path) => Err(Error::NotAnApp(path.clone())),
            Location::Archive { path, .. } => Err(Error::InArchive(path.clone())),
            #[cfg(feature = "registry")]
            Location::Repository(at) => {
                let at = at.as_ref().clone();
                let sign = SignInRegistry { at, how };
                let all = if self.how.all {
                    sign.each_tag()?
                } else {
                    vec![sign]
                };
                let targets = all.into_iter().map(Box::new);
                Ok(targets.map(SignTarget::Repository).collect())
            }
        }
    }
}

/// A place whose images this run signs.
enum SignTarget<'a> {
    App {
        registry: &'a Path,
        app: &'a AppName,
        how: Box<How>,
    },
    #[cfg(feature = "registry")]
    Repository(Box<SignInRegistry>),
}

impl SignTarget<'_> {
    /// Refuses references that name no image.
    fn check(&self) -> Result<(), Error> {
        match self {
            Self::App { registry, app, how } => {
                let layout = Registry::open(registry, how.limits)?.layout(app)?;
                let reader = layout.reader();
                if how.all {
                    how.all_images(&reader)?;
                } else {
                    reader.resolve(&how.references, &how.selection)?;
                }
                Ok(())
            }
            #[cfg(feature = "registry")]
            Self::Repository(repository) => repository.check(),
        }
    }

    fn sign(&self, ready: &Ready, progress: &dyn Progress) -> Result<SignedImages, Error> {
        match self {
            Self::App { registry, app, how } => {
                let registry = Registry::open(registry, how.limits)?;
                let mut layout = registry.layout(app)?;
                let site = Site {
                    registry: &registry,
                    app,
                    staging: Staging::InRegistry,
                    written: &[],
                };
                let window = Window::default();
                let signed = how.sign(ready, &mut layout, &site, window, progress);
                signed.map(|(signed, _)| signed)
            }
            #[cfg(feature = "registry")]
            Self::Repository(repository) => repository.run(ready, progress),
        }
    }
}
