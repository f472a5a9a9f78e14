//! Checks of outputs before any work.

use super::error::Error;
use crate::{files, key};

/// Refuses an output that is the same file as another of the command, or a private key, even with `--force`, because
/// that can only be a mistake.
pub fn check_output(
    role: &'static str,
    output: &std::path::Path,
    inputs: &[&std::path::Path],
) -> Result<(), Error> {
    if files::is_standard(output) {
        return Ok(());
    }
    if inputs.iter().any(|input| files::same_file(input, output)) {
        return Err(Error::OutputIsInput {
            role,
            path: output.to_owned(),
        });
    }
    if key::is_private(output).map_err(Error::file(role))? {
        return Err(Error::OutputIsPrivateKey {
            role,
            path: output.to_owned(),
        });
    }
    Ok(())
}
