//! Files that hold keys, read whole or recognised as private.

use std::path::Path;

use super::any::{AnyKey, KeyFile};
use super::error::Error;
use super::file::{self, FileKey};
use super::file_error::KeyFileError;
use crate::crypto::P384Key;
use crate::files;

/// The most bytes that this module reads of a file: a PKCS#8 or PEM form of a key has a few hundred.
const MAX_KEY_FILE: usize = 16 * 1024;

/// Reads a private key file: DER SEC1.
pub(super) fn read_private(path: &Path) -> Result<FileKey, Error> {
    let bytes = files::read_secret(path, MAX_KEY_FILE)?;
    FileKey::from_sec1(&bytes).map_err(|source| Error::Private {
        path: path.to_owned(),
        source,
    })
}

/// Reads a private key file that `gen-key` made: DER SEC1 of a key on any curve, or PKCS#8 of an RSA key.
pub(super) fn read_made(path: &Path) -> Result<AnyKey, Error> {
    let bytes = files::read_secret(path, MAX_KEY_FILE)?;
    made(&bytes).map_err(|source| Error::Private {
        path: path.to_owned(),
        source,
    })
}

/// The private key of a type that `gen-key` makes.
pub(super) fn made(bytes: &[u8]) -> Result<AnyKey, KeyFileError> {
    let error = match FileKey::from_sec1(bytes) {
        Ok(key) => return Ok(AnyKey::Ec(key.into_ec())),
        Err(error) => error,
    };
    let of_another_type = matches!(
        error,
        KeyFileError::Curve(_) | KeyFileError::Algorithm(_) | KeyFileError::Numbers(_)
    );
    match KeyFile::read(bytes) {
        Ok(KeyFile::Plain(key)) if of_another_type => Ok(key),
        Ok(_) | Err(_) => Err(error),
    }
}

/// Reads a public key file: DER `SubjectPublicKeyInfo`.
pub fn read_public(path: &Path) -> Result<P384Key, Error> {
    let bytes = files::read_wiped(path, MAX_KEY_FILE)?;
    P384Key::from_spki(&bytes).map_err(|source| Error::Public {
        path: path.to_owned(),
        source,
    })
}

/// Whether a file holds a private key, in any form that ir-sign recognises. False for a file that it cannot read.
pub fn is_private(path: &Path) -> Result<bool, files::Error> {
    let metadata = path.symlink_metadata();
    // A longer file is not a key, and reading a pipe would empty it.
    if !metadata.is_ok_and(|there| there.is_file() && there.len() <= MAX_KEY_FILE as u64) {
        return Ok(false);
    }
    match files::read_secret(path, MAX_KEY_FILE) {
        Ok(bytes) => Ok(file::is_private(&bytes)),
        Err(files::Error::TooLarge { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
