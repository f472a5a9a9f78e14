//! Repositories of registries, as commands name them.

use std::sync::Arc;

use crate::image::{Host, Repository};
use crate::store::remote::{Client, Options, RemoteRepository, RemoteStore};

/// A repository of a registry, and the options for it.
#[derive(Clone, Debug)]
pub struct RepositoryAt {
    /// The registry.
    pub host: Host,
    /// The repository.
    pub name: Repository,
    /// The options for registries.
    pub options: Options,
}

/// Compares only the repository, because the options are the same throughout a run.
impl PartialEq for RepositoryAt {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, &self.name) == (&other.host, &other.name)
    }
}

impl Eq for RepositoryAt {}

impl RepositoryAt {
    fn repository(&self) -> RemoteRepository {
        let client = Arc::new(Client::new(&self.host, &self.options));
        RemoteRepository::new(client, self.name.clone())
    }

    /// The repository as a place to read from. It sends no request yet.
    pub fn store(&self) -> RemoteStore {
        RemoteStore::new(self.repository())
    }

    /// The repository as a place to read from and write to.
    pub fn to_write(&self) -> RemoteStore {
        RemoteStore::new(self.repository().to_write())
    }
}
