//! Why a resource was not fetched or encoded.

use std::path::PathBuf;

use crate::broker;
use crate::class::Class;

/// Why a resource was not fetched or encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The broker gave none.
    #[error(transparent)]
    Broker(#[from] broker::Error),
    /// The user names no broker, and there is no default file.
    #[error(
        "there is no key broker: none is named, and {} does not exist",
        broker::DEFAULT_FILE
    )]
    NoBroker,
    /// Two files have one name.
    #[error("resource {0} is named twice")]
    Twice(String),
    /// A file has no byte, and no broker gives an empty resource.
    #[error("resource file {}: is empty", .0.display())]
    Empty(PathBuf),
    /// A file or a resource is not a key for encrypted layers.
    #[error("{name}: {reason}")]
    NoKey {
        /// The file or the resource.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file would be larger than any that is read.
    #[error("the offline file would have {size} bytes, and {most} at most are read")]
    TooLarge {
        /// How many bytes it would have.
        size: usize,
        /// The most.
        most: usize,
    },
}

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::Broker(source) => source.class(),
            Self::NoBroker => Class::Undecided,
            Self::Twice(_) => Class::Usage,
            Self::Empty(_) | Self::NoKey { .. } | Self::TooLarge { .. } => Class::Refused,
        }
    }
}
