//! The images that a user means, before ir-sign reads them.

use std::sync::Arc;

use crate::image::{Descriptor, Platform};

/// One image of a place, before ir-sign reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The image's name in messages: the tag, with the platform if one tag has several.
    pub name: String,
    /// The descriptor of its manifest.
    pub descriptor: Arc<Descriptor>,
}

/// The images that a user means by a multi-platform tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The only image; an error if the tag has several.
    One,
    /// The image for this platform.
    Platform(Platform),
    /// All images.
    All,
    /// All images that the place has, and the indexes that it lacks, to show them.
    Any,
}
