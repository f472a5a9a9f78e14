//! What mending is asked for, and what it tells of.

use crate::crypto::Digest;
use crate::image::Reference;

/// For whom a layout is mended: what the user named keeps its tag where two would have the same.
#[derive(Clone, Copy, Debug)]
pub struct ForRealms<'a> {
    /// The images that were named.
    pub references: &'a [Reference],
    /// Whether a platform chose one of several: the tag names that one then.
    pub by_platform: bool,
}

/// What was done to a layout so that realms get its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mended {
    /// An entry was left out.
    LeftOut {
        /// What it was called.
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
        /// What has it now, or had it.
        digest: Digest,
    },
    /// A tag names an image itself now, and not an index any more.
    Named {
        /// The tag.
        tag: String,
        /// The image.
        digest: Digest,
    },
    /// A tag still names an index, for it holds several images.
    Several {
        /// The tag.
        tag: String,
        /// The images.
        images: Vec<Digest>,
    },
    /// Another manifest than a signed one was written anew.
    Rewritten {
        /// Its digest before.
        old: Digest,
        /// Its digest now.
        new: Digest,
    },
}
