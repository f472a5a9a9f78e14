//! Telling of outputs, and warning of what others can read.

use std::fs::Metadata;
use std::path::Path;

use serde_json::Value;

use crate::cli::console::{Console, Failure, tell};
use crate::cli::{explain, show};
use crate::files::{Written, is_standard};
use crate::key::pin::PinSource;
use crate::key::uri::TokenUri;
use crate::key::{KeyRef, is_private};
use crate::ops::Error;

pub(super) fn error_json(error: &Error) -> Value {
    let hint = explain::hint(error);
    show::error_json(&error.to_string(), hint.as_deref(), explain::status(error))
}

/// A path for a person.
pub(super) fn shown(path: &Path) -> String {
    if is_standard(path) {
        return "standard input".into();
    }
    show::plain(&path.display().to_string())
}

/// Says of a key that was made on a token what could not be printed.
pub(super) fn or_tell_key(printed: Result<(), Failure>, uri: &TokenUri) -> Result<(), Failure> {
    if printed.is_err() {
        let key = KeyRef::Token(Box::new(uri.clone()));
        tell(&format!(
            "the private key was made: {key}; write its public key: {}",
            explain::extract(&key)
        ));
    }
    printed
}

/// Refuses a result on standard output where JSON is to be there.
pub(super) fn not_beside_json(
    role: &'static str,
    output: &Path,
    console: &Console,
) -> Result<(), Error> {
    if console.settings.json && is_standard(output) {
        let other = "the JSON";
        return Err(Error::OutputTaken { role, other });
    }
    Ok(())
}

pub(super) fn written(path: &Path, written: Written) -> String {
    match written {
        Written::New if is_standard(path) => "wrote to standard output".into(),
        Written::New => format!("wrote {}", shown(path)),
        Written::Same => format!("{} is right already and was left alone", shown(path)),
    }
}

/// Warns of a private key that others on this machine can read. A file that is no private key is
/// refused for what it is.
pub(super) fn warn_if_open(key: &KeyRef, console: &Console) {
    if let KeyRef::File(path) = key
        && is_private(path).is_ok_and(|is_private| is_private)
    {
        warn_of_mode("private key", path, console);
    }
}

/// Warns of PIN files that others on this machine can read.
pub(super) fn warn_of_pins<'a>(
    sources: impl IntoIterator<Item = Option<&'a PinSource>>,
    console: &Console,
) {
    let mut seen = Vec::new();
    for source in sources.into_iter().flatten() {
        if let PinSource::File(path) = source
            && !seen.contains(&path)
        {
            warn_of_mode("PIN file", path, console);
            seen.push(path);
        }
    }
}

pub(super) fn warn_of_mode(what: &str, path: &Path, console: &Console) {
    use std::os::unix::fs::PermissionsExt;
    let metadata = path.metadata().ok().filter(Metadata::is_file);
    let mode = metadata.map_or(0, |m| m.permissions().mode());
    if mode & 0o077 != 0 {
        console.warn(&format!(
            "{what} {} can be read or written by others (mode {:04o}); chmod 600 it",
            path.display(),
            mode & 0o7777
        ));
    }
}
