//! Layers: checking their blobs against the manifest, and their unpacked content against the config.
//!
//! This is what makes a signature over the config bind an image's content.

mod cache;
mod check;
mod mislabelled;
mod read;
#[cfg(test)]
mod tests;

pub(super) use cache::LayerCache;
pub use check::LayerFindings;
