//! Signing images, and indexes, for the Notary Project.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error::Error as NotationError;
use super::image::NotationImage;
use super::verifier::{MOST_SIGNATURES, Signatures};
use crate::crypto::{Digest, Signed};
#[cfg(feature = "registry")]
use crate::image::Reference;
use crate::image::realm::Finding;
use crate::image::{Change, Descriptor};
use crate::key::Signer;
use crate::ops::error::Error;
use crate::ops::location::Location;
use crate::scheme::notary::{
    Chains, DraftError, Envelope, Form, Format, Payload, Terms, attach, draft,
};
use crate::store::{self, Edit, Kind, Layout, Limits, Reader, Registry, Target as _};
use crate::x509::{Certificate, chain};

/// How often the run starts again because another run changed the place.
const MOST_TRIES: usize = 3;

/// Signs images.
#[derive(Clone, Debug)]
pub struct NotationSign {
    /// The images.
    pub images: Vec<NotationImage>,
    /// The certificates of the key, its own first, down to the root.
    pub chain: Vec<Certificate>,
    /// The format of the envelope.
    pub format: Format,
    /// The form of its manifest.
    pub form: Form,
    /// What the signer adds.
    pub metadata: BTreeMap<String, String>,
    /// How long the signature holds, if not as long as its certificates.
    pub lifetime: Option<Duration>,
    /// Whether to sign all images that an index leads to, too.
    pub all_platforms: bool,
    /// The time of signing.
    pub now: SystemTime,
}

/// The result for one image or index.
#[derive(Clone, Debug)]
pub struct NotationSigned {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// The signature's manifest, new or kept.
    pub signature: Digest,
    /// Whether it is new.
    pub is_new: bool,
    /// When the signature ends to hold, if it says so.
    pub expiry: Option<SystemTime>,
    /// The findings that keep realms from the app, if the place is a layout.
    pub realms: Result<Vec<Finding>, String>,
}

impl NotationSign {
    /// Signs image after image. Each error concerns one image.
    pub fn run(
        &self,
        signer: &dyn Signer,
    ) -> Result<Vec<Result<Vec<NotationSigned>, Error>>, Error> {
        for image in &self.images {
            image.check_writable()?;
        }
        self.check(signer)?;
        let mut all = Vec::new();
        for image in &self.images {
            let done = self.one(image, signer);
            let is_over = matches!(done, Err(Error::Key(_)));
            all.push(done);
            // The run asks a key that failed for nothing more.
            if is_over {
                break;
            }
        }
        Ok(all)
    }

    /// Refuses a chain that cannot sign now or is another key's, before it uses a key.
    fn check(&self, signer: &dyn Signer) -> Result<(), NotationError> {
        let leaf = self.chain.first();
        if leaf.is_none_or(|leaf| leaf.public_key() != signer.public_key()) {
            return Err(NotationError::OtherKey {
                subject: leaf.map_or_else(String::new, |leaf| leaf.subject().to_string()),
            });
        }
        chain::check(&self.chain)
            .and_then(|()| chain::check_validity(&self.chain, self.now))
            .map_err(NotationError::Chain)
    }

    fn one(
        &self,
        image: &NotationImage,
        signer: &dyn Signer,
    ) -> Result<Vec<NotationSigned>, Error> {
        for _ in 0..MOST_TRIES {
            match self.once(image, signer) {
                Err(Error::Store(store::Error {
                    kind: Kind::Lost { .. },
                    ..
                })) => {}
                other => return other,
            }
        }
        let image = image.name.to_string();
        Err(NotationError::Overtaken { image }.into())
    }

    fn once(
        &self,
        image: &NotationImage,
        signer: &dyn Signer,
    ) -> Result<Vec<NotationSigned>, Error> {
        let limits = Limits::default();
        match &image.location {
            Location::App { registry, app } => {
                let mut layout = Registry::open(registry, limits)?.layout(app)?;
                self.in_layout(image, signer, &mut layout)
            }
            Location::Layout(path) => self.in_layout(image, signer, &mut Layout::at(path, limits)?),
            Location::Archive { .. } => {
                Err(NotationError::InArchive(image.location.place()).into())
            }
            #[cfg(feature = "registry")]
            Location::Repository(at) => {
                let references: Vec<Reference> = image.reference.iter().cloned().collect();
                let mut store = at.to_write().meaning(&references, limits)?;
                let (done, edits) = self.edits(image, signer, &Reader::new(&store, limits))?;
                if !edits.is_empty() {
                    store.apply(&edits)?;
                }
                Ok(done)
            }
        }
    }

    fn in_layout(
        &self,
        image: &NotationImage,
        signer: &dyn Signer,
        layout: &mut Layout,
    ) -> Result<Vec<NotationSigned>, Error> {
        let (mut done, edits) = self.edits(image, signer, &layout.reader())?;
        if edits.is_empty() {
            layout.sync_existing()?;
        } else {
            layout.apply(&edits)?;
            // The image is signed: later errors do not undo that.
            let realms = layout.realm_findings().map_err(|error| error.to_string());
            if let Some(first) = done.first_mut() {
                first.realms = realms;
            }
        }
        Ok(done)
    }

    /// Signs the image and, if the user asked for it, every image that it leads to. Writes nothing yet.
    fn edits(
        &self,
        image: &NotationImage,
        signer: &dyn Signer,
        reader: &Reader<'_>,
    ) -> Result<(Vec<NotationSigned>, Vec<Edit>), Error> {
        let (name, subject) = reader.subject(image.reference.as_ref())?;
        let (mut done, mut edits) = (Vec::new(), Vec::new());
        for subject in self.subjects(reader, subject)? {
            // The signature covers the digest that leads to the content.
            reader.whole(&subject)?;
            let (one, change) = self.sign(&name, &subject, signer, reader)?;
            if let Change::Attach {
                manifest,
                blobs,
                by,
            } = change
            {
                edits.push(reader.attach(&name, subject.digest, &manifest, &blobs, &by)?);
            }
            done.push(one);
        }
        Ok((done, edits))
    }

    fn subjects(
        &self,
        reader: &Reader<'_>,
        subject: Arc<Descriptor>,
    ) -> Result<Vec<Arc<Descriptor>>, Error> {
        if !self.all_platforms {
            return Ok(vec![subject]);
        }
        let mut subjects = Vec::new();
        let mut seen = HashSet::new();
        for below in reader.with_all_below(&subject)? {
            // An attestation is about an image, but is not one.
            if seen.insert(below.digest) && !reader.is_attestation(&below)? {
                subjects.push(below);
            }
        }
        Ok(subjects)
    }

    fn sign(
        &self,
        name: &str,
        subject: &Descriptor,
        signer: &dyn Signer,
        reader: &Reader<'_>,
    ) -> Result<(NotationSigned, Change), Error> {
        let payload =
            Payload::new(subject, self.metadata.clone()).map_err(NotationError::Reserved)?;
        let result = |signature: Digest, is_new: bool, expiry| NotationSigned {
            name: name.to_owned(),
            digest: subject.digest,
            signature,
            is_new,
            expiry,
            realms: Ok(Vec::new()),
        };
        if let Some((there, expiry)) = self.there(reader, subject, &payload)? {
            return Ok((result(there, false, expiry), Change::Keep));
        }
        let expiry = self.lifetime.map(|lifetime| self.now + lifetime);
        let terms = Terms {
            format: self.format,
            payload,
            signing_time: self.now,
            expiry,
            agent: concat!("ir-sign/", env!("CARGO_PKG_VERSION")).into(),
        };
        let draft = draft(terms, &self.chain).map_err(drafting)?;
        let signature = signer.sign(draft.algorithm(), Signed::Bytes(draft.message()))?;
        let envelope = draft.finish(&signature).map_err(drafting)?;
        let change = attach(
            subject,
            self.format,
            envelope,
            &self.chain,
            self.form,
            self.now,
        );
        let digest = match &change {
            Change::Attach { manifest, .. } => manifest.digest(),
            Change::Keep | Change::Annotate(_) => subject.digest,
        };
        Ok((result(digest, true, expiry), change))
    }

    /// A signature that is there, holds, and says the same by the same certificates.
    fn there(
        &self,
        reader: &Reader<'_>,
        subject: &Descriptor,
        payload: &Payload,
    ) -> Result<Option<(Digest, Option<SystemTime>)>, Error> {
        let chains = Chains::new();
        for found in Signatures::of(reader, subject, &chains)?.take(MOST_SIGNATURES) {
            // The run signs even if it cannot read one of these.
            if let Ok(found) = found
                && let Ok((manifest, envelope)) = found.read
                && manifest.format == self.format
                && envelope.payload == *payload
                && self.is_as_good(&envelope)
            {
                return Ok(Some((found.digest, envelope.attributes.expiry)));
            }
        }
        Ok(None)
    }

    /// Whether a signature need not be made again: by the same certificates, and it holds for as long, or nearly.
    fn is_as_good(&self, envelope: &Envelope) -> bool {
        let attributes = &envelope.attributes;
        let lives = match (attributes.expiry, self.lifetime) {
            (None, None) => true,
            (Some(expiry), Some(lifetime)) => expiry >= self.now + lifetime / 10 * 9,
            (None, Some(_)) | (Some(_), None) => false,
        };
        lives
            && attributes.signing_time <= self.now
            && attributes.plugin.is_none()
            && envelope.chain.certificates() == self.chain
            && envelope.check().is_ok()
    }
}

fn drafting(error: DraftError) -> NotationError {
    NotationError::Draft(Box::new(error))
}
