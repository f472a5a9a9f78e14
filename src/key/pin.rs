//! Where a token's PIN comes from. A PIN is never on a command line, in a log, an error or a
//! debug text, and is wiped after use.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::files;
use crate::secret::Secret;

/// No PIN is longer.
const MAX_PIN: usize = 1024;

/// Where a PIN comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinSource {
    /// A file that holds nothing else.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// An open file descriptor.
    Fd(u32),
}

/// Why a text names no source of a PIN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinSourceError {
    /// A command to run.
    #[error("a command (|...) is never run for a PIN; use file:PATH")]
    Command,
    /// None of the known forms.
    #[error("the forms are file:PATH, env:NAME and fd:NUMBER")]
    Form,
    /// A file on another machine.
    #[error("file://HOST/... names another machine's file; the form is file:PATH or file:///PATH")]
    Host,
    /// A form that a URI cannot have.
    #[error("in a URI the form is file:PATH; env: and fd: go with --pin-source")]
    NotInUri,
}

impl PinSource {
    /// Reads the value of a URI's `pin-source`: `file:/path`, `file:///path`, `file://localhost/path`,
    /// `file:relative` or an absolute path.
    pub fn from_uri(text: &str) -> Result<Self, PinSourceError> {
        if text.starts_with('/') {
            return Ok(Self::File(text.into()));
        }
        match text.parse()? {
            file @ Self::File(_) => Ok(file),
            Self::Env(_) | Self::Fd(_) => Err(PinSourceError::NotInUri),
        }
    }

    /// Keeps an open descriptor from the programs that this process may start, as a module's. This happens before a
    /// module is loaded: a file that later gets the number of a closed descriptor holds no PIN.
    pub fn keep_from_children(&self) {
        if let Self::Fd(number) = self
            && super::pkcs11::keep_from_children(*number).is_err()
        {
            not_open().insert(*number);
        }
    }

    /// Reads the PIN. A byte-order mark at the start and one line ending, LF or CR LF, at the end do not count. An
    /// empty file or variable holds the empty PIN. An empty descriptor holds none: a pipe that was read before is
    /// empty too.
    pub fn read(&self) -> Result<Pin, PinError> {
        Pin::from_bytes(self.bytes()?, &self.to_string())
    }

    /// The same of any secret.
    pub(super) fn bytes(&self) -> Result<Secret, Unread> {
        let bytes = match self {
            Self::File(path) => files::read_secret(path, MAX_PIN).map_err(Unread::File)?,
            Self::Fd(number) => read_descriptor(*number).map_err(Unread::Descriptor)?,
            Self::Env(name) => {
                use std::os::unix::ffi::OsStringExt;
                let value =
                    std::env::var_os(name).ok_or_else(|| Unread::NoVariable(name.clone()))?;
                Secret::taken(Zeroizing::new(value.into_vec()))
            }
        };
        if bytes.is_empty() && matches!(self, Self::Fd(_)) {
            return Err(Unread::Empty(self.to_string()));
        }
        Ok(bare(bytes))
    }
}

/// Why a source was not read.
pub(super) enum Unread {
    File(files::Error),
    Descriptor(files::Error),
    NoVariable(String),
    Empty(String),
}

impl From<Unread> for PinError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::File(error) => Self::File(error),
            Unread::Descriptor(error) => Self::Descriptor(error),
            Unread::NoVariable(name) => Self::NoVariable(name),
            Unread::Empty(source) => Self::Empty(source),
        }
    }
}

/// Editors and shells put these around a PIN.
fn bare(mut bytes: Secret) -> Secret {
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    let end = match &*bytes {
        [.., b'\r', b'\n'] => bytes.len() - 2,
        [.., b'\n'] => bytes.len() - 1,
        _ => bytes.len(),
    };
    bytes.truncate(end);
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.copy_within(BYTE_ORDER_MARK.len().., 0);
        bytes.truncate(end - BYTE_ORDER_MARK.len());
    }
    bytes
}

/// The descriptors that were not open when they were named.
fn not_open() -> MutexGuard<'static, BTreeSet<u32>> {
    static NOT_OPEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
    NOT_OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the rest of an open descriptor. A file's position does not move, so that a key that asks again gets the
/// same PIN.
fn read_descriptor(number: u32) -> Result<Secret, files::Error> {
    let name = PathBuf::from(format!("fd:{number}"));
    let opened = if not_open().contains(&number) {
        Err(Errno::BADF.into())
    } else {
        super::pkcs11::open_again(number)
    };
    let mut file = opened.map_err(|source| files::Error::Io {
        path: name.clone(),
        action: "read",
        source,
    })?;
    let at = file.stream_position().ok();
    files::read_secret_from(&mut Rest { file, at }, &name, MAX_PIN)
}

/// The rest of a descriptor.
struct Rest {
    file: File,
    /// The offset of the next byte, where the descriptor can seek.
    at: Option<u64>,
}

impl Read for Rest {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(at) = &mut self.at {
            let count = self.file.read_at(buffer, *at)?;
            *at += count as u64;
            return Ok(count);
        }
        loop {
            match self.file.read(buffer) {
                // The descriptor may be non-blocking, but ir-sign waits for a PIN.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.file, PollFlags::IN)], None)?;
                }
                done => return done,
            }
        }
    }
}

impl FromStr for PinSource {
    type Err = PinSourceError;

    fn from_str(text: &str) -> Result<Self, PinSourceError> {
        if text.starts_with('|') {
            return Err(PinSourceError::Command);
        }
        match text.split_once(':') {
            Some(("file", path)) => match local(path)? {
                "" => Err(PinSourceError::Form),
                path => Ok(Self::File(path.into())),
            },
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("fd", number)) => number
                .parse()
                .map(Self::Fd)
                .map_err(|_| PinSourceError::Form),
            _ => Err(PinSourceError::Form),
        }
    }
}

/// The path behind `file:`, without the host that two slashes begin (RFC 8089, section 2): none, or
/// `localhost`.
fn local(path: &str) -> Result<&str, PinSourceError> {
    let Some(rest) = path.strip_prefix("//") else {
        return Ok(path);
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
        Ok(path)
    } else {
        Err(PinSourceError::Host)
    }
}

impl fmt::Display for PinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Two slashes at the start would be read as those before a host.
            Self::File(path) if path.as_os_str().as_encoded_bytes().starts_with(b"//") => {
                write!(f, "file://{}", path.display())
            }
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Fd(fd) => write!(f, "fd:{fd}"),
        }
    }
}

/// A PIN: wiped when dropped, and never shown.
pub struct Pin(Secret);

impl Pin {
    /// A PIN that a person typed.
    pub fn new(text: Secret) -> Result<Self, PinError> {
        if text.is_empty() {
            return Err(PinError::NothingTyped);
        }
        Self::from_bytes(text, "the prompt")
    }

    fn from_bytes(bytes: Secret, source: &str) -> Result<Self, PinError> {
        if std::str::from_utf8(&bytes).is_err() {
            return Err(PinError::Utf8(source.to_owned()));
        }
        // No keyboard or PIN pad types these: sending them would cost an attempt.
        if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            return Err(PinError::SeveralLines(source.to_owned()));
        }
        Ok(Self(bytes))
    }

    /// Another copy, which is wiped too.
    pub(super) fn copy(&self) -> Self {
        Self(Secret::of(&self.0))
    }

    /// The PIN's text, only for the token.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// Why there is no PIN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The file was not read.
    #[error("PIN file {0}")]
    File(#[from] files::Error),
    /// The descriptor was not read.
    #[error("PIN descriptor {0}")]
    Descriptor(files::Error),
    /// There is no such variable.
    #[error("there is no environment variable {0} to take the PIN from")]
    NoVariable(String),
    /// There is nothing in the descriptor.
    #[error("{0} holds no PIN: it is empty")]
    Empty(String),
    /// The person typed nothing.
    #[error("no PIN was entered")]
    NothingTyped,
    /// It holds more than one line, or zero bytes.
    #[error("{0} holds no PIN: there is a line break or a zero byte in it; no PIN was sent")]
    SeveralLines(String),
    /// No source was named, and there is nobody to ask.
    #[error("no PIN: name its source with --pin-source, or run in a terminal")]
    Nobody,
    /// The person cancelled the prompt.
    #[error("no PIN: the prompt was cancelled")]
    Cancelled,
    /// The person pressed the key for this signal at the prompt.
    #[error("no PIN: the prompt was interrupted")]
    Interrupted(i32),
    /// The two entries of a new PIN are not the same.
    #[error("no PIN: the two PINs do not match")]
    Unequal,
    /// It is longer than any PIN.
    #[error("no PIN: more than {0} bytes were typed")]
    TooLong(usize),
    /// The terminal did not work.
    #[error("no PIN: the terminal: {0}")]
    Terminal(io::Error),
    /// It is not UTF-8, which PINs are (PKCS #11, `CK_UTF8CHAR`).
    #[error("{0} holds no PIN: it is not UTF-8")]
    Utf8(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::is_locked;

    #[test]
    fn a_pin_is_in_locked_memory() {
        let pin = Pin::new(Secret::of(&vec![b'7'; 1 << 15])).expect("a PIN");
        let copy = pin.copy();
        for pin in [&pin, &copy] {
            assert!(is_locked(pin.expose().as_bytes()));
        }
        assert_eq!(pin.expose(), copy.expose());
        assert_eq!(format!("{pin:?}"), "Pin(..)");
    }
}
