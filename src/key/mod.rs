//! Who signs: private keys by reference, and the signers behind them.
//!
//! A key is a file (DER SEC1). The reference's own form decides what it is; content is never sniffed.

pub mod file;

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use crate::crypto::signer::Checked;
use crate::crypto::{PublicKey, Signer, p384::PublicKeyError};
use crate::files::{self, Existing};
use file::{FileKey, KeyFileError};

/// No file this module reads is longer: a PKCS#8 or PEM form of a key has a few hundred bytes.
const MAX_KEY_FILE: usize = 16 * 1024;

/// Where a private key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRef {
    /// A file with a DER SEC1 `ECPrivateKey`.
    File(PathBuf),
}

/// A reference that does not name a key this program can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefError {
    /// The reference is empty.
    #[error("an empty path names no key")]
    Empty,
    /// The reference is a PKCS#11 URI (RFC 7512).
    #[error("keys on PKCS#11 tokens are not supported by this version; name a key file")]
    Token,
}

impl TryFrom<&OsStr> for KeyRef {
    type Error = KeyRefError;

    fn try_from(text: &OsStr) -> Result<Self, KeyRefError> {
        // RFC 3986, section 3.1: a scheme is read in any case.
        let scheme = text.as_encoded_bytes().get(..7);
        if scheme.is_some_and(|s| s.eq_ignore_ascii_case(b"pkcs11:")) {
            return Err(KeyRefError::Token);
        }
        if text.is_empty() {
            return Err(KeyRefError::Empty);
        }
        Ok(Self::File(text.into()))
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

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
}

/// Turns references into signers.
#[derive(Debug, Default)]
pub struct KeyRing {}

impl KeyRing {
    /// A ring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// The signer behind a reference. Each of its signatures is verified before it is handed out.
    pub fn signer(&mut self, key: &KeyRef) -> Result<Box<dyn Signer>, Error> {
        match key {
            KeyRef::File(path) => {
                let signer = FileKey::read(path)?;
                Ok(Box::new(Checked::new(signer, format!("key file {key}"))))
            }
        }
    }

    /// Makes a new key. What is there already is never overwritten.
    pub fn generate(&mut self, key: &KeyRef) -> Result<PublicKey, Error> {
        match key {
            KeyRef::File(path) => {
                files::check_absent(path)?;
                let key = FileKey::generate();
                files::write(path, &key.to_sec1(), 0o600, Existing::Refuse)?;
                Ok(*key.public_key())
            }
        }
    }
}

/// Reads a public key file: DER `SubjectPublicKeyInfo`.
pub fn read_public(path: &std::path::Path) -> Result<PublicKey, Error> {
    let bytes = files::read(path, MAX_KEY_FILE)?;
    PublicKey::from_spki(&bytes).map_err(|source| Error::Public {
        path: path.to_owned(),
        source,
    })
}
