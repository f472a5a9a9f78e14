//! Standard input where a file is read, standard output where a result is written.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{Error, INPUT, OUTPUT};
use crate::output;

/// Standard input, for the first caller: nothing is left for a second.
pub(super) fn input() -> Result<File, Error> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Error::Taken);
    }
    let descriptor = io::stdin().as_fd().try_clone_to_owned();
    let descriptor = descriptor.map_err(Error::io(Path::new(INPUT), "open"))?;
    Ok(descriptor.into())
}

/// Refuses to write bytes that are not text to a terminal.
pub(super) fn check_output() -> Result<(), Error> {
    if output::is_terminal() {
        return Err(Error::Terminal);
    }
    Ok(())
}

/// Writes a result to standard output.
pub(super) fn write(bytes: &[u8]) -> Result<(), Error> {
    check_output()?;
    output::write(bytes).map_err(Error::io(Path::new(OUTPUT), "write"))
}
