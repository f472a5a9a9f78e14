//! The trust stores of a folder, as decisions ask for them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::certificates::{names, read_file};
use crate::files::regular::Links;
use crate::trust::notary::{Store, StoreFault, Stores, check_store};
use crate::x509::Certificate;

/// The certificates of a store, or why it cannot be used.
type ReadStore = Result<Arc<[Certificate]>, StoreFault>;

/// Trust stores below a folder: `TYPE/NAME/FILE`. Each is read once.
pub struct StoreFolder {
    x509: PathBuf,
    read: Mutex<HashMap<Store, ReadStore>>,
}

impl StoreFolder {
    /// The stores below `x509`, the folder of the types.
    pub fn new(x509: PathBuf) -> Self {
        Self {
            x509,
            read: Mutex::default(),
        }
    }

    /// Reads a store as notation does: a folder of regular files, no links, each with certificates in PEM or DER.
    fn load(&self, store: &Store) -> Result<Arc<[Certificate]>, StoreFault> {
        let fault = |reason: String| StoreFault {
            store: store.to_string(),
            reason,
        };
        let folder = self.x509.join(store.kind.name()).join(&store.name);
        let names = names(&folder).map_err(|error| fault(error.to_string()))?;
        let mut all = Vec::new();
        for name in names {
            let path = folder.join(name);
            let read = read_file(&path, Links::Refused);
            all.extend(read.map_err(|error| fault(error.to_string()))?);
        }
        let place = folder.display();
        check_store(&all).map_err(|reason| fault(format!("{place}: {reason}")))?;
        Ok(all.into())
    }
}

impl Stores for StoreFolder {
    fn certificates(&self, store: &Store) -> Result<Arc<[Certificate]>, StoreFault> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(store) {
            return known.clone();
        }
        let loaded = self.load(store);
        read.insert(store.clone(), loaded.clone());
        loaded
    }
}
