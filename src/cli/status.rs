//! Exit statuses.

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Done, or trusted.
    Done = 0,
    /// Refused: a check failed.
    Refused = 1,
    /// Wrong usage.
    Usage = 2,
    /// Could not decide: I/O, token, environment.
    Undecided = 3,
}
