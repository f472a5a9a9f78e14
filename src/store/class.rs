//! The exit status of the store's errors.

use super::error::{Error, Kind};
use crate::class::Class;

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match &self.kind {
            #[cfg(feature = "registry")]
            Kind::Registry { problem, .. } => problem.class(),
            #[cfg(feature = "registry")]
            Kind::Tagged { .. } => Class::Refused,
            Kind::Io { .. }
            | Kind::NoRegistry
            | Kind::Name
            | Kind::NoSuchImage { .. }
            | Kind::Lost { .. }
            | Kind::NoLookaside { .. }
            | Kind::Replaced => Class::Undecided,
            Kind::Link
            | Kind::NotAnApp
            | Kind::NotAFile
            | Kind::TooLarge { .. }
            | Kind::NotALayout { .. }
            | Kind::SkopeoDir
            | Kind::NotASkopeoDir { .. }
            | Kind::ManySignatures { .. }
            | Kind::Part { .. }
            | Kind::Lacking { .. }
            | Kind::NotOneImage { .. }
            | Kind::AmbiguousTag { .. }
            | Kind::IsIndex { .. }
            | Kind::Platform { .. }
            | Kind::SameTag { .. }
            | Kind::TagTaken { .. }
            | Kind::NotForRealms { .. }
            | Kind::Bomb { .. }
            | Kind::Archive { .. }
            | Kind::Exists => Class::Refused,
        }
    }
}
