//! What errors of the store mean for the exit status.

use super::error::Error;
use crate::class::Class;

impl Error {
    /// What it means for the one who wants the image.
    pub const fn class(&self) -> Class {
        match self {
            Self::Io { .. }
            | Self::NoRegistry(_)
            | Self::Name(_)
            | Self::NoSuchImage { .. }
            | Self::Lost { .. }
            | Self::Replaced(_) => Class::Undecided,
            Self::Link(_)
            | Self::NotAnApp(_)
            | Self::NotAFile(_)
            | Self::TooLarge { .. }
            | Self::NotALayout { .. }
            | Self::SkopeoDir(_)
            | Self::Part { .. }
            | Self::Lacking { .. }
            | Self::NotOneImage { .. }
            | Self::AmbiguousTag { .. }
            | Self::IsIndex { .. }
            | Self::Platform { .. }
            | Self::SameTag { .. }
            | Self::NotForRealms { .. }
            | Self::Bomb { .. }
            | Self::Archive { .. }
            | Self::Exists(_) => Class::Refused,
        }
    }
}
