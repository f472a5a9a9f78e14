//! A repository of a registry as the destination of a copy.

use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::client::Source;
use super::error::Error as RemoteError;
use super::manifest::{Document, ManifestRef};
use super::push::{MOST_TRIES, Move};
use super::store::RemoteStore;
use super::upload::Pushed;
use crate::image::{Blob, Descriptor, Tag};
use crate::progress::Progress;
use crate::store::access::Store;
use crate::store::checked::Checked;
use crate::store::error::{Error, Kind};
use crate::store::intake::{Brought, Intake, Moved, Root};
use crate::store::place::Place;
use crate::store::problem::Part;

/// The content of a descriptor in another place. The client may read it several times; each reading checks it before it
/// hands out the last bytes.
struct Content<'a> {
    descriptor: &'a Descriptor,
    from: &'a dyn Store,
    progress: &'a dyn Progress,
    /// The error of reading the content.
    failed: Mutex<Option<Error>>,
}

struct Stream<'a> {
    content: &'a Content<'a>,
    checked: Option<Checked<'a>>,
    left: u64,
}

impl Source for Content<'_> {
    fn open(&self, from: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let opened = Checked::open(self.from, self.descriptor);
        let mut stream = Stream {
            checked: Some(opened.map_err(|error| self.note(error))?),
            content: self,
            left: self.descriptor.size,
        };
        // The digest covers the whole content.
        let skipped = io::copy(&mut (&mut stream).take(from), &mut io::sink())?;
        if skipped < from {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Box::new(stream))
    }
}

impl Content<'_> {
    /// Keeps an error for the caller, and tells the request library that there is one.
    fn note(&self, error: Error) -> io::Error {
        let shown = io::Error::other(error.to_string());
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed = Some(error);
        shown
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(checked) = &mut self.checked else {
            return Ok(0);
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = checked
            .next(buffer)
            .map_err(|error| self.content.note(error))?;
        self.left -= read as u64;
        if self.left == 0 || read == 0 {
            // Before the last bytes go: the registry never gets the whole of a wrong blob.
            let checked = self.checked.take().map_or(Ok(()), Checked::finish);
            checked.map_err(|error| self.content.note(error))?;
        }
        self.content.progress.advance(read as u64);
        Ok(read)
    }
}

impl RemoteStore {
    fn document_of(&self, descriptor: &Descriptor) -> Result<Document, Error> {
        let blob = self.manifest(descriptor)?;
        Ok(Document {
            blob: blob.ok_or_else(|| self.absent(descriptor.digest))?,
            media_type: descriptor.media_type.to_string(),
        })
    }

    /// Makes a tag lead to a document; returns the digest that it led to before, if that was another.
    fn point(
        &self,
        name: &str,
        document: &Document,
        may_move: bool,
    ) -> Result<Option<Moved>, Error> {
        let to = document.blob.digest();
        let failed = |error| self.error(Part::Manifest(to), error);
        let tag: Tag = name
            .parse()
            .map_err(|error: crate::image::RepositoryError| {
                let (tag, reason) = (name.to_owned(), error.to_string());
                Kind::Tagged { tag, reason }.at(Store::place(self).clone())
            })?;
        let mut found = self.repository.resolve(&tag).map_err(failed)?;
        for _ in 0..MOST_TRIES {
            if found == Some(to) {
                return Ok(None);
            }
            if let (Some(found), false) = (found, may_move) {
                let tag = name.to_owned();
                return Err(Kind::TagTaken { tag, found }.at(Store::place(self).clone()));
            }
            let moved = self.repository.move_tag(&tag, found.as_ref(), document);
            match moved.map_err(failed)? {
                Move::Done { from } => {
                    let tag = name.to_owned();
                    return Ok(Some(Moved { tag, from, to }));
                }
                Move::Lost { found: other } => found = other,
            }
        }
        Err(failed(self.repository.moved(&tag, found.as_ref())))
    }
}

impl Intake for RemoteStore {
    fn place(&self) -> &Place {
        Store::place(self)
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        from: &dyn Store,
        progress: &dyn Progress,
    ) -> Result<Brought, Error> {
        let content = Content {
            descriptor,
            from,
            progress,
            failed: Mutex::default(),
        };
        let (digest, size) = (descriptor.digest, descriptor.size);
        let mount = self.mount.as_ref();
        let pushed = if self.is_doubted.load(Ordering::Relaxed) {
            self.repository.send_blob(&digest, size, &content, None)
        } else {
            self.repository.push_blob(&digest, size, &content, mount)
        };
        let failed = content.failed.into_inner();
        match (pushed, failed.unwrap_or_else(PoisonError::into_inner)) {
            (Ok(Pushed::Sent), _) => Ok(Brought::Sent),
            (Ok(other), _) => {
                progress.skip(size);
                Ok(match other {
                    Pushed::Mounted => Brought::Mounted,
                    _ => Brought::There,
                })
            }
            (Err(_), Some(error)) => Err(error),
            (Err(error), None) => Err(self.error(Part::Blob(digest), error)),
        }
    }

    fn document(&self, descriptor: &Descriptor, content: &Blob) -> Result<Brought, Error> {
        let failed = |error: RemoteError| self.error(Part::Manifest(descriptor.digest), error);
        self.keep(content);
        let reference = ManifestRef::Digest(descriptor.digest);
        let is_believed = !self.is_doubted.load(Ordering::Relaxed);
        if is_believed && self.repository.has_manifest(&reference).map_err(failed)? {
            return Ok(Brought::There);
        }
        let document = Document {
            blob: content.clone(),
            media_type: descriptor.media_type.to_string(),
        };
        self.repository.push_manifest(&document).map_err(failed)?;
        Ok(Brought::Sent)
    }

    fn doubt(&self) -> bool {
        self.is_doubted.store(true, Ordering::Relaxed);
        true
    }

    fn name(&self, roots: &[Root], may_move: bool) -> Result<Vec<Moved>, Error> {
        let mut moved = Vec::new();
        // Readers can find the referrers of an image before the image has its tag.
        for root in roots.iter().rev() {
            let document = self.document_of(&root.descriptor)?;
            if let Some(referrer) = &root.referrer {
                let attached = self.repository.attach(&document, &referrer.subject);
                attached
                    .map_err(|error| self.error(Part::Manifest(root.descriptor.digest), error))?;
            }
            if let Some(tag) = &root.tag {
                moved.extend(self.point(tag, &document, may_move)?);
            }
        }
        moved.reverse();
        Ok(moved)
    }
}
