//! The folder that a file is in, and names in it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::Error;

/// The folder a path is in, `.` where it names none.
pub fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Opens the folder a file is in. One that cannot be read cannot be synced: nothing is to be in it then.
pub(super) fn open_parent(path: &Path) -> Result<File, Error> {
    let parent = parent_of(path);
    File::open(&parent).map_err(Error::io(&parent, "open"))
}

/// Makes the names in a folder durable.
pub fn sync_dir(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|folder| sync_folder(&folder))
        .map_err(Error::io(path, "sync"))
}

/// Whether an error of a folder's `fsync` says that the file system has no such call for folders (fsync(2); FUSE, 9p and
/// network file systems). There names are as durable as the file system makes them.
pub fn syncs_no_folders(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
}

/// Makes the names in an open folder durable, where its file system can.
pub(super) fn sync_folder(folder: &File) -> io::Result<()> {
    match rustix::fs::fsync(folder) {
        Err(e) if !syncs_no_folders(e) => Err(e.into()),
        _ => Ok(()),
    }
}

/// The longest name a Linux file system takes is 255 bytes, so of a long one only the start is used.
pub(super) fn temporary_name(path: &Path) -> OsString {
    let stem = path.file_name().unwrap_or_default().as_bytes();
    let mut name = OsString::from(".");
    name.push(OsStr::from_bytes(&stem[..stem.len().min(200)]));
    name.push(format!(".{}.tmp", random_name()));
    name
}

/// Sixteen random hexadecimal digits, for names that must not collide.
pub fn random_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hash keys come from the system's random source.
    let state = std::collections::hash_map::RandomState::new();
    format!("{:016x}", state.build_hasher().finish())
}
