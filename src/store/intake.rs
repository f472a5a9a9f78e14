//! Places that whole images are copied to.

use super::access::Store;
use super::error::Error;
use super::place::Place;
use crate::crypto::Digest;
use crate::image::{Blob, Descriptor};
use crate::progress::Progress;

/// The result of copying content to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// It was there already, with its digest.
    There,
    /// Its bytes were written or sent.
    Sent,
    /// A registry took it from another of its repositories.
    Mounted,
}

/// A manifest or index with its name, or a referrer, after all its content was copied.
#[derive(Clone, Debug)]
pub struct Root {
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// The tag that leads to it; none for what is found by digest, or by what it refers to.
    pub tag: Option<String>,
    /// Of a referrer: what its entry says beside the descriptor.
    pub referrer: Option<Referring>,
}

/// What a referrer's entry says (OCI distribution-spec 1.1, "Listing Referrers").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referring {
    /// The manifest that it refers to.
    pub subject: Digest,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Its manifest's annotations.
    pub annotations: Vec<(String, String)>,
}

/// A tag that leads elsewhere now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The tag.
    pub tag: String,
    /// What it led to before, if to anything.
    pub from: Option<Digest>,
    /// What it leads to now.
    pub to: Digest,
}

/// A place that whole images are copied to: blobs first, in any order and several at once, then each document after
/// all that it refers to, then the names. Existing content is not copied again, so that a second run resumes an
/// interrupted one. Content counts as existing only after its digest was verified.
pub trait Intake: Sync {
    /// Where it is, for messages.
    fn place(&self) -> &Place;

    /// Whether it takes several blobs at once. An archive does not: their order is to be the same each time.
    fn takes_several(&self) -> bool {
        true
    }

    /// Copies the content of a descriptor out of another place, and checks it.
    fn blob(
        &self,
        descriptor: &Descriptor,
        from: &dyn Store,
        progress: &dyn Progress,
    ) -> Result<Brought, Error>;

    /// Copies a manifest or an index that was read and checked.
    fn document(&self, descriptor: &Descriptor, content: &Blob) -> Result<Brought, Error>;

    /// From now on nothing counts as there because the place says so. `false` where the place cannot be wrong about it.
    fn doubt(&self) -> bool {
        false
    }

    /// Makes the names lead to the copied content, all or none if the place can do that. Moves a tag that leads
    /// elsewhere if `may_move` is set, else refuses it. Returns the tags that are new or moved.
    fn name(&self, roots: &[Root], may_move: bool) -> Result<Vec<Moved>, Error>;
}
