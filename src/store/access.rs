//! Places that ir-sign reads images from, and places that it can change.

use std::io::{self, Read};
use std::sync::Arc;

use super::edit::{Applied, Edit};
use super::error::{Error, Kind};
use super::place::Place;
use crate::crypto::Digest;
use crate::image::{Descriptor, Reference};

/// A place to read images from. Its bytes are unchecked: [`super::Reader`] checks them.
///
/// Its *entries* are the descriptors at its top: those of a layout's or an archive's `index.json`. A registry has an
/// entry for each tag: the type, digest and size of the manifest or index that the tag names, with the tag as
/// [`Descriptor::tag`] and without a platform.
pub trait Store: Sync {
    /// Where it is, for messages.
    fn place(&self) -> &Place;

    /// The entries that a tag, a full name or a digest means. All of them lead to one digest; there are several if an
    /// index states different things about it. This also finds a digest below an index. Empty if the place has no such
    /// manifest or index.
    ///
    /// An error says that the name is ambiguous, or that ir-sign could not read the place.
    fn find(&self, reference: &Reference) -> Result<Vec<Arc<Descriptor>>, Error>;

    /// All entries. A registry makes a request for each of its tags here, so a caller that knows the name uses
    /// [`Store::find`].
    fn entries(&self) -> Result<Vec<Arc<Descriptor>>, Error>;

    /// Opens the content of a descriptor: one thread reads the stream once, from its start.
    ///
    /// If the content is missing, or the place knows that its size differs, the error is one about
    /// [`super::Part::Blob`].
    /// The stream may turn out to be longer or shorter than the descriptor states, or have other bytes.
    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error>;

    /// The manifests and indexes that name this digest as their `subject`.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Arc<Descriptor>>, Error>;

    /// The same one by one, so that a malformed entry of a list, or a malformed manifest, hides no other.
    fn each_referrer(
        &self,
        subject: &Digest,
    ) -> Result<Vec<Result<Arc<Descriptor>, Error>>, Error> {
        let all = self.referrers(subject)?.into_iter();
        Ok(all.map(Ok).collect())
    }

    /// The error for a stream of [`Store::open`] that the caller could not read to its end.
    fn unread(&self, _descriptor: &Descriptor, error: io::Error) -> Error {
        let kind = Kind::Io {
            action: "read",
            source: error,
        };
        kind.at(self.place().clone())
    }

    /// Whether the place has this blob, if it knows without a request; `None` for a registry.
    fn has(&self, _blob: &Digest) -> Option<bool> {
        None
    }

    /// The size in bytes of the document that lists the entries. It counts towards the limit of all indexes.
    fn index_size(&self) -> u64 {
        0
    }

    /// The error if [`Store::find`] finds nothing: it lists the existing tags that the place knows.
    fn no_such_image(&self, reference: &Reference) -> Error {
        let reference = reference.clone();
        let kind = Kind::NoSuchImage {
            reference,
            present: Vec::new(),
            unreferenced: false,
        };
        kind.at(self.place().clone())
    }
}

/// A place whose images ir-sign can change. An archive is not a target.
pub trait Target: Store {
    /// Makes the changes, all or none: no reader meets a manifest before what it leads to.
    ///
    /// Another run may change the place meanwhile: if an image has changed since the edit was computed, the result is
    /// [`Kind::Lost`], and this writes nothing.
    fn apply(&mut self, edits: &[Edit]) -> Result<Applied, Error>;
}
