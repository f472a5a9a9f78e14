//! Verifies what an offline signer made, and attaches it to an image.

use std::path::{Path, PathBuf};

use super::error::Error as CosignError;
use super::hanging::{Hanging, check_readable};
use super::image::CosignImage;
use super::payload::read_prepared;
use crate::crypto::{Algorithm, Digest, HashAlgorithm, PublicKey, Signature, Signed};
use crate::encoding::base64::unbase64;
use crate::files;
#[cfg(feature = "registry")]
use crate::image::Reference;
use crate::image::realm::Finding;
use crate::image::{Blob, Change, Descriptor};
use crate::ops::error::Error;
use crate::ops::location::Location;
use crate::scheme::Malformed;
use crate::scheme::cosign::{
    Attachment, Bundle, BundleContent, Envelope, Prepared, Statement, bundle_manifest, bundle_of,
    for_verifying, signature_of,
};
use crate::store::{Edit, Layout, Limits, Reader, Registry, Target as _};

/// No file of signatures is longer.
const MOST_SIGNATURES: usize = 1 << 20;
/// No attestation is longer.
const MOST_ATTESTATION: usize = 128 << 20;

/// What to attach.
#[derive(Clone, Debug)]
pub enum What {
    /// Signatures of a payload or a statement that `generate` wrote.
    Signature {
        /// The payload's file.
        payload: PathBuf,
        /// The file of signatures: base64, one a line, or one in DER.
        signature: PathBuf,
        /// The signer's public key. Without one only the payload is compared with the image.
        key: Option<PublicKey>,
    },
    /// DSSE envelopes, one after another, or a bundle.
    Attestation {
        /// The file.
        file: PathBuf,
        /// The signer's public key, if the run is to verify the attestations first.
        key: Option<PublicKey>,
    },
}

/// Puts signatures or attestations beside an image.
#[derive(Clone, Debug)]
pub struct Attach {
    /// The image.
    pub image: CosignImage,
    /// What to attach.
    pub what: What,
    /// The limits on reading what hangs on the image already.
    pub hanging: Hanging,
    /// The time in RFC 3339.
    pub now: String,
}

/// The image that something was attached to.
#[derive(Clone, Debug)]
pub struct AttachedTo {
    /// Its digest.
    pub digest: Digest,
    /// Whether the run attached anything: not if everything was there already.
    pub is_new: bool,
    /// The findings that keep realms from the app, if the place is a layout that was changed.
    pub realms: Result<Vec<Finding>, String>,
}

impl AttachedTo {
    const fn of(digest: Digest, edits: &[Edit]) -> Self {
        Self {
            digest,
            is_new: !edits.is_empty(),
            realms: Ok(Vec::new()),
        }
    }
}

/// The content of the files.
enum Read {
    /// A payload, and its signatures.
    Signatures(Vec<u8>, Vec<Vec<u8>>),
    /// Envelopes, and the predicate's type of each.
    Envelopes(Vec<(Envelope, String)>),
    /// A finished bundle.
    Bundles(Vec<(Vec<u8>, String)>),
}

impl Attach {
    /// Compares and verifies everything, then attaches it unless it is there already.
    pub fn run(&self) -> Result<AttachedTo, Error> {
        self.image.check_writable()?;
        let limits = Limits::default();
        match &self.image.location {
            Location::App { registry, app } => {
                self.in_layout(Registry::open(registry, limits)?.layout(app)?)
            }
            Location::Layout(path) => self.in_layout(Layout::at(path, limits)?),
            Location::Archive { .. } => {
                Err(CosignError::InArchive(self.image.location.place()).into())
            }
            #[cfg(feature = "registry")]
            Location::Repository(at) => {
                let references: Vec<Reference> = self.image.reference.iter().cloned().collect();
                let mut store = at.to_write().meaning(&references, limits)?;
                let elsewhere = self.image.elsewhere_to_write();
                let (digest, edits) = {
                    let reader = Reader::new(&store, limits);
                    let beside = elsewhere.as_ref().map(|store| Reader::new(store, limits));
                    self.edits(&reader, beside.as_ref().unwrap_or(&reader))?
                };
                match elsewhere {
                    Some(elsewhere) => elsewhere.attach_all(&edits)?,
                    None => {
                        store.apply(&edits)?;
                    }
                }
                Ok(AttachedTo::of(digest, &edits))
            }
        }
    }

    fn in_layout(&self, mut layout: Layout) -> Result<AttachedTo, Error> {
        let (digest, edits) = {
            let reader = layout.reader();
            self.edits(&reader, &reader)?
        };
        let mut attached = AttachedTo::of(digest, &edits);
        if edits.is_empty() {
            layout.sync_existing()?;
        } else {
            layout.apply(&edits)?;
            // It is attached: later errors do not undo that.
            let realms = layout.realm_findings();
            attached.realms = realms.map_err(|error| error.to_string());
        }
        Ok(attached)
    }

    fn edits(
        &self,
        reader: &Reader<'_>,
        beside: &Reader<'_>,
    ) -> Result<(Digest, Vec<Edit>), Error> {
        let (name, descriptor) = reader.subject(self.image.reference.as_ref())?;
        reader.whole(&descriptor)?;
        let digest = descriptor.digest;
        let read = self.read(&digest)?;
        let mut edits = Vec::new();
        for change in self.changes(beside, &descriptor, read)? {
            check_readable(beside, &change)?;
            if let Change::Attach {
                manifest,
                blobs,
                by,
            } = change
            {
                edits.push(beside.attach(&name, digest, &manifest, &blobs, &by)?);
            }
        }
        Ok((digest, edits))
    }

    fn changes(
        &self,
        reader: &Reader<'_>,
        subject: &Descriptor,
        read: Read,
    ) -> Result<Vec<Change>, Error> {
        let kind = match read {
            Read::Signatures(..) => Attachment::Signatures,
            Read::Envelopes(_) => Attachment::Attestations,
            Read::Bundles(bundles) => {
                let there = self.hanging.bundles(reader, &subject.digest)?;
                let there: Vec<_> = there.readable().collect();
                let is_new = |bundle: &[u8]| there.iter().all(|blob| blob.bytes() != bundle);
                let new = bundles.into_iter().filter(|(bundle, _)| is_new(bundle));
                let made = new.map(|(bundle, predicate_type)| {
                    bundle_manifest(subject, bundle, &predicate_type, &self.now)
                });
                return Ok(made.collect());
            }
        };
        let tagged = self.hanging.tagged(reader, &subject.digest, kind)?;
        let mut manifest = tagged.manifest.clone();
        let mut blobs = Vec::new();
        match read {
            Read::Signatures(payload, signatures) => {
                let blob = Blob::new(HashAlgorithm::Sha256, payload);
                for signature in &signatures {
                    manifest.add_signature(&blob, signature);
                }
                blobs.push(blob);
            }
            Read::Envelopes(envelopes) => {
                for (envelope, predicate_type) in envelopes {
                    let blob = Blob::new(HashAlgorithm::Sha256, envelope.to_bytes());
                    manifest.add_envelope(&blob, &predicate_type);
                    blobs.push(blob);
                }
            }
            Read::Bundles(_) => unreachable!("bundles have manifests of their own"),
        }
        // Each layer that is to be attached hangs there already.
        if manifest.layers().len() == tagged.manifest.layers().len() {
            return Ok(Vec::new());
        }
        Ok(vec![manifest.change(tagged.tag, tagged.digest, blobs)])
    }

    fn read(&self, digest: &Digest) -> Result<Read, Error> {
        match &self.what {
            What::Signature {
                payload,
                signature,
                key,
            } => Self::signatures(digest, payload, signature, key.as_ref()),
            What::Attestation { file, key } => attestations(digest, file, key.as_ref()),
        }
    }

    fn signatures(
        digest: &Digest,
        payload: &Path,
        signature: &Path,
        key: Option<&PublicKey>,
    ) -> Result<Read, Error> {
        let name = format!("payload file {}", payload.display());
        let (prepared, bytes) = read_prepared(payload)?;
        about(&name, digest, prepared.check(digest))?;
        let name = format!("signature file {}", signature.display());
        let message = prepared.message(&bytes);
        let signatures = read_signatures(signature, key)?;
        let bad = || CosignError::BadSignature {
            name: name.clone(),
            of: payload.display().to_string(),
        };
        if signatures.is_empty() {
            return Err(bad().into());
        }
        if let Some(key) = key {
            for signature in &signatures {
                let holds = |by: &Algorithm| {
                    let what = Signed::Bytes(&message);
                    key.verify(*by, what, signature).is_ok()
                };
                if !for_verifying(key.kind()).iter().any(holds) {
                    return Err(bad().into());
                }
            }
        }
        match (prepared, key) {
            (Prepared::Payload(_), _) => Ok(Read::Signatures(bytes, signatures)),
            (Prepared::Statement(statement), Some(key)) => {
                let kind = statement.predicate_type;
                let bundle = |signature: Vec<u8>| {
                    let envelope = Envelope::of(bytes.clone(), signature);
                    let bundle = bundle_of(key, &BundleContent::Envelope(envelope));
                    (bundle, kind.clone())
                };
                Ok(Read::Bundles(signatures.into_iter().map(bundle).collect()))
            }
            (Prepared::Statement(_), None) => Err(CosignError::NotHere {
                image: name,
                reason: "a bundle names its key: give the public key by --key",
            }
            .into()),
        }
    }
}

/// Refuses a payload or statement that is about another image.
fn about(name: &str, wanted: &Digest, checked: Result<(), String>) -> Result<(), Error> {
    checked.map_err(|found| {
        CosignError::OtherImage {
            name: name.to_owned(),
            found,
            wanted: *wanted,
        }
        .into()
    })
}

/// Reads a file of signatures.
pub(super) fn read_signatures(path: &Path, key: Option<&PublicKey>) -> Result<Vec<Vec<u8>>, Error> {
    let given = files::read(path, MOST_SIGNATURES).map_err(Error::file("signature file"))?;
    each_signature(&given, key).map_err(|source| {
        let name = format!("signature file {}", path.display());
        CosignError::Malformed { name, source }.into()
    })
}

/// The signatures of a file: base64, one a line, of DER or of raw r and s; or the bytes of one in DER.
fn each_signature(bytes: &[u8], key: Option<&PublicKey>) -> Result<Vec<Vec<u8>>, Malformed> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let lines: Vec<_> = text.split_ascii_whitespace().collect();
    let read: Option<Vec<_>> = lines.into_iter().map(unbase64).collect();
    let read = read.filter(|read| !read.is_empty());
    let all = match read {
        Some(read) => read,
        None => vec![signature_of(bytes)?],
    };
    let in_der = |signature: Vec<u8>| match key.map(PublicKey::kind) {
        // Go takes raw r and s, other verifiers do not: write them in DER.
        Some(crate::crypto::KeyKind::Ec(curve)) => {
            let raw = Signature::from_raw(curve, &signature);
            raw.map_or(signature, |raw| raw.to_bytes())
        }
        Some(_) | None => signature,
    };
    Ok(all.into_iter().map(in_der).collect())
}

/// Attestations of a file: envelopes, one after another, or one bundle.
fn attestations(digest: &Digest, file: &Path, key: Option<&PublicKey>) -> Result<Read, Error> {
    let name = format!("attestation file {}", file.display());
    let bytes = files::read(file, MOST_ATTESTATION).map_err(Error::file("attestation file"))?;
    let malformed = |source| {
        let name = name.clone();
        Error::from(CosignError::Malformed { name, source })
    };
    if let Ok(bundle) = Bundle::read(&bytes) {
        let BundleContent::Envelope(envelope) = bundle.content else {
            return Err(CosignError::Nothing {
                image: name,
                what: "attestation in it, but a signature of a file",
            }
            .into());
        };
        let kind = check_envelope(&name, digest, &envelope, key)?;
        return Ok(Read::Bundles(vec![(bytes, kind)]));
    }
    let mut envelopes = Vec::new();
    let texts = bytes.split(|byte| *byte == b'\n');
    let texts = texts.filter(|text| !text.trim_ascii().is_empty());
    // This reads an envelope that is spread over several lines as a whole.
    let whole = Envelope::read(&bytes);
    let all: Vec<Envelope> = match whole {
        Ok(envelope) => vec![envelope],
        Err(source) => {
            let each: Result<Vec<_>, _> = texts.map(Envelope::read).collect();
            each.ok()
                .filter(|all| !all.is_empty())
                .ok_or_else(|| malformed(source))?
        }
    };
    for envelope in all {
        let kind = check_envelope(&name, digest, &envelope, key)?;
        envelopes.push((envelope, kind));
    }
    Ok(Read::Envelopes(envelopes))
}

/// Refuses an envelope that is about another image or not by the key. Returns the predicate's type.
fn check_envelope(
    name: &str,
    digest: &Digest,
    envelope: &Envelope,
    key: Option<&PublicKey>,
) -> Result<String, Error> {
    let statement =
        Statement::read(&envelope.payload).map_err(|source| CosignError::Malformed {
            name: name.to_owned(),
            source,
        })?;
    let kind = statement.predicate_type.clone();
    about(name, digest, Prepared::Statement(statement).check(digest))?;
    if let Some(key) = key {
        let message = envelope.message();
        let mut signatures = envelope.signatures.iter();
        let holds = signatures.any(|signature| {
            for_verifying(key.kind())
                .iter()
                .any(|by| key.verify(*by, Signed::Bytes(&message), signature).is_ok())
        });
        if !holds {
            return Err(CosignError::BadSignature {
                name: name.to_owned(),
                of: "its statement".into(),
            }
            .into());
        }
    }
    Ok(kind)
}
