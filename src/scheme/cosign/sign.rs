//! Drafting signatures and attestations.

use std::collections::BTreeMap;

use super::algorithms::for_signing;
use super::artifact::bundle_manifest;
use super::bundle::{Content, bundle_of};
use super::candidate::{Met, Said, of_attestation, of_bundle, of_layer};
use super::envelope::{Envelope, pae};
use super::payload::Payload;
use super::sig_manifest::{Attachment, Layer, SigManifest};
use super::statement::{PredicateType, Statement};
use super::wanted::Wanted;
use crate::crypto::{Algorithm, Digest, HashAlgorithm, KeyKind, PublicKey, Signature};
use crate::image::{Blob, Change, Descriptor};
use crate::scheme::draft::{Draft, Message, SignScheme};
use crate::scheme::error::Error;

/// An image or an index, and what hangs on it already.
#[derive(Clone, Debug)]
pub struct Target {
    /// What leads to it.
    pub descriptor: Descriptor,
    /// The manifest under the tag, and where that leads to now.
    pub tagged: Tagged,
    /// The bundles that refer to it.
    pub bundles: Vec<Blob>,
}

/// The attachments of an image under a tag.
#[derive(Clone, Debug, Default)]
pub struct Tagged {
    /// The tag.
    pub tag: String,
    /// The digest that it leads to; `None` if there is no such tag.
    pub digest: Option<Digest>,
    /// What it leads to.
    pub manifest: SigManifest,
    /// The layers' blobs, in the layers' order; `None` for one that cannot be read.
    pub blobs: Vec<Option<Blob>>,
}

impl Tagged {
    /// The layers with their blobs.
    pub fn layers(&self) -> impl Iterator<Item = (&Layer, Option<&Blob>)> {
        let blobs = self.blobs.iter().map(Option::as_ref);
        self.manifest.layers().iter().zip(blobs)
    }
}

/// The signed statement about an image.
#[derive(Clone, Debug)]
pub enum Statements {
    /// The signer vouches for it.
    Signature {
        /// The name by which it is signed.
        docker_reference: String,
        /// What else the signer says.
        annotations: BTreeMap<String, String>,
    },
    /// A predicate about it: the whole statement, and the predicate's type.
    Attestation {
        /// The statement's bytes.
        statement: Vec<u8>,
        /// The type of its predicate.
        predicate_type: String,
        /// Whether it takes the place of the same key's attestations of this type.
        replaces: bool,
    },
}

/// The algorithms to sign with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashes(pub Option<HashAlgorithm>);

impl Hashes {
    /// The algorithms for a key.
    pub fn of(self, key: &PublicKey) -> Result<Vec<Algorithm>, Error> {
        match (key.kind(), self.0) {
            (KeyKind::Ec(curve), None) => Ok(for_signing(curve)),
            (KeyKind::Ec(curve), Some(hash)) => Ok(vec![Algorithm::Ecdsa(curve, hash)]),
            (KeyKind::Rsa { .. }, hash) => {
                let hash = hash.unwrap_or(HashAlgorithm::Sha256);
                Ok(vec![Algorithm::RsaPkcs1(hash)])
            }
            (kind @ KeyKind::Ed25519, _) => Err(Error::KeyKind { kind }),
        }
    }
}

/// Signs by layers under a tag: `.sig` and `.att`.
#[derive(Clone, Debug)]
pub struct ByTag {
    /// What is signed.
    pub says: Statements,
    /// Under which hashes.
    pub hashes: Hashes,
}

/// Signs by a bundle that refers to the image, one a draft.
#[derive(Clone, Debug)]
pub struct ByBundle {
    /// What is signed.
    pub says: Statements,
    /// How it is signed.
    pub by: Algorithm,
    /// The time in RFC 3339.
    pub now: String,
}

impl Statements {
    /// The attachments of the image under the tag after the change.
    pub const fn attachment(&self) -> Attachment {
        match self {
            Self::Signature { .. } => Attachment::Signatures,
            Self::Attestation { .. } => Attachment::Attestations,
        }
    }

    /// The content of a layer under the tag, or the statement in a bundle.
    fn payload(&self, digest: &Digest) -> Vec<u8> {
        match self {
            Self::Signature {
                docker_reference,
                annotations,
            } => Payload::new(docker_reference.clone(), *digest)
                .with(annotations)
                .to_bytes(),
            Self::Attestation { statement, .. } => statement.clone(),
        }
    }

    /// The statement that a bundle holds.
    fn statement(&self, digest: &Digest) -> Vec<u8> {
        match self {
            Self::Signature { annotations, .. } => Statement::of_image(digest, annotations),
            Self::Attestation { statement, .. } => statement.clone(),
        }
    }

    fn predicate_type(&self) -> &str {
        match self {
            Self::Signature { .. } => PredicateType::SIGNATURE,
            Self::Attestation { predicate_type, .. } => predicate_type,
        }
    }
}

impl ByTag {
    /// The content that the key has signed already in a layer.
    fn met(&self, layer: &Layer, blob: &Blob, target: &Target, key: &PublicKey) -> Option<Met> {
        let (digest, keys) = (&target.descriptor.digest, std::slice::from_ref(key));
        let looked = match &self.says {
            Statements::Signature { .. } => {
                of_layer(layer, blob.bytes(), digest, keys, &Wanted::default())
            }
            Statements::Attestation { predicate_type, .. } => {
                of_attestation(layer, blob.bytes(), digest, keys, predicate_type)
            }
        };
        looked.1
    }

    /// Whether the key signed there the same content that it is to sign now.
    fn says_the_same(&self, met: &Met, digest: &Digest) -> bool {
        let wanted = self.says.payload(digest);
        match &met.said {
            Said::Payload(payload) => payload.to_bytes() == wanted,
            Said::Statement(_, envelope) => envelope.payload == wanted,
        }
    }
}

impl SignScheme for ByTag {
    type Subject = Target;

    /// Keeps a valid signature with the same content, and adds the missing ones. Signatures by other keys stay.
    fn draft<'a>(&'a self, target: &Target, key: &PublicKey) -> Result<Draft<'a>, Error> {
        let digest = target.descriptor.digest;
        let tagged = &target.tagged;
        let mut manifest = tagged.manifest.clone();
        let mut missing = self.hashes.of(key)?;
        let mut outdated: Vec<Digest> = Vec::new();
        for (layer, blob) in tagged.layers() {
            let met = blob.and_then(|blob| self.met(layer, blob, target, key));
            let Some(met) = met else { continue };
            if self.says_the_same(&met, &digest) {
                missing.retain(|by| *by != met.by);
            } else if matches!(self.says, Statements::Attestation { replaces: true, .. }) {
                outdated.push(layer.descriptor.digest);
            }
        }
        manifest.retain(|layer| !outdated.contains(&layer.descriptor.digest));
        if missing.is_empty() && outdated.is_empty() {
            return Ok(Draft::new(Vec::new(), |_| Change::Keep));
        }
        let payload = self.says.payload(&digest);
        let bytes = match &self.says {
            Statements::Signature { .. } => payload.clone(),
            Statements::Attestation { .. } => pae(super::envelope::PAYLOAD_TYPE, &payload),
        };
        let content = Blob::new(HashAlgorithm::Sha256, bytes);
        let messages = missing.into_iter().map(|by| Message {
            by,
            content: content.clone(),
        });
        let (tag, replaces) = (tagged.tag.clone(), tagged.digest);
        let finish = move |signatures: &[Signature]| {
            let mut blobs = Vec::new();
            for signature in signatures {
                blobs.push(self.add(&mut manifest, &payload, signature));
            }
            manifest.change(tag, replaces, blobs)
        };
        Ok(Draft::new(messages.collect(), finish))
    }
}

impl ByTag {
    fn add(&self, manifest: &mut SigManifest, payload: &[u8], signature: &Signature) -> Blob {
        match &self.says {
            Statements::Signature { .. } => {
                let blob = Blob::new(HashAlgorithm::Sha256, payload.to_vec());
                manifest.add_signature(&blob, &signature.to_bytes());
                blob
            }
            Statements::Attestation { predicate_type, .. } => {
                let envelope = Envelope::of(payload.to_vec(), signature.to_bytes());
                let blob = Blob::new(HashAlgorithm::Sha256, envelope.to_bytes());
                manifest.add_envelope(&blob, predicate_type);
                blob
            }
        }
    }
}

impl ByBundle {
    /// Tells for each bundle of this key, hash and type whether it says the same.
    fn same<'a>(
        &'a self,
        target: &'a Target,
        key: &'a PublicKey,
    ) -> impl Iterator<Item = bool> + 'a {
        let digest = target.descriptor.digest;
        let statement = self.says.statement(&digest);
        let kind = match &self.says {
            Statements::Signature { .. } => None,
            Statements::Attestation { predicate_type, .. } => Some(&**predicate_type),
        };
        target.bundles.iter().filter_map(move |bundle| {
            let keys = std::slice::from_ref(key);
            let (_, met) = of_bundle(bundle.bytes(), &digest, keys, kind, &Wanted::default());
            let met = met.filter(|met| met.by == self.by)?;
            match &met.said {
                Said::Statement(_, envelope) => Some(envelope.payload == statement),
                Said::Payload(_) => None,
            }
        })
    }

    /// How many attestations in bundles an attestation that replaces the key's others leaves there. Each is a manifest
    /// of its own, and cosign 3 leaves it too.
    pub fn left(&self, target: &Target, key: &PublicKey) -> usize {
        match &self.says {
            Statements::Attestation { replaces: true, .. } => {
                self.same(target, key).filter(|is_same| !is_same).count()
            }
            Statements::Attestation { .. } | Statements::Signature { .. } => 0,
        }
    }
}

impl SignScheme for ByBundle {
    type Subject = Target;

    /// Keeps a bundle of this key and hash that says the same.
    fn draft<'a>(&'a self, target: &Target, key: &PublicKey) -> Result<Draft<'a>, Error> {
        let digest = target.descriptor.digest;
        let statement = self.says.statement(&digest);
        if self.same(target, key).any(|is_same| is_same) {
            return Ok(Draft::new(Vec::new(), |_| Change::Keep));
        }
        let message = Message {
            by: self.by,
            content: Blob::new(
                HashAlgorithm::Sha256,
                pae(super::envelope::PAYLOAD_TYPE, &statement),
            ),
        };
        let (key, subject) = (key.clone(), target.descriptor.clone());
        let finish = move |signatures: &[Signature]| {
            let envelope = Envelope::of(statement, signatures[0].to_bytes());
            let bundle = bundle_of(&key, &Content::Envelope(envelope));
            bundle_manifest(&subject, bundle, self.says.predicate_type(), &self.now)
        };
        Ok(Draft::new(vec![message], finish))
    }
}
