//! Credentials for a registry, and the errors of reading them.

use std::path::PathBuf;

use crate::files;
use crate::secret::Secret;

/// Credentials for a registry.
#[derive(Debug)]
pub enum Credentials {
    /// A name and a password.
    Basic {
        /// The user, without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that a token service exchanges for another one.
    Identity {
        /// The user, if one is named.
        user: Option<String>,
        /// The token.
        token: Secret,
    },
    /// A token for the registry itself.
    Bearer(Secret),
}

/// Why the program could not read credentials. No error shows a file's content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("file of credentials {0}")]
    File(#[from] files::Error),
    /// The file does not have the form of a credentials file.
    #[error("file of credentials {}: is not valid: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The place of the mistake; nothing of the file's text.
        reason: &'static str,
    },
    /// The name of a helper could lead to another folder.
    #[error("credential helper \"{0}\": is not a name that a helper can have")]
    HelperName(String),
    /// There is no such helper.
    #[error("credential helper docker-credential-{0}: is not in PATH")]
    NoHelper(String),
    /// The helper failed.
    #[error("credential helper docker-credential-{name}: {problem}")]
    Helper {
        /// Its name.
        name: String,
        /// How it failed, without any of its output.
        problem: &'static str,
    },
}
