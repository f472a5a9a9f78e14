//! What a scheme wants done to an image.

use std::collections::BTreeMap;

/// What a scheme wants done to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Set these annotations of the manifest.
    Annotate(BTreeMap<String, String>),
}
