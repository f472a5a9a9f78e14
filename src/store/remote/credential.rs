//! What proves to a registry who asks, and why it could not be read.

use std::path::PathBuf;

use crate::files;
use crate::secret::Secret;

/// What proves to a registry who asks.
#[derive(Debug)]
pub enum Credentials {
    /// A name and a password.
    Basic {
        /// The user, without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that a token service takes for another one.
    Identity {
        /// The user, if one is named.
        user: Option<String>,
        /// The token.
        token: Secret,
    },
    /// A token for the registry itself.
    Bearer(Secret),
}

/// Why credentials could not be read. A file's content is never shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("file of credentials {0}")]
    File(#[from] files::Error),
    /// The file is not as such files are.
    #[error("file of credentials {}: is not valid: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where it is not; nothing of the file's text.
        reason: &'static str,
    },
    /// The name of a helper leads elsewhere.
    #[error("credential helper \"{0}\": is not a name that a helper can have")]
    HelperName(String),
    /// There is no such helper.
    #[error("credential helper docker-credential-{0}: is not in PATH")]
    NoHelper(String),
    /// The helper has not done its work.
    #[error("credential helper docker-credential-{name}: {problem}")]
    Helper {
        /// Its name.
        name: String,
        /// What it has done; nothing of its output.
        problem: &'static str,
    },
}
