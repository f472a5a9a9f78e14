//! Reads only regular files. A program that opens a pipe waits until somebody writes into it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{Error, fill};
use crate::secret::Secret;

/// Whether a symbolic link may lead to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It may.
    Followed,
    /// The path itself has to be the file.
    Refused,
}

/// Opens a regular file for reading, without waiting, and refuses anything else.
pub fn open(path: &Path, links: Links) -> Result<File, Error> {
    let not_regular = |what| Error::NotRegular {
        path: path.to_owned(),
        what,
    };
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refused {
        flags |= OFlags::NOFOLLOW;
    }
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) if links == Links::Refused => return Err(not_regular("a symbolic link")),
        // A socket, or a device without a driver (open(2)).
        Err(Errno::NXIO) => return Err(not_regular("a socket or a device")),
        Err(error) => return Err(Error::io(path, "open")(error.into())),
    };
    let kind = file.metadata().map_err(Error::io(path, "read"))?;
    if kind.is_dir() {
        return Err(not_regular("a folder"));
    }
    if !kind.is_file() {
        return Err(not_regular("a pipe or a device"));
    }
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: usize, links: Links) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path, links)?
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path, "read"))?;
    if bytes.len() > limit {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

/// Reads a regular file of at most `limit` bytes that may hold a secret.
pub fn read_secret(path: &Path, limit: usize, links: Links) -> Result<Secret, Error> {
    let mut bytes = Secret::zeroed(limit + 1);
    let filled = fill(&mut open(path, links)?, path, limit, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}
