//! Standard output, which is only for results.
//!
//! Modules that are loaded into the process may print what they like, at any time, even when the process
//! ends, and so may the programs that they start. From [`keep_aside`] on, all of them print to standard
//! error, and only [`write`] reaches the standard output that the process was started with.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

/// The original standard output, once it is redirected.
static ASIDE: Mutex<Option<File>> = Mutex::new(None);

/// Redirects standard output to standard error for everybody else, for the rest of the process.
pub fn keep_aside() -> io::Result<()> {
    let mut aside = ASIDE.lock().unwrap_or_else(PoisonError::into_inner);
    if aside.is_some() {
        return Ok(());
    }
    io::stdout().flush()?;
    // Programs that this process starts do not get it.
    let own = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    *aside = Some(own.into());
    Ok(())
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    let aside = ASIDE.lock().unwrap_or_else(PoisonError::into_inner);
    aside
        .as_ref()
        .map_or_else(|| io::stdout().is_terminal(), File::is_terminal)
}

/// Writes all of this to standard output.
pub fn write(bytes: &[u8]) -> io::Result<()> {
    let mut aside = ASIDE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(own) = &mut *aside {
        return own.write_all(bytes);
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
