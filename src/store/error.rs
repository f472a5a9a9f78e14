//! Why the store failed.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use super::archive::Problem as ArchiveProblem;
use super::place::Place;
use super::problem::{Part, Problem};
use crate::crypto::Digest;
use crate::image::{Platform, Reference};

/// Why the store failed.
#[derive(Debug)]
pub struct Error {
    /// The layout, archive, repository or file.
    pub place: Place,
    /// The error itself.
    pub kind: Kind,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// The kind of an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// The operating system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// The action, as a verb.
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The registry is not there.
    #[error("there is no such registry directory")]
    NoRegistry,
    /// A symbolic link has the name of a file or folder.
    #[error("is a symbolic link, and ir-sign follows none in a registry")]
    Link,
    /// A layout in a registry has a name that no app can have.
    #[error("is an image layout in the registry, but no app can have its name")]
    NotAnApp,
    /// A folder, or something else that is not a regular file, has the name of a file.
    #[error("is not a regular file")]
    NotAFile,
    /// A name is not UTF-8, in a folder whose names ir-sign reads.
    #[error("has a name that is not UTF-8, as all names in a registry must be")]
    Name,
    /// A file is longer than any file of its kind may be.
    #[error("is larger than {limit} bytes, the limit for such a file")]
    TooLarge {
        /// The most bytes that ir-sign reads.
        limit: u64,
    },
    /// The folder is not an OCI image layout.
    #[error("is not an OCI image layout: {reason}")]
    NotALayout {
        /// The missing or wrong part.
        reason: String,
    },
    /// The folder is a `dir:` of skopeo and podman.
    #[error("is a folder as skopeo writes it for dir:, not an image layout")]
    SkopeoDir,
    /// The folder is no `dir:` of skopeo and podman.
    #[error("is not a folder as `skopeo copy … dir:PATH` writes it: {reason}")]
    NotASkopeoDir {
        /// The missing or wrong part.
        reason: String,
    },
    /// A place holds more signatures of an image than any honest one does.
    #[error("holds {most} or more signatures of one image")]
    ManySignatures {
        /// The number from which on it is an error.
        most: usize,
    },
    /// An address leads to no lookaside.
    #[error("ir-sign cannot read signatures from there: {reason}")]
    NoLookaside {
        /// Why not.
        reason: String,
    },
    /// A part of an image is wrong.
    #[error("{part} {problem}")]
    Part {
        /// The part.
        part: Part,
        /// The fault.
        problem: Problem,
    },
    /// The layout lacks indexes or manifests, so ir-sign cannot know which blobs they refer to.
    #[error("lacks {}, so ir-sign cannot tell which blobs they lead to, and removed none", listed("", &parts.iter().map(ToString::to_string).collect::<Vec<_>>(), ""))]
    Lacking {
        /// The missing documents.
        parts: Vec<Part>,
    },
    /// No entry of the layout has this reference.
    #[error("there is no image \"{reference}\"{}", listed(" (there are: ", .present, ")"))]
    NoSuchImage {
        /// The reference.
        reference: Reference,
        /// The existing tags.
        present: Vec<String>,
        /// Whether the layout has a blob with this digest that no entry leads to.
        unreferenced: bool,
    },
    /// The user gave no reference, and the layout does not hold exactly one image.
    #[error("holds {}{}", count(*.found), if *.found == 0 { String::new() } else { format!(", so you must name one{}", listed(" (there are: ", .present, ")")) })]
    NotOneImage {
        /// How many images there are.
        found: usize,
        /// Their tags, or digests if they have no tags.
        present: Vec<String>,
    },
    /// Entries for several manifests or indexes have the tag or the full name that the user gave.
    #[error("\"{tag}\" names {}, so you must name one in another way{}", count(*.found), listed(" (there are: ", .present, ")"))]
    AmbiguousTag {
        /// The tag or full name.
        tag: String,
        /// How many manifests or indexes have it.
        found: usize,
        /// A name for each of them.
        names: Vec<String>,
        /// Their digests, with full names if they have some.
        present: Vec<String>,
    },
    /// The reference names an index, and the user chose no platform.
    #[error("\"{name}\" names an image index {}", held(.platforms, .lacking, .within))]
    IsIndex {
        /// The name that the user gave.
        name: String,
        /// The platforms of the images in the index, or their digests if they state no platforms.
        platforms: Vec<String>,
        /// The platforms or digests of the images that the place lacks.
        lacking: Vec<String>,
        /// The kind of place.
        within: &'static str,
    },
    /// No image is for the platform that the user asked for, or several are.
    #[error("\"{name}\" has {} for platform {wanted}{}", count(*.found), listed(" (there are: ", .platforms, ")"))]
    Platform {
        /// The name that the user gave.
        name: String,
        /// The platform that the user asked for.
        wanted: Platform,
        /// How many images are for it.
        found: usize,
        /// The existing platforms.
        platforms: Vec<String>,
    },
    /// Several images would get the same tag when ir-sign shortens tags.
    #[error("several entries would get the tag \"{tag}\"{}", listed(": ", .entries, ""))]
    SameTag {
        /// The tag.
        tag: String,
        /// The entries.
        entries: Vec<String>,
    },
    /// No change that ir-sign could make would fit an image for realms.
    #[error("realms cannot get image {name}, and ir-sign cannot mend that: {reason}")]
    NotForRealms {
        /// The image.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A tag leads elsewhere, and the user did not allow moving it.
    #[error("the tag \"{tag}\" already leads to {found}, and --no-move keeps it there")]
    TagTaken {
        /// The tag.
        tag: String,
        /// The manifest or index that it leads to.
        found: Digest,
    },
    /// Another run changed the image meanwhile.
    #[error("another run changed \"{name}\" meanwhile; nothing was written")]
    Lost {
        /// The image.
        name: String,
    },
    /// Another run replaced this layout meanwhile.
    #[error("another run replaced the app meanwhile; nothing was written")]
    Replaced,
    /// The packed or unpacked size of a layer, or the unpacked size of a whole image, exceeds the limit.
    #[error("{what} has more than {limit} bytes")]
    Bomb {
        /// The layer, image or member that is too large.
        what: String,
        /// The limit.
        limit: u64,
        /// The flag that raises the limit.
        flag: &'static str,
    },
    /// The archive is of a kind that ir-sign does not read, or holds something that it must not.
    #[error("{problem}")]
    Archive {
        /// The fault.
        problem: ArchiveProblem,
    },
    /// The registry has the app already, with other content.
    #[error("already exists, with other content")]
    Exists,
    /// A registry refused or failed a request.
    #[cfg(feature = "registry")]
    #[error("{}{problem}", about.as_ref().map(|about| format!("{about}: ")).unwrap_or_default())]
    Registry {
        /// The manifest or blob in the request; `None` if the request was about the repository as a whole.
        about: Option<String>,
        /// The fault.
        problem: super::remote::Problem,
    },
    /// A tag in a registry leads to something that is not a readable manifest.
    #[cfg(feature = "registry")]
    #[error("tag {tag}: {reason}")]
    Tagged {
        /// The tag.
        tag: String,
        /// The fault.
        reason: String,
    },
}

impl Kind {
    /// The error about a place.
    pub(super) const fn at(self, place: Place) -> Error {
        Error { place, kind: self }
    }

    /// The error about a file or a folder.
    pub(super) fn at_file(self, path: impl Into<PathBuf>) -> Error {
        self.at(Place::File(path.into()))
    }
}

impl Error {
    /// An error of the operating system.
    pub(super) fn io(path: &Path, action: &'static str, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Kind::Io { action, source }.at_file(path)
    }

    /// An error about a part of the content of a place.
    pub(super) fn part(place: &Place, part: Part, problem: impl Into<Problem>) -> Self {
        let problem = problem.into();
        Kind::Part { part, problem }.at(place.clone())
    }

    /// An error about an archive.
    pub(super) fn archive(path: &Path, problem: ArchiveProblem) -> Self {
        Kind::Archive { problem }.at(Place::Archive(path.to_owned()))
    }

    /// The fault of a part; `Err` returns any other error unchanged.
    pub(super) fn into_problem(self) -> Result<Problem, Self> {
        match self.kind {
            Kind::Part { problem, .. } => Ok(problem),
            _ => Err(self),
        }
    }

    /// Whether this is an error of the operating system, of this kind.
    pub(super) fn is_io(&self, wanted: io::ErrorKind) -> bool {
        matches!(&self.kind, Kind::Io { source, .. } if source.kind() == wanted)
    }

    /// Whether the error says that a blob is missing.
    pub(crate) const fn is_absent(&self) -> bool {
        matches!(
            self.kind,
            Kind::Part {
                problem: Problem::Absent(_),
                ..
            }
        )
    }

    /// Whether a registry refused a manifest because the registry lacks a blob or manifest that this manifest refers
    /// to.
    #[cfg(feature = "registry")]
    pub(crate) const fn is_lacking(&self) -> bool {
        matches!(
            self.kind,
            Kind::Registry {
                problem: super::remote::Problem::Lacking { .. },
                ..
            }
        )
    }

    /// Always false in a build without registries.
    #[cfg(not(feature = "registry"))]
    #[allow(clippy::unused_self, reason = "as in the other build")]
    pub(crate) const fn is_lacking(&self) -> bool {
        false
    }

    /// The same error about the part `named`, if the error is about a blob.
    pub(super) fn about(mut self, named: &Part) -> Self {
        if let Kind::Part { part, .. } = &mut self.kind
            && let Part::Blob(_) = part
        {
            part.clone_from(named);
        }
        self
    }
}

fn count(n: usize) -> String {
    match n {
        0 => "no image".into(),
        1 => "one image".into(),
        n => format!("{n} images"),
    }
}

/// The words about an index that is not one image.
fn held(platforms: &[String], lacking: &[String], within: &str) -> String {
    let lacks = |before| listed(before, lacking, &format!(" (not in the {within})"));
    if platforms.is_empty() {
        let lacking = lacks(", and lists ");
        return format!("that holds no image{lacking}");
    }
    let is_digest = |name: &String| Digest::is_digest_form(name);
    let what = if platforms.iter().chain(lacking).any(is_digest) {
        "of several images: "
    } else {
        "for several platforms: "
    };
    listed(what, platforms, &lacks(", "))
}

fn listed(before: &str, items: &[String], after: &str) -> String {
    const MOST: usize = 20;
    if items.is_empty() {
        return String::new();
    }
    let (shown, hidden) = items.split_at(items.len().min(MOST));
    let shown = shown.join(", ");
    match hidden.len() {
        // The place did not read the list of tags to its end.
        _ if hidden.last().is_some_and(|last| last == "…") => {
            format!("{before}{shown} and more{after}")
        }
        0 => format!("{before}{shown}{after}"),
        more => format!("{before}{shown} and {more} more{after}"),
    }
}
