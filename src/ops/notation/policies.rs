//! The trust policy of the configuration, shown and replaced.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::Error;
use super::folders::{self, Folders};
use crate::files::regular::{self, Links};
use crate::files::{self, Existing, Written};
use crate::trust::notary::TrustPolicy;

const ROLE: &str = "trust policy";

/// Puts a policy into its place: that of `trustpolicy.oci.json`, if that is there, else `trustpolicy.json`. Another
/// that is there stays unless `force` says so.
fn put(folders: &Folders, bytes: &[u8], force: bool) -> Result<(PathBuf, Written), Error> {
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
    let written = files::write(&path, bytes, 0o600, existing);
    let written = written.map_err(|source| match source {
        files::Error::Exists { .. } | files::Error::Differs { .. } => Error::OtherPolicy { source },
        source => Error::File { role: ROLE, source },
    })?;
    Ok((path, written))
}

/// Puts the policy of a file into its place. One that is not valid stays out.
pub fn import(folders: &Folders, path: &Path, force: bool) -> Result<(PathBuf, Written), Error> {
    let bytes = regular::read(path, folders::MOST, Links::Followed);
    let bytes = bytes.map_err(|source| Error::File { role: ROLE, source })?;
    TrustPolicy::read(&bytes).map_err(|source| {
        let path = path.to_owned();
        Error::NewPolicy { path, source }
    })?;
    put(folders, &bytes, force)
}

/// Puts a policy of one statement for all images, with the level strict, into its place.
pub fn init(
    folders: &Folders,
    name: &str,
    stores: &[String],
    identities: &[String],
    force: bool,
) -> Result<(PathBuf, Written), Error> {
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
    let bytes = format!("{policy:#}\n").into_bytes();
    TrustPolicy::read(&bytes).map_err(Error::Flags)?;
    put(folders, &bytes, force)
}
