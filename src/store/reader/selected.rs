//! The images that a user means, before they are read.

use std::sync::Arc;

use crate::image::{Descriptor, Platform};

/// One image of a place, before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The image's name in messages: the tag, with the platform where one tag has several.
    pub name: String,
    /// The descriptor of its manifest.
    pub descriptor: Arc<Descriptor>,
}

/// Which images of a multi-platform tag are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The tag has to name one image.
    One,
    /// The one for this platform.
    Platform(Platform),
    /// All of them.
    All,
    /// All that are there, and the indexes that are not, to show them.
    Any,
}
