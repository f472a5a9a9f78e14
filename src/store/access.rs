//! Places that images are read from, and those that can be changed.

use std::io::{self, Read};
use std::sync::Arc;

use super::edit::{Applied, Edit};
use super::error::{Error, Kind};
use super::place::Place;
use crate::crypto::Digest;
use crate::image::{Descriptor, Reference};

/// A place that images are read from. Its bytes are unchecked: [`super::Reader`] checks them.
///
/// Its *entries* are the descriptors at its top: those of a layout's or an archive's `index.json`. A registry has an
/// entry for each tag: the type, digest and size of the manifest or index that the tag names, with the tag as
/// [`Descriptor::tag`] and without a platform.
pub trait Store: Sync {
    /// Where it is, for messages.
    fn place(&self) -> &Place;

    /// The entries that a tag, a full name or a digest means. All of them lead to one digest; there are several
    /// where an index states different things of it. A digest below an index is found too. Empty where there is no
    /// such thing.
    ///
    /// An error says that the name is ambiguous, or that the place could not be read.
    fn find(&self, reference: &Reference) -> Result<Vec<Arc<Descriptor>>, Error>;

    /// All entries. A registry asks for each of its tags here: whoever names an image calls [`Store::find`].
    fn entries(&self) -> Result<Vec<Arc<Descriptor>>, Error>;

    /// Opens the content of a descriptor: a stream that is read once, from its start, by one thread.
    ///
    /// The error for content that is not there, or is known to have another size, is one of [`super::Part::Blob`].
    /// The stream may turn out to be longer, shorter or other than the descriptor states.
    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error>;

    /// The manifests and indexes that name this digest as their `subject`.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Arc<Descriptor>>, Error>;

    /// The error of a stream of [`Store::open`] that could not be read to its end.
    fn unread(&self, _descriptor: &Descriptor, error: io::Error) -> Error {
        let kind = Kind::Io {
            action: "read",
            source: error,
        };
        kind.at(self.place().clone())
    }

    /// Whether it has such a blob, if that is known without a request; `None` for a registry.
    fn has(&self, _blob: &Digest) -> Option<bool> {
        None
    }

    /// Bytes of the document that lists the entries. They count towards the limit of all indexes.
    fn index_size(&self) -> u64 {
        0
    }

    /// The error where [`Store::find`] finds nothing: it names the existing tags, as far as they are known.
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

/// A place whose images can be changed. Archives are none.
pub trait Target: Store {
    /// Makes the changes, all or none: no reader meets a manifest before what it leads to.
    ///
    /// Others may change the place meanwhile: if an image has changed since the edit was made, the result is
    /// [`Kind::Lost`], and nothing was written.
    fn apply(&mut self, edits: &[Edit]) -> Result<Applied, Error>;
}
