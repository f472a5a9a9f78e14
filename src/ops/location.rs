//! The places of the images that a user named, and opening them.

use std::path::{Path, PathBuf};

use super::error::Error;
#[cfg(feature = "registry")]
use super::repository::RepositoryAt;
use crate::crypto::Digest;
#[cfg(feature = "registry")]
use crate::image::Tag;
use crate::image::{AppName, ArchiveKind, ImageName, Reference};
use crate::progress::Progress;
use crate::store::archive::{Archive, ArchiveImages};
#[cfg(feature = "registry")]
use crate::store::remote::{Options, RemoteStore};
use crate::store::{Layout, Limits, Place, Reader, Registry, Store, Window};

/// Where images are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An app in a registry directory.
    App {
        /// The registry directory.
        registry: PathBuf,
        /// The app.
        app: AppName,
    },
    /// A layout whose folder has no name that an app can have.
    Layout(PathBuf),
    /// An archive.
    Archive {
        /// The user's name for it.
        kind: ArchiveKind,
        /// The file.
        path: PathBuf,
    },
    /// A repository of a registry.
    #[cfg(feature = "registry")]
    Repository(Box<RepositoryAt>),
}

/// The options for registries.
#[cfg(feature = "registry")]
pub type RegistryOptions = Options;
/// The options for registries, in a build that talks to none.
#[cfg(not(feature = "registry"))]
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    nothing: (),
}

/// Images of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The place.
    pub location: Location,
    /// The images; empty means the only one in the place.
    pub references: Vec<Reference>,
}

/// A place that is open for reading.
pub(super) enum Opened {
    Layout(Box<Layout>),
    Archive(Box<ArchiveImages>),
    #[cfg(feature = "registry")]
    Remote(Box<RemoteStore>),
}

impl Asked {
    /// Finds the places of images by their names. Groups adjacent names of one place. In a registry a name without a
    /// tag or digest means the tag `latest`, unless the user means all images.
    pub fn of(
        names: Vec<ImageName>,
        is_all: bool,
        options: &RegistryOptions,
    ) -> Result<Vec<Self>, Error> {
        let mut all: Vec<Self> = Vec::new();
        for name in names {
            let (location, mut reference) = Location::of(name, options)?;
            if reference.is_none() && !is_all {
                reference = location.by_default();
            }
            match (all.last_mut(), reference) {
                (Some(last), Some(reference))
                    if last.location == location && !last.references.is_empty() =>
                {
                    last.references.push(reference);
                }
                (_, reference) => all.push(Self {
                    location,
                    references: reference.into_iter().collect(),
                }),
            }
        }
        Ok(all)
    }

    /// The requests at this place, among those at other places.
    pub(super) fn name(&self) -> String {
        match &*self.references {
            [reference] => self.location.full_name(Some(&reference.to_string())),
            _ => self.location.full_name(None),
        }
    }
}

impl Location {
    fn of(name: ImageName, options: &RegistryOptions) -> Result<(Self, Option<Reference>), Error> {
        match name {
            ImageName::Layout { path, reference } => Ok((Self::of_layout(path), reference)),
            ImageName::Archive {
                kind,
                path,
                reference,
            } => Ok((Self::Archive { kind, path }, reference)),
            name @ ImageName::Dir { .. } => Err(Error::NotHere {
                image: name.to_string(),
                reason: "folders as skopeo writes them for dir: are not read",
            }),
            #[cfg(not(feature = "registry"))]
            name @ ImageName::Docker { .. } => {
                let RegistryOptions { nothing: () } = options;
                Err(Error::NotHere {
                    image: name.to_string(),
                    reason: "this build lacks the feature registry",
                })
            }
            #[cfg(feature = "registry")]
            ImageName::Docker {
                host,
                repository,
                tag,
                digest,
            } => {
                let tag = tag.map(|tag| Reference::Tag(tag.to_string()));
                let at = RepositoryAt {
                    host,
                    name: repository,
                    options: options.clone(),
                };
                let reference = digest.map(Reference::Digest).or(tag);
                Ok((Self::Repository(Box::new(at)), reference))
            }
        }
    }

    /// The default reference: in a registry the tag `latest`.
    pub fn by_default(&self) -> Option<Reference> {
        match self {
            Self::App { .. } | Self::Layout(_) | Self::Archive { .. } => None,
            #[cfg(feature = "registry")]
            Self::Repository(_) => Some(Reference::Tag(Tag::latest().to_string())),
        }
    }

    /// `oci:DIR/APP` is the same as `-r DIR -a APP`.
    pub(super) fn of_layout(path: PathBuf) -> Self {
        // A path that ends in dots still has a name.
        let named = match path.file_name() {
            Some(_) => path.clone(),
            None => path.canonicalize().unwrap_or_else(|_| path.clone()),
        };
        let app = named
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        let registry = match named.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
            parent => parent.map(Path::to_owned),
        };
        match (registry, app) {
            (Some(registry), Some(app)) => Self::App { registry, app },
            _ => Self::Layout(path),
        }
    }

    /// Whether it is a layout in a folder.
    pub(super) const fn is_layout(&self) -> bool {
        matches!(self, Self::App { .. } | Self::Layout(_))
    }

    /// Whether it is a repository of a registry.
    pub const fn is_repository(&self) -> bool {
        match self {
            Self::App { .. } | Self::Layout(_) | Self::Archive { .. } => false,
            #[cfg(feature = "registry")]
            Self::Repository(_) => true,
        }
    }

    /// Where it is, for messages.
    pub fn place(&self) -> Place {
        match self {
            Self::App { registry, app } => Place::Layout(registry.join(app.as_str())),
            Self::Layout(path) => Place::Layout(path.clone()),
            Self::Archive { path, .. } => Place::Archive(path.clone()),
            #[cfg(feature = "registry")]
            Self::Repository(at) => Place::Repository(format!("{}/{}", at.host, at.name)),
        }
    }

    /// The full name of an image of this place, or of the place itself, in the spelling of image names.
    pub(super) fn full_name(&self, name: Option<&str>) -> String {
        let transport = match self {
            Self::App { .. } | Self::Layout(_) => "oci:",
            Self::Archive {
                kind: ArchiveKind::Oci,
                ..
            } => "oci-archive:",
            Self::Archive {
                kind: ArchiveKind::Docker,
                ..
            } => "docker-archive:",
            #[cfg(feature = "registry")]
            Self::Repository(_) => "docker://",
        };
        let place = self.place();
        let Some(name) = name else {
            return format!("{transport}{place}");
        };
        let mark = if Digest::is_digest_form(name) {
            '@'
        } else {
            ':'
        };
        format!("{transport}{place}{mark}{name}")
    }

    pub(super) fn open(&self, limits: Limits, progress: &dyn Progress) -> Result<Opened, Error> {
        Ok(match self {
            Self::App { registry, app } => {
                let layout = Registry::open(registry, limits)?.layout(app)?;
                Opened::Layout(Box::new(layout))
            }
            Self::Layout(path) => Opened::Layout(Box::new(Layout::at(path, limits)?)),
            Self::Archive { kind, path } => {
                let archive = Archive::open(path, limits)?;
                let images = ArchiveImages::open(archive, *kind, progress)?;
                Opened::Archive(Box::new(images))
            }
            #[cfg(feature = "registry")]
            Self::Repository(at) => Opened::Remote(Box::new(at.store())),
        })
    }
}

impl Opened {
    /// The window that it was unpacked with, if any.
    pub(super) fn take_window(&mut self) -> Window {
        match self {
            Self::Layout(_) => Window::default(),
            Self::Archive(images) => images.take_window(),
            #[cfg(feature = "registry")]
            Self::Remote(_) => Window::default(),
        }
    }

    pub(super) fn store(&self) -> &dyn Store {
        match self {
            Self::Layout(layout) => &**layout,
            Self::Archive(images) => &**images,
            #[cfg(feature = "registry")]
            Self::Remote(store) => &**store,
        }
    }

    /// The layout, where it is one.
    pub(super) fn layout(&self) -> Option<&Layout> {
        match self {
            Self::Layout(layout) => Some(layout),
            Self::Archive(_) => None,
            #[cfg(feature = "registry")]
            Self::Remote(_) => None,
        }
    }

    /// Compares docker's list of images with the entries; `None` if there is no list; an error says why they differ.
    pub(super) fn check_docker_list(
        &self,
        reader: &Reader<'_>,
    ) -> Result<Option<Result<(), String>>, Error> {
        match self {
            Self::Layout(layout) => Ok(layout.check_docker_list()?),
            Self::Archive(images) if images.listed().is_empty() => Ok(None),
            Self::Archive(images) => Ok(Some(reader.compare_docker_list(images.listed())?)),
            #[cfg(feature = "registry")]
            Self::Remote(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_named_as_an_app_of_its_folder() {
        let app = |registry: &str, app: &str| Location::App {
            registry: registry.into(),
            app: app.parse().expect("a name"),
        };
        for (path, location) in [
            ("apps/hello", app("apps", "hello")),
            ("/apps/hello/", app("/apps", "hello")),
            ("hello", app(".", "hello")),
            ("/hello", app("/", "hello")),
            ("../hello", app("..", "hello")),
            ("apps/.hidden", Location::Layout("apps/.hidden".into())),
        ] {
            assert_eq!(Location::of_layout(path.into()), location, "{path}");
        }
    }

    #[test]
    fn names_of_one_place_are_asked_for_together() {
        let names = ["oci:a:1", "oci:a:2", "oci:b:1", "oci:b", "oci:b", "oci:a:3"];
        let names = names.map(|name| name.parse().expect("a name")).to_vec();
        let asked = Asked::of(names, false, &RegistryOptions::default()).expect("places");
        let counts: Vec<_> = asked
            .iter()
            .map(|asked| (asked.location.full_name(Some("x")), asked.references.len()))
            .collect();
        let wanted = [("a", 2), ("b", 1), ("b", 0), ("b", 0), ("a", 1)];
        let wanted = wanted.map(|(app, count)| (format!("oci:./{app}:x"), count));
        assert_eq!(counts, wanted);
    }
}
