//! Layers: this checks their blobs against the manifest, and their unpacked content against the config.
//!
//! Because of these checks a signature over the config binds an image's content.

mod cache;
mod check;
mod mislabelled;
mod read;
#[cfg(test)]
mod tests;

pub(super) use cache::LayerCache;
pub use check::{LayerFindings, SEALED};
