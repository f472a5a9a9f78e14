//! Why a file was not read or written, and how messages name it.

use std::io;
use std::path::{Path, PathBuf};

use crate::class::Class;

/// The names of the two in messages.
pub(super) const INPUT: &str = "standard input";
pub(super) const OUTPUT: &str = "standard output";

/// Whether a path is `-`, which means standard input or output. A file of that name is `./-`.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The name of a path in messages, for this action.
fn named<'a>(path: &'a Path, action: &str) -> &'a Path {
    match action {
        _ if !is_standard(path) => path,
        "open" | "read" => Path::new(INPUT),
        _ => Path::new(OUTPUT),
    }
}

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The action, as a verb.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The file is longer than anything of its kind can be.
    #[error("{}: larger than {limit} bytes, the most a file of this kind may have", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: usize,
    },
    /// The file exists, and it must not.
    #[error("{}: already exists", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file exists with other bytes.
    #[error("{}: already exists, with other content", .path.display())]
    Differs {
        /// The file.
        path: PathBuf,
    },
    /// Standard input can be read once only.
    #[error("standard input: is read once, and two files of this command are `-`")]
    Taken,
    /// A terminal would get bytes that are not text.
    #[error("standard output: is a terminal, but the result is not text")]
    Terminal,
    /// The existing file is not a regular file.
    #[error("{}: already exists, and is not a regular file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file to read is not a regular file.
    #[error("{}: is {what}, and only a regular file is read here", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
}

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::Io { .. } | Self::NotRegular { .. } => Class::Undecided,
            Self::Taken | Self::Terminal => Class::Usage,
            Self::TooLarge { .. }
            | Self::Exists { .. }
            | Self::Differs { .. }
            | Self::NotAFile { .. } => Class::Refused,
        }
    }

    pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = named(path, action).to_owned();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }
}

/// Whether an error says that the reader of standard output has gone.
pub fn is_reader_gone(error: &Error) -> bool {
    matches!(error, Error::Io { path, source, .. }
        if path == Path::new(OUTPUT) && source.kind() == io::ErrorKind::BrokenPipe)
}
