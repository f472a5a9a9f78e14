//! Copies images from one place to another, and checks every byte against its digest.

mod counts;
mod realms;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use counts::Counting;
pub use counts::Counts;
use realms::There;

use super::error::{Error, is_given_up};
#[cfg(feature = "registry")]
use super::repository::RepositoryAt;
use crate::crypto::Digest;
use crate::image::realm::Finding;
use crate::image::{ArchiveKind, Descriptor, ImageName, Platform, Reference};
#[cfg(feature = "registry")]
use crate::image::{Host, Repository, Tag};
use crate::parallel;
use crate::progress::Progress;
use crate::store::archive::{Archive, ArchiveImages, IncomingArchive};
use crate::store::{
    Closure, IncomingLayout, Intake, Layout, Limits, Mended, Moved, Place, Reader, Root, Store,
};

/// The tags by which cosign finds what belongs to an image: `sha256-HEX` and one of these endings.
const ENDINGS: [&str; 3] = ["sig", "att", "sbom"];

/// The other things that a copy takes along with an image, or leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// All that the image itself leads to.
    Image,
    /// The image, and the signatures and attestations that lie beside it.
    Signatures,
    /// Only what the server for realms loads. The copy also mends the layout so that realms get the image.
    ForRealms,
}

/// How many blobs travel at once at most: a registry gets no more connections (R6).
const MOST_AT_ONCE: usize = 6;

/// Copies an image.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The image.
    pub from: ImageName,
    /// The name of the copy.
    pub to: ImageName,
    /// The platform whose image to copy, of a multi-platform image; without it, all are copied.
    pub platform: Option<Platform>,
    /// The other things that the copy takes along with the image, or leaves out.
    pub along: Along,
    /// Whether to move a tag of the target that leads to something else.
    pub may_move: bool,
    /// Whether to replace an archive that is there already.
    pub force: bool,
    /// How much the run reads before it gives up.
    pub limits: Limits,
    /// How many blobs travel at once.
    pub jobs: NonZeroUsize,
    /// The options for registries.
    #[cfg(feature = "registry")]
    pub registries: crate::store::remote::Options,
}

/// The result of a copy.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The image's name at the source.
    pub name: String,
    /// Its manifest's or index's digest.
    pub digest: Digest,
    /// The place of the copy.
    pub place: Place,
    /// The tag that leads to it there.
    pub tag: Option<String>,
    /// The tags that were new there, or led elsewhere.
    pub moved: Vec<Moved>,
    /// The referrers that were copied with the image: signatures, attestations.
    pub along: Vec<Digest>,
    /// How much the run wrote or sent.
    pub counts: Counts,
    /// The changes that let realms get the image.
    pub mended: Vec<Mended>,
    /// The findings that keep realms from the app, as far as the layout shows them.
    pub realms: Vec<Finding>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

impl Copy {
    /// Copies the image: blobs, then documents, then the tag. If this fails, the finished parts stay without a tag, and
    /// the next run goes on from them.
    pub fn run(&self, progress: &dyn Progress) -> Result<Copied, Error> {
        if self.along == Along::ForRealms && !matches!(self.to, ImageName::Layout { .. }) {
            return Err(Error::CopyNotForRealms(self.to.to_string()));
        }
        let (source, asked) = self.source(progress)?;
        let reader = Reader::new(&*source, self.limits);
        let (name, root) = reader.root(asked.as_ref(), self.platform.as_ref())?;
        let mut closure = Closure::default();
        reader.close_over(&root, &mut closure)?;
        if self.along == Along::ForRealms {
            realms::check(&reader, &closure, &root, &name)?;
        }
        let (target, tag) = self.target(&root, asked.as_ref())?;
        let mut roots = vec![Root {
            descriptor: Descriptor::clone(&root),
            tag: tag.clone(),
            referrer: None,
        }];
        if self.along == Along::Signatures {
            gather_signatures(&reader, &mut closure, &mut roots)?;
        }
        let bring = || {
            let counting = Counting::default();
            self.bring(&*source, &*target, &closure, &counting, progress)?;
            let moved = target.name(&roots, self.may_move)?;
            Ok((counting, moved))
        };
        let (counting, moved) = match bring() {
            // The registry said that it had a blob, and did not have it: send all blobs, once (R41).
            Err(Error::Store(error)) if error.is_lacking() && target.doubt() => bring()?,
            other => other?,
        };
        let mut copied = Copied {
            name,
            digest: root.digest,
            place: target.place().clone(),
            tag,
            moved,
            along: roots[1..]
                .iter()
                .map(|root| root.descriptor.digest)
                .collect(),
            counts: counting.counts(),
            mended: Vec::new(),
            realms: Vec::new(),
            warnings: Vec::new(),
        };
        // Another change of the layout follows.
        drop(target);
        if let ImageName::Layout { path, .. } = &self.to {
            self.for_realms_at(path, &mut copied)?;
        }
        Ok(copied)
    }

    /// Mends the layout if the user asked for that, and returns the findings that keep realms from the app.
    fn for_realms_at(&self, path: &Path, copied: &mut Copied) -> Result<(), Error> {
        let mut there = There {
            tag: copied.tag.clone(),
            digest: copied.digest,
        };
        if self.along == Along::ForRealms {
            let (now, mended) = realms::mend(path, self.limits, &there)?;
            for moved in &mut copied.moved {
                if Some(&moved.tag) == there.tag.as_ref() {
                    moved.to = now.digest;
                }
            }
            copied.moved.retain(|moved| moved.from != Some(moved.to));
            copied.mended = mended;
            (copied.tag, copied.digest) = (now.tag.clone(), now.digest);
            there = now;
        }
        // The image is copied: later errors do not undo that.
        match realms::look(path, self.limits, &there) {
            Ok(found) => copied.realms = found,
            Err(error) => copied
                .warnings
                .push(format!("cannot tell whether realms get this app: {error}")),
        }
        Ok(())
    }

    /// Copies the blobs, and then each document after everything that it leads to.
    fn bring(
        &self,
        source: &dyn Store,
        target: &dyn Intake,
        closure: &Closure,
        counting: &Counting,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        self.bring_blobs(source, target, closure, counting, progress)?;
        for (descriptor, content) in &closure.documents {
            let brought = target.document(descriptor, content)?;
            counting.count(brought, descriptor.size);
        }
        Ok(())
    }

    fn bring_blobs(
        &self,
        source: &dyn Store,
        target: &dyn Intake,
        closure: &Closure,
        counting: &Counting,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let bytes = closure.blobs.iter().map(|blob| blob.size);
        progress.begin("copying", bytes.fold(0, u64::saturating_add));
        let failed = AtomicBool::new(false);
        let jobs = if target.takes_several() {
            self.jobs.get().min(MOST_AT_ONCE)
        } else {
            1
        };
        let results = parallel::map_on(jobs, &closure.blobs, |_, blob| {
            // Nothing will lead to this document, so no thread may wait for it.
            if failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            let brought = target.blob(blob, source, progress);
            failed.fetch_or(brought.is_err(), Ordering::Relaxed);
            counting.count(brought?, blob.size);
            Ok(())
        });
        let errors = results
            .into_iter()
            .filter_map(Result::err)
            .map(Error::Store);
        errors.min_by_key(is_given_up).map_or(Ok(()), Err)
    }

    /// The source of the copy, and the image's name there.
    fn source(
        &self,
        progress: &dyn Progress,
    ) -> Result<(Box<dyn Store>, Option<Reference>), Error> {
        match &self.from {
            ImageName::Layout { path, reference } => {
                let layout = Layout::at(path, self.limits)?;
                Ok((Box::new(layout), reference.clone()))
            }
            ImageName::Archive {
                kind,
                path,
                reference,
            } => {
                let archive = Archive::open(path, self.limits)?;
                let images = ArchiveImages::open(archive, *kind, progress)?;
                Ok((Box::new(images), reference.clone()))
            }
            #[cfg(feature = "registry")]
            ImageName::Docker {
                host, repository, ..
            } => {
                let at = self.at(host, repository);
                Ok((Box::new(at.store()), Some(in_registry(&self.from))))
            }
            other => Err(Error::NotCopied {
                image: other.to_string(),
                what: "from",
                other: self.to.to_string(),
            }),
        }
    }

    /// The target of the copy, and the tag that the image gets there: the tag that the user named, else its own tag.
    fn target(
        &self,
        root: &Descriptor,
        asked: Option<&Reference>,
    ) -> Result<(Box<dyn Intake>, Option<String>), Error> {
        #[cfg(feature = "registry")]
        if let ImageName::Docker {
            host, repository, ..
        } = &self.to
        {
            return self.registry(host, repository, root);
        }
        let (path, reference) = match &self.to {
            ImageName::Layout { path, reference }
            | ImageName::Archive {
                kind: ArchiveKind::Oci,
                path,
                reference,
            } => (path, reference),
            other => {
                return Err(Error::NotCopied {
                    image: other.to_string(),
                    what: "to",
                    other: self.from.to_string(),
                });
            }
        };
        self.check_apart(path)?;
        let tag = match (reference, asked) {
            (Some(Reference::Digest(wanted)), _) if *wanted != root.digest => {
                return Err(Error::OtherDigest {
                    image: self.to.to_string(),
                    found: root.digest,
                });
            }
            (Some(Reference::Digest(_)), _) | (None, Some(Reference::Digest(_))) => None,
            (Some(Reference::Tag(tag)), _) | (None, Some(Reference::Tag(tag))) => Some(tag.clone()),
            (None, None) => root.tag().map(str::to_owned),
        };
        let target: Box<dyn Intake> = match &self.to {
            ImageName::Archive { .. } => Box::new(IncomingArchive::create(path, self.force)?),
            _ => Box::new(IncomingLayout::open(path, self.limits)?),
        };
        Ok((target, tag))
    }

    #[cfg(feature = "registry")]
    fn at(&self, host: &Host, repository: &Repository) -> RepositoryAt {
        RepositoryAt {
            host: host.clone(),
            name: repository.clone(),
            options: self.registries.clone(),
        }
    }

    /// The repository that is the target of the copy, and the tag that the image gets there.
    #[cfg(feature = "registry")]
    fn registry(
        &self,
        host: &Host,
        repository: &Repository,
        root: &Descriptor,
    ) -> Result<(Box<dyn Intake>, Option<String>), Error> {
        let tag = match in_registry(&self.to) {
            Reference::Digest(wanted) if wanted != root.digest => {
                return Err(Error::OtherDigest {
                    image: self.to.to_string(),
                    found: root.digest,
                });
            }
            Reference::Digest(_) => None,
            Reference::Tag(tag) => Some(tag),
        };
        let mut store = self.at(host, repository).to_write();
        if let ImageName::Docker {
            host: other,
            repository: from,
            ..
        } = &self.from
            && other == host
        {
            store = store.mounting(from.clone());
        }
        Ok((Box::new(store), tag))
    }

    /// Refuses a target archive that is the source itself.
    fn check_apart(&self, to: &Path) -> Result<(), Error> {
        let (ImageName::Archive { .. }, ImageName::Archive { path, .. }) = (&self.to, &self.from)
        else {
            return Ok(());
        };
        let same = path
            .canonicalize()
            .is_ok_and(|from| to.canonicalize().is_ok_and(|to| to == from));
        if same {
            return Err(Error::OutputIsInput {
                role: "archive",
                path: to.to_owned(),
            });
        }
        Ok(())
    }
}

/// The reference to an image in its repository: the digest, else the tag, else `latest`.
#[cfg(feature = "registry")]
fn in_registry(name: &ImageName) -> Reference {
    match name {
        ImageName::Docker {
            digest: Some(digest),
            ..
        } => Reference::Digest(*digest),
        ImageName::Docker { tag: Some(tag), .. } => Reference::Tag(tag.to_string()),
        _ => Reference::Tag(Tag::latest().to_string()),
    }
}

/// Adds the image's referrers, their referrers, and what cosign's tags name.
fn gather_signatures(
    reader: &Reader<'_>,
    closure: &mut Closure,
    roots: &mut Vec<Root>,
) -> Result<(), Error> {
    let mut looked_at: HashSet<Digest> = HashSet::new();
    loop {
        let documents = closure.documents.iter();
        let next = documents
            .map(|(d, _)| d.digest)
            .find(|d| !looked_at.contains(d));
        let Some(digest) = next else { return Ok(()) };
        looked_at.insert(digest);
        for descriptor in reader.store().referrers(&digest)? {
            if !closure.has(&descriptor.digest) {
                roots.push(gather(reader, closure, &descriptor, None)?);
            }
        }
        for ending in ENDINGS {
            let tag = format!("{}-{}.{ending}", digest.algorithm().name(), digest.hex());
            let named = reader.store().find(&Reference::Tag(tag.clone()))?;
            if let Some(descriptor) = named.first() {
                roots.push(gather(reader, closure, descriptor, Some(tag))?);
            }
        }
    }
}

fn gather(
    reader: &Reader<'_>,
    closure: &mut Closure,
    descriptor: &Descriptor,
    tag: Option<String>,
) -> Result<Root, Error> {
    reader.close_over(descriptor, closure)?;
    let document = closure
        .documents
        .iter()
        .find(|(d, _)| d.digest == descriptor.digest);
    let referrer = match document {
        Some((descriptor, blob)) => reader.referring(descriptor, blob)?,
        None => None,
    };
    Ok(Root {
        descriptor: descriptor.clone(),
        tag,
        referrer,
    })
}
