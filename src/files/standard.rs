//! The name `-`: standard input where a file is read, standard output where a result is written.
//!
//! A file that is called so is `./-`.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Error, Written};
use crate::output;

/// How messages name the two.
const INPUT: &str = "standard input";
const OUTPUT: &str = "standard output";

/// Whether a path stands for standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A path as messages name it, where this was to be done with it.
pub(super) fn named<'a>(path: &'a Path, action: &str) -> &'a Path {
    match action {
        _ if !is_standard(path) => path,
        "open" | "read" => Path::new(INPUT),
        _ => Path::new(OUTPUT),
    }
}

/// Standard input, for the one who asks first: nothing of it is left for another.
pub(super) fn input() -> Result<File, Error> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Error::Taken);
    }
    let descriptor = io::stdin().as_fd().try_clone_to_owned();
    let descriptor = descriptor.map_err(Error::io(Path::new(INPUT), "open"))?;
    Ok(descriptor.into())
}

/// Refuses standard output where a person would get bytes that are no text.
pub(super) fn check_output() -> Result<(), Error> {
    if output::is_terminal() {
        return Err(Error::Terminal);
    }
    Ok(())
}

/// Writes a result to standard output.
pub(super) fn write(bytes: &[u8]) -> Result<Written, Error> {
    check_output()?;
    output::write(bytes).map_err(Error::io(Path::new(OUTPUT), "write"))?;
    Ok(Written::New)
}

/// Whether an error says that the reader of standard output has gone.
pub fn is_reader_gone(error: &Error) -> bool {
    matches!(error, Error::Io { path, source, .. }
        if path == Path::new(OUTPUT) && source.kind() == io::ErrorKind::BrokenPipe)
}
