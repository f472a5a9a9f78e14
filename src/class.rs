//! The three classes of errors, which the exit status shows.

/// The class of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A check failed.
    Refused,
    /// Wrong usage.
    Usage,
    /// It could not be decided: I/O, a token, the environment.
    Undecided,
}
