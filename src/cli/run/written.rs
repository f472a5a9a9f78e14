//! Messages about outputs and errors.

use std::path::Path;

use serde_json::Value;

use crate::cli::console::{Console, Failure, tell};
use crate::cli::{explain, show};
use crate::files::{Written, is_standard};
use crate::key::KeyRef;
use crate::key::uri::TokenUri;
use crate::ops::Error;
use crate::text::plain;

pub(super) fn error_json(error: &Error) -> Value {
    let hint = explain::hint(error);
    show::error_json(&error.to_string(), hint.as_deref(), explain::status(error))
}

/// A path for a person.
pub(super) fn shown(path: &Path) -> String {
    if is_standard(path) {
        return "standard input".into();
    }
    plain(&path.display().to_string())
}

/// Prints the URI of a new key on a token, after an error of printing the result.
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

/// Refuses to write a result to standard output beside JSON.
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
        Written::Same => format!("{} is up to date", shown(path)),
    }
}
