//! What commands of the family set up.

use crate::cli::console::Failure;
use crate::ops::Error;
use crate::ops::notation::Error as NotationError;
use crate::ops::notation::folders::Folders;

/// The folders of notation's configuration, as the environment has them.
pub(super) fn folders() -> Result<Folders, Failure> {
    Ok(Folders::of(std::env::var_os).map_err(Error::from)?)
}

/// The error of the family, for the end of the run.
pub(super) fn failed(error: NotationError) -> Failure {
    Error::from(error).into()
}
