//! Where a key is: a file or a token, as its reference says.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::pin::PinSource;
use super::uri::{self, TokenUri, UriError};

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRef {
    /// A file: a private key's DER SEC1 `ECPrivateKey`, a public key's DER `SubjectPublicKeyInfo`.
    File(PathBuf),
    /// A private key on a PKCS#11 token, or its public half.
    Token(Box<TokenUri>),
}

/// A reference that does not name a key this program can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefError {
    /// The reference is empty.
    #[error("an empty path names no key")]
    Empty,
    /// The reference starts as a PKCS#11 URI (RFC 7512), but is not one.
    #[error("not a PKCS#11 URI: {0}")]
    Uri(#[from] UriError),
}

impl TryFrom<&OsStr> for KeyRef {
    type Error = KeyRefError;

    fn try_from(text: &OsStr) -> Result<Self, KeyRefError> {
        if uri::is_pkcs11(text.as_encoded_bytes()) {
            let text = text.to_str().ok_or(UriError::NotAscii)?;
            return Ok(Self::Token(Box::new(text.parse()?)));
        }
        if text.is_empty() {
            return Err(KeyRefError::Empty);
        }
        Ok(Self::File(text.into()))
    }
}

impl KeyRef {
    /// The source of the PIN that the reference itself names.
    pub fn pin_source(&self) -> Option<&PinSource> {
        match self {
            Self::File(_) => None,
            Self::Token(uri) => uri.pin_source.as_ref(),
        }
    }
}

impl KeyRef {
    /// The files that ir-sign reads for the key: its own, or its PIN's and its token's module.
    pub fn files(&self) -> Vec<&Path> {
        match self {
            Self::File(path) => vec![path],
            Self::Token(uri) => uri.files(),
        }
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Token(uri) => write!(f, "{uri}"),
        }
    }
}
