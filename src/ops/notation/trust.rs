//! The trust policy of the configuration, and revocation lists of files.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::folders::{self, Folders};
use crate::files::regular::{self, Links};
use crate::trust::notary::TrustPolicy;
use crate::x509::RevocationList;

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
    TrustPolicy::read(bytes).map_err(|source| Error::TrustPolicy {
        name: path.display().to_string(),
        source,
    })
}

/// Reads the revocation lists of files.
pub fn read_lists(paths: &[PathBuf]) -> Result<Vec<RevocationList>, Error> {
    paths.iter().map(|path| read_list(path)).collect()
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
