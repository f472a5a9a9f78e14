//! The faults of an archive.

use super::packing::Packing;
use crate::crypto::Digest;
use crate::store::problem::Problem as PartProblem;

/// A fault of an archive. Messages escape the names of members, and shorten very long ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file has no bytes.
    #[error("is empty")]
    Empty,
    /// It does not start as a tar archive does.
    #[error("is not a tar archive, plain or packed with gzip or zstd")]
    NotTar,
    /// It is packed in a way that ir-sign does not read.
    #[error("is {0}, but ir-sign unpacks only gzip and zstd")]
    OtherPacking(Packing),
    /// `docker export` wrote it: it holds a container's files.
    #[error("is a container's root file system, as docker export writes it, not an image")]
    RootFs,
    /// It is a `dir:` of skopeo and podman.
    #[error("is a folder as skopeo writes it for dir:, not an image layout")]
    SkopeoDir,
    /// The image's files are in a folder of the archive.
    #[error("has its {file} in the folder \"{folder}\", not at its top")]
    InFolder {
        /// The file that leads to the images.
        file: &'static str,
        /// The folder.
        folder: String,
    },
    /// The gzip or zstd stream is damaged or cut short, has other bytes after it, or needs too much memory.
    #[error("does not unpack: {0}")]
    Packing(String),
    /// It ends in the middle of a member or a header.
    #[error("is cut short")]
    Truncated,
    /// It ends where a header should follow, without the block of zeros that marks the end.
    #[error("has no end mark, so it is cut short")]
    NoEnd,
    /// More than zeros follow the end mark; some readers would find more members there.
    #[error("has data after its end mark")]
    Trailing,
    /// A header breaks the rules of the tar formats.
    #[error("has a bad header at byte {position}: {reason}")]
    Header {
        /// Where in the unpacked archive the header starts.
        position: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There are more members than the limit.
    #[error("has more than {0} members")]
    TooManyMembers(usize),
    /// ir-sign refuses a member's name.
    #[error("member \"{name}\" {reason}")]
    Name {
        /// The member.
        name: String,
        /// What is wrong with its name.
        reason: &'static str,
    },
    /// A member is neither a regular file nor a folder.
    #[error("member \"{name}\" is {kind}, which an image archive must not hold")]
    Kind {
        /// The member.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// A symbolic link of a `docker save` archive does not lead to a file in the archive.
    #[error(
        "member \"{name}\" is a symbolic link to \"{target}\", which is not a file in the archive"
    )]
    Link {
        /// The member.
        name: String,
        /// The name that it points to.
        target: String,
    },
    /// Two members have the same name and different content.
    #[error("member \"{0}\" is there twice, with different content")]
    Duplicate(String),
    /// More names than the limit have several members.
    #[error("has more than {0} repeated members")]
    TooManyRepeated(usize),
    /// A document exceeds the size limit for its kind.
    #[error("member \"{name}\" has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The member.
        name: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A blob's bytes do not have the digest that its name states.
    #[error("member \"{name}\" has digest {found}")]
    Blob {
        /// The member.
        name: String,
        /// The digest of its bytes.
        found: Digest,
    },
    /// A document is wrong.
    #[error("member \"{name}\" {problem}")]
    Document {
        /// The member.
        name: String,
        /// What is wrong with it.
        problem: PartProblem,
    },
    /// Beside an `index.json` it has a list of images that only old engines read.
    #[error("has a \"{0}\" beside its index.json, from which old engines load other images")]
    OlderList(&'static str),
    /// It holds no image.
    #[error("holds neither an index.json nor a manifest.json that lists an image")]
    NoImage,
    /// The user wrote `docker-archive:`, but the archive has no docker list of images.
    #[error("has no manifest.json that lists an image, so docker save did not write it")]
    NoDockerList,
    /// It has an `index.json`, but is not an OCI image layout.
    #[error("is not an OCI image layout: {0}")]
    NotALayout(String),
    /// `manifest.json` names a file that is missing.
    #[error("manifest.json names \"{0}\", which is not a file in the archive")]
    Absent(String),
    /// `manifest.json` has an invalid repository tag.
    #[error("manifest.json has the tag \"{0}\", which is not of the form NAME:TAG")]
    RepoTag(String),
    /// `manifest.json` names more files than the limit.
    #[error("manifest.json names more than {0} files and tags")]
    TooManyNames(usize),
}
