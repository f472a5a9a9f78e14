//! What can go wrong with an image's storage.

use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use crate::crypto::Digest;
use crate::image::{Mismatch, Platform, Reference};

/// A part of an image, for messages and to tell which rule it belongs to.
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

/// What is wrong with a part of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such blob.
    #[error("is not in the layout")]
    Absent,
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
    /// A tag has the form of a digest.
    #[error("has the tag \"{0}\", which is spelt like a digest")]
    DigestTag(String),
}

impl Problem {
    /// It is not the JSON that it should be, for this reason. A reason may repeat what it is about, and that may be
    /// megabytes long, in each of thousands of documents: what nobody could read is left out of its middle.
    pub(super) fn json(reason: impl fmt::Display) -> Self {
        let mut short = Short::default();
        // It never fails.
        let _ = write!(short, "{reason}");
        Self::Json(short.text())
    }
}

/// The start of a text, and its end.
#[derive(Default)]
struct Short {
    start: String,
    end: String,
    left_out: usize,
}

impl Short {
    /// How many bytes are kept of each.
    const KEPT: usize = 400;

    fn text(mut self) -> String {
        self.leave_out(Self::KEPT);
        if self.left_out == 0 {
            return self.start + &self.end;
        }
        format!(
            "{} [... {} bytes left out ...] {}",
            self.start, self.left_out, self.end
        )
    }

    /// Keeps so many bytes of the end.
    fn leave_out(&mut self, kept: usize) {
        let from = self
            .end
            .ceil_char_boundary(self.end.len().saturating_sub(kept));
        self.end.drain(..from);
        self.left_out += from;
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        // Text comes in pieces that may be as long as a document.
        const PIECE: usize = 4096;
        if self.end.is_empty() && self.left_out == 0 {
            let fits = text.floor_char_boundary(Self::KEPT - self.start.len());
            self.start.push_str(&text[..fits]);
            text = &text[fits..];
        }
        while !text.is_empty() {
            let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE));
            self.end.push_str(piece);
            self.leave_out(PIECE);
            text = rest;
        }
        Ok(())
    }
}

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system said no.
    #[error("{}: cannot {action}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The registry is not there.
    #[error("{}: there is no such registry directory", .0.display())]
    NoRegistry(PathBuf),
    /// A symbolic link stands where a file or folder is wanted.
    #[error("{}: is a symbolic link, and none is followed below a registry", .0.display())]
    Link(PathBuf),
    /// A layout in a registry whose name no app can have.
    #[error("{}: is an image layout in the registry, and by its name it cannot be an app", .0.display())]
    NotAnApp(PathBuf),
    /// Something else stands where a file is wanted.
    #[error("{}: is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// A name that is not text, where names are read.
    #[error("{}: has a name that is not UTF-8, which nothing of a registry has", .0.display())]
    Name(PathBuf),
    /// A file is longer than any of its kind may be.
    #[error("{}: larger than {limit} bytes, the most that are read of such a file", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// The folder is not an OCI image layout.
    #[error("{}: is not an OCI image layout: {reason}", .path.display())]
    NotALayout {
        /// The folder.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// The folder is what skopeo and podman write as `dir:`.
    #[error("{}: is a folder as skopeo writes it for dir:, and no image layout", .0.display())]
    SkopeoDir(PathBuf),
    /// A part of an image is wrong.
    #[error("{}: {part} {problem}", .layout.display())]
    Part {
        /// The layout.
        layout: PathBuf,
        /// The part.
        part: Part,
        /// What is wrong with it.
        problem: Problem,
    },
    /// Indexes or manifests are absent, so that nobody knows what they lead to.
    #[error("{}: lacks {}: nobody knows which blobs lead on from there, and none is removed", .layout.display(), listed("", &parts.iter().map(ToString::to_string).collect::<Vec<_>>(), ""))]
    Lacking {
        /// The layout.
        layout: PathBuf,
        /// The documents that are absent.
        parts: Vec<Part>,
    },
    /// Nothing in the layout has this reference.
    #[error("{}: there is no image \"{reference}\"{}", .layout.display(), listed(" (there are: ", .present, ")"))]
    NoSuchImage {
        /// The layout.
        layout: PathBuf,
        /// What was asked for.
        reference: Reference,
        /// The tags that are there.
        present: Vec<String>,
        /// Whether a blob of that digest exists that the index does not lead to.
        unreferenced: bool,
    },
    /// No reference was given, and the layout does not hold exactly one image.
    #[error("{}: holds {}{}", .layout.display(), count(*.found), if *.found == 0 { String::new() } else { format!(", so one has to be named{}", listed(" (there are: ", .present, ")")) })]
    NotOneImage {
        /// The layout.
        layout: PathBuf,
        /// How many images there are.
        found: usize,
        /// Their tags, or digests where they have none.
        present: Vec<String>,
    },
    /// Entries for several things have the tag or the full name that was asked for.
    #[error("{}: \"{tag}\" names {}, so one has to be named otherwise{}", .layout.display(), count(*.found), listed(" (there are: ", .present, ")"))]
    AmbiguousTag {
        /// The layout.
        layout: PathBuf,
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
    #[error("{}: \"{name}\" names an image index {}", .layout.display(), held(.platforms, .lacking))]
    IsIndex {
        /// The layout.
        layout: PathBuf,
        /// What was asked for.
        name: String,
        /// The platforms of the images in the index, or their digests where they state none.
        platforms: Vec<String>,
        /// The same of those that are not in the layout.
        lacking: Vec<String>,
    },
    /// No image, or several, are for the platform that was asked for.
    #[error("{}: \"{name}\" has {} for platform {wanted}{}", .layout.display(), count(*.found), listed(" (there are: ", .platforms, ")"))]
    Platform {
        /// The layout.
        layout: PathBuf,
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
    #[error("{}: several entries would get the tag \"{tag}\"{}", .layout.display(), listed(": ", .entries, ""))]
    SameTag {
        /// The layout.
        layout: PathBuf,
        /// The tag.
        tag: String,
        /// The entries.
        entries: Vec<String>,
    },
    /// Nothing makes an image one that realms get.
    #[error("{}: realms cannot get image {name}, and that cannot be mended: {reason}", .layout.display())]
    NotForRealms {
        /// The layout.
        layout: PathBuf,
        /// The image.
        name: String,
        /// What keeps them from it.
        reason: String,
    },
    /// Another run changed the image meanwhile.
    #[error("{}: another run changed \"{name}\" meanwhile; nothing was written", .layout.display())]
    Lost {
        /// The layout.
        layout: PathBuf,
        /// The image.
        name: String,
    },
    /// Another run put another layout in this one's place meanwhile.
    #[error("{}: another run replaced the app meanwhile; nothing was written", .0.display())]
    Replaced(PathBuf),
    /// A layer, packed or unpacked, or all that an image unpacks to has more than the limit.
    #[error("{}: {what} has more than {limit} bytes", .layout.display())]
    Bomb {
        /// The layout or archive.
        layout: PathBuf,
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
        /// The flag that raises it.
        flag: &'static str,
    },
    /// The archive is not one that images come in, or holds something it must not.
    #[error("{}: {problem}", .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        problem: super::archive::Problem,
    },
    /// The app is in the registry already, with other content.
    #[error("{}: exists already, with other content", .0.display())]
    Exists(PathBuf),
}

impl Error {
    /// An error of the operating system.
    pub(super) fn io(path: &Path, action: &'static str, source: impl Into<io::Error>) -> Self {
        Self::Io {
            path: path.to_owned(),
            action,
            source: source.into(),
        }
    }
}

fn count(n: usize) -> String {
    match n {
        0 => "no image".into(),
        1 => "one image".into(),
        n => format!("{n} images"),
    }
}

/// What is told of an index that is no image.
fn held(platforms: &[String], lacking: &[String]) -> String {
    let lacks = |before| listed(before, lacking, " (not in the layout)");
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
        0 => format!("{before}{shown}{after}"),
        more => format!("{before}{shown} and {more} more{after}"),
    }
}
