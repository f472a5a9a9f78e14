//! Why there is no key.

use std::path::PathBuf;

use super::file::KeyFileError;
use super::pkcs11;
use crate::crypto::p384::PublicKeyError;
use crate::files;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file was not read or written.
    #[error("key file {0}")]
    File(#[from] files::Error),
    /// The file is not a private key of the one kind that is read.
    #[error("key file {}: {source}", .path.display())]
    Private {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyFileError,
    },
    /// The file is not a public key of the one kind that is read.
    #[error("public key file {}: {source}", .path.display())]
    Public {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PublicKeyError,
    },
    /// The token did not do it.
    #[error(transparent)]
    Token(#[from] Box<pkcs11::Error>),
}

impl From<pkcs11::Error> for Error {
    fn from(error: pkcs11::Error) -> Self {
        Self::Token(Box::new(error))
    }
}
