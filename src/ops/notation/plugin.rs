//! This program as a plugin of notation.

use std::path::PathBuf;

use super::error::Error;
use super::folders::{self, Folders};
use crate::files::{self, Existing, Written};

/// No program of this kind is longer.
const MOST_PROGRAM: usize = 1 << 30;

/// Copies this program to the place where notation looks for the plugin.
pub fn install(folders: &Folders, force: bool) -> Result<(PathBuf, Written), Error> {
    let role = "this program";
    let own = std::env::current_exe().map_err(|source| Error::Folder {
        path: "/proc/self".into(),
        action: "read",
        source,
    })?;
    let bytes = files::read(&own, MOST_PROGRAM).map_err(|source| Error::File { role, source })?;
    let path = folders.plugin();
    folders::make(&files::parent_of(&path))?;
    let existing = if force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let written = files::write(&path, &bytes, 0o755, existing);
    let written = written.map_err(|source| Error::File {
        role: "plugin",
        source,
    })?;
    Ok((path, written))
}
