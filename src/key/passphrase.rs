//! Where the passphrase of an encrypted key file comes from. It is never on a command line, in an error or a
//! debug text, and is wiped after use.

use std::fmt;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::pin::{PinSource, Unread};
use crate::files;
use crate::secret::Secret;

/// The variable that cosign takes a passphrase from. It may be empty.
pub const VARIABLE: &str = "COSIGN_PASSWORD";

/// Where passphrases come from: a source that is named, else `COSIGN_PASSWORD`, else a person.
pub struct Passphrases {
    source: Option<PinSource>,
    /// The flag that names a source, and whether cosign's variable is one.
    flag: &'static str,
    by_variable: bool,
    prompt: Box<dyn AskPassphrase>,
}

/// Asks a person for a passphrase.
pub trait AskPassphrase: Send + Sync {
    /// Asks for the passphrase of a key file; `None` where there is nobody to ask.
    fn ask(&self, file: &Path) -> Result<Option<Secret>, PassphraseError>;

    /// Asks for the passphrase of a key file that is to be made, and once more, to be sure.
    fn ask_new(&self, file: &Path) -> Result<Option<Secret>, PassphraseError>;
}

/// Nobody to ask.
#[derive(Debug)]
pub struct NobodyToAsk;

impl AskPassphrase for NobodyToAsk {
    fn ask(&self, _: &Path) -> Result<Option<Secret>, PassphraseError> {
        Ok(None)
    }

    fn ask_new(&self, _: &Path) -> Result<Option<Secret>, PassphraseError> {
        Ok(None)
    }
}

impl Passphrases {
    /// Takes them from this source, or from `COSIGN_PASSWORD`, or asks.
    pub fn new(source: Option<PinSource>, prompt: Box<dyn AskPassphrase>) -> Self {
        Self {
            by_variable: true,
            ..Self::by_flag("--passphrase-source", source, prompt)
        }
    }

    /// Takes them from the source that this flag names, or asks.
    pub fn by_flag(
        flag: &'static str,
        source: Option<PinSource>,
        prompt: Box<dyn AskPassphrase>,
    ) -> Self {
        if let Some(source) = &source {
            source.keep_from_children();
        }
        Self {
            source,
            flag,
            by_variable: false,
            prompt,
        }
    }

    /// The passphrase of an encrypted key file.
    pub(super) fn of(&self, file: &Path) -> Result<Passphrase, PassphraseError> {
        self.get(|prompt| prompt.ask(file))
    }

    /// The passphrase of a key file that is to be made.
    pub(super) fn of_new(&self, file: &Path) -> Result<Passphrase, PassphraseError> {
        self.get(|prompt| prompt.ask_new(file))
    }

    fn get(
        &self,
        ask: impl FnOnce(&dyn AskPassphrase) -> Result<Option<Secret>, PassphraseError>,
    ) -> Result<Passphrase, PassphraseError> {
        use std::os::unix::ffi::OsStringExt;
        if let Some(source) = &self.source {
            return Ok(Passphrase(source.bytes()?));
        }
        // As it is, like cosign: a line end is a part of it.
        let value = std::env::var_os(VARIABLE).filter(|_| self.by_variable);
        if let Some(value) = value {
            let value = Zeroizing::new(value.into_vec());
            return Ok(Passphrase(Secret::taken(value)));
        }
        let asked = ask(&*self.prompt)?;
        asked.map(Passphrase).ok_or(PassphraseError::Nobody {
            flag: self.flag,
            by_variable: self.by_variable,
        })
    }
}

/// A passphrase: wiped when dropped, and never shown. It may be empty.
pub struct Passphrase(Secret);

impl Passphrase {
    /// Its bytes, only for deriving a key.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is empty, and so protects nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The file was not read.
    #[error("passphrase file {0}")]
    File(files::Error),
    /// The descriptor was not read.
    #[error("passphrase descriptor {0}")]
    Descriptor(files::Error),
    /// There is no such variable.
    #[error("there is no environment variable {0} to take the passphrase from")]
    NoVariable(String),
    /// There is nothing in the descriptor.
    #[error("{0} holds no passphrase: it is empty")]
    Empty(String),
    /// No source was named, and there is nobody to ask.
    #[error("no passphrase: there is no terminal to ask on")]
    Nobody {
        /// The flag that names a source.
        flag: &'static str,
        /// Whether `COSIGN_PASSWORD` is a source too.
        by_variable: bool,
    },
    /// The person would not.
    #[error("no passphrase: the prompt was cancelled")]
    Cancelled,
    /// The person pressed the key for a signal, which this is, at the prompt.
    #[error("no passphrase: the prompt was interrupted")]
    Interrupted(i32),
    /// The two entries of a new passphrase are not the same.
    #[error("no passphrase: the two passphrases do not match")]
    Unequal,
    /// It is longer than what a prompt takes.
    #[error("no passphrase: more than {0} bytes were typed")]
    TooLong(usize),
    /// The terminal did not work.
    #[error("no passphrase: the terminal: {0}")]
    Terminal(io::Error),
}

impl From<Unread> for PassphraseError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::File(error) => Self::File(error),
            Unread::Descriptor(error) => Self::Descriptor(error),
            Unread::NoVariable(name) => Self::NoVariable(name),
            Unread::Empty(source) => Self::Empty(source),
        }
    }
}
