//! Shows the content of a policy, and writes the policy for other programs.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::keys::existing;
use super::outputs::check_output;
use crate::files::{self, Written};
use crate::image::{ArchiveKind, ImageName};
use crate::trust::{Asked, Dialect, Policy, Rest};

/// The file that is written.
const ROLE: &str = "policy file";

/// Bytes of the longest policy that is read.
const LONGEST: usize = 64 << 20;

/// A file with a policy in it.
pub struct PolicyFile {
    path: PathBuf,
    text: Vec<u8>,
}

impl PolicyFile {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = files::read(path, LONGEST).map_err(Error::file("policy"))?;
        let path = path.to_owned();
        Ok(Self { path, text })
    }

    /// The policy in it.
    pub fn policy(&self, dialect: Dialect) -> Result<Policy<'_>, Error> {
        Policy::read(&self.text, dialect).map_err(|source| Error::PolicyText {
            path: self.path.clone(),
            source,
        })
    }
}

/// A request to write a policy for skopeo.
pub struct Export {
    /// The policy.
    pub file: PathBuf,
    /// Its dialect.
    pub dialect: Dialect,
    /// What to do with lists that lose a requirement.
    pub rest: Rest,
    /// The file for the new policy; without one, the caller prints it.
    pub output: Option<PathBuf>,
    /// Whether to replace another file that is there already.
    pub force: bool,
}

/// A policy for skopeo.
pub struct Done {
    /// The text of the policy.
    pub text: String,
    /// The parts that it does not say in the same way.
    pub notes: Vec<String>,
    /// Whether the file is new, if one was to be written.
    pub written: Option<Written>,
}

impl Export {
    /// Reads the policy, and writes the other one.
    pub fn run(&self) -> Result<Done, Error> {
        if let Some(output) = &self.output {
            check_output(ROLE, output, &[&self.file])?;
        }
        let file = PolicyFile::read(&self.file)?;
        let exported = file.policy(self.dialect)?.export(self.rest);
        let text = format!("{:#}\n", exported.policy);
        let write = |output: &PathBuf| {
            files::write(output, text.as_bytes(), 0o644, existing(self.force))
                .map_err(Error::file(ROLE))
        };
        let written = self.output.as_ref().map(write).transpose()?;
        Ok(Done {
            text,
            notes: exported.notes,
            written,
        })
    }
}

/// The name of an image as policies see it.
pub fn asked(name: &str) -> Result<Asked, Error> {
    let image: ImageName = name.parse()?;
    let path = |transport, path: &Path| {
        let path = written_out(path).map_err(Error::file("image"))?;
        Ok(Asked::Path { transport, path })
    };
    match &image {
        // The user's text, not the parsed name, so that the host keeps its upper and lower case.
        ImageName::Docker { .. } => Asked::docker(name).map_err(|source| Error::PolicyImage {
            image: name.to_owned(),
            source,
        }),
        ImageName::Layout { path: at, .. } => path("oci", at),
        ImageName::Archive {
            kind: ArchiveKind::Oci,
            path: at,
            ..
        } => path("oci-archive", at),
        ImageName::Archive {
            kind: ArchiveKind::Docker,
            ..
        } => Ok(Asked::DockerArchive),
        ImageName::Dir { path: at } => path("dir", at),
    }
}

/// A path from the root, without symbolic links. If nothing is there yet, its folder's.
fn written_out(path: &Path) -> Result<String, files::Error> {
    let whole = match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Err(_), Some(parent), Some(name)) if !path.exists() => {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            fs::canonicalize(parent).map(|parent| parent.join(name))
        }
        (whole, ..) => whole,
    };
    let whole = whole.map_err(|source| files::Error::Io {
        path: path.to_owned(),
        action: "find",
        source,
    })?;
    Ok(whole.to_string_lossy().into_owned())
}
