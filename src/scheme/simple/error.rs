//! Why a key ring is malformed, and why a signature does not count.

use super::rule;
use crate::scheme::malformed::Malformed;

/// Faults of a signature by a key of the ring that gpg refuses, but image-rs does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The owner revoked the key or the subkey.
    #[error("its key is revoked")]
    KeyRevoked,
    /// The key or the subkey has expired by now, whenever the signature was made.
    #[error("its key has expired")]
    KeyExpired,
    /// The key says that it was made later than now.
    #[error("its key was made in the future")]
    KeyFromTheFuture,
    /// The signature has an end, which is past.
    #[error("the signature has expired")]
    SignatureExpired,
    /// The signature says that it is older than its key.
    #[error("the signature was made before its key was")]
    BeforeKey,
    /// The signature says that it was made later than now, by more than a clock goes wrong.
    #[error("the signature was made in the future")]
    FromTheFuture,
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes are not an OpenPGP message of the right form.
    #[error(transparent)]
    Form(Malformed),
    /// The message was signed by a way that counts for nothing, as with SHA-1.
    #[error("the signature is made with {0}, which does not count")]
    Algorithm(String),
    /// No key of the ring has the number that the signature names.
    #[error("the key {0} made it, which is not in the key ring")]
    NoKey(String),
    /// The key of that number may not sign: its flags or its own signatures do not say that it may.
    #[error("the key {key} made it, which may not sign: {reason}")]
    NoSigningKey {
        /// The number of the key.
        key: String,
        /// Why it may not.
        reason: String,
    },
    /// The key of that number did not sign these bytes.
    #[error("the signature is not that of the key {0}")]
    Signature(String),
    /// The key signed these bytes, and the signature does not count.
    #[error("{doubt} (key {key})")]
    Doubt {
        /// The number of the key.
        key: String,
        /// Why the signature does not count.
        doubt: Doubt,
    },
    /// The key signed something else than a payload.
    #[error(transparent)]
    Payload(Malformed),
}

impl Refusal {
    /// The rule that the signature breaks.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Form(_) => rule::FORM,
            Self::Algorithm(_)
            | Self::NoKey(_)
            | Self::NoSigningKey { .. }
            | Self::Signature(_) => rule::SIGNED,
            Self::Doubt { .. } => rule::VALID,
            Self::Payload(_) => rule::PAYLOAD,
        }
    }
}
