//! What an error means for the one who waits: every error of the house has one of three classes.

/// What an error means for the one who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A check failed.
    Refused,
    /// The command was used wrongly.
    Usage,
    /// It could not be decided: I/O, a token, the environment.
    Undecided,
}
