//! Bringing images into a layout, or into a new one.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::crypto::{Digest, HashAlgorithm, Hasher};
use crate::encoding::json::Object;
use crate::image::{Blob, Descriptor, REF_NAME};
use crate::progress::Progress;
use crate::store::access::Store;
use crate::store::checked::Checked;
use crate::store::dir::{Dir, Lock, absent_is_none};
use crate::store::documents::Index;
use crate::store::error::{Error, Kind};
use crate::store::intake::{Brought, Intake, Moved, Referring, Root};
use crate::store::layout::folder::{
    BLOBS, INDEX_FILE, LAYOUT_FILE, check_layout_file, index_bytes, not_a_layout, read_index,
};
use crate::store::layout::transaction::{Transaction, is_temporary, temporary_name};
use crate::store::limits::Limits;
use crate::store::place::Place;
use crate::store::problem::{Part, Problem};

/// How many bytes this reads, then writes, at a time.
const STEP: usize = 256 << 10;
/// The content of the file `oci-layout` in a new layout.
pub(in crate::store) const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The `index.json` of a new layout that has no content yet.
const EMPTY: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// A layout that receives images.
///
/// Blobs appear one by one under their digests, each whole and durable. `index.json`, which leads to them, changes in
/// one step at the end. Until then a reader of the layout sees no difference, and a folder that was not a layout still
/// is not one. While this value lives, [`super::super::Layout::prune`] waits.
pub struct IncomingLayout {
    dir: Dir,
    blobs: Dir,
    place: Place,
    limits: Limits,
}

impl IncomingLayout {
    /// Opens the layout in a folder. Begins one if the folder is missing, is empty, or holds only the start that an
    /// earlier run made.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        match std::fs::create_dir(path) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::io(path, "make folder", e));
            }
            _ => {}
        }
        let dir = Dir::open(path)?;
        if absent_is_none(dir.file(LAYOUT_FILE))?.is_some() || !is_begun(&dir)? {
            check_layout_file(&dir, limits)?;
        }
        let blobs = dir.make_dir(BLOBS)?;
        blobs.lock(Lock::Shared)?;
        Ok(Self {
            place: Place::Layout(path.to_owned()),
            dir,
            blobs,
            limits,
        })
    }

    /// Whether the blob exists and has its digest.
    fn holds(
        &self,
        folder: &Dir,
        descriptor: &Descriptor,
        progress: &dyn Progress,
    ) -> Result<bool, Error> {
        let name = descriptor.digest.hex();
        let opened = match absent_is_none(folder.file(&name)) {
            Err(Error {
                kind: Kind::Link | Kind::NotAFile,
                ..
            }) => {
                let part = Part::Blob(descriptor.digest);
                return Err(Error::part(&self.place, part, Problem::NotAFile));
            }
            other => other?,
        };
        let Some((file, size)) = opened else {
            return Ok(false);
        };
        if size != descriptor.size {
            return Ok(false);
        }
        let path = folder.path_of(&name);
        let found = digest_of(file, descriptor.digest.algorithm(), progress)
            .map_err(|e| Error::io(&path, "read", e))?;
        Ok(found == descriptor.digest)
    }

    /// Writes a file and gives it its name in one step. `fill` supplies the content.
    fn write(
        &self,
        folder: &Dir,
        name: &str,
        fill: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // A run that changes the layout removes the temporary files of other runs; it holds this lock exclusively while
        // it does.
        let root = self.dir.dir(".")?;
        root.lock(Lock::Shared)?;
        let temporary = temporary_name();
        let path = self.dir.path_of(&temporary);
        let mut new = root.create(&temporary)?;
        let filled = fill(&mut |bytes| {
            new.write_all(bytes)
                .map_err(|e| Error::io(&path, "write", e))
        });
        let done = filled
            .and_then(|()| new.sync_all().map_err(|e| Error::io(&path, "sync", e)))
            .and_then(|()| root.rename(&temporary, folder, name));
        if done.is_err() {
            // The caller gets the first error. The file that stays behind is harmless, and the next run removes it.
            let _ = root.remove(&temporary);
        }
        done
    }

    fn problem(&self, part: Part, problem: Problem) -> Error {
        Error::part(&self.place, part, problem)
    }
}

/// Whether a folder holds only the start that an earlier run made.
fn is_begun(dir: &Dir) -> Result<bool, Error> {
    let entries = dir.any_entries()?;
    Ok(entries.into_iter().all(|(name, kind)| {
        name == BLOBS || name.to_str().is_some_and(|name| is_temporary(name, kind))
    }))
}

fn digest_of(
    mut file: File,
    algorithm: HashAlgorithm,
    progress: &dyn Progress,
) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; STEP];
    loop {
        match crate::files::read_some(&mut file, &mut buffer)? {
            0 => return Ok(hasher.digest()),
            n => {
                hasher.update(&buffer[..n]);
                progress.skip(n as u64);
            }
        }
    }
}

impl Intake for IncomingLayout {
    fn place(&self) -> &Place {
        &self.place
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        from: &dyn Store,
        progress: &dyn Progress,
    ) -> Result<Brought, Error> {
        let folder = self.blobs.make_dir(descriptor.digest.algorithm().name())?;
        if self.holds(&folder, descriptor, progress)? {
            return Ok(Brought::There);
        }
        self.write(&folder, &descriptor.digest.hex(), |write| {
            let mut content = Checked::open(from, descriptor)?;
            let mut buffer = vec![0; STEP];
            loop {
                match content.next(&mut buffer)? {
                    0 => return content.finish(),
                    n => {
                        write(&buffer[..n])?;
                        progress.advance(n as u64);
                    }
                }
            }
        })?;
        Ok(Brought::Sent)
    }

    fn document(&self, descriptor: &Descriptor, content: &Blob) -> Result<Brought, Error> {
        let folder = self.blobs.make_dir(descriptor.digest.algorithm().name())?;
        if self.holds(&folder, descriptor, &crate::progress::Silent)? {
            return Ok(Brought::There);
        }
        self.write(&folder, &descriptor.digest.hex(), |write| {
            write(content.bytes())
        })?;
        Ok(Brought::Sent)
    }

    fn name(&self, roots: &[Root], may_move: bool) -> Result<Vec<Moved>, Error> {
        let lock = self.dir.dir(".")?;
        lock.lock(Lock::Exclusive)?;
        let is_new = absent_is_none(self.dir.file(LAYOUT_FILE))?.is_none();
        let (text, index) = if absent_is_none(self.dir.file(INDEX_FILE))?.is_some() {
            let (_, index) = read_index(&self.dir, self.limits)?;
            (index_bytes(&self.dir, self.limits)?, index)
        } else if is_new {
            (EMPTY.to_vec(), Index::default())
        } else {
            return Err(not_a_layout(&self.dir, "it has no file index.json".into()));
        };
        let mut moved = Vec::new();
        for root in roots {
            let Some(tag) = &root.tag else { continue };
            let to = root.descriptor.digest;
            let before = index.manifests.iter().find(|d| d.tag() == Some(tag));
            let from = before.map(|entry| entry.digest);
            if from == Some(to) {
                continue;
            }
            if let (Some(from), false) = (from, may_move) {
                let tag = tag.clone();
                return Err(Kind::TagTaken { tag, found: from }.at(self.place.clone()));
            }
            moved.push(Moved {
                tag: tag.clone(),
                from,
                to,
            });
        }
        let new = edit(&text, &index, roots)
            .map_err(|e| self.problem(Part::IndexJson, Problem::json(e)))?;
        self.sync_blobs()?;
        let mut transaction = Transaction::new(&self.dir)?;
        if is_new {
            transaction.add(&[(&self.dir, LAYOUT_FILE.to_owned(), MARKER)])?;
        }
        if let Some(new) = new {
            let (size, limit) = (new.len() as u64, self.limits.document);
            if size > limit {
                return Err(self.problem(Part::IndexJson, Problem::TooLarge { size, limit }));
            }
            transaction.add_last(INDEX_FILE, &new)?;
        }
        transaction.commit()?;
        Ok(moved)
    }
}

impl IncomingLayout {
    /// Makes the names of the blobs durable before anything leads to them.
    fn sync_blobs(&self) -> Result<(), Error> {
        for algorithm in HashAlgorithm::ALL {
            if let Some(folder) = self.blobs.dir_if_any(algorithm.name())? {
                folder.sync()?;
            }
        }
        self.blobs.sync()
    }
}

/// The `index.json` with entries for these roots; `None` if it has all of them already. All other entries keep their
/// text.
fn edit(text: &[u8], index: &Index, roots: &[Root]) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let is_there = |root: &Root| {
        let mut entries = index.manifests.iter();
        entries.any(|entry| {
            entry.digest == root.descriptor.digest
                && (root.tag.is_none() || entry.tag() == root.tag.as_deref())
        })
    };
    let wanted: Vec<&Root> = roots.iter().filter(|root| !is_there(root)).collect();
    if wanted.is_empty() && text != EMPTY {
        return Ok(None);
    }
    let mut document: Object = serde_json::from_slice(text)?;
    let old: Vec<&RawValue> = document
        .get::<Option<_>>("manifests")?
        .flatten()
        .unwrap_or_default();
    let taken = |entry: &Descriptor| {
        let mut tags = wanted.iter().filter_map(|root| root.tag.as_deref());
        tags.any(|tag| entry.tag() == Some(tag))
    };
    let mut entries: Vec<Box<RawValue>> = Vec::new();
    for (text, entry) in old.into_iter().zip(&index.manifests) {
        if !taken(entry) {
            entries.push(text.to_owned());
        }
    }
    for root in wanted {
        entries.push(to_raw_value(&entry(root))?);
    }
    document.set("manifests", &entries)?;
    document.to_bytes().map(Some)
}

/// The entry of a root.
pub(in crate::store) fn entry(root: &Root) -> serde_json::Value {
    let descriptor = &root.descriptor;
    let mut entry = json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest.to_string(),
        "size": descriptor.size,
    });
    let mut annotations = serde_json::Map::new();
    if let Some(Referring {
        artifact_type,
        annotations: said,
        ..
    }) = &root.referrer
    {
        if let Some(artifact_type) = artifact_type {
            entry["artifactType"] = json!(artifact_type);
        }
        annotations.extend(
            said.iter()
                .map(|(name, value)| (name.clone(), json!(value))),
        );
    }
    if let Some(tag) = &root.tag {
        annotations.insert(REF_NAME.to_owned(), json!(tag));
    }
    if !annotations.is_empty() {
        entry["annotations"] = annotations.into();
    }
    entry
}
