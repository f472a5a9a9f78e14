//! Trust stores: folders of trusted certificates, each a regular file in PEM or DER.
//!
//! notation refuses a whole store if one file in it is not a certificate. So ir-sign writes a certificate elsewhere,
//! and moves it into the store in one step.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::Error;
use super::exchange;
use super::folders::{self, Folders};
use crate::files::regular::{self, Links};
use crate::files::{self, Written};
use crate::trust::notary::{StoreKind, check_store};
use crate::x509::Certificate;

const ROLE: &str = "certificate file";

/// The name of a trust store, or of a file in one: letters, digits and `_`, `.`, `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreName(String);

impl StoreName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StoreName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        // A folder of these names is the one above.
        let is_name = !matches!(text, "" | "." | "..") && text.chars().all(allowed);
        is_name
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| Error::Name {
                name: text.to_owned(),
                what: "name of a trust store",
            })
    }
}

/// A file in a trust store.
#[derive(Debug)]
pub struct Stored {
    /// The store's type.
    pub kind: StoreKind,
    /// The store's name.
    pub store: String,
    /// The file's name.
    pub file: String,
    /// Its certificates, or why it holds none.
    pub read: Result<Vec<Certificate>, Error>,
}

/// The folder of a store.
pub fn folder(folders: &Folders, kind: StoreKind, store: &str) -> PathBuf {
    folders.trust_stores().join(kind.name()).join(store)
}

/// Reads the certificates of a file, which has to be a regular file.
pub fn read_file(path: &Path, links: Links) -> Result<Vec<Certificate>, Error> {
    let bytes = regular::read(path, folders::MOST, links)
        .map_err(|source| Error::File { role: ROLE, source })?;
    Certificate::read_all(&bytes).map_err(|source| Error::Certificate {
        path: path.to_owned(),
        source,
    })
}

/// Refuses certificates that notation refuses in a store of this type.
fn check(path: &Path, kind: StoreKind, certificates: &[Certificate]) -> Result<(), Error> {
    let refused = |reason: String| Error::NotTrusted {
        path: path.to_owned(),
        reason,
    };
    check_store(certificates).map_err(refused)?;
    let is_root = |one: &&Certificate| one.is_self_issued() && one.is_signed_by(one.public_key());
    match certificates.iter().find(|one| !is_root(one)) {
        Some(one) if kind == StoreKind::Tsa => Err(refused(format!(
            "certificate \"{}\" is not a root; a store of the type tsa holds only roots",
            one.subject()
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Puts files into a trust store, all or none. Keeps a file that is there with the same bytes.
pub fn add(
    folders: &Folders,
    kind: StoreKind,
    store: &StoreName,
    paths: &[PathBuf],
) -> Result<Vec<Written>, Error> {
    let place = folder(folders, kind, store.as_str());
    let mut all: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for path in paths {
        let bytes = regular::read(path, folders::MOST, Links::Followed)
            .map_err(|source| Error::File { role: ROLE, source })?;
        let read = Certificate::read_all(&bytes).map_err(|source| Error::Certificate {
            path: path.clone(),
            source,
        })?;
        check(path, kind, &read)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name: StoreName = name.unwrap_or_default().parse().map_err(|_| Error::Name {
            name: path.display().to_string(),
            what: "name of a file in a trust store",
        })?;
        all.push((place.join(name.as_str()), bytes));
    }
    let _lock = exchange::lock(folders)?;
    let mut new: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut done = Vec::new();
    for (target, bytes) in all {
        let same_twice = new.iter().find(|(other, _)| *other == target);
        let there = match same_twice {
            Some((_, bytes)) => Some(bytes.clone()),
            None => existing(&target)?,
        };
        match there {
            None => {
                new.push((target, bytes));
                done.push(Written::New);
            }
            Some(there) if there == bytes => done.push(Written::Same),
            Some(_) => {
                let source = files::Error::Differs { path: target };
                return Err(Error::File { role: ROLE, source });
            }
        }
    }
    if !new.is_empty() {
        exchange::put(folders, &place, &new)?;
    }
    Ok(done)
}

/// The bytes of a file that is there already. It lasts: the run that brought it may have been killed before it synced it.
fn existing(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let there = folders::read(ROLE, path)?;
    if there.is_some() {
        folders::make(&files::parent_of(path))?;
        files::sync_existing(path).map_err(|source| Error::File { role: ROLE, source })?;
    }
    Ok(there)
}

/// The names in a folder, in order. There are none if the folder does not exist.
pub(super) fn names(path: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Folder {
        path: path.to_owned(),
        action: "read",
        source,
    };
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
        Ok(there) if !there.is_dir() => return Err(exchange::not_a_folder(path)),
        Ok(_) => {}
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// All files in all stores, or in those of one type or name.
pub fn list(
    folders: &Folders,
    kind: Option<StoreKind>,
    store: Option<&StoreName>,
) -> Result<Vec<Stored>, Error> {
    let mut all = Vec::new();
    for of in StoreKind::ALL {
        if kind.is_some_and(|kind| kind != of) {
            continue;
        }
        for name in names(&folders.trust_stores().join(of.name()))? {
            if store.is_some_and(|store| store.as_str() != name) {
                continue;
            }
            let place = folder(folders, of, &name);
            for file in names(&place)? {
                all.push(Stored {
                    kind: of,
                    store: name.clone(),
                    read: read_file(&place.join(&file), Links::Refused),
                    file,
                });
            }
        }
    }
    Ok(all)
}

/// The certificates of one file in a store.
pub fn show(
    folders: &Folders,
    kind: StoreKind,
    store: &StoreName,
    file: &StoreName,
) -> Result<Vec<Certificate>, Error> {
    let path = folder(folders, kind, store.as_str()).join(file.as_str());
    read_file(&path, Links::Refused)
}

/// Takes one file out of a store, or removes the whole store if `file` is `None`. Removes a store that is empty then,
/// too.
pub fn delete(
    folders: &Folders,
    kind: StoreKind,
    store: &StoreName,
    file: Option<&StoreName>,
) -> Result<PathBuf, Error> {
    let place = folder(folders, kind, store.as_str());
    let path = file.map_or_else(|| place.clone(), |file| place.join(file.as_str()));
    let missing = |path: &Path| Error::Store {
        path: path.to_owned(),
        reason: "does not exist",
    };
    if !exchange::is_folder(&place) {
        return Err(match place.symlink_metadata() {
            Err(_) => missing(&place),
            Ok(_) => exchange::not_a_folder(&place),
        });
    }
    let _lock = exchange::lock(folders)?;
    if file.is_none() {
        return exchange::remove(folders, &place).map(|()| path);
    }
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => missing(&path),
        _ => Error::Folder {
            path: path.clone(),
            action: "delete from",
            source,
        },
    };
    fs::remove_file(&path).map_err(failed)?;
    if names(&place)?.is_empty() {
        fs::remove_dir(&place).map_err(failed)?;
    } else {
        exchange::sync(&place)?;
    }
    exchange::sync(&files::parent_of(&place))?;
    Ok(path)
}
