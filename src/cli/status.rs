//! Exit statuses.

/// The exit status.
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

/// The status of a run on several images: a failed check outweighs what could not be decided.
pub fn worst(all: impl Iterator<Item = Status>) -> Status {
    let rank = |status: &Status| match status {
        Status::Done => 0,
        Status::Undecided => 1,
        Status::Usage => 2,
        Status::Refused => 3,
    };
    all.max_by_key(rank).unwrap_or(Status::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_counts_more_than_what_could_not_be_decided() {
        use Status::{Done, Refused, Undecided};
        for (all, wanted) in [
            (&[][..], Done),
            (&[Done, Undecided, Done][..], Undecided),
            (&[Undecided, Refused, Undecided][..], Refused),
        ] {
            assert_eq!(worst(all.iter().copied()), wanted, "{all:?}");
        }
    }
}
