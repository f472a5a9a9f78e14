//! Copying images into a new archive: an OCI layout in a tar file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use tar::{Builder, EntryType, Header};

use crate::crypto::Digest;
use crate::image::{Blob, Descriptor, media};
use crate::progress::Progress;
use crate::store::access::Store;
use crate::store::checked::Checked;
use crate::store::dir::{Dir, absent_is_none};
use crate::store::error::{Error, Kind};
use crate::store::intake::{Brought, Intake, Moved, Root};
use crate::store::layout::folder::{BLOBS, INDEX_FILE, LAYOUT_FILE};
use crate::store::layout::incoming::{MARKER, entry};
use crate::store::layout::registry::same_content;
use crate::store::layout::transaction::temporary_name;
use crate::store::place::Place;

/// A new archive that receives images. It is a temporary file beside its final name until it is whole, and then it gets
/// that name. Dropping an archive that is not whole removes the temporary file.
pub struct IncomingArchive {
    place: Place,
    folder: Dir,
    name: String,
    temporary: String,
    may_replace: bool,
    /// The lock lets one thread at a time write a member.
    inside: Mutex<Inside>,
}

struct Inside {
    archive: Builder<File>,
    /// The folders that the archive has so far.
    folders: Vec<String>,
    written: Vec<Digest>,
}

impl IncomingArchive {
    /// Begins an archive. Replaces an existing file only if `may_replace` is set.
    pub fn create(path: &Path, may_replace: bool) -> Result<Self, Error> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = Dir::open(folder)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Kind::Name.at_file(path))?.to_owned();
        let temporary = temporary_name();
        let file = folder.create(&temporary)?;
        Ok(Self {
            place: Place::Archive(path.to_owned()),
            folder,
            name,
            temporary,
            may_replace,
            inside: Mutex::new(Inside {
                archive: Builder::new(file),
                folders: Vec::new(),
                written: Vec::new(),
            }),
        })
    }

    /// Writes a blob that the archive does not have yet.
    fn add(
        &self,
        digest: &Digest,
        write: impl FnOnce(&mut Inside, &str) -> Result<(), Error>,
    ) -> Result<Brought, Error> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.written.contains(digest) {
            return Ok(Brought::There);
        }
        let folder = format!("{BLOBS}/{}", digest.algorithm().name());
        for name in [BLOBS.to_owned(), folder.clone()] {
            if !inside.folders.contains(&name) {
                let mut header = header(EntryType::Directory, 0o755, 0);
                let path = format!("{name}/");
                let added = inside.archive.append_data(&mut header, path, io::empty());
                added.map_err(|e| self.failed(e))?;
                inside.folders.push(name);
            }
        }
        write(&mut inside, &format!("{folder}/{}", digest.hex()))?;
        inside.written.push(*digest);
        Ok(Brought::Sent)
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(&self.folder.path_of(&self.temporary), "write", error)
    }

    fn member(&self, inside: &mut Inside, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut header = header(EntryType::Regular, 0o644, bytes.len() as u64);
        let added = inside.archive.append_data(&mut header, name, bytes);
        added.map_err(|e| self.failed(e))
    }

    /// Renames the archive to its name; replaces another file only if `may_replace` is set.
    fn publish(&self) -> Result<(), Error> {
        if let Some(there) = absent_is_none(self.folder.file(&self.name))? {
            let new = self.folder.file(&self.temporary)?;
            let path = self.folder.path_of(&self.name);
            if same_content(new, there).map_err(|e| Error::io(&path, "compare", e))? {
                return self.folder.sync_existing();
            }
            if !self.may_replace {
                return Err(Kind::Exists.at(self.place.clone()));
            }
        }
        self.folder
            .rename(&self.temporary, &self.folder, &self.name)?;
        self.folder.sync()
    }
}

impl Drop for IncomingArchive {
    fn drop(&mut self) {
        // The temporary file is gone if the archive got its name.
        let _ = self.folder.remove(&self.temporary);
    }
}

impl Intake for IncomingArchive {
    fn place(&self) -> &Place {
        &self.place
    }

    fn takes_several(&self) -> bool {
        false
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        from: &dyn Store,
        progress: &dyn Progress,
    ) -> Result<Brought, Error> {
        let size = descriptor.size;
        self.add(&descriptor.digest, |inside, name| {
            let mut reading = Reading {
                content: Checked::open(from, descriptor)?,
                failed: None,
                progress,
            };
            let mut header = header(EntryType::Regular, 0o644, size);
            let added = inside.archive.append_data(&mut header, name, &mut reading);
            if let Some(error) = reading.failed {
                return Err(error);
            }
            added.map_err(|e| self.failed(e))?;
            reading.content.finish()
        })
    }

    fn document(&self, descriptor: &Descriptor, content: &Blob) -> Result<Brought, Error> {
        self.add(&descriptor.digest, |inside, name| {
            self.member(inside, name, content.bytes())
        })
    }

    fn name(&self, roots: &[Root], _may_move: bool) -> Result<Vec<Moved>, Error> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let index = json!({
            "schemaVersion": 2,
            "mediaType": media::INDEX,
            "manifests": roots.iter().map(entry).collect::<Vec<_>>(),
        });
        self.member(&mut inside, INDEX_FILE, index.to_string().as_bytes())?;
        self.member(&mut inside, LAYOUT_FILE, MARKER)?;
        let finished = inside.archive.finish();
        finished.map_err(|e| self.failed(e))?;
        let file = inside.archive.get_mut();
        let synced = file.flush().and_then(|()| file.sync_all());
        synced.map_err(|e| Error::io(&self.folder.path_of(&self.temporary), "sync", e))?;
        self.publish()?;
        Ok(Vec::new())
    }
}

/// The content of a member; it keeps the error if reading fails.
struct Reading<'a> {
    content: Checked<'a>,
    failed: Option<Error>,
    progress: &'a dyn Progress,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.content.next(buffer) {
            Ok(n) => {
                self.progress.advance(n as u64);
                Ok(n)
            }
            Err(error) => {
                self.failed = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        }
    }
}

/// The header of a member. It always states user 0 and time 0, so the same content gives the same archive.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
