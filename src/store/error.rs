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
    /// What went wrong there.
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

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// The operating system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// The action, as a verb.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The registry is not there.
    #[error("there is no such registry directory")]
    NoRegistry,
    /// A symbolic link is in the place of a file or folder.
    #[error("is a symbolic link, and none is followed below a registry")]
    Link,
    /// A layout in a registry whose name no app can have.
    #[error("is an image layout in the registry, and by its name it cannot be an app")]
    NotAnApp,
    /// Something else is in the place of a file.
    #[error("is not a regular file")]
    NotAFile,
    /// A name that is not text, where names are read.
    #[error("has a name that is not UTF-8, which nothing of a registry has")]
    Name,
    /// A file is longer than any of its kind may be.
    #[error("larger than {limit} bytes, the most that are read of such a file")]
    TooLarge {
        /// The most bytes that are read.
        limit: u64,
    },
    /// The folder is not an OCI image layout.
    #[error("is not an OCI image layout: {reason}")]
    NotALayout {
        /// What is missing or wrong.
        reason: String,
    },
    /// The folder is a `dir:` of skopeo and podman.
    #[error("is a folder as skopeo writes it for dir:, and no image layout")]
    SkopeoDir,
    /// A part of an image is wrong.
    #[error("{part} {problem}")]
    Part {
        /// The part.
        part: Part,
        /// What is wrong with it.
        problem: Problem,
    },
    /// Indexes or manifests are absent, so that it is unknown which blobs they refer to.
    #[error("lacks {}: nobody knows which blobs lead on from there, and none is removed", listed("", &parts.iter().map(ToString::to_string).collect::<Vec<_>>(), ""))]
    Lacking {
        /// The documents that are absent.
        parts: Vec<Part>,
    },
    /// Nothing in the layout has this reference.
    #[error("there is no image \"{reference}\"{}", listed(" (there are: ", .present, ")"))]
    NoSuchImage {
        /// What was asked for.
        reference: Reference,
        /// The tags that are there.
        present: Vec<String>,
        /// Whether a blob of that digest exists that the index does not lead to.
        unreferenced: bool,
    },
    /// No reference was given, and the layout does not hold exactly one image.
    #[error("holds {}{}", count(*.found), if *.found == 0 { String::new() } else { format!(", so one has to be named{}", listed(" (there are: ", .present, ")")) })]
    NotOneImage {
        /// How many images there are.
        found: usize,
        /// Their tags, or digests where they have none.
        present: Vec<String>,
    },
    /// Entries for several things have the tag or the full name that was asked for.
    #[error("\"{tag}\" names {}, so one has to be named otherwise{}", count(*.found), listed(" (there are: ", .present, ")"))]
    AmbiguousTag {
        /// What was asked for.
        tag: String,
        /// How many there are.
        found: usize,
        /// What each can be named by.
        names: Vec<String>,
        /// Their digests, with full names where they have some.
        present: Vec<String>,
    },
    /// The reference names an index, and no platform was chosen.
    #[error("\"{name}\" names an image index {}", held(.platforms, .lacking, .within))]
    IsIndex {
        /// What was asked for.
        name: String,
        /// The platforms of the images in the index, or their digests where they state none.
        platforms: Vec<String>,
        /// The same of those that are not there.
        lacking: Vec<String>,
        /// What kind of place it is.
        within: &'static str,
    },
    /// No image, or several, are for the platform that was asked for.
    #[error("\"{name}\" has {} for platform {wanted}{}", count(*.found), listed(" (there are: ", .platforms, ")"))]
    Platform {
        /// What was asked for.
        name: String,
        /// The platform that was asked for.
        wanted: Platform,
        /// How many images are for it.
        found: usize,
        /// The platforms there are.
        platforms: Vec<String>,
    },
    /// Several images would get one tag when tags are shortened.
    #[error("several entries would get the tag \"{tag}\"{}", listed(": ", .entries, ""))]
    SameTag {
        /// The tag.
        tag: String,
        /// The entries.
        entries: Vec<String>,
    },
    /// Nothing can make an image fit for realms.
    #[error("realms cannot get image {name}, and that cannot be mended: {reason}")]
    NotForRealms {
        /// The image.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A tag leads elsewhere, and the user did not allow moving it.
    #[error("the tag \"{tag}\" leads to {found} already, and it was not to be moved")]
    TagTaken {
        /// The tag.
        tag: String,
        /// What it leads to.
        found: Digest,
    },
    /// Another run changed the image meanwhile.
    #[error("another run changed \"{name}\" meanwhile; nothing was written")]
    Lost {
        /// The image.
        name: String,
    },
    /// Another run put another layout in this one's place meanwhile.
    #[error("another run replaced the app meanwhile; nothing was written")]
    Replaced,
    /// A layer, packed or unpacked, or all that an image unpacks to has more than the limit.
    #[error("{what} has more than {limit} bytes")]
    Bomb {
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
        /// The flag that raises it.
        flag: &'static str,
    },
    /// The archive is not one that images come in, or holds something it must not.
    #[error("{problem}")]
    Archive {
        /// What is wrong with it.
        problem: ArchiveProblem,
    },
    /// The app is in the registry already, with other content.
    #[error("exists already, with other content")]
    Exists,
    /// A registry refused or failed a request.
    #[cfg(feature = "registry")]
    #[error("{}{problem}", about.as_ref().map(|about| format!("{about}: ")).unwrap_or_default())]
    Registry {
        /// The manifest or blob that it is about; the repository as a whole where there is none.
        about: Option<String>,
        /// What went wrong.
        problem: super::remote::Problem,
    },
    /// What a tag leads to in a registry is no manifest that can be read.
    #[cfg(feature = "registry")]
    #[error("tag {tag}: {reason}")]
    Tagged {
        /// The tag.
        tag: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Kind {
    /// As the error about a place.
    pub(super) const fn at(self, place: Place) -> Error {
        Error { place, kind: self }
    }

    /// As the error about a file or a folder.
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

    /// An error about a part of what lies in a place.
    pub(super) fn part(place: &Place, part: Part, problem: impl Into<Problem>) -> Self {
        let problem = problem.into();
        Kind::Part { part, problem }.at(place.clone())
    }

    /// An error about an archive.
    pub(super) fn archive(path: &Path, problem: ArchiveProblem) -> Self {
        Kind::Archive { problem }.at(Place::Archive(path.to_owned()))
    }

    /// What is wrong with a part; any other error is given back.
    pub(super) fn into_problem(self) -> Result<Problem, Self> {
        match self.kind {
            Kind::Part { problem, .. } => Ok(problem),
            _ => Err(self),
        }
    }

    /// Whether it is the system's, of this kind.
    pub(super) fn is_io(&self, wanted: io::ErrorKind) -> bool {
        matches!(&self.kind, Kind::Io { source, .. } if source.kind() == wanted)
    }

    /// Whether it is that a blob is not there.
    pub(crate) const fn is_absent(&self) -> bool {
        matches!(
            self.kind,
            Kind::Part {
                problem: Problem::Absent(_),
                ..
            }
        )
    }

    /// Whether a registry refused a manifest because it lacks a blob or manifest that this one refers to.
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

    /// The same in a build that asks no registry.
    #[cfg(not(feature = "registry"))]
    #[allow(clippy::unused_self, reason = "as in the other build")]
    pub(crate) const fn is_lacking(&self) -> bool {
        false
    }

    /// The same error about another part, where it is one about a blob.
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

/// The words for an index that is no image.
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
        // A list that was not read to its end.
        _ if hidden.last().is_some_and(|last| last == "…") => {
            format!("{before}{shown} and more{after}")
        }
        0 => format!("{before}{shown}{after}"),
        more => format!("{before}{shown} and {more} more{after}"),
    }
}
