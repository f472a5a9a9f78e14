//! An OCI image layout in a folder (OCI image-spec, "Image Layout").

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::crypto::{Digest, HashAlgorithm};
use crate::image::{Blob, Descriptor, Image, Manifest, Mismatch, media};
use crate::store::dir::{Dir, absent_is_none};
use crate::store::documents::{self, Index};
use crate::store::error::{Error, Part, Problem};
use crate::store::limits::Limits;
use crate::store::reader::layers::LayerCache;
use crate::store::reader::resolve::Target;

/// The file that makes a folder a layout.
pub(in crate::store) const LAYOUT_FILE: &str = "oci-layout";
/// The file that leads to all images.
pub(in crate::store) const INDEX_FILE: &str = "index.json";
/// The file by which a folder is known that skopeo and podman write as `dir:`.
pub(in crate::store) const SKOPEO_FILE: &str = "version";
/// What it begins with (containers/image, `directory_dest.go`).
pub(in crate::store) const SKOPEO_START: &[u8] = b"Directory Transport Version: ";
/// The folder of all blobs.
pub(in crate::store) const BLOBS: &str = "blobs";

/// A layout held open for reading.
///
/// As long as it lives, [`Layout::prune`] in this or another process waits: the folder `blobs` is
/// locked shared (`flock`). Where the file system has no locks nothing can be pruned.
pub struct Layout {
    pub(in crate::store) dir: Dir,
    pub(in crate::store) blobs: Dir,
    algorithms: Vec<(HashAlgorithm, Dir)>,
    pub(in crate::store) limits: Limits,
    pub(in crate::store) index: Index,
    index_digest: Digest,
    pub(in crate::store) layer_cache: LayerCache,
}

impl Layout {
    pub(in crate::store) fn open(dir: Dir, limits: Limits) -> Result<Self, Error> {
        check_layout_file(&dir, limits)?;
        let not_a_layout = |reason: &str| Error::NotALayout {
            path: dir.path().to_owned(),
            reason: reason.to_owned(),
        };
        let blobs = dir
            .dir_if_any(BLOBS)?
            .ok_or_else(|| not_a_layout("it has no folder blobs"))?;
        blobs.lock_to_read()?;
        let (bytes, index) = read_index(&dir, limits)?;
        let mut layout = Self {
            dir,
            blobs,
            algorithms: Vec::new(),
            limits,
            index,
            index_digest: Digest::of(HashAlgorithm::Sha256, &bytes),
            layer_cache: LayerCache::default(),
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

    /// The folder, for messages.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What tells whether others have changed the layout since it was opened: the digest of its
    /// `index.json` as of then.
    pub const fn index_digest(&self) -> Digest {
        self.index_digest
    }

    pub(in crate::store) fn problem(&self, part: Part, problem: impl Into<Problem>) -> Error {
        Error::Part {
            layout: self.path().to_owned(),
            part,
            problem: problem.into(),
        }
    }

    pub(in crate::store) fn algorithm_dir(&self, algorithm: HashAlgorithm) -> Option<&Dir> {
        self.algorithms
            .iter()
            .find(|(a, _)| *a == algorithm)
            .map(|(_, dir)| dir)
    }

    /// Whether there is a blob of that name, whatever it holds.
    pub(in crate::store) fn has_blob(&self, digest: &Digest) -> bool {
        self.algorithm_dir(digest.algorithm())
            .is_some_and(|dir| dir.file(&digest.hex()).is_ok())
    }

    /// Opens a blob that a descriptor leads to, of the size that the descriptor states. Its content
    /// has yet to be checked.
    pub(in crate::store) fn open_blob(
        &self,
        part: &Part,
        descriptor: &Descriptor,
    ) -> Result<File, Error> {
        let absent = || self.problem(part.clone(), Problem::Absent);
        let dir = self
            .algorithm_dir(descriptor.digest.algorithm())
            .ok_or_else(absent)?;
        let opened = match absent_is_none(dir.file(&descriptor.digest.hex())) {
            Err(Error::Link(_) | Error::NotAFile(_)) => {
                return Err(self.problem(part.clone(), Problem::NotAFile));
            }
            other => other?,
        };
        let (file, size) = opened.ok_or_else(absent)?;
        if size == descriptor.size {
            Ok(file)
        } else {
            let mismatch = Mismatch::Size {
                expected: descriptor.size,
                found: size,
            };
            Err(self.problem(part.clone(), mismatch))
        }
    }

    /// Reads a JSON document that a descriptor leads to, and checks it.
    pub(in crate::store) fn document(
        &self,
        part: &Part,
        descriptor: &Descriptor,
    ) -> Result<Blob, Error> {
        let limit = self.limits.document;
        if descriptor.size > limit {
            let size = descriptor.size;
            return Err(self.problem(part.clone(), Problem::TooLarge { size, limit }));
        }
        let file = self.open_blob(part, descriptor)?;
        descriptor
            .check_embedded()
            .map_err(|m| self.problem(part.clone(), m))?;
        let mut bytes = Vec::with_capacity(usize::try_from(descriptor.size).unwrap_or(0));
        file.take(descriptor.size)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(&self.blob_path(&descriptor.digest), "read", e))?;
        Blob::verified(bytes, descriptor).map_err(|m| self.problem(part.clone(), m))
    }

    pub(in crate::store) fn blob_path(&self, digest: &Digest) -> std::path::PathBuf {
        let folder = self.blobs.path_of(digest.algorithm().name());
        folder.join(digest.hex())
    }

    /// Reads a nested image index.
    pub(in crate::store) fn nested(&self, descriptor: &Descriptor) -> Result<(Blob, Index), Error> {
        let part = Part::Index(descriptor.digest);
        let blob = self.document(&part, descriptor)?;
        let index = documents::index(blob.bytes()).map_err(|p| self.problem(part, p))?;
        Ok((blob, index))
    }

    /// The same as [`Layout::load`], where the platform counts that the entry states which leads to the
    /// image: the config has to state all that it states, for runtimes choose by it. A variant is any where the
    /// config states none, as many do.
    pub fn load_as_listed(&self, target: &Target) -> Result<Image, Error> {
        let image = self.load(target)?;
        if let Some(listed) = &target.descriptor.platform
            && !listed.holds_for(&image.platform)
        {
            let problem = Problem::Platform {
                listed: listed.clone(),
                found: image.platform,
            };
            return Err(self.problem(Part::Manifest(target.descriptor.digest), problem));
        }
        Ok(image)
    }

    /// Reads an image's manifest, checked against the digest and size that lead to it.
    pub fn manifest(&self, descriptor: &Descriptor) -> Result<(Blob, Manifest), Error> {
        let part = Part::Manifest(descriptor.digest);
        if !media::is_manifest(&descriptor.media_type) {
            let problem = Problem::MediaType {
                found: descriptor.media_type.to_string(),
                wanted: "an image manifest",
            };
            return Err(self.problem(part, problem));
        }
        let blob = self.document(&part, descriptor)?;
        let manifest = documents::manifest(blob.bytes(), &descriptor.media_type)
            .map_err(|p| self.problem(part, p))?;
        Ok((blob, manifest))
    }

    /// Refuses a manifest and a config that have too many bytes together.
    pub(in crate::store) fn check_together(
        &self,
        manifest: &Blob,
        config: &Descriptor,
    ) -> Result<(), Error> {
        let limit = self.limits.documents.saturating_sub(manifest.size());
        let size = config.size;
        if size > limit {
            let part = Part::Config(config.digest);
            return Err(self.problem(part, Problem::TooLarge { size, limit }));
        }
        Ok(())
    }

    /// Reads an image: its manifest and its config, each checked against the digest and size that
    /// lead to it. An error names the part that is wrong.
    pub fn load(&self, target: &Target) -> Result<Image, Error> {
        let (manifest_blob, manifest) = self.manifest(&target.descriptor)?;
        let part = Part::Config(manifest.config.digest);
        let found = &manifest.config.media_type;
        if media::oci_equivalent(found).unwrap_or(found) != media::CONFIG {
            let problem = Problem::MediaType {
                found: found.to_string(),
                wanted: "an image config",
            };
            return Err(self.problem(part, problem));
        }
        self.check_together(&manifest_blob, &manifest.config)?;
        let config = self.document(&part, &manifest.config)?;
        let read = documents::config(config.bytes()).map_err(|p| self.problem(part, p))?;
        Ok(Image {
            name: target.name.clone(),
            platform: read.platform,
            manifest_blob,
            manifest,
            config,
            diff_ids: read.diff_ids,
        })
    }
}

/// Reads the bytes of `index.json`.
pub(in crate::store) fn index_bytes(dir: &Dir, limits: Limits) -> Result<Vec<u8>, Error> {
    absent_is_none(dir.read(INDEX_FILE, limits.document))?.ok_or_else(|| Error::NotALayout {
        path: dir.path().to_owned(),
        reason: "it has no file index.json".into(),
    })
}

/// Reads `index.json`: its bytes and what they say.
pub(in crate::store) fn read_index(dir: &Dir, limits: Limits) -> Result<(Vec<u8>, Index), Error> {
    let bytes = index_bytes(dir, limits)?;
    let index = documents::index(&bytes).map_err(|problem| Error::Part {
        layout: dir.path().to_owned(),
        part: Part::IndexJson,
        problem,
    })?;
    Ok((bytes, index))
}

fn check_layout_file(dir: &Dir, limits: Limits) -> Result<(), Error> {
    let not_a_layout = |reason: String| Error::NotALayout {
        path: dir.path().to_owned(),
        reason,
    };
    let Some(bytes) = absent_is_none(dir.read(LAYOUT_FILE, limits.document))? else {
        return Err(if is_skopeo_dir(dir) {
            Error::SkopeoDir(dir.path().to_owned())
        } else {
            not_a_layout("it has no file oci-layout".into())
        });
    };
    check_layout_version(&bytes).map_err(not_a_layout)
}

/// Whether a folder is what skopeo and podman write as `dir:`.
pub(in crate::store) fn is_skopeo_dir(dir: &Dir) -> bool {
    const MOST: u64 = 100;
    let version = dir.read(SKOPEO_FILE, MOST);
    version.is_ok_and(|text| text.starts_with(SKOPEO_START))
}

/// Checks the content of the file `oci-layout`.
pub(in crate::store) fn check_layout_version(bytes: &[u8]) -> Result<(), String> {
    // It says one thing; what is longer is not to be repeated in a message.
    const MOST: usize = 4096;
    if bytes.len() > MOST {
        let size = bytes.len();
        return Err(format!(
            "its file oci-layout has {size} bytes, and {MOST} is the most"
        ));
    }
    match documents::layout_version(bytes) {
        Ok(version) if version == "1.0.0" => Ok(()),
        Ok(version) => Err(format!(
            "its file oci-layout has version \"{version}\", and 1.0.0 is the one that is known"
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
