//! Whole files: read up to a limit, written whole or not at all.

mod error;
mod folder;
pub mod regular;
mod staged;
mod standard;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;
pub use error::{Error, is_reader_gone, is_standard};
use folder::{open_parent, temporary_name};
pub use folder::{parent_of, random_name, sync_dir, syncs_no_folders};
pub use staged::{Existing, Staged};

/// Opens a file of any kind for reading, as a pipe, but refuses a folder. `-` is standard input, once.
pub fn open(path: &Path) -> Result<File, Error> {
    let file = if is_standard(path) {
        standard::input()?
    } else {
        File::open(path).map_err(Error::io(path, "open"))?
    };
    let metadata = file.metadata().map_err(Error::io(path, "read"))?;
    if metadata.is_dir() {
        return Err(Error::io(path, "read")(io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Reads a file of at most `limit` bytes.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path)?
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path, "read"))?;
    if bytes.len() > limit {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

/// Reads a regular file of at most `limit` bytes. A named pipe in its place is refused, and does not hang the run.
pub fn read_regular(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path);
    let file = file.map_err(Error::io(path, "open"))?;
    let metadata = file.metadata().map_err(Error::io(path, "read"))?;
    if !metadata.is_file() {
        let error = io::Error::other("it is not a regular file");
        return Err(Error::io(path, "read")(error));
    }
    let mut bytes = Vec::new();
    let read = file.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(Error::io(path, "read"))?;
    if bytes.len() > limit {
        let path = path.to_owned();
        return Err(Error::TooLarge { path, limit });
    }
    Ok(bytes)
}

/// Reads a file of at most `limit` bytes that holds a secret.
pub fn read_secret(path: &Path, limit: usize) -> Result<Secret, Error> {
    read_secret_from(&mut open(path)?, path, limit)
}

/// Reads the rest of an open file, at most `limit` bytes that hold a secret.
pub fn read_secret_from(
    reader: &mut impl Read,
    path: &Path,
    limit: usize,
) -> Result<Secret, Error> {
    let mut bytes = Secret::zeroed(limit + 1);
    let filled = fill(reader, path, limit, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// Reads a file of at most `limit` bytes that should hold no secret, but may be a private key by mistake: wiped,
/// but not locked.
pub fn read_wiped(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut file = open(path)?;
    let mut room = vec![0; limit + 1];
    let filled = fill(&mut file, path, limit, &mut room);
    let used = *filled.as_ref().unwrap_or(&room.len());
    let bytes = Zeroizing::new(room[..used].to_vec());
    room[..used].zeroize();
    filled.map(|_| bytes)
}

/// Reads at most `limit` bytes into a buffer that has one more.
fn fill(
    reader: &mut impl Read,
    path: &Path,
    limit: usize,
    room: &mut [u8],
) -> Result<usize, Error> {
    let mut filled = 0;
    while filled <= limit {
        match read_some(reader, &mut room[filled..]).map_err(Error::io(path, "read"))? {
            0 => return Ok(filled),
            n => filled += n,
        }
    }
    Err(Error::TooLarge {
        path: path.to_owned(),
        limit,
    })
}

/// Reads some bytes, none at the end. A signal makes it try again.
pub fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// What [`write()`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file was written.
    New,
    /// A file with these bytes existed already and stayed as it was.
    Same,
}

/// Writes a file whole or not at all: into a temporary file beside it, synced, then renamed.
///
/// `mode` holds the permission bits, which the process's umask may lessen. After a crash at any
/// moment the path holds what it held before or all of `bytes`; a temporary file whose name starts
/// with `.` and ends in `.tmp` may be left beside it. `-` is standard output, which has none of this.
pub fn write(path: &Path, bytes: &[u8], mode: u32, existing: Existing) -> Result<Written, Error> {
    if is_standard(path) {
        return standard::write(bytes).map(|()| Written::New);
    }
    if let Some(same) = check_target(path, bytes, existing)? {
        sync_existing(path)?;
        return Ok(same);
    }
    match write_new(path, bytes, mode, existing) {
        // Another run was faster, and may have written the same.
        Err(exists @ Error::Exists { .. }) if existing == Existing::Keep => {
            let same = check_target(path, bytes, existing)?.ok_or(exists)?;
            sync_existing(path)?;
            Ok(same)
        }
        written => written.map(|()| Written::New),
    }
}

/// Syncs an existing file: the run that wrote it may have been killed before it did. A file system that cannot
/// write or sync has nothing to sync.
pub fn sync_existing(path: &Path) -> Result<(), Error> {
    use rustix::io::Errno;
    let nothing_to_sync = |e: &io::Error| {
        let errno = Errno::from_io_error(e);
        errno.is_some_and(|e| e == Errno::ROFS || syncs_no_folders(e))
    };
    for path in [path, &parent_of(path)] {
        match File::open(path).and_then(|file| file.sync_all()) {
            Err(e) if !nothing_to_sync(&e) => return Err(Error::io(path, "sync")(e)),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses early what [`write()`] would refuse later.
pub fn check(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), Error> {
    if is_standard(path) {
        return standard::check_output();
    }
    check_target(path, bytes, existing).map(|_| ())
}

/// The same, before any work is put into the content, where there must be nothing yet.
pub fn check_absent(path: &Path) -> Result<(), Error> {
    check(path, &[], Existing::Refuse)
}

/// Refuses now what [`write()`] could not replace, and a folder that it could not make a file in: makes
/// one there.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    if is_standard(path) {
        return standard::check_output();
    }
    check_target(path, &[], Existing::Replace)?;
    let probe = parent_of(path).join(temporary_name(path));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&probe).map_err(Error::io(path, "create"))?;
    let opened = open_parent(path);
    fs::remove_file(&probe).map_err(Error::io(path, "create"))?;
    opened.map(|_| ())
}

/// Whether a path can only be a folder's.
fn ends_as_folder(path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    [&b"/"[..], b"/.", b"/.."]
        .iter()
        .any(|end| path.ends_with(end))
}

fn check_target(path: &Path, bytes: &[u8], existing: Existing) -> Result<Option<Written>, Error> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return if ends_as_folder(path) {
                Err(Error::io(path, "create")(
                    io::ErrorKind::IsADirectory.into(),
                ))
            } else {
                Ok(None)
            };
        }
        Err(e) => return Err(Error::io(path, "look at")(e)),
    };
    if !metadata.is_file() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
        });
    }
    let path = path.to_owned();
    match existing {
        Existing::Refuse => Err(Error::Exists { path }),
        Existing::Replace => Ok(None),
        Existing::Keep => {
            let same_length = metadata.len() == bytes.len() as u64;
            if same_length && read(&path, bytes.len())? == bytes {
                Ok(Some(Written::Same))
            } else {
                Err(Error::Differs { path })
            }
        }
    }
}

fn write_new(path: &Path, bytes: &[u8], mode: u32, existing: Existing) -> Result<(), Error> {
    Staged::new(path, bytes, mode)?.put(existing)?.sync()
}

/// Whether two paths name the same file: equal after links are followed, or two links to one file.
pub fn same_file(a: &Path, b: &Path) -> bool {
    if is_standard(a) || is_standard(b) {
        return false;
    }
    if let (Ok(a), Ok(b)) = (fs::metadata(a), fs::metadata(b)) {
        return (a.dev(), a.ino()) == (b.dev(), b.ino());
    }
    // We may not be allowed to follow the path from the root.
    let place = |path: &Path| {
        let parent = fs::metadata(parent_of(path)).ok()?;
        Some((parent.dev(), parent.ino(), path.file_name()?.to_owned()))
    };
    place(a).is_some_and(|a| place(b) == Some(a))
}
