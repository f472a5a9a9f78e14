//! Why an image was not signed.

use crate::class::Class;
use crate::crypto::p384::Fingerprint;

/// Why an image was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The scheme was made for another key.
    #[error("signing key {key} is not {wanted}, the key that is vouched for")]
    OtherKey {
        /// The signing key.
        key: Fingerprint,
        /// The key that the scheme was made for.
        wanted: Fingerprint,
    },
}

impl Error {
    /// The error's class, for the exit status.
    pub const fn class(&self) -> Class {
        match self {
            Self::OtherKey { .. } => Class::Refused,
        }
    }
}
