//! Why the configuration of lookasides cannot be read.

use crate::class::Class;
use crate::encoding::yaml::Malformed;

/// A file of registries.d that ir-sign cannot read. Then none of the files counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: line {line}: {reason}")]
pub struct LookupError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The reason.
    pub reason: String,
}

impl LookupError {
    pub(super) fn new(file: &str, malformed: Malformed) -> Self {
        Self {
            file: file.to_owned(),
            line: malformed.line,
            reason: malformed.reason,
        }
    }

    /// What it means for the exit status.
    pub const fn class(&self) -> Class {
        Class::Refused
    }
}
