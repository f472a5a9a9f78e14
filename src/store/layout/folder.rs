//! An OCI image layout in a folder (OCI image-spec, "Image Layout").

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::{Digest, HashAlgorithm};
use crate::image::{Blob, Descriptor, Mismatch, Reference};
use crate::store::access::Store;
use crate::store::dir::{Dir, absent_is_none};
use crate::store::documents::{self, Index};
use crate::store::error::{Error, Kind};
use crate::store::limits::Limits;
use crate::store::place::Place;
use crate::store::problem::{Part, Problem};
use crate::store::reader::blobs::Reader;
use crate::store::tags::{Named, names};

/// The file that makes a folder a layout.
pub(in crate::store) const LAYOUT_FILE: &str = "oci-layout";
/// The file that leads to all images.
pub(in crate::store) const INDEX_FILE: &str = "index.json";
/// The file that marks a folder as a `dir:` of skopeo and podman.
pub(in crate::store) const SKOPEO_FILE: &str = "version";
/// The start of that file (containers/image, `directory_dest.go`).
pub(in crate::store) const SKOPEO_START: &[u8] = b"Directory Transport Version: ";
/// The folder of all blobs.
pub(in crate::store) const BLOBS: &str = "blobs";

/// A layout held open for reading.
///
/// While this value lives, [`Layout::prune`] in this or another process waits: this value holds a shared lock (`flock`)
/// on the folder `blobs`. Where the file system has no locks, no run can prune.
pub struct Layout {
    pub(in crate::store) dir: Dir,
    pub(in crate::store) blobs: Dir,
    pub(super) algorithms: Vec<(HashAlgorithm, Dir)>,
    pub(in crate::store) limits: Limits,
    pub(in crate::store) index: Index,
    index_digest: Digest,
    place: Place,
}

impl Layout {
    /// Opens the layout in a folder that the user named.
    pub fn at(path: &Path, limits: Limits) -> Result<Self, Error> {
        Self::open(Dir::open(path)?, limits)
    }

    pub(in crate::store) fn open(dir: Dir, limits: Limits) -> Result<Self, Error> {
        check_layout_file(&dir, limits)?;
        let blobs = dir
            .dir_if_any(BLOBS)?
            .ok_or_else(|| not_a_layout(&dir, "it has no folder blobs".into()))?;
        blobs.lock_to_read()?;
        let (bytes, index) = read_index(&dir, limits)?;
        let mut layout = Self {
            place: Place::Layout(dir.path().to_owned()),
            dir,
            blobs,
            algorithms: Vec::new(),
            limits,
            index,
            index_digest: Digest::of(HashAlgorithm::Sha256, &bytes),
        };
        layout.open_algorithms()?;
        Ok(layout)
    }

    pub(in crate::store) fn open_algorithms(&mut self) -> Result<(), Error> {
        self.algorithms.clear();
        for algorithm in HashAlgorithm::ALL {
            if let Some(dir) = self.blobs.dir_if_any(algorithm.name())? {
                self.algorithms.push((algorithm, dir));
            }
        }
        Ok(())
    }

    /// Makes the folders that these blobs need.
    pub(in crate::store) fn make_algorithm_dirs(&mut self, blobs: &[Blob]) -> Result<(), Error> {
        let lacks = |blob: &&Blob| self.algorithm_dir(blob.digest().algorithm()).is_none();
        let needed: HashSet<_> = blobs
            .iter()
            .filter(lacks)
            .map(|b| b.digest().algorithm())
            .collect();
        if needed.is_empty() {
            return Ok(());
        }
        for algorithm in needed {
            self.blobs.add_dir(algorithm.name())?;
        }
        self.blobs.sync()?;
        self.open_algorithms()
    }

    /// The folder, for messages.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The digest of `index.json` when this run opened the layout. A different digest now shows that another run has
    /// changed the layout.
    pub const fn index_digest(&self) -> Digest {
        self.index_digest
    }

    pub(in crate::store) fn named(&self) -> impl Iterator<Item = Named<'_>> + Clone {
        self.index.manifests.iter().map(|entry| Named::of(entry))
    }

    /// A reader of the images in here.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self, self.limits)
    }

    pub(in crate::store) fn problem(&self, part: Part, problem: impl Into<Problem>) -> Error {
        Error::part(&self.place, part, problem)
    }

    pub(in crate::store) fn error(&self, kind: Kind) -> Error {
        kind.at(self.place.clone())
    }

    pub(in crate::store) fn algorithm_dir(&self, algorithm: HashAlgorithm) -> Option<&Dir> {
        self.algorithms
            .iter()
            .find(|(a, _)| *a == algorithm)
            .map(|(_, dir)| dir)
    }

    /// Whether the layout has no file of that blob's name. A file that does not open counts as there, and reading it says
    /// why it does not open.
    pub(in crate::store) fn lacks_blob(&self, digest: &Digest) -> bool {
        self.algorithm_dir(digest.algorithm())
            .is_none_or(|dir| matches!(absent_is_none(dir.file(&digest.hex())), Ok(None)))
    }

    /// Whether the layout has a file of that blob's name that opens; its content may be anything.
    pub(in crate::store) fn has_blob(&self, digest: &Digest) -> bool {
        self.algorithm_dir(digest.algorithm())
            .is_some_and(|dir| dir.file(&digest.hex()).is_ok())
    }

    pub(in crate::store) fn blob_path(&self, digest: &Digest) -> PathBuf {
        let folder = self.blobs.path_of(digest.algorithm().name());
        folder.join(digest.hex())
    }
}

impl Store for Layout {
    fn place(&self) -> &Place {
        &self.place
    }

    fn find(&self, reference: &Reference) -> Result<Vec<Arc<Descriptor>>, Error> {
        self.reader().find_among(&self.index.manifests, reference)
    }

    fn entries(&self) -> Result<Vec<Arc<Descriptor>>, Error> {
        Ok(self.index.manifests.clone())
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let problem = |problem: Problem| self.problem(Part::Blob(descriptor.digest), problem);
        let absent = || problem(Problem::Absent(self.place.kind()));
        let dir = self
            .algorithm_dir(descriptor.digest.algorithm())
            .ok_or_else(absent)?;
        let opened = match absent_is_none(dir.file(&descriptor.digest.hex())) {
            Err(Error {
                kind: Kind::Link | Kind::NotAFile,
                ..
            }) => return Err(problem(Problem::NotAFile)),
            other => other?,
        };
        let (file, found) = opened.ok_or_else(absent)?;
        let expected = descriptor.size;
        if found != expected {
            return Err(problem(Mismatch::Size { expected, found }.into()));
        }
        Ok(Box::new(file))
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Arc<Descriptor>>, Error> {
        let mut found = self.reader().referrers_among(subject)?;
        if self.index.saved == Some(*subject) {
            found.extend(self.unlisted_referrers(subject, &found)?);
        }
        Ok(found)
    }

    fn unread(&self, descriptor: &Descriptor, error: io::Error) -> Error {
        Error::io(&self.blob_path(&descriptor.digest), "read", error)
    }

    fn has(&self, blob: &Digest) -> Option<bool> {
        Some(!self.lacks_blob(blob))
    }

    fn index_size(&self) -> u64 {
        self.index.size
    }

    fn no_such_image(&self, reference: &Reference) -> Error {
        self.error(Kind::NoSuchImage {
            reference: reference.clone(),
            present: names(self.named()),
            unreferenced: matches!(reference, Reference::Digest(digest) if !self.lacks_blob(digest)),
        })
    }
}

pub(in crate::store) fn not_a_layout(dir: &Dir, reason: String) -> Error {
    Kind::NotALayout { reason }.at(Place::Layout(dir.path().to_owned()))
}

/// Reads the bytes of `index.json`.
pub(in crate::store) fn index_bytes(dir: &Dir, limits: Limits) -> Result<Vec<u8>, Error> {
    absent_is_none(dir.read(INDEX_FILE, limits.document))?
        .ok_or_else(|| not_a_layout(dir, "it has no file index.json".into()))
}

/// Reads `index.json`: its bytes and the index in them.
pub(in crate::store) fn read_index(dir: &Dir, limits: Limits) -> Result<(Vec<u8>, Index), Error> {
    let bytes = index_bytes(dir, limits)?;
    let place = || Place::Layout(dir.path().to_owned());
    let index = documents::index(&bytes);
    let index = index.map_err(|problem| Error::part(&place(), Part::IndexJson, problem))?;
    Ok((bytes, index))
}

pub(in crate::store) fn check_layout_file(dir: &Dir, limits: Limits) -> Result<(), Error> {
    let Some(bytes) = absent_is_none(dir.read(LAYOUT_FILE, limits.document))? else {
        return Err(if is_skopeo_dir(dir) {
            Kind::SkopeoDir.at(Place::Layout(dir.path().to_owned()))
        } else {
            not_a_layout(dir, "it has no file oci-layout".into())
        });
    };
    check_layout_version(&bytes).map_err(|reason| not_a_layout(dir, reason))
}

/// Whether a folder is a `dir:` of skopeo and podman.
pub(in crate::store) fn is_skopeo_dir(dir: &Dir) -> bool {
    const MOST: u64 = 100;
    let version = dir.read(SKOPEO_FILE, MOST);
    version.is_ok_and(|text| text.starts_with(SKOPEO_START))
}

/// Checks the content of the file `oci-layout`.
pub(in crate::store) fn check_layout_version(bytes: &[u8]) -> Result<(), String> {
    // The file is short. A message must not repeat a longer one.
    const MOST: usize = 4096;
    if bytes.len() > MOST {
        let size = bytes.len();
        return Err(format!(
            "its file oci-layout has {size} bytes, more than the limit of {MOST}"
        ));
    }
    match documents::layout_version(bytes) {
        Ok(version) if version == "1.0.0" => Ok(()),
        Ok(version) => Err(format!(
            "its file oci-layout has version \"{version}\", but ir-sign knows only 1.0.0"
        )),
        Err(problem) => Err(format!("its file oci-layout {problem}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn messages_about_a_blob_say_where_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let [blobs, sha512] = ["blobs", "blobs/sha512"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(&sha512).expect("folders");
        let write = |name, text| std::fs::write(folder.path().join(name), text).expect("written");
        write(LAYOUT_FILE, r#"{"imageLayoutVersion":"1.0.0"}"#);
        write(INDEX_FILE, r#"{"schemaVersion":2,"manifests":[]}"#);
        let dir = Dir::open(folder.path()).expect("a folder");
        let layout = Layout::open(dir, Limits::default()).expect("a layout");
        let digest = Digest::of(HashAlgorithm::Sha512, b"x");
        assert_eq!(layout.blob_path(&digest), sha512.join(digest.hex()));
        let digest = Digest::of(HashAlgorithm::Sha256, b"x");
        assert_eq!(
            layout.blob_path(&digest),
            blobs.join("sha256").join(digest.hex())
        );
    }
}
