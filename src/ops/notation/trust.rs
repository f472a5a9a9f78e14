//! Trust policies, trust stores and revocation lists, read from the configuration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::certificates;
use super::error::Error;
use super::folders::{self, Folders};
use crate::encoding::time;
use crate::files::regular::{self, Links};
use crate::trust::notary::{
    Revocations, Standing, Store, StoreFault, Stores, TrustPolicy, check_store,
};
use crate::x509::Certificate;
use crate::x509::crl::RevocationList;
use crate::x509::{Entry, Status};

/// No revocation list is longer.
const MOST_LIST: usize = 32 << 20;

/// Reads the trust policy that counts, and names its file.
pub fn policy(folders: &Folders) -> Result<(PathBuf, Vec<u8>, TrustPolicy), Error> {
    for path in folders.trust_policies() {
        if let Some(bytes) = folders::read("trust policy", &path)? {
            let read = read_policy(&path, &bytes)?;
            return Ok((path, bytes, read));
        }
    }
    let [first, _] = folders.trust_policies();
    Err(Error::NoPolicy {
        folder: first.parent().unwrap_or(&first).to_owned(),
    })
}

/// Reads a trust policy.
pub fn read_policy(path: &Path, bytes: &[u8]) -> Result<TrustPolicy, Error> {
    TrustPolicy::read(bytes).map_err(|source| Error::Policy {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// The certificates of a store, or why it cannot be used.
type ReadStore = Result<Arc<[Certificate]>, StoreFault>;

/// The trust stores of the configuration. Each is read once.
pub struct FolderStores {
    folders: Folders,
    read: Mutex<HashMap<Store, ReadStore>>,
}

impl FolderStores {
    /// The stores below these folders.
    pub fn new(folders: Folders) -> Self {
        Self {
            folders,
            read: Mutex::default(),
        }
    }

    fn read(&self, store: &Store) -> ReadStore {
        let fault = |reason: String| StoreFault {
            store: store.to_string(),
            reason,
        };
        let read = certificates::read_store(&self.folders, store);
        let all = read.map_err(|error| fault(error.to_string()))?;
        check_store(&all).map_err(fault)?;
        Ok(all.into())
    }
}

impl Stores for FolderStores {
    fn certificates(&self, store: &Store) -> Result<Arc<[Certificate]>, StoreFault> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.entry(store.clone());
        found.or_insert_with(|| self.read(store)).clone()
    }
}

/// Revocation lists of files.
#[derive(Clone, Debug, Default)]
pub struct Lists(Vec<RevocationList>);

impl Lists {
    /// Reads the files.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Error> {
        let read = paths.iter().map(|path| read_list(path));
        Ok(Self(read.collect::<Result<_, _>>()?))
    }
}

/// Reads the revocation list of a file.
pub fn read_list(path: &Path) -> Result<RevocationList, Error> {
    let bytes = regular::read(path, MOST_LIST, Links::Followed).map_err(|source| Error::File {
        role: "revocation list",
        source,
    })?;
    RevocationList::read(&bytes).map_err(|source| Error::List {
        path: path.to_owned(),
        reason: source.to_string(),
    })
}

impl Revocations for Lists {
    /// A certificate that one list revokes is revoked, whatever the others say. Else one list that counts is enough.
    fn standing(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: SystemTime,
    ) -> Standing {
        let mut standing = Standing::Unknown;
        let own = self
            .0
            .iter()
            .filter(|list| list.issuer() == issuer.subject());
        for list in own {
            let checked = list.check_issuer(issuer).and_then(|()| list.check_time(at));
            match (checked, list.status(certificate.serial())) {
                (Ok(()), Status::NotRevoked) => standing = Standing::Good,
                (Ok(()), Status::Revoked(entry) | Status::Held(entry)) => return revoked(entry),
                (Err(fault), _) if standing == Standing::Unknown => {
                    standing = Standing::Unusable(fault.to_string());
                }
                (Err(_), _) => {}
            }
        }
        standing
    }
}

fn revoked(entry: &Entry) -> Standing {
    let since = time::write(entry.since);
    let reason = entry
        .reason
        .map_or(String::new(), |reason| format!(", {reason}"));
    Standing::Revoked(format!("since {since}{reason}"))
}
