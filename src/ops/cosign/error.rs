//! Why a command of cosign's family failed.

use crate::class::Class;
use crate::crypto::Digest;
use crate::scheme::cosign::Malformed;
use crate::store::Place;

/// Why a command of cosign's family failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes do not have the right form.
    #[error("{name}: {source}")]
    Malformed {
        /// The file or the image.
        name: String,
        /// Why they are not.
        source: Malformed,
    },
    /// Neither the user nor the folder gives the name by which to sign an image.
    #[error("{image}: nothing says by which name it is signed")]
    NoIdentity {
        /// The image.
        image: String,
    },
    /// ir-sign writes signatures only into layouts and registries.
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
    #[error("{name}: it is not a signature of {of} by this key")]
    BadSignature {
        /// The signature's file.
        name: String,
        /// The content that it should sign.
        of: String,
    },
    /// The image has no attachment of the kind that the user asked for.
    #[error("{image}: there is no {what}")]
    Nothing {
        /// The image.
        image: String,
        /// The kind that the user asked for.
        what: &'static str,
    },
    /// Other runs moved the tag again and again.
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
    /// A variable of the environment has a value that makes no sense.
    #[error("{name} is \"{value}\", {reason}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// Why it makes no sense.
        reason: String,
    },
}

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoIdentity { .. }
            | Self::InArchive(_)
            | Self::NotHere { .. }
            | Self::Variable { .. } => Class::Usage,
            Self::Malformed { .. }
            | Self::OtherImage { .. }
            | Self::BadSignature { .. }
            | Self::Nothing { .. } => Class::Refused,
            Self::Overtaken { .. } => Class::Undecided,
        }
    }
}
