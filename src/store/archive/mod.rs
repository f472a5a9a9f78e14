//! Archives that images come in.

/// What is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// placeholder
    #[error("x")]
    X,
}
