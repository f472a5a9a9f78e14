//! A file on its way to its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::RenameFlags;

use super::error::Error;
use super::folder::{open_parent, parent_of, sync_folder, temporary_name};

/// How to treat an existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse, even one with the same bytes: for private keys.
    Refuse,
    /// Leave one with the same bytes as it is, refuse one with other bytes.
    Keep,
    /// Replace it.
    Replace,
}

/// A file that is written and synced beside its place. It goes away unless it is put there.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    temporary: Temporary,
    parent: File,
}

/// A file that came into its place by a rename that may not last yet.
#[derive(Debug)]
pub struct Put {
    path: PathBuf,
    parent: File,
}

/// A file under a name of its own, until it is renamed.
#[derive(Debug)]
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // The error that led here is the one to report.
            let _ = fs::remove_file(path);
        }
    }
}

impl Staged {
    /// Writes the bytes. `mode` holds the permission bits.
    pub fn new(path: &Path, bytes: &[u8], mode: u32) -> Result<Self, Error> {
        let name = parent_of(path).join(temporary_name(path));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let mut file = options.open(&name).map_err(Error::io(path, "create"))?;
        let temporary = Temporary(Some(name));
        let parent = open_parent(path)?;
        file.write_all(bytes).map_err(Error::io(path, "write"))?;
        file.sync_all().map_err(Error::io(path, "sync"))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            parent,
        })
    }

    /// Renames it into its place.
    pub fn put(mut self, existing: Existing) -> Result<Put, Error> {
        if let Some(temporary) = &self.temporary.0 {
            if existing == Existing::Replace {
                let renamed = fs::rename(temporary, &self.path);
                renamed.map_err(Error::io(&self.path, "rename into place"))?;
            } else {
                rename_new(temporary, &self.path)?;
            }
        }
        self.temporary.0 = None;
        let Self { path, parent, .. } = self;
        Ok(Put { path, parent })
    }
}

impl Put {
    /// Makes it last.
    pub fn sync(self) -> Result<(), Error> {
        sync_folder(&self.parent).map_err(Error::io(&parent_of(&self.path), "sync"))
    }
}

/// Renames without ever replacing what is there.
fn rename_new(from: &Path, to: &Path) -> Result<(), Error> {
    use rustix::io::Errno;
    let cwd = rustix::fs::CWD;
    let error = match rustix::fs::renameat_with(cwd, from, cwd, to, RenameFlags::NOREPLACE) {
        // A file system that cannot rename this way can make a second link, which never replaces either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            fs::hard_link(from, to).and_then(|()| fs::remove_file(from))
        }
        other => other.map_err(io::Error::from),
    };
    error.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists {
            path: to.to_owned(),
        },
        _ => Error::io(to, "rename into place")(e),
    })
}
