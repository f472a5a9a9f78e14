//! Places that receive whole images.

use super::access::Store;
use super::error::Error;
use super::place::Place;
use crate::crypto::Digest;
use crate::image::{Blob, Descriptor};
use crate::progress::Progress;

/// The result of copying content to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// The place had it already, with its digest.
    There,
    /// ir-sign wrote or sent its bytes.
    Sent,
    /// A registry took it from another of its repositories.
    Mounted,
}

/// A manifest or index with its name, or a referrer; its content has all been copied.
#[derive(Clone, Debug)]
pub struct Root {
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// The tag that leads to it; `None` if readers find it by its digest, or by the subject that it refers to.
    pub tag: Option<String>,
    /// For a referrer: the facts that its entry states beside the descriptor.
    pub referrer: Option<Referring>,
}

/// The facts in a referrer's entry (OCI distribution-spec 1.1, "Listing Referrers").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referring {
    /// The manifest that it refers to.
    pub subject: Digest,
    /// The type of the artifact.
    pub artifact_type: Option<String>,
    /// Its manifest's annotations.
    pub annotations: Vec<(String, String)>,
}

/// A tag that now leads to another manifest or index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The tag.
    pub tag: String,
    /// The digest that the tag led to before, if any.
    pub from: Option<Digest>,
    /// The digest that the tag leads to now.
    pub to: Digest,
}

/// A place that receives whole images. It receives the blobs first, in any order and several at once, then each
/// document after everything that the document refers to, then the names. It does not receive existing content again,
/// so a second run resumes an interrupted one. Content counts as existing only after ir-sign has verified its digest.
pub trait Intake: Sync {
    /// Where it is, for messages.
    fn place(&self) -> &Place;

    /// Whether the place receives several blobs at once. An archive does not: its blobs must have the same order each
    /// time.
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

    /// Copies a manifest or an index that the caller has read and checked.
    fn document(&self, descriptor: &Descriptor, content: &Blob) -> Result<Brought, Error>;

    /// From now on, content does not count as existing because the place says so. `false` if the place cannot be wrong
    /// about it.
    fn doubt(&self) -> bool {
        false
    }

    /// Makes the names lead to the copied content, all or none if the place can do that. If a tag leads elsewhere,
    /// moves it if `may_move` is set, and refuses otherwise. Returns the new and moved tags.
    fn name(&self, roots: &[Root], may_move: bool) -> Result<Vec<Moved>, Error>;
}
