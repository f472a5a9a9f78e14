//! The faults of a part of an image.

use std::fmt::{self, Write as _};

use crate::crypto::Digest;
use crate::image::{Mismatch, Platform};
use crate::text::Cutter;

/// A part of an image, for messages and for the rule about this part.
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
    /// A layer, by its position in the manifest, counted from 1.
    Layer(usize, Digest),
    /// A blob of any kind.
    Blob(Digest),
}

impl Part {
    /// The digest of the part; `index.json` has none.
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
    /// The place, of this kind, has no such blob.
    #[error("is not in the {0}")]
    Absent(&'static str),
    /// A link, a folder or something else lies in its place.
    #[error("is not a regular file in the layout")]
    NotAFile,
    /// Its bytes are not those that its descriptor states.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// It exceeds the size limit for its kind.
    #[error("has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The stated size in bytes.
        size: u64,
        /// The most bytes that ir-sign reads.
        limit: u64,
    },
    /// It is not valid JSON of its kind.
    #[error("is not valid: {0}")]
    Json(String),
    /// It has, or its descriptor states, a media type that does not fit.
    #[error("has media type \"{found}\", but must be {wanted}")]
    MediaType {
        /// The media type found.
        found: String,
        /// The media types that would fit.
        wanted: &'static str,
    },
    /// Its descriptor and its config state different platforms.
    #[error("is listed for {listed}, but its config is for {found}")]
    Platform {
        /// The platform in the entry that leads to it.
        listed: Platform,
        /// The platform in the config.
        found: Platform,
    },
    /// An entry lists an index for a platform, and not all images in the index are for that platform.
    #[error("is listed for {0}, but not everything in it is listed for that platform")]
    IndexPlatform(Platform),
    /// Its descriptor and its own `mediaType` member differ.
    #[error("says that it is \"{inside}\", but its descriptor says \"{outside}\"")]
    MediaTypes {
        /// The member `mediaType`.
        inside: String,
        /// The descriptor's media type.
        outside: String,
    },
    /// It does not state its own media type.
    #[error("has no mediaType, but it must be \"{0}\"")]
    NoMediaType(&'static str),
    /// It has a member that belongs to another kind of document.
    #[error("has a member \"{0}\", which a document of this kind must not have")]
    Member(String),
    /// It has a member whose name differs only in case from one that ir-sign reads: Go's readers, docker's among them,
    /// take the two for the same member, and other readers do not.
    #[error(
        "has a member \"{name}\", which docker takes for \"{known}\", but readers that mind case do not{}", if name == "rootfS" { "; Microsoft's base images have it" } else { "" }
    )]
    Alike {
        /// The member.
        name: String,
        /// The name that ir-sign reads.
        known: &'static str,
    },
    /// Indexes are nested more deeply than ir-sign follows them.
    #[error("is nested more than {0} indexes deep")]
    TooDeep(usize),
    /// It and the indexes around it have more entries than ir-sign follows.
    #[error("brings the indexes to more than {0} entries together, the limit")]
    TooMany(usize),
    /// It and the indexes around it have more bytes than ir-sign reads.
    #[error("brings the indexes to more than {0} bytes together, the limit")]
    TooManyBytes(u64),
    /// Readers would look for it by the subject that it refers to, but it refers to another one.
    #[error("does not refer to {0}")]
    Subject(Digest),
    /// It states another artifact type.
    #[error("is an artifact of type \"{found}\", but must be {wanted}")]
    ArtifactType {
        /// The type found.
        found: String,
        /// The type that it must have.
        wanted: String,
    },
    /// A tag has the form of a digest.
    #[error("has the tag \"{0}\", which is spelt like a digest")]
    DigestTag(String),
}

/// How many bytes of a long reason a message keeps at its start, and at its end.
const KEPT: usize = 400;

impl Problem {
    /// A fault in the JSON, with this reason. A reason may quote the document, and such a quote may be megabytes long,
    /// in each of thousands of documents. This cuts out the middle of a reason that is too long to read.
    pub(super) fn json(reason: impl fmt::Display) -> Self {
        let mut short = Cutter::new(KEPT, KEPT);
        // Writing to memory never fails.
        let _ = write!(short, "{reason}");
        Self::Json(short.text())
    }
}
