//! Looking at what hangs on an image, trusting nothing.

use std::collections::BTreeMap;

use super::error::Error as CosignError;
use super::hanging::{Hanging, malformed};
use super::image::CosignImage;
use crate::crypto::Digest;
use crate::ops::error::Error;
use crate::progress::Progress;
use crate::scheme::cosign::{Attachment, Bundle, BundleContent, Envelope, Statement, tag_of};
use crate::store::{Limits, Reader};

/// What hangs on an image.
#[derive(Clone, Debug)]
pub struct Look {
    /// The image.
    pub image: CosignImage,
    /// The limits on reading it.
    pub hanging: Hanging,
}

/// A manifest that hangs on an image by a tag or as a referrer.
#[derive(Clone, Debug)]
pub struct Branch {
    /// What it is.
    pub kind: Kind,
    /// The tag, or the referrer's digest.
    pub name: String,
    /// The digests of its layers.
    pub layers: Vec<Digest>,
}

/// The kinds of branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signatures under a tag.
    Signatures,
    /// Attestations under a tag.
    Attestations,
    /// A referrer of the image, with the predicate's type if it is a bundle of a statement.
    Referrer(Option<String>),
}

/// A signature and the content that it signs.
#[derive(Clone, Debug)]
pub struct Downloaded {
    /// The payload, or the statement's envelope.
    pub content: Vec<u8>,
    /// The layer's annotations; none for the content of a bundle.
    pub annotations: BTreeMap<String, String>,
}

impl Look {
    fn open<T>(
        &self,
        progress: &dyn Progress,
        work: impl FnOnce(&Reader<'_>, &Digest) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let limits = Limits::default();
        let mut opened = self.image.location.open(limits, progress)?;
        let window = opened.take_window();
        let reader = Reader::with_window(opened.store(), limits, window);
        let (_, descriptor) = reader.subject(self.image.reference.as_ref())?;
        reader.whole(&descriptor)?;
        match &self.image.elsewhere {
            None => work(&reader, &descriptor.digest),
            Some(place) => {
                let opened = place.open(limits, progress)?;
                work(&Reader::new(opened.store(), limits), &descriptor.digest)
            }
        }
    }

    /// The tag under which the image's signatures or attestations are.
    pub fn triangulate(&self, kind: Attachment, progress: &dyn Progress) -> Result<String, Error> {
        self.open(progress, |_, digest| {
            Ok(tag_of(digest, kind, &self.hanging.prefix))
        })
    }

    /// What hangs on the image.
    pub fn tree(&self, progress: &dyn Progress) -> Result<(Digest, Vec<Branch>), Error> {
        self.open(progress, |reader, digest| {
            let mut branches = Vec::new();
            for (attachment, kind) in [
                (Attachment::Signatures, Kind::Signatures),
                (Attachment::Attestations, Kind::Attestations),
            ] {
                // Something else under the tag is shown, without layers.
                let (tagged, _) = self.hanging.look(reader, digest, attachment)?;
                if tagged.digest.is_some() {
                    let layers = tagged.manifest.layers().iter();
                    branches.push(Branch {
                        kind,
                        name: tagged.tag.clone(),
                        layers: layers.map(|layer| layer.descriptor.digest).collect(),
                    });
                }
            }
            for referrer in reader.each_referrer(digest)? {
                let Ok(referrer) = referrer else { continue };
                let Ok((_, manifest)) = reader.manifest(&referrer) else {
                    continue;
                };
                let mut predicate_type = manifest
                    .annotations
                    .get("dev.sigstore.bundle.predicateType")
                    .cloned();
                if predicate_type.is_none() {
                    predicate_type.clone_from(&manifest.artifact_type);
                }
                branches.push(Branch {
                    kind: Kind::Referrer(predicate_type),
                    name: referrer.digest.to_string(),
                    layers: manifest.layers.iter().map(|layer| layer.digest).collect(),
                });
            }
            Ok((*digest, branches))
        })
    }

    /// The signatures under the tag.
    pub fn signatures(&self, progress: &dyn Progress) -> Result<Vec<Downloaded>, Error> {
        self.open(progress, |reader, digest| {
            let tagged = self
                .hanging
                .tagged(reader, digest, Attachment::Signatures)?;
            let layers = tagged.layers().filter_map(|(layer, blob)| {
                Some(Downloaded {
                    content: blob?.bytes().to_vec(),
                    annotations: layer.annotations.clone(),
                })
            });
            self.some(layers.collect(), "signature under its tag")
        })
    }

    /// The envelopes of attestations, under the tag and in bundles. If the caller names a type, only those of the type.
    pub fn attestations(
        &self,
        predicate_type: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Vec<Downloaded>, Error> {
        self.open(progress, |reader, digest| {
            let (tagged, layers) = self
                .hanging
                .look(reader, digest, Attachment::Attestations)?;
            let by_tag = tagged.layers().filter_map(|(layer, blob)| {
                Some((blob?.bytes().to_vec(), layer.annotations.clone()))
            });
            let mut all: Vec<_> = by_tag.collect();
            for blob in self.hanging.bundles(reader, digest)?.readable() {
                if let Ok(Bundle {
                    content: BundleContent::Envelope(envelope),
                    ..
                }) = Bundle::read(blob.bytes())
                {
                    all.push((envelope.to_bytes(), BTreeMap::new()));
                }
            }
            let is_wanted = |envelope: &[u8]| {
                let statement = Envelope::read(envelope)
                    .and_then(|envelope| Statement::read(&envelope.payload));
                statement.is_ok_and(|statement| {
                    let kind = statement.predicate_type.as_str();
                    let is_signature = kind == crate::scheme::cosign::PredicateType::SIGNATURE;
                    predicate_type.map_or(!is_signature, |wanted| kind == wanted)
                })
            };
            all.retain(|(envelope, _)| is_wanted(envelope));
            let all = all.into_iter().map(|(content, annotations)| Downloaded {
                content,
                annotations,
            });
            let all: Vec<_> = all.collect();
            // Something else under the tag hides no bundle.
            match layers {
                Err(source) if all.is_empty() => Err(malformed(reader, &tagged, source)),
                _ => self.some(all, "attestation"),
            }
        })
    }

    fn some<T>(&self, all: Vec<T>, what: &'static str) -> Result<Vec<T>, Error> {
        if all.is_empty() {
            let image = self.image.name.to_string();
            return Err(CosignError::Nothing { image, what }.into());
        }
        Ok(all)
    }
}
