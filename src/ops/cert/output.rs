//! Where the results go.

use std::path::{Path, PathBuf};

use crate::files::regular::{self, Links};
use crate::files::{self, Staged, Written};
use crate::ops::error::Error;
use crate::ops::keys::existing;
use crate::ops::outputs::check_output;

/// The most bytes of a file that may be the result of an earlier run.
const MOST_THERE: usize = 1 << 20;

/// The permission bits of a result.
const MODE: u32 = 0o644;

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
    /// Checks that this run can write the file, before it uses any key. Each run makes another serial number, so it
    /// refuses a file that is already there.
    pub(super) fn check(&self, role: &'static str, inputs: &[&Path]) -> Result<(), Error> {
        match &self.path {
            Some(path) => check(role, path, self.force, inputs),
            None => Ok(()),
        }
    }

    /// The same for a result that may be there already.
    pub(super) fn check_any(&self, role: &'static str, inputs: &[&Path]) -> Result<(), Error> {
        match &self.path {
            Some(path) => check(role, path, true, inputs),
            None => Ok(()),
        }
    }

    /// The file that is there already, and its content.
    pub(super) fn there(&self, role: &'static str) -> Result<Option<(PathBuf, Vec<u8>)>, Error> {
        let path = self.path.as_ref().filter(|path| !files::is_standard(path));
        let Some(path) = path.filter(|path| path.symlink_metadata().is_ok()) else {
            return Ok(None);
        };
        match regular::read(path, MOST_THERE, Links::Followed) {
            Ok(bytes) => Ok(Some((path.clone(), bytes))),
            // The write itself refuses anything that is not a file.
            Err(files::Error::TooLarge { .. } | files::Error::NotRegular { .. }) => Ok(None),
            Err(error) => Err(Error::file(role)(error)),
        }
    }

    /// The bytes that are written.
    pub(super) fn form<'a>(&self, der: &'a [u8], pem: &'a str) -> &'a [u8] {
        if self.der { der } else { pem.as_bytes() }
    }

    /// Writes the result beside its place, where that is a file's.
    pub(super) fn stage(
        &self,
        role: &'static str,
        der: &[u8],
        pem: &str,
    ) -> Result<Option<Staged>, Error> {
        let path = self.path.as_ref().filter(|path| !files::is_standard(path));
        let staged = path.map(|path| Staged::new(path, self.form(der, pem), MODE));
        staged.transpose().map_err(Error::file(role))
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
        write(role, path, self.form(der, pem), self.force).map(|one| vec![one])
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
    let how = files::write(path, bytes, MODE, existing(force)).map_err(Error::file(role))?;
    Ok((path.to_owned(), how))
}
