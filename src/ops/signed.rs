//! The result of signing images.

use std::path::PathBuf;
use std::sync::Arc;

use super::endorsement::Source;
use crate::crypto::Digest;
use crate::crypto::p384::Fingerprint;
use crate::image::Descriptor;
use crate::image::realm::Finding;
use crate::store::{AppliedImage, Mended, Referrer};

/// The result of signing images of one place.
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
    /// The other images, where the user named none and the only runnable one was signed.
    pub unseen: Vec<Arc<Descriptor>>,
    /// The referrers of an unsigned manifest.
    pub referrers: Vec<Referrer>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// The changes that let realms get the images.
    pub mended: Vec<Mended>,
    /// The findings that keep realms from the app.
    pub realms: Vec<Finding>,
    /// Whether anything was written.
    pub changed: bool,
}

/// One signed image.
#[derive(Clone, Debug)]
pub struct SignedImage {
    /// The change of its manifest.
    pub applied: AppliedImage,
    /// The config that was signed.
    pub config: Digest,
}

impl SignedImage {
    /// Whether the image already carried this very signature.
    pub fn was_signed(&self) -> bool {
        self.applied.old == self.applied.new
    }
}
