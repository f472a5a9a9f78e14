//! Looking at the signatures of an image, trusting nothing.

use super::image::NotationImage;
use super::verifier::Signatures;
use crate::crypto::Digest;
use crate::image::Descriptor;
use crate::ops::error::Error;
use crate::progress::Progress;
use crate::scheme::notary::{Chains, Envelope, SignatureManifest};
use crate::store::{Limits, Reader};

/// Looks at the signatures of an image.
#[derive(Clone, Debug)]
pub struct NotationLook {
    /// The image.
    pub image: NotationImage,
    /// How many signatures it looks at.
    pub most: usize,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The image's digest and type.
    pub image: Descriptor,
    /// The image's name with its digest.
    pub name: String,
    /// Its signatures.
    pub signatures: Vec<LookedAt>,
    /// Whether there are more.
    pub more: bool,
}

/// One signature.
#[derive(Clone, Debug)]
pub struct LookedAt {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its content, or why it has none.
    pub read: Result<(SignatureManifest, Envelope), String>,
}

impl NotationLook {
    /// Finds the signatures, and reads them.
    pub fn run(&self, progress: &dyn Progress) -> Result<Looked, Error> {
        let limits = Limits::default();
        let mut opened = self.image.location.open(limits, progress)?;
        let window = opened.take_window();
        let reader = Reader::with_window(opened.store(), limits, window);
        let (_, image) = reader.subject(self.image.reference.as_ref())?;
        reader.whole(&image)?;
        let digest = image.digest.to_string();
        let mut looked = Looked {
            name: self.image.location.full_name(Some(&digest)),
            image: Descriptor::clone(&image),
            signatures: Vec::new(),
            more: false,
        };
        let chains = Chains::new();
        let signatures = Signatures::of(&reader, &image, &chains)?;
        looked.more = signatures.left_out > 0;
        for found in signatures {
            if looked.signatures.len() == self.most {
                looked.more = true;
                break;
            }
            let found = found.map_err(|error| Error::Store(*error))?;
            looked.signatures.push(LookedAt {
                digest: found.digest,
                read: found.read.map_err(|malformed| malformed.to_string()),
            });
        }
        Ok(looked)
    }
}
