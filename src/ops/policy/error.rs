//! Why a policy was not evaluated.

use std::path::PathBuf;

use crate::class::Class;
use crate::trust::{PolicyError, ReferenceError};

/// Why a policy was not evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy is refused whole.
    #[error("policy {name}: {source}")]
    Policy {
        /// The file or the resource.
        name: String,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// The user names no policy, and there is none at the usual places.
    #[error("there is no policy: none is named, and {} does not exist", .0.display())]
    NoPolicy(PathBuf),
    /// A file of registries.d is wrong, so nobody knows where signatures are.
    #[error("configuration of signature storage {name}: {reason}")]
    Storage {
        /// The file or the folder.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The image's name is one that policies do not know.
    #[error("{image}: {source}")]
    Name {
        /// The image.
        image: String,
        /// What is wrong with its name.
        source: ReferenceError,
    },
    /// The image's name has a tag and a digest, which containers/image refuses.
    #[error("{image}: has a tag and a digest, and containers/image takes no name with both")]
    TagAndDigest {
        /// The image.
        image: String,
    },
    /// containers/image takes no image where the name leads.
    #[error("{name}: {reason}")]
    Index {
        /// The name.
        name: String,
        /// Why it takes none.
        reason: String,
    },
    /// A key's file is not there, or nobody can read it.
    #[error("key {name}: {reason}")]
    NoKey {
        /// The key, as the policy names it.
        name: String,
        /// Why there is none.
        reason: String,
    },
    /// Bytes are no key that the dialect takes.
    #[error("key {name}: {reason}")]
    BadKey {
        /// The key, as the policy names it.
        name: String,
        /// Why they are none.
        reason: String,
    },
    /// Something that is stored as a signature is none, which spoils all others beside it.
    #[error("signature {name}: {reason}")]
    Stored {
        /// The file, the address or the layer.
        name: String,
        /// Why it is none.
        reason: String,
    },
}

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoPolicy(_) | Self::Storage { .. } | Self::NoKey { .. } => Class::Undecided,
            Self::Name { .. } => Class::Usage,
            Self::Policy { .. }
            | Self::TagAndDigest { .. }
            | Self::Index { .. }
            | Self::BadKey { .. }
            | Self::Stored { .. } => Class::Refused,
        }
    }
}
