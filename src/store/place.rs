//! The place of images, as messages show it.

use std::fmt;
use std::path::{Path, PathBuf};

/// The place of images, or one file of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The folder of an image layout.
    Layout(PathBuf),
    /// The file of an archive.
    Archive(PathBuf),
    /// A repository in a registry, by its written name; the name holds no secret.
    Repository(String),
    /// Another file or folder.
    File(PathBuf),
}

impl Place {
    /// The path, if the place has one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Layout(path) | Self::Archive(path) | Self::File(path) => Some(path),
            Self::Repository(_) => None,
        }
    }

    /// The kind of the place, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Layout(_) => "layout",
            Self::Archive(_) => "archive",
            Self::Repository(_) => "repository",
            Self::File(_) => "folder",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(path) | Self::Archive(path) | Self::File(path) => path.display().fmt(f),
            Self::Repository(name) => f.write_str(name),
        }
    }
}
