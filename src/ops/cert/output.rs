//! Where the results go.

use std::path::{Path, PathBuf};

use crate::files::{self, Written};
use crate::ops::error::Error;
use crate::ops::keys::existing;
use crate::ops::outputs::check_output;

/// Where a result goes.
#[derive(Clone, Debug)]
pub struct Output {
    /// The file, if any.
    pub path: Option<PathBuf>,
    /// Whether DER is written, and not PEM.
    pub der: bool,
    /// Whether to replace another file that is there already.
    pub force: bool,
}

/// A result.
#[derive(Debug)]
pub struct Made<T> {
    /// The result.
    pub value: T,
    /// The files with it, and whether this run wrote them.
    pub written: Vec<(PathBuf, Written)>,
}

impl Output {
    /// Checks before any key is asked that the file can be written. Each run makes another serial number or signature,
    /// so a file that is there is in the way.
    pub(super) fn check(&self, role: &'static str, inputs: &[&Path]) -> Result<(), Error> {
        match &self.path {
            Some(path) => check(role, path, self.force, inputs),
            None => Ok(()),
        }
    }

    /// Writes the result.
    pub(super) fn write(
        &self,
        role: &'static str,
        der: &[u8],
        pem: &str,
    ) -> Result<Vec<(PathBuf, Written)>, Error> {
        let Some(path) = &self.path else {
            return Ok(Vec::new());
        };
        let bytes = if self.der { der } else { pem.as_bytes() };
        write(role, path, bytes, self.force).map(|one| vec![one])
    }
}

pub(super) fn check(
    role: &'static str,
    path: &Path,
    force: bool,
    inputs: &[&Path],
) -> Result<(), Error> {
    check_output(role, path, inputs)?;
    if !force && !files::is_standard(path) {
        files::check_absent(path).map_err(Error::file(role))?;
    }
    files::check_writable(path).map_err(Error::file(role))
}

pub(super) fn write(
    role: &'static str,
    path: &Path,
    bytes: &[u8],
    force: bool,
) -> Result<(PathBuf, Written), Error> {
    let how = files::write(path, bytes, 0o644, existing(force)).map_err(Error::file(role))?;
    Ok((path.to_owned(), how))
}
