//! Why something was not done in cosign's way.

use crate::class::Class;
use crate::crypto::Digest;
use crate::scheme::cosign::Malformed;
use crate::store::Place;

/// Why something was not done in cosign's way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes are not what they have to be.
    #[error("{name}: {source}")]
    Malformed {
        /// The file or the image.
        name: String,
        /// Why they are not.
        source: Malformed,
    },
    /// Nothing tells by which name an image of a folder is signed.
    #[error("{image}: nothing says by which name it is signed")]
    NoIdentity {
        /// The image.
        image: String,
    },
    /// Signatures are written into layouts and registries alone.
    #[error("{0}: nothing is written into an archive")]
    InArchive(Place),
    /// A payload is about another image.
    #[error("{name}: it is about {found}, and the image is {wanted}")]
    OtherImage {
        /// The payload's file.
        name: String,
        /// What it is about.
        found: String,
        /// The image.
        wanted: Digest,
    },
    /// A signature does not verify.
    #[error("{name}: it is no signature of {of} by this key")]
    BadSignature {
        /// The signature's file.
        name: String,
        /// What it should be a signature of.
        of: String,
    },
    /// There is nothing of the kind that was asked for.
    #[error("{image}: there is no {what}")]
    Nothing {
        /// The image.
        image: String,
        /// What is wanted.
        what: &'static str,
    },
    /// The tag was moved by other runs again and again.
    #[error(
        "{image}: others changed its signatures meanwhile, three times; nothing of theirs is lost"
    )]
    Overtaken {
        /// The image.
        image: String,
    },
    /// A name is for an image that this command cannot have.
    #[error("{image}: {reason}")]
    NotHere {
        /// The image.
        image: String,
        /// Why not.
        reason: &'static str,
    },
}

impl Error {
    /// What it means for the one who asked.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoIdentity { .. } | Self::InArchive(_) | Self::NotHere { .. } => Class::Usage,
            Self::Malformed { .. }
            | Self::OtherImage { .. }
            | Self::BadSignature { .. }
            | Self::Nothing { .. } => Class::Refused,
            Self::Overtaken { .. } => Class::Undecided,
        }
    }
}
