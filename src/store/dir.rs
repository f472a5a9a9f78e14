//! Folders held open: ir-sign reaches every file in a layout from its folder, and follows no symbolic link below the
//! registry.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::error::{Error, Kind};
use crate::files;

const NEW_DIR: Mode = Mode::from_raw_mode(0o755);
const NEW_FILE: Mode = Mode::from_raw_mode(0o644);
const DIR_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// The failed action of an error about a change that is visible, but that a power failure may undo.
pub const LAST: &str = "flush the finished change to the disk";

/// An open folder.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// The mode of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Other runs may hold it shared too.
    Shared,
    /// No other run may hold it.
    Exclusive,
}

impl Dir {
    /// Opens a folder that the user named; links on the way are the user's own.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fd = rustix::fs::open(path, DIR_FLAGS, Mode::empty())
            .map_err(|e| Error::io(path, "open folder", e))?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// The same folder, with another path for messages.
    #[must_use]
    pub fn shown_as(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry of this folder, for messages.
    pub fn path_of(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    /// Opens a folder in this one; refuses a link.
    pub fn dir(&self, name: impl AsRef<OsStr>) -> Result<Self, Error> {
        let name = name.as_ref();
        let path = self.path_of(name);
        let flags = DIR_FLAGS | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path }),
            // For a link in a folder's place, some kernels return one of these errors and some the other.
            Err(Errno::LOOP | Errno::NOTDIR) if self.is_link(name) => Err(Kind::Link.at_file(path)),
            Err(e) => Err(Error::io(&path, "open folder", e)),
        }
    }

    /// Opens a folder in this one, or returns `None` if it is absent.
    pub fn dir_if_any(&self, name: &str) -> Result<Option<Self>, Error> {
        absent_is_none(self.dir(name))
    }

    /// The identity of the folder: the numbers of its device and its inode.
    pub fn identity(&self) -> Result<(u64, u64), Error> {
        let stat = rustix::fs::fstat(&self.fd).map_err(|e| Error::io(&self.path, "look at", e))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// The identity of the file or folder that has this name in here now, if any.
    pub fn identity_of(&self, name: &str) -> Result<Option<(u64, u64)>, Error> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((stat.st_dev, stat.st_ino))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(Error::io(&self.path_of(name), "look at", e)),
        }
    }

    /// Whether the file or folder with this name belongs to another user.
    pub fn is_others(&self, name: &OsStr) -> bool {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| stat.st_uid != rustix::process::geteuid().as_raw())
    }

    fn is_link(&self, name: &OsStr) -> bool {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    }

    /// Opens a regular file in this folder, and returns its size; refuses a link.
    pub fn file(&self, name: &str) -> Result<(File, u64), Error> {
        let path = self.path_of(name);
        // Without NONBLOCK a named pipe in a blob's place would hang the open.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map_err(|e| match e {
            Errno::LOOP => Kind::Link.at_file(&path),
            e => Error::io(&path, "open", e),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|e| Error::io(&path, "look at", e))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Kind::NotAFile.at_file(path));
        }
        Ok((File::from(fd), stat.st_size.unsigned_abs()))
    }

    /// Reads a whole file of at most `limit` bytes.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let (file, size) = self.file(name)?;
        let path = self.path_of(name);
        let most = limit + 1;
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(most)).unwrap_or(0));
        file.take(most)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(&path, "read", e))?;
        // The file may have grown, so the bytes that were read count.
        if bytes.len() as u64 > limit {
            return Err(Kind::TooLarge { limit }.at_file(path));
        }
        Ok(bytes)
    }

    /// Makes a folder in this one and opens it; it may exist already.
    pub fn make_dir(&self, name: &str) -> Result<Self, Error> {
        match rustix::fs::mkdirat(&self.fd, name, NEW_DIR) {
            Ok(()) | Err(Errno::EXIST) => self.dir(name),
            Err(e) => Err(Error::io(&self.path_of(name), "make folder", e)),
        }
    }

    /// Makes a new folder in this one, and opens it; an error if the name is taken.
    pub fn make_new_dir(&self, name: &str) -> Result<Self, Error> {
        self.add_dir(name)?;
        self.dir(name)
    }

    /// Makes a new folder in this one; an error if the name is taken.
    pub fn add_dir(&self, name: &str) -> Result<(), Error> {
        rustix::fs::mkdirat(&self.fd, name, NEW_DIR)
            .map_err(|e| Error::io(&self.path_of(name), "make folder", e))
    }

    /// Makes a new file in this folder, for writing; an error if the name is taken.
    pub fn create(&self, name: &str) -> Result<File, Error> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name, flags, NEW_FILE)
            .map(File::from)
            .map_err(|e| Error::io(&self.path_of(name), "create", e))
    }

    /// Renames an entry of this folder to a name in `to`, and replaces any file that has that name.
    pub fn rename(&self, name: &str, to: &Self, new_name: &str) -> Result<(), Error> {
        rustix::fs::renameat(&self.fd, name, &to.fd, new_name)
            .map_err(|e| Error::io(&to.path_of(new_name), "rename into place", e))
    }

    /// Renames an entry of this folder to a free name in `to`; `false` if the name is taken.
    pub fn rename_new(&self, name: &str, to: &Self, new_name: &str) -> Result<bool, Error> {
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&self.fd, name, &to.fd, new_name, flags) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // This file system cannot rename this way. No run that respects the locks takes the name meanwhile.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                let is_free = to.identity_of(new_name)?.is_none();
                if is_free {
                    self.rename(name, to, new_name)?;
                }
                Ok(is_free)
            }
            Err(e) => Err(Error::io(&to.path_of(new_name), "rename into place", e)),
        }
    }

    /// Exchanges an entry of this folder and an entry of `to`.
    pub fn exchange(&self, name: &str, to: &Self, other: &str) -> Result<(), Error> {
        rustix::fs::renameat_with(&self.fd, name, &to.fd, other, RenameFlags::EXCHANGE)
            .map_err(|e| Error::io(&to.path_of(other), "replace", e))
    }

    /// Writes a new file and makes its content durable, but not yet its name.
    pub(super) fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path_of(name);
        let mut file: File = self.create(name)?;
        file.write_all(bytes)
            .map_err(|e| Error::io(&path, "write", e))?;
        file.sync_all().map_err(|e| Error::io(&path, "sync", e))
    }

    /// Removes a file.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<(), Error> {
        let name = name.as_ref();
        rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())
            .map_err(|e| Error::io(&self.path_of(name), "remove", e))
    }

    /// Removes a folder in this one and everything in it; follows no links.
    pub fn remove_tree(&self, name: impl AsRef<OsStr>) -> Result<(), Error> {
        let name = name.as_ref();
        let inner = self.dir(name)?;
        for (entry, kind) in inner.any_entries()? {
            if kind == FileType::Directory {
                inner.remove_tree(&entry)?;
            } else {
                inner.remove(&entry)?;
            }
        }
        self.remove_dir(name)
    }

    /// Removes an empty folder.
    pub fn remove_dir(&self, name: impl AsRef<OsStr>) -> Result<(), Error> {
        let name = name.as_ref();
        rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)
            .map_err(|e| Error::io(&self.path_of(name), "remove folder", e))
    }

    /// Makes the names in this folder durable, if the file system can. If it has no such call for folders, this returns
    /// no error, because the change itself was made.
    pub fn sync(&self) -> Result<(), Error> {
        match rustix::fs::fsync(&self.fd) {
            Err(e) if !files::syncs_no_folders(e) => Err(Error::io(&self.path, "sync", e)),
            _ => Ok(()),
        }
    }

    /// Makes the names durable after a change that every reader sees by now: an error says that the change is visible.
    pub fn sync_change(&self) -> Result<(), Error> {
        self.sync().map_err(|error| match error.kind {
            Kind::Io { source, .. } => Error::io(&self.path, LAST, source),
            kind => Error { kind, ..error },
        })
    }

    /// Syncs names that a killed run may have left unsynced. A file system that cannot write or sync has no such names.
    pub fn sync_existing(&self) -> Result<(), Error> {
        match self.sync() {
            Err(e) if e.is_io(io::ErrorKind::ReadOnlyFilesystem) => Ok(()),
            other => other,
        }
    }

    /// The names in this folder with their kinds, sorted; a name that is not UTF-8 is an error.
    pub fn entries(&self) -> Result<Vec<(String, FileType)>, Error> {
        let text = |(name, kind): (OsString, FileType)| match name.into_string() {
            Ok(name) => Ok((name, kind)),
            Err(name) => Err(Kind::Name.at_file(self.path.join(name))),
        };
        self.any_entries()?.into_iter().map(text).collect()
    }

    /// The names in this folder with their kinds, UTF-8 or not.
    pub fn any_entries(&self) -> Result<Vec<(OsString, FileType)>, Error> {
        let failed = |e: Errno| Error::io(&self.path, "list", e);
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not state the kind.
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
                        .map_err(failed)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            entries.push((name.to_owned(), kind));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    /// Locks the folder, and waits for other runs that hold the lock; the lock ends with this value.
    pub fn lock(&self, lock: Lock) -> Result<(), Error> {
        let operation = match lock {
            Lock::Shared => FlockOperation::LockShared,
            Lock::Exclusive => FlockOperation::LockExclusive,
        };
        loop {
            match rustix::fs::flock(&self.fd, operation) {
                Err(Errno::INTR) => {}
                other => return other.map_err(|e| Error::io(&self.path, "lock", e)),
            }
        }
    }

    /// Locks the folder shared, to read its content. If the file system has no locks, no other run can lock the folder
    /// to remove anything, and this run reads it without a lock.
    pub fn lock_to_read(&self) -> Result<(), Error> {
        match self.lock(Lock::Shared) {
            Err(Error {
                kind: Kind::Io { source, .. },
                ..
            }) if has_no_locks(&source) => Ok(()),
            other => other,
        }
    }

    /// Locks the folder exclusively, unless another run holds the lock; says whether it succeeded.
    pub fn try_lock(&self) -> Result<bool, Error> {
        match rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(e) => Err(Error::io(&self.path, "lock", e)),
        }
    }
}

/// Whether a lock's error says that the file system has no locks (flock(2), and the answers of Lustre, NFS and FUSE).
pub fn has_no_locks(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|e| matches!(e, Errno::NOSYS | Errno::NOLCK | Errno::NOTSUP))
}

/// Turns an error about a missing file or folder into `None`.
pub fn absent_is_none<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.is_io(io::ErrorKind::NotFound) => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_long_as_the_limit_is_read_and_no_longer_one() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("five"), "12345").expect("written");
        let dir = Dir::open(folder.path()).expect("a folder");
        for limit in [5, 6, 100] {
            assert_eq!(dir.read("five", limit).expect("it is read"), b"12345");
        }
        for limit in [0, 4] {
            let error = dir.read("five", limit).expect_err("it is too long");
            assert!(matches!(error.kind, Kind::TooLarge { .. }), "{error}");
        }
    }

    #[test]
    fn a_new_file_replaces_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open(folder.path()).expect("a folder");
        std::fs::write(folder.path().join("there"), "old").expect("written");
        let target = folder.path().join("target");
        std::os::unix::fs::symlink(&target, folder.path().join("link")).expect("a link");
        for name in ["there", "link"] {
            let error = dir.create(name).expect_err("something is there");
            assert!(error.to_string().contains("File exists"), "{error}");
        }
        assert!(!target.exists());
        dir.create("new").expect("it is made");
    }
}
