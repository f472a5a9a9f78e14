//! Which image is meant, before it is read.

use std::sync::Arc;

use crate::image::{Descriptor, Platform};

/// One image of a place, before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// What the image is called in messages: the tag, with the platform where one tag has several.
    pub name: String,
    /// What leads to its manifest.
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
