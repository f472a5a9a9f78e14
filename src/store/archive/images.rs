//! An archive as a place to read images from; this unpacks only the archive itself, not its layers.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::legacy::{FileName, Legacy, Listed};
use super::legacy_json::{self, Converted};
use super::name::{self, NameId, Place, shown};
use super::open::Archive;
use super::packing::compression;
use super::problem::Problem;
use super::repeats::Repeats;
use super::survey::{Content, Survey};
use super::walk::{Data, Kind, Links, Member, walk};
use crate::crypto::{Digest, HashAlgorithm, Hasher};
use crate::files;
use crate::image::{ArchiveKind, Blob, Compression, Descriptor, Mismatch, Reference};
use crate::progress::Progress;
use crate::store::access::Store;
use crate::store::documents;
use crate::store::error::{Error, Kind as ErrorKind};
use crate::store::place::Place as StorePlace;
use crate::store::problem::{Part, Problem as PartProblem};
use crate::store::reader::blobs::Reader;
use crate::store::saved::SavedImage;
use crate::store::tags::{Named, names};
use crate::store::window::Window;

const STEP: usize = 64 << 10;

/// Takes a member and the position of its content; returns the digest of the content if it read the content.
type Take<'t> = dyn FnMut(&Member, u64, &mut Data<'_, '_>) -> Result<Option<Digest>, Error> + 't;

/// The images of an archive; ir-sign never changes the archive.
pub struct ArchiveImages {
    archive: Archive,
    place: StorePlace,
    survey: Survey,
    blobs: HashMap<Digest, Bytes>,
    entries: Vec<Arc<Descriptor>>,
    index_size: u64,
    listed: Vec<SavedImage>,
}

/// Where a blob's bytes are.
enum Bytes {
    /// In the archive: the position and the length.
    There(u64, u64),
    /// In memory: a manifest that the archive lacks.
    Here(Blob),
}

impl ArchiveImages {
    /// Surveys an archive. Unpacks a packed archive to an unnamed temporary file first, because the reader wants its
    /// blobs in any order.
    pub fn open(
        archive: Archive,
        kind: ArchiveKind,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let archive = match archive.compression {
            Compression::None => archive,
            _ => unpacked(archive, progress)?,
        };
        let survey = archive.survey(progress)?;
        match (&survey.content, kind) {
            (Content::Legacy(_), ArchiveKind::Oci) => {
                let reason = "it has no index.json that leads to an image".to_owned();
                return Err(archive.problem(Problem::NotALayout(reason)));
            }
            (Content::Layout { listed, .. }, ArchiveKind::Docker) if listed.is_empty() => {
                return Err(archive.problem(Problem::NoDockerList));
            }
            _ => {}
        }
        let mut images = Self {
            place: StorePlace::Archive(archive.path.clone()),
            blobs: HashMap::new(),
            entries: Vec::new(),
            index_size: 0,
            listed: Vec::new(),
            archive,
            survey,
        };
        match &images.survey.content {
            Content::Layout {
                index,
                entries,
                listed,
                ..
            } => {
                images.index_size = index.len() as u64;
                images.entries.clone_from(entries);
                let (blobs, listed) = images.find_blobs(listed, progress)?;
                (images.blobs, images.listed) = (blobs, listed);
            }
            Content::Legacy(legacy) => {
                let (blobs, index) = images.convert(legacy, progress)?;
                let read = documents::index(&index);
                let read = read.map_err(|p| Error::part(&images.place, Part::IndexJson, p))?;
                images.index_size = read.size;
                images.entries = read.manifests;
                images.blobs = blobs;
            }
        }
        Ok(images)
    }

    /// The window that the archive was unpacked with; the caller can use it again for layers.
    pub fn take_window(&mut self) -> Window {
        std::mem::take(&mut *self.archive.window())
    }

    /// docker's list of the images, if it lies beside an `index.json`: each config with its names.
    pub fn listed(&self) -> &[SavedImage] {
        &self.listed
    }

    /// Calls `take` with each member that is neither a folder nor a copy of an earlier member, and with the position of
    /// its content.
    fn each(
        &self,
        links: Links,
        progress: &dyn Progress,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let mut repeats = Repeats::new(&self.archive, &self.survey.names);
        let mut window = self.archive.window();
        let what = "looking through";
        let mut source = self.archive.source(what, progress, &mut window)?;
        walk(
            &mut source,
            &self.archive.limits,
            links,
            &mut |member, data| {
                if repeats.is_copy(&member, data)? {
                    return Ok(());
                }
                let start = data.position();
                let hashed = take(&member, start, data)?;
                repeats.note(&member.name, hashed, data)
            },
        )?;
        Ok(())
    }

    /// The position of each blob. Readers of a blob check its digest.
    fn find_blobs(
        &self,
        listed: &[Listed],
        progress: &dyn Progress,
    ) -> Result<(HashMap<Digest, Bytes>, Vec<SavedImage>), Error> {
        let listed_ids: HashSet<_> = listed.iter().map(|image| image.config.id).collect();
        let mut blobs = HashMap::new();
        let mut configs = HashMap::new();
        self.each(Links::Refused, progress, &mut |member, start, data| {
            let mut stated = None;
            if let Kind::File(Place::Blob(digest)) = member.kind {
                blobs.insert(digest, Bytes::There(start, data.left()));
                stated = Some(digest);
            }
            let id = NameId::of(&member.name);
            if !listed_ids.contains(&id) {
                return Ok(None);
            }
            let bytes = data.read(&member.name, self.archive.limits.document)?;
            let stated = stated.or_else(|| name::config_digest(&member.name));
            let algorithm = stated.map_or(HashAlgorithm::Sha256, |digest| digest.algorithm());
            let digest = Digest::of(algorithm, &bytes);
            configs.insert(id, digest);
            Ok(Some(digest))
        })?;
        let listed = listed.iter().map(|image| {
            let config = configs.get(&image.config.id).copied();
            Ok(SavedImage {
                config: config.ok_or_else(|| self.absent(&image.config))?,
                repo_tags: image.repo_tags.clone(),
            })
        });
        let listed = listed.collect::<Result<_, Error>>()?;
        Ok((blobs, listed))
    }

    fn absent(&self, file: &FileName) -> Error {
        // The survey saw all configs: if one is missing, the archive has changed since.
        let name = shown(file.name.as_bytes());
        self.archive.problem(Problem::Absent(name))
    }

    /// The manifests that an archive of `docker save` up to engine 24 lacks, and an index that leads to these
    /// manifests.
    fn convert(
        &self,
        legacy: &Legacy,
        progress: &dyn Progress,
    ) -> Result<(HashMap<Digest, Bytes>, Vec<u8>), Error> {
        let mut blobs = HashMap::new();
        let mut converted = HashMap::new();
        self.each(Links::ToLayers, progress, &mut |member, start, data| {
            let id = NameId::of(&member.name);
            let (Kind::File(place), Some(is_config)) = (&member.kind, legacy.wants(id)) else {
                return Ok(None);
            };
            let stated = match place {
                Place::Blob(digest) => Some(*digest),
                _ if is_config => name::config_digest(&member.name),
                _ => None,
            };
            let size = data.left();
            let platform = if is_config {
                let bytes = data.read(&member.name, self.archive.limits.document)?;
                let read = documents::config(&bytes).map_err(|problem| {
                    let name = shown(member.name.as_bytes());
                    self.archive.problem(Problem::Document { name, problem })
                })?;
                Some((read.platform, bytes))
            } else {
                None
            };
            let algorithm = stated.map_or(HashAlgorithm::Sha256, |digest| digest.algorithm());
            let (digest, packed) = match &platform {
                Some((_, bytes)) => (Digest::of(algorithm, bytes), compression(bytes)),
                None => hash(data, algorithm)?,
            };
            if stated.is_some_and(|stated| stated != digest) {
                let name = shown(member.name.as_bytes());
                return Err(self.archive.problem(Problem::Blob {
                    name,
                    found: digest,
                }));
            }
            blobs.insert(digest, Bytes::There(start, size));
            let file = Converted {
                digest,
                size,
                compression: packed,
                platform: platform.map(|(platform, _)| platform),
            };
            converted.insert(id, file);
            Ok(Some(digest))
        })?;
        let find = |file: &FileName| converted.get(&file.id).ok_or_else(|| self.absent(file));
        let unwritten = |e: serde_json::Error| {
            Error::io(
                &self.archive.path,
                "convert",
                io::Error::other(e.to_string()),
            )
        };
        let mut entries = Vec::new();
        for image in &legacy.images {
            let config = find(&image.config)?;
            let layers = image.layers.iter().map(find);
            let layers = layers.collect::<Result<Vec<_>, _>>()?;
            let manifest = legacy_json::manifest(config, &layers).map_err(unwritten)?;
            let manifest = Blob::new(HashAlgorithm::Sha256, manifest);
            let (digest, size) = (manifest.digest(), manifest.size());
            let entry =
                |tag| legacy_json::Descriptor::entry(digest, size, config.platform.as_ref(), tag);
            if image.tags.is_empty() {
                entries.push(entry(None));
            }
            entries.extend(image.tags.iter().map(|tag| entry(Some(tag))));
            blobs.insert(digest, Bytes::Here(manifest));
        }
        let index = legacy_json::index(&entries).map_err(unwritten)?;
        Ok((blobs, index))
    }

    fn problem(&self, descriptor: &Descriptor, problem: impl Into<PartProblem>) -> Error {
        Error::part(&self.place, Part::Blob(descriptor.digest), problem)
    }
}

impl Store for ArchiveImages {
    fn place(&self) -> &StorePlace {
        &self.place
    }

    fn find(&self, reference: &Reference) -> Result<Vec<Arc<Descriptor>>, Error> {
        let reference = self.survey.unpacked_reference(reference);
        let reader = Reader::new(self, self.archive.limits);
        reader.find_among(&self.entries, &reference)
    }

    fn entries(&self) -> Result<Vec<Arc<Descriptor>>, Error> {
        Ok(self.entries.clone())
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let Some(bytes) = self.blobs.get(&descriptor.digest) else {
            let absent = PartProblem::Absent(self.place.kind());
            return Err(self.problem(descriptor, absent));
        };
        let found = match bytes {
            Bytes::There(_, size) => *size,
            Bytes::Here(blob) => blob.size(),
        };
        let expected = descriptor.size;
        if found != expected {
            return Err(self.problem(descriptor, Mismatch::Size { expected, found }));
        }
        Ok(match bytes {
            Bytes::There(start, size) => Box::new(Stretch {
                file: &self.archive.file,
                position: *start,
                left: *size,
            }),
            Bytes::Here(blob) => Box::new(blob.bytes()),
        })
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Arc<Descriptor>>, Error> {
        Reader::new(self, self.archive.limits).referrers_among(subject)
    }

    fn unread(&self, _: &Descriptor, error: io::Error) -> Error {
        Error::io(&self.archive.path, "read", error)
    }

    fn has(&self, blob: &Digest) -> Option<bool> {
        Some(self.blobs.contains_key(blob))
    }

    fn index_size(&self) -> u64 {
        self.index_size
    }

    fn no_such_image(&self, reference: &Reference) -> Error {
        let kind = ErrorKind::NoSuchImage {
            reference: reference.clone(),
            present: names(self.entries.iter().map(|entry| Named::of(entry))),
            unreferenced: matches!(reference, Reference::Digest(d) if self.blobs.contains_key(d)),
        };
        kind.at(self.place.clone())
    }
}

/// The content of one member.
struct Stretch<'a> {
    file: &'a File,
    position: u64,
    left: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = self.file.read_at(&mut buffer[..length], self.position)?;
        self.position += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// Hashes a member, and recognises its packing.
fn hash(data: &mut Data<'_, '_>, algorithm: HashAlgorithm) -> Result<(Digest, Compression), Error> {
    let mut hasher = Hasher::new(algorithm);
    let mut packed = Compression::None;
    let mut buffer = vec![0; STEP];
    let mut is_first = true;
    while data.left() > 0 {
        let n = data.fill(&mut buffer)?;
        if is_first {
            packed = compression(&buffer[..n]);
            is_first = false;
        }
        hasher.update(&buffer[..n]);
    }
    Ok((hasher.digest(), packed))
}

/// Unpacks a packed archive into a plain one, with the same name in messages.
fn unpacked(archive: Archive, progress: &dyn Progress) -> Result<Archive, Error> {
    let mut window = archive.window();
    let mut source = archive.source("unpacking", progress, &mut window)?;
    let mut plain = nameless(&std::env::temp_dir())?;
    let mut buffer = vec![0; 4 * STEP];
    loop {
        let n = source.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        let written = plain.write_all(&buffer[..n]);
        written.map_err(|e| Error::io(&std::env::temp_dir(), "write a file in", e))?;
    }
    drop(source);
    drop(window);
    let mut plain = Archive::of(plain, archive.path.clone(), archive.limits)?;
    if plain.compression != Compression::None {
        return Err(archive.problem(Problem::NotTar));
    }
    plain.window = archive.window;
    Ok(plain)
}

/// A new unnamed file.
fn nameless(folder: &Path) -> Result<File, Error> {
    let path = folder.join(format!(".ir-sign.{}.tmp", files::random_name()));
    let mut options = File::options();
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = options.open(&path);
    let file = file.map_err(|e| Error::io(&path, "create", e))?;
    fs::remove_file(&path).map_err(|e| Error::io(&path, "remove", e))?;
    Ok(file)
}
