//! A repository of a registry from which a reader takes images.
//!
//! ```no_run
//! use std::sync::Arc;
//! use ir_sign::image::ImageName;
//! use ir_sign::store::remote::{Client, Environment, Options, RemoteRepository, RemoteStore};
//! use ir_sign::store::{Limits, Reader, Selection};
//!
//! let name = "docker://registry.example.com/team/app:1.0".parse()?;
//! let ImageName::Docker { host, repository, .. } = name else { unreachable!() };
//! let options = Options { environment: Environment::of_process(), ..Options::default() };
//! let client = Arc::new(Client::new(&host, &options));
//! let store = RemoteStore::new(RemoteRepository::new(client, repository));
//! let reader = Reader::new(&store, Limits::default());
//! for selected in reader.resolve(&["1.0".parse()?], &Selection::One)? {
//!     println!("{}", reader.load(&selected)?.config.digest());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{HashMap, VecDeque};
use std::io::{self, Cursor, Read};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::blob::BlobReader;
use super::error::{Error as RemoteError, Problem as RemoteProblem};
use super::list::Tags;
use super::manifest::{Document, ManifestRef};
use super::repository::RemoteRepository;
use crate::crypto::Digest;
use crate::image::{Blob, Descriptor, Embedded, Reference, Repository, media};
use crate::parallel;
use crate::store::access::Store;
use crate::store::error::{Error, Kind};
use crate::store::limits::Limits;
use crate::store::place::Place;
use crate::store::problem::{Part, Problem};

/// The most bytes of manifests that a store keeps, so that it requests no manifest twice.
const KEPT: u64 = 8 << 20;
/// How many manifests a store requests at once: each takes a connection (R6).
pub const AT_ONCE: usize = 6;

/// A repository of a registry from which a reader takes images.
#[derive(Debug)]
pub struct RemoteStore {
    pub(super) repository: RemoteRepository,
    place: Place,
    /// The manifests that arrived last.
    manifests: Mutex<VecDeque<Blob>>,
    /// The most bytes of manifests to keep.
    most_kept: u64,
    /// The errors of streams that were not read to their end, until [`Store::unread`] asks for them.
    failed: Mutex<HashMap<Digest, Vec<RemoteError>>>,
    /// The images to change: the tags and digests that the user named, and the documents that they led to.
    pub(super) meant: Vec<Arc<Descriptor>>,
    pub(super) limits: Limits,
    /// Another repository of the registry, from which this one mounts blobs where it can.
    pub(super) mount: Option<Repository>,
    /// Whether to disbelieve the registry when it says that it has a blob (R41).
    pub(super) is_doubted: AtomicBool,
}

impl RemoteStore {
    /// The repository. This sends no request yet.
    pub fn new(repository: RemoteRepository) -> Self {
        Self {
            place: Place::Repository(repository.what("")),
            repository,
            manifests: Mutex::default(),
            most_kept: KEPT,
            failed: Mutex::default(),
            meant: Vec::new(),
            limits: Limits::default(),
            mount: None,
            is_doubted: AtomicBool::new(false),
        }
    }

    /// The same repository, for changes to the images that these names lead to now. If a tag leads elsewhere at the
    /// time of the change, another run has moved it.
    pub fn meaning(mut self, references: &[Reference], limits: Limits) -> Result<Self, Error> {
        self.limits = limits;
        for reference in references {
            let found = self.find(reference)?;
            if found.is_empty() {
                return Err(self.no_such_image(reference));
            }
            self.meant.extend(found);
        }
        Ok(self)
    }

    /// The same repository, keeping this many bytes of manifests: for walks that look at very many one by one. The
    /// store keeps the newest manifest however large it is.
    #[must_use]
    pub const fn keeping(mut self, bytes: u64) -> Self {
        self.most_kept = bytes;
        self
    }

    /// All tags, and how many listed names are not valid tags.
    pub fn tags(&self) -> Result<Tags, Error> {
        let tags = self.repository.tags();
        tags.map_err(|error| self.error(Part::IndexJson, error))
    }

    /// The names of all tags.
    pub fn tag_names(&self) -> Result<Vec<String>, Error> {
        Ok(self.tags()?.tags.iter().map(ToString::to_string).collect())
    }

    /// The same repository, whose blobs may come from another repository of the registry.
    #[must_use]
    pub fn mounting(mut self, from: Repository) -> Self {
        self.mount = Some(from);
        self
    }

    /// The repository itself.
    pub const fn repository(&self) -> &RemoteRepository {
        &self.repository
    }

    pub(super) fn keep(&self, blob: &Blob) {
        let mut kept = self
            .manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.iter().any(|known| known.digest() == blob.digest()) {
            return;
        }
        kept.push_back(blob.clone());
        while kept.len() > 1 && kept.iter().map(Blob::size).sum::<u64>() > self.most_kept {
            kept.pop_front();
        }
    }

    fn kept(&self, digest: &Digest) -> Option<Blob> {
        let kept = self
            .manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|blob| blob.digest() == *digest).cloned()
    }

    /// The descriptor of a manifest that arrived, with the tag that led to it.
    fn described(&self, document: Document, tag: Option<&str>) -> Arc<Descriptor> {
        self.keep(&document.blob);
        Arc::new(Descriptor {
            media_type: media::shared(document.media_type),
            digest: document.blob.digest(),
            size: document.blob.size(),
            tag: tag.map(str::to_owned),
            full_name: None,
            platform: None,
            embedded: Embedded::Nothing,
        })
    }

    /// Turns an error of the registry into the store's: a part is wrong, or the registry failed.
    pub(super) fn error(&self, part: Part, error: RemoteError) -> Error {
        let problem = match error.problem {
            RemoteProblem::Mismatch(mismatch) => Problem::Mismatch(mismatch),
            RemoteProblem::Document(reason) => Problem::Json(reason),
            problem => {
                let place = self.place.to_string();
                let about = error.what.strip_prefix(&place);
                let about = about.map(|rest| rest.trim_start_matches(": ").to_owned());
                let kind = Kind::Registry {
                    about: about.filter(|about| !about.is_empty()),
                    problem,
                };
                return kind.at(self.place.clone());
            }
        };
        Error::part(&self.place, part, problem)
    }

    fn error_of(&self, digest: &Digest) -> impl Fn(RemoteError) -> Error {
        move |error| self.error(Part::Blob(*digest), error)
    }

    pub(super) fn absent(&self, digest: Digest) -> Error {
        let problem = Problem::Absent(self.place.kind());
        Error::part(&self.place, Part::Blob(digest), problem)
    }

    /// Requests a manifest by tag.
    fn tagged(&self, name: &str) -> Result<Option<Arc<Descriptor>>, Error> {
        // A name that is not a valid tag does not exist in any registry.
        let Ok(tag) = name.parse() else {
            return Ok(None);
        };
        let found = self.repository.manifest(&ManifestRef::Tag(tag));
        // The store knows no digest at this point.
        let found = found.map_err(|error| {
            let reason = error.problem.to_string();
            match error.problem {
                RemoteProblem::Document(_) | RemoteProblem::Stated { .. } => Kind::Tagged {
                    tag: name.to_owned(),
                    reason,
                }
                .at(self.place.clone()),
                _ => self.error(Part::IndexJson, error),
            }
        })?;
        Ok(found.map(|document| self.described(document, Some(name))))
    }

    pub(super) fn manifest(&self, descriptor: &Descriptor) -> Result<Option<Blob>, Error> {
        if let Some(blob) = self.kept(&descriptor.digest) {
            return Ok(Some(blob));
        }
        let found = self.repository.manifest_of(descriptor);
        let found = found.map_err(self.error_of(&descriptor.digest))?;
        Ok(found.map(|document| {
            self.keep(&document.blob);
            document.blob
        }))
    }
}

impl Store for RemoteStore {
    fn place(&self) -> &Place {
        &self.place
    }

    fn find(&self, reference: &Reference) -> Result<Vec<Arc<Descriptor>>, Error> {
        let found = match reference {
            Reference::Tag(name) => self.tagged(name)?,
            Reference::Digest(digest) => {
                let found = self.repository.manifest(&ManifestRef::Digest(*digest));
                let found = found.map_err(self.error_of(digest))?;
                found.map(|document| self.described(document, None))
            }
        };
        Ok(found.into_iter().collect())
    }

    fn entries(&self) -> Result<Vec<Arc<Descriptor>>, Error> {
        let tags = self.tags()?;
        let found = parallel::map_on(AT_ONCE, &tags.tags, |_, tag| self.tagged(tag.as_str()));
        // Skip a tag that somebody deleted meanwhile.
        found.into_iter().filter_map(Result::transpose).collect()
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let digest = descriptor.digest;
        let kind = &descriptor.media_type;
        let is_document = media::is_index(kind) || media::is_manifest(kind);
        if !is_document {
            let found = self.repository.blob(descriptor);
            if let Some(blob) = found.map_err(self.error_of(&digest))? {
                return Ok(Box::new(Stream { store: self, blob }));
            }
        }
        // An index may list entries whose type is not a manifest's.
        match self.manifest(descriptor)? {
            Some(blob) => Ok(Box::new(Cursor::new(Bytes(blob)))),
            None => Err(self.absent(digest)),
        }
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Arc<Descriptor>>, Error> {
        self.each_referrer(subject)?.into_iter().collect()
    }

    fn each_referrer(
        &self,
        subject: &Digest,
    ) -> Result<Vec<Result<Arc<Descriptor>, Error>>, Error> {
        let listed = self.repository.each_referrer(subject, None);
        let mut found = Vec::new();
        for one in listed.map_err(self.error_of(subject))? {
            let one = match one {
                Ok(one) => one,
                Err(error) => {
                    found.push(Err(self.error_of(subject)(error)));
                    continue;
                }
            };
            match self.repository.referrer(&one, subject) {
                Ok(Some(document)) => {
                    self.keep(&document.blob);
                    found.push(Ok(Arc::new(one.descriptor)));
                }
                Ok(None) => {}
                Err(error) => found.push(Err(self.error_of(&one.descriptor.digest)(error))),
            }
        }
        Ok(found)
    }

    fn no_such_image(&self, reference: &Reference) -> Error {
        let present = match reference {
            Reference::Tag(_) => self.repository.some_tags(),
            Reference::Digest(_) => Vec::new(),
        };
        let kind = Kind::NoSuchImage {
            reference: reference.clone(),
            present,
            unreferenced: false,
        };
        kind.at(self.place.clone())
    }

    fn unread(&self, descriptor: &Descriptor, error: io::Error) -> Error {
        let part = Part::Blob(descriptor.digest);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failed.get_mut(&descriptor.digest).and_then(Vec::pop) {
            return self.error(part, error);
        }
        let (action, source) = ("read", error);
        Kind::Io { action, source }.at(self.place.clone())
    }
}

/// A blob as it arrives. Its errors carry only text; the store keeps the errors themselves.
struct Stream<'a> {
    store: &'a RemoteStore,
    blob: BlobReader<'a>,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.blob.read_some(buffer).map_err(|error| {
            let words = io::Error::other(error.to_string());
            let failed = self.store.failed.lock();
            let mut failed = failed.unwrap_or_else(PoisonError::into_inner);
            failed.entry(self.blob.digest()).or_default().push(error);
            words
        })
    }
}

/// The bytes of a blob, for a cursor.
struct Bytes(Blob);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}
