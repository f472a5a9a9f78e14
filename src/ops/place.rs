//! Repositories of registries, as commands are told of them.

use std::sync::Arc;

use crate::image::{Host, Repository};
use crate::store::remote::{Client, Options, RemoteRepository, RemoteStore};

/// A repository of a registry, and how that is talked to.
#[derive(Clone, Debug)]
pub struct At {
    /// The registry.
    pub host: Host,
    /// The repository.
    pub name: Repository,
    /// How registries are talked to.
    pub options: Options,
}

/// One repository: how it is talked to is the same in all of a run.
impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, &self.name) == (&other.host, &other.name)
    }
}

impl Eq for At {}

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
