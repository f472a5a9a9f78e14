//! Who signs: private keys by reference, and the signers behind them.
//!
//! A key is a file (DER SEC1) or on a token (an RFC 7512 URI). The reference's own form decides what
//! it is; content is never sniffed.

pub mod file;
mod gate;
pub mod hidden;
pub mod pin;
pub mod pkcs11;
pub mod uri;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::crypto::signer::Checked;
use crate::crypto::{PublicKey, Signer, p384::PublicKeyError};
use crate::files::{self, Existing};
use file::{FileKey, KeyFileError};
use gate::Gated;
use pin::PinSource;
use pkcs11::{NewKey, Options, Passport, Tokens};
use uri::{TokenUri, UriError};

/// No file this module reads is longer: a PKCS#8 or PEM form of a key has a few hundred bytes.
const MAX_KEY_FILE: usize = 16 * 1024;

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
    /// The reference is meant as a PKCS#11 URI (RFC 7512) and is none.
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
    /// Where the reference itself says that the PIN comes from.
    pub fn pin_source(&self) -> Option<&PinSource> {
        match self {
            Self::File(_) => None,
            Self::Token(uri) => uri.pin_source.as_ref(),
        }
    }
}

impl KeyRef {
    /// The files that are read for the key: its own, or its PIN's and its token's module.
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

/// A private key that was made.
pub struct Generated {
    /// Its public half.
    pub public: PublicKey,
    /// What its token says of it, where it is on one.
    pub on_token: Option<NewKey>,
}

/// Turns references into signers, and keeps the tokens that they are on open.
pub struct KeyRing {
    tokens: Tokens,
}

impl KeyRing {
    /// A ring that reaches tokens in this way.
    pub fn new(options: Options) -> Self {
        Self {
            tokens: Tokens::new(options),
        }
    }

    /// The tokens.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The files that were named for keys on tokens in general: passports, a PIN's, public keys.
    pub fn files(&self) -> &[PathBuf] {
        self.tokens.files()
    }

    /// The signer behind a reference. Each of its signatures is verified before it is handed out.
    pub fn signer(&self, key: &KeyRef) -> Result<Box<dyn Signer>, Error> {
        match key {
            KeyRef::File(path) => {
                let signer = FileKey::read(path)?;
                Ok(Box::new(Checked::new(signer, format!("key file {key}"))))
            }
            KeyRef::Token(uri) => {
                let signer = self.tokens.key(uri)?;
                let name = signer.name();
                let gated = Gated::new(signer, self.tokens.sessions());
                Ok(Box::new(Checked::new(gated, name)))
            }
        }
    }

    /// The longest message that a key signs which hashes by itself; none for a key that signs a hash.
    pub fn longest_message(&self, key: &KeyRef) -> Option<usize> {
        match key {
            KeyRef::File(_) => None,
            KeyRef::Token(_) => self.tokens.longest_message(),
        }
    }

    /// Refuses passports that none of the signers so far has.
    pub fn check_passports(&self) -> Result<(), Error> {
        Ok(self.tokens.check_all_passports_used()?)
    }

    /// Makes a new key. What is there already is never overwritten.
    pub fn generate(&self, key: &KeyRef) -> Result<Generated, Error> {
        match key {
            KeyRef::File(path) => {
                files::check_absent(path)?;
                let key = FileKey::generate();
                files::write(path, &key.to_sec1(), 0o600, Existing::Refuse)?;
                Ok(Generated {
                    public: *key.public_key(),
                    on_token: None,
                })
            }
            KeyRef::Token(uri) => {
                let new = self.tokens.generate(uri)?;
                Ok(Generated {
                    public: new.public,
                    on_token: Some(new),
                })
            }
        }
    }

    /// The public half of a private key: of a file's scalar, or what a token shows and a signature
    /// of the private half proves.
    pub fn public_of(&self, key: &KeyRef) -> Result<PublicKey, Error> {
        match key {
            KeyRef::File(path) => Ok(*FileKey::read(path)?.public_key()),
            KeyRef::Token(uri) => Ok(self.tokens.public_key(uri)?),
        }
    }

    /// A public key to verify with: from a file with its DER `SubjectPublicKeyInfo`, or from a token, which
    /// may show it without a PIN.
    pub fn public(&self, key: &KeyRef) -> Result<PublicKey, Error> {
        match key {
            KeyRef::File(path) => read_public(path),
            KeyRef::Token(uri) => Ok(self.tokens.verifying_key(uri)?),
        }
    }

    /// Brings the private key of a file onto a token, and leaves the file as it is.
    pub fn import(&self, file: &Path, uri: &TokenUri) -> Result<NewKey, Error> {
        let key = FileKey::read(file)?;
        Ok(self.tokens.import(uri, &key)?)
    }

    /// Makes the passport of a key on a token.
    pub fn passport(&self, uri: &TokenUri, accepted: &[String]) -> Result<Passport, Error> {
        Ok(self.tokens.passport(uri, accepted)?)
    }
}

/// Reads a public key file: DER `SubjectPublicKeyInfo`.
pub fn read_public(path: &Path) -> Result<PublicKey, Error> {
    let bytes = files::read_wiped(path, MAX_KEY_FILE)?;
    PublicKey::from_spki(&bytes).map_err(|source| Error::Public {
        path: path.to_owned(),
        source,
    })
}

/// Whether a file holds a private key, in whichever form it is recognised in. Of one that cannot be read
/// that cannot be told.
pub fn is_private(path: &Path) -> Result<bool, files::Error> {
    let metadata = path.symlink_metadata();
    // What is longer is none, and a pipe is not to be read for this.
    if !metadata.is_ok_and(|there| there.is_file() && there.len() <= MAX_KEY_FILE as u64) {
        return Ok(false);
    }
    match files::read_secret(path, MAX_KEY_FILE) {
        Ok(bytes) => Ok(file::is_private(&bytes)),
        Err(files::Error::TooLarge { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
