//! The faults of a part of an image.

use std::fmt::{self, Write as _};

use crate::crypto::Digest;
use crate::image::{Mismatch, Platform};
use crate::text::Cutter;

/// A part of an image, for messages and for the rule that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `index.json`.
    IndexJson,
    /// An image index among the blobs.
    Index(Digest),
    /// An image manifest.
    Manifest(Digest),
    /// An image config.
    Config(Digest),
    /// A layer, by its place in the manifest counted from 1.
    Layer(usize, Digest),
    /// A blob of whatever kind.
    Blob(Digest),
}

impl Part {
    /// Its digest; `index.json` has none.
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::IndexJson => None,
            Self::Index(digest)
            | Self::Manifest(digest)
            | Self::Config(digest)
            | Self::Layer(_, digest)
            | Self::Blob(digest) => Some(*digest),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexJson => f.write_str("index.json"),
            Self::Index(digest) => write!(f, "image index {digest}"),
            Self::Manifest(digest) => write!(f, "manifest {digest}"),
            Self::Config(digest) => write!(f, "config {digest}"),
            Self::Layer(n, digest) => write!(f, "layer {n} ({digest})"),
            Self::Blob(digest) => write!(f, "blob {digest}"),
        }
    }
}

/// A fault of a part of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such blob in such a place.
    #[error("is not in the {0}")]
    Absent(&'static str),
    /// A link, a folder or the like lies in its place.
    #[error("is not a regular file in the layout")]
    NotAFile,
    /// Its bytes are not those that its descriptor states.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// It is larger than such a document may be.
    #[error("has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Bytes stated.
        size: u64,
        /// The most bytes that are read.
        limit: u64,
    },
    /// It is not the JSON that it should be.
    #[error("is not valid: {0}")]
    Json(String),
    /// It, or its descriptor, has a media type that does not fit.
    #[error("has media type \"{found}\", and {wanted} is wanted")]
    MediaType {
        /// The media type found.
        found: String,
        /// What would fit.
        wanted: &'static str,
    },
    /// The platform that its descriptor states is not the one that its config does.
    #[error("is listed for {listed}, and its config is for {found}")]
    Platform {
        /// The platform in the entry that leads to it.
        listed: Platform,
        /// The config's.
        found: Platform,
    },
    /// An index is listed for a platform, and what it holds is not all for that one.
    #[error("is listed for {0}, and not all that it holds is listed for that too")]
    IndexPlatform(Platform),
    /// Its descriptor and its own `mediaType` member differ.
    #[error("calls itself \"{inside}\", and its descriptor \"{outside}\"")]
    MediaTypes {
        /// The member `mediaType`.
        inside: String,
        /// The descriptor's media type.
        outside: String,
    },
    /// It does not say what it is.
    #[error("has no mediaType, which has to be \"{0}\"")]
    NoMediaType(&'static str),
    /// It has a member that belongs to another kind of document.
    #[error("has a member \"{0}\", which a document of this kind must not have")]
    Member(String),
    /// It has a member that differs in case only from one that is read: Go's readers, docker's among them, take it
    /// for that one, and others do not.
    #[error(
        "has a member \"{name}\", which docker takes for \"{known}\" and readers that mind case do not{}", if name == "rootfS" { "; Microsoft's base images have it" } else { "" }
    )]
    Alike {
        /// The member.
        name: String,
        /// The one that is read.
        known: &'static str,
    },
    /// Indexes are nested more deeply than is followed.
    #[error("is nested more than {0} indexes deep")]
    TooDeep(usize),
    /// It and the indexes around it have more entries than are followed.
    #[error("takes the indexes to more than {0} entries together, the most that are followed")]
    TooMany(usize),
    /// It and the indexes around it have more bytes than are read.
    #[error("takes the indexes to more than {0} bytes together, the most that are read")]
    TooManyBytes(u64),
    /// It is to be found by what it refers to, and refers to something else.
    #[error("does not refer to {0}")]
    Subject(Digest),
    /// It says that it is another kind of artifact.
    #[error("is an artifact of type \"{found}\", and {wanted} is wanted")]
    ArtifactType {
        /// The type found.
        found: String,
        /// The one that it is to have.
        wanted: String,
    },
    /// A tag has the form of a digest.
    #[error("has the tag \"{0}\", which is spelt like a digest")]
    DigestTag(String),
}

/// How many bytes of a long reason are kept at its start, and at its end.
const KEPT: usize = 400;

impl Problem {
    /// It is not the JSON that it should be, for this reason. A reason may repeat what it is about, and that may be
    /// megabytes long, in each of thousands of documents: what nobody could read is left out of its middle.
    pub(super) fn json(reason: impl fmt::Display) -> Self {
        let mut short = Cutter::new(KEPT, KEPT);
        // It never fails.
        let _ = write!(short, "{reason}");
        Self::Json(short.text())
    }
}
