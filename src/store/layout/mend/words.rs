//! The request to mend a layout, and the report of the changes.

use crate::crypto::Digest;
use crate::image::Reference;

/// The images that the user wants in realms. If two entries would get the same tag, an image that the user named keeps
/// it.
#[derive(Clone, Copy, Debug)]
pub struct ForRealms<'a> {
    /// The images that the user named.
    pub references: &'a [Reference],
    /// Whether a platform chose one image of several: the tag then names that image.
    pub by_platform: bool,
}

/// One change to a layout that lets realms get its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mended {
    /// An entry was left out.
    LeftOut {
        /// The entry's name.
        name: String,
        /// Why no server loads it.
        reason: String,
    },
    /// A tag was shortened, or taken away.
    Tag {
        /// The tag there was.
        from: String,
        /// The tag there is now.
        to: Option<String>,
        /// The manifest or index that has the tag now, or had it.
        digest: Digest,
    },
    /// A tag now names an image itself, and no longer an index.
    Named {
        /// The tag.
        tag: String,
        /// The image.
        digest: Digest,
    },
    /// A tag still names an index, because the index holds several images.
    Several {
        /// The tag.
        tag: String,
        /// The images.
        images: Vec<Digest>,
    },
    /// A manifest that the user did not ask to sign has new text.
    Rewritten {
        /// Its digest before.
        old: Digest,
        /// Its digest now.
        new: Digest,
    },
}
