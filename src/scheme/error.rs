//! Why an image was not signed.

use crate::class::Class;
use crate::crypto::KeyKind;
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
    /// No such key signs in this way.
    #[error("keys of the kind {kind} do not sign here; EC keys on P-256, P-384 and P-521 do")]
    KeyKind {
        /// The key's kind.
        kind: KeyKind,
    },
}

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::OtherKey { .. } | Self::KeyKind { .. } => Class::Refused,
        }
    }
}
