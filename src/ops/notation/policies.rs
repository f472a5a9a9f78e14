//! The trust policy of the configuration, shown and replaced.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::Error;
use super::folders::{self, Folders};
use super::trust::read_policy;
use crate::files::regular::{self, Links};
use crate::files::{self, Existing, Written};

const ROLE: &str = "trust policy";

/// Puts a policy into its place: that of `trustpolicy.oci.json`, if that is there, else `trustpolicy.json`. A policy that is
/// not valid stays out, and another that is there stays unless `force` says so.
pub fn put(
    folders: &Folders,
    from: &Path,
    bytes: &[u8],
    force: bool,
) -> Result<(PathBuf, Written), Error> {
    read_policy(from, bytes)?;
    let _lock = folders.lock()?;
    let [newer, older] = folders.trust_policies();
    let path = if newer.symlink_metadata().is_ok() {
        newer
    } else {
        older
    };
    // A link in its place is refused, and so is a pipe.
    let there = folders::read(ROLE, &path)?;
    let failed = |source| Error::File { role: ROLE, source };
    if there.as_deref() == Some(bytes) {
        files::sync_existing(&path).map_err(failed)?;
        return Ok((path, Written::Same));
    }
    let existing = if force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let written = files::write(&path, bytes, 0o600, existing).map_err(failed)?;
    Ok((path, written))
}

/// Reads a policy's file.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let read = regular::read(path, folders::MOST, Links::Followed);
    read.map_err(|source| Error::File { role: ROLE, source })
}

/// A policy of one statement for all images, with the level strict.
pub fn first(name: &str, stores: &[String], identities: &[String]) -> Vec<u8> {
    let policy = json!({
        "version": "1.0",
        "trustPolicies": [{
            "name": name,
            "registryScopes": ["*"],
            "signatureVerification": { "level": "strict" },
            "trustStores": stores,
            "trustedIdentities": identities,
        }],
    });
    format!("{policy:#}\n").into_bytes()
}
