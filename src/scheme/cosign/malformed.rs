//! Why bytes are no part of a cosign signature.

use crate::encoding::strict;

/// Why bytes are not what they have to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no {what}: {reason}")]
pub struct Malformed {
    /// What they have to be.
    pub what: &'static str,
    /// Why they are not.
    pub reason: String,
}

impl Malformed {
    pub(super) fn new(what: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { what, reason }
    }

    /// What the JSON reader says.
    pub(super) fn json(what: &'static str) -> impl Fn(strict::Error) -> Self {
        move |error| Self::new(what, error.to_string())
    }
}
