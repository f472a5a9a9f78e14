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
    /// The user names no policy, and the usual places have none.
    #[error("there is no policy: you named none, and {} does not exist", .0.display())]
    NoPolicy(PathBuf),
    /// A file of registries.d is wrong, so the places of signatures are unknown.
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
    #[error("{image}: has a tag and a digest, but containers/image takes no name with both")]
    TagAndDigest {
        /// The image.
        image: String,
    },
    /// containers/image takes none of the images that the name leads to.
    #[error("{name}: {reason}")]
    Index {
        /// The name.
        name: String,
        /// Why it takes none.
        reason: String,
    },
    /// A key's file does not exist, or ir-sign cannot read it.
    #[error("key {name}: {reason}")]
    NoKey {
        /// The key, as the policy names it.
        name: String,
        /// Why there is none.
        reason: String,
    },
    /// Bytes are not a key that the dialect takes.
    #[error("key {name}: {reason}")]
    BadKey {
        /// The key, as the policy names it.
        name: String,
        /// Why they are none.
        reason: String,
    },
    /// Something stored as a signature is not one, and that voids all signatures beside it.
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
