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
        /// The key that was to sign.
        key: Fingerprint,
        /// The key that the scheme was made for.
        wanted: Fingerprint,
    },
}

impl Error {
    /// What it means for the one who wants a signature.
    pub const fn class(&self) -> Class {
        match self {
            Self::OtherKey { .. } => Class::Refused,
        }
    }
}
