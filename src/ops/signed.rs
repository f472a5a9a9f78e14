//! What became of images that were signed.

use std::path::PathBuf;
use std::sync::Arc;

use super::endorsement::Source;
use crate::crypto::Digest;
use crate::crypto::p384::Fingerprint;
use crate::image::Descriptor;
use crate::image::realm::Finding;
use crate::store::{AppliedImage, Mended, Referrer};

/// What was signed.
#[derive(Clone, Debug)]
pub struct SignedImages {
    /// The layout.
    pub layout: PathBuf,
    /// The images.
    pub images: Vec<SignedImage>,
    /// The vendor's key.
    pub vendor: Fingerprint,
    /// The CA's key.
    pub ca: Fingerprint,
    /// Where the endorsement comes from.
    pub endorsement: Source,
    /// The images beside the one that was meant without a name.
    pub unseen: Vec<Arc<Descriptor>>,
    /// What still refers to an unsigned manifest.
    pub referrers: Vec<Referrer>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What was done so that realms get the images.
    pub mended: Vec<Mended>,
    /// What keeps realms from the app.
    pub realms: Vec<Finding>,
    /// Whether anything was written.
    pub changed: bool,
}

/// One signed image.
#[derive(Clone, Debug)]
pub struct SignedImage {
    /// What became of its manifest.
    pub applied: AppliedImage,
    /// The config that was signed.
    pub config: Digest,
}

impl SignedImage {
    /// Whether the image carried this very signature already.
    pub fn was_signed(&self) -> bool {
        self.applied.old == self.applied.new
    }
}
