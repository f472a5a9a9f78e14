//! Changes a trust store in one step. A reader sees the whole change or none of it, even if the run is killed on the way.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use super::error::Error;
use super::folders::{self, Folders};
use crate::files::{self, Existing};
use crate::trust::notary::StoreKind;

/// The name of a change of a store until it takes effect.
const BEFORE: &str = ".truststore.";
const AFTER: &str = ".tmp";

/// Lets no other run change the configuration, and removes what an interrupted change of a store has left.
pub(super) fn lock(folders: &Folders) -> Result<File, Error> {
    let lock = folders.lock()?;
    let config = &folders.config;
    let mut left = Vec::new();
    for entry in fs::read_dir(config).map_err(failed(config, "read"))? {
        let path = entry.map_err(failed(config, "read"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(BEFORE) && name.ends_with(AFTER) {
            left.push(path);
        }
    }
    if !left.is_empty() {
        // A power failure may bring back a store that is one of them now.
        let kinds = StoreKind::ALL.map(|kind| folders.trust_stores().join(kind.name()));
        for folder in kinds.iter().filter(|folder| is_folder(folder)) {
            sync(folder)?;
        }
        sync(config)?;
    }
    for path in left {
        // No program reads it as a store, and it may be another user's.
        let _ = fs::remove_dir_all(path);
    }
    Ok(lock)
}

/// A folder beside all stores, for what comes into one or goes out of one.
fn temporary(folders: &Folders) -> PathBuf {
    let name = format!("{BEFORE}{}{AFTER}", files::random_name());
    folders.config.join(name)
}

/// Brings new files into a store.
pub(super) fn put(
    folders: &Folders,
    place: &Path,
    new: &[(PathBuf, Vec<u8>)],
) -> Result<(), Error> {
    let made = temporary(folders);
    folders::make(&made)?;
    let above = files::parent_of(place);
    match bring(&made, place, new) {
        // A file that another program brought meanwhile stays.
        Ok(Came::Exchanged) => link_all(&made, place, Existing::Keep).map(drop)?,
        Ok(Came::Added) => {}
        Err(error) => {
            // The first error is the one to report.
            let _ = fs::remove_dir_all(&made);
            return Err(error);
        }
    }
    sync(place)?;
    sync(&above)?;
    // It is gone if it became the store. Otherwise the next change removes it.
    let _ = fs::remove_dir_all(&made);
    Ok(())
}

/// How new files came into a store.
enum Came {
    /// Beside those that were there, if any.
    Added,
    /// With a new folder. The old one is where that was.
    Exchanged,
}

fn bring(made: &Path, place: &Path, new: &[(PathBuf, Vec<u8>)]) -> Result<Came, Error> {
    for (target, bytes) in new {
        let name = target.file_name().unwrap_or_default();
        files::write(&made.join(name), bytes, 0o600, Existing::Refuse).map_err(|source| {
            Error::File {
                role: "certificate file",
                source,
            }
        })?;
    }
    folders::make(&files::parent_of(place))?;
    // A store that is empty is replaced by the rename, one that is not stays.
    match fs::rename(made, place) {
        Ok(()) => Ok(Came::Added),
        Err(e) if is_occupied(&e) && is_folder(place) => {
            if new.len() > 1 && change_places(made, place)? {
                return Ok(Came::Exchanged);
            }
            link(made, new).map(|()| Came::Added)
        }
        Err(e) if is_occupied(&e) => Err(not_a_folder(place)),
        Err(error) => Err(failed(place, "change")(error)),
    }
}

/// Gives the new folder all that the store has, and lets the two change places. False where that cannot be done.
fn change_places(made: &Path, place: &Path) -> Result<bool, Error> {
    let there = fs::metadata(place).map_err(failed(place, "read"))?;
    let new = fs::metadata(made).map_err(failed(made, "read"))?;
    let owner = |of: &fs::Metadata| (of.uid(), of.gid());
    if owner(&there) != owner(&new) && chown(made, Some(there.uid()), Some(there.gid())).is_err() {
        return Ok(false);
    }
    if !link_all(place, made, Existing::Refuse)? {
        return Ok(false);
    }
    fs::set_permissions(made, there.permissions()).map_err(failed(made, "change"))?;
    sync(made)?;
    match rustix::fs::renameat_with(CWD, made, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(error) if is_unknown(&error.into()) => Ok(false),
        Err(error) => Err(failed(place, "change")(error.into())),
    }
}

/// Links all files of a folder into another. False where files of this kind, or another user's, have no second link.
fn link_all(from: &Path, to: &Path, existing: Existing) -> Result<bool, Error> {
    for entry in fs::read_dir(from).map_err(failed(from, "read"))? {
        let name = entry.map_err(failed(from, "read"))?.file_name();
        match fs::hard_link(from.join(&name), to.join(&name)) {
            Err(error) if is_unknown(&error) => return Ok(false),
            Err(error)
                if error.kind() == ErrorKind::AlreadyExists && existing == Existing::Keep => {}
            done => done.map_err(failed(to, "change"))?,
        }
    }
    Ok(true)
}

/// Brings new files into a store one by one, or none.
fn link(made: &Path, new: &[(PathBuf, Vec<u8>)]) -> Result<(), Error> {
    let mut there: Vec<&Path> = Vec::new();
    for (target, _) in new {
        let name = target.file_name().unwrap_or_default();
        // This does not replace a file that another program brought meanwhile.
        if let Err(error) = fs::hard_link(made.join(name), target) {
            for path in there {
                let _ = fs::remove_file(path);
            }
            return Err(failed(target, "change")(error));
        }
        there.push(target);
    }
    Ok(())
}

/// Takes a whole store out of its place.
pub(super) fn remove(folders: &Folders, place: &Path) -> Result<(), Error> {
    let gone = temporary(folders);
    fs::rename(place, &gone).map_err(failed(place, "delete from"))?;
    // Only then do its certificates go all at once.
    sync(&folders.config)?;
    sync(&files::parent_of(place))?;
    fs::remove_dir_all(&gone).map_err(failed(&gone, "delete from"))
}

/// Makes the names in a folder durable.
pub(super) fn sync(path: &Path) -> Result<(), Error> {
    files::sync_dir(path).map_err(|source| Error::File {
        role: "trust store",
        source,
    })
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Folder {
        path,
        action,
        source,
    }
}

fn is_occupied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory
    )
}

/// Whether an error says that the file system, or this user, has no such call for a file.
fn is_unknown(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let of = Errno::from_io_error(error);
    of.is_some_and(|of| {
        [
            Errno::INVAL,
            Errno::NOSYS,
            Errno::NOTSUP,
            Errno::PERM,
            Errno::MLINK,
        ]
        .contains(&of)
    })
}

pub(super) fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|there| there.is_dir())
}

pub(super) fn not_a_folder(path: &Path) -> Error {
    Error::Store {
        path: path.to_owned(),
        reason: "is not a folder; ir-sign does not follow links to one",
    }
}
