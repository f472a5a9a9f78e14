//! Where the images of a command are.

use std::path::PathBuf;
#[cfg(feature = "registry")]
use std::sync::Arc;

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
    fn repository(&self) -> RemoteRepository {
        let client = Arc::new(Client::new(&self.host, &self.options));
        RemoteRepository::new(client, self.name.clone())
    }

    /// The repository as a place to read from. It asks nobody yet.
    pub fn store(&self) -> RemoteStore {
        RemoteStore::new(self.repository())
    }

    /// The repository as a place to read from and write to.
    pub fn to_write(&self) -> RemoteStore {
        RemoteStore::new(self.repository().to_write())
    }
}
