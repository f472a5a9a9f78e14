//! Paths and texts in commands that a person may copy.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::text::plain;

/// A path, quoted for a shell, that no program takes for a flag.
pub(super) fn quoted(path: &Path) -> String {
    if path.as_os_str().as_bytes().starts_with(b"-") {
        word(Path::new(".").join(path))
    } else {
        word(path)
    }
}

/// A text, quoted for a shell.
pub(super) fn word(text: impl AsRef<OsStr>) -> String {
    let text = text.as_ref();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%,:=".contains(c);
    match text.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text) if plain(text) == text => format!("'{}'", text.replace('\'', r"'\''")),
        // Unprintable text: POSIX's dollar-single-quotes.
        _ => {
            let byte = |byte: &u8| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' => char::from(*byte).to_string(),
                _ => format!("\\{byte:03o}"),
            };
            let bytes: String = text.as_bytes().iter().map(byte).collect();
            format!("$'{bytes}'")
        }
    }
}
