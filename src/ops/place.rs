//! Where the images of a command are.

use std::path::PathBuf;

use crate::image::AppName;
#[cfg(feature = "registry")]
use crate::store::remote::{Client, Options, RemoteRepository, RemoteStore};

/// Where the images of a command are.
#[derive(Clone, Debug)]
pub enum Where {
    /// In the layout of an app, in a registry directory.
    App {
        /// The registry directory.
        registry: PathBuf,
        /// The app.
        app: AppName,
    },
    /// In a repository of a registry.
    #[cfg(feature = "registry")]
    Repository(Box<At>),
}

/// A repository of a registry, and how that is talked to.
#[cfg(feature = "registry")]
#[derive(Clone, Debug)]
pub struct At {
    /// The registry.
    pub host: crate::image::Host,
    /// The repository.
    pub name: crate::image::Repository,
    /// How registries are talked to.
    pub options: Options,
}

#[cfg(feature = "registry")]
impl At {
    /// The repository as a place to read from. It asks nobody yet.
    pub fn store(&self) -> RemoteStore {
        let client = std::sync::Arc::new(Client::new(&self.host, &self.options));
        RemoteStore::new(RemoteRepository::new(client, self.name.clone()))
    }
}
