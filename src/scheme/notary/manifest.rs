//! The manifest that holds an envelope and refers to the artifact that it is about ("Signature Specification",
//! "Storage").

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::format::{Form, Format, MOST_ENVELOPE, SIGNATURE_TYPE};
use crate::crypto::digest::DigestError;
use crate::crypto::{Digest, HashAlgorithm};
use crate::encoding::strict::{self, Shape};
use crate::encoding::time;
use crate::image::{Blob, Change, Descriptor, Embedded, Link, media};
use crate::scheme::malformed::Malformed;
use crate::x509::Certificate;

/// The annotation with the SHA-256 of each certificate: a JSON list in a text. Verifiers do not read it.
pub const THUMBPRINTS: &str = "io.cncf.notary.x509chain.thumbprint#S256";
const CREATED: &str = "org.opencontainers.image.created";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

const WHAT: &str = "manifest of a Notary Project signature";
const DESCRIPTOR: Shape = Shape::Object(&[
    ("mediaType", &Shape::Any),
    ("digest", &Shape::Any),
    ("size", &Shape::Number),
]);
const SHAPE: Shape = Shape::Object(&[
    ("mediaType", &Shape::Any),
    ("artifactType", &Shape::Any),
    ("config", &DESCRIPTOR),
    ("layers", &Shape::List(&DESCRIPTOR)),
    ("subject", &DESCRIPTOR),
    ("annotations", &Shape::Map(&Shape::Any)),
]);

/// A signature's manifest, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureManifest {
    /// How it says that it is one.
    pub form: Form,
    /// The envelope.
    pub envelope: Descriptor,
    /// The envelope's format.
    pub format: Format,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    subject: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    artifact_type: Option<String>,
    config: Entry,
    layers: Vec<Entry>,
    subject: Option<Entry>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    media_type: String,
    digest: String,
    size: u64,
}

impl Entry {
    fn descriptor(self) -> Result<Descriptor, Malformed> {
        let digest: Result<Digest, DigestError> = self.digest.parse();
        let digest = digest.map_err(|error| Malformed::new(WHAT, error.to_string()))?;
        Ok(Descriptor {
            media_type: media::shared(self.media_type),
            digest,
            size: self.size,
            tag: None,
            full_name: None,
            platform: None,
            embedded: Embedded::Nothing,
        })
    }
}

impl SignatureManifest {
    /// Whether a manifest with these two types says that it is a signature.
    pub fn form_of(artifact_type: Option<&str>, config_type: &str) -> Option<Form> {
        match artifact_type.filter(|text| !text.is_empty()) {
            Some(SIGNATURE_TYPE) => Some(Form::ArtifactType),
            None if config_type == SIGNATURE_TYPE => Some(Form::Legacy),
            _ => None,
        }
    }

    /// Reads a manifest whose digest was checked: one envelope, and a subject.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = |reason: String| Malformed::new(WHAT, reason);
        strict::check_shape(bytes, &SHAPE).map_err(Malformed::refused(WHAT))?;
        let read: Document = serde_json::from_slice(bytes).map_err(Malformed::json(WHAT))?;
        let form = Self::form_of(read.artifact_type.as_deref(), &read.config.media_type);
        let form = form.ok_or_else(|| malformed("it says that it is something else".into()))?;
        let subject = read.subject;
        let subject = subject.ok_or_else(|| malformed("it is about no artifact".into()))?;
        let count = read.layers.len();
        let Ok([envelope]) = <[Entry; 1]>::try_from(read.layers) else {
            return Err(malformed(format!(
                "it holds {count} envelopes, and not one"
            )));
        };
        let format = Format::of(&envelope.media_type).ok_or_else(|| {
            malformed(format!(
                "its envelope is of the type {:?}",
                envelope.media_type
            ))
        })?;
        if envelope.size > MOST_ENVELOPE {
            return Err(malformed(format!(
                "its envelope has {} bytes, and {MOST_ENVELOPE} is the most",
                envelope.size
            )));
        }
        Ok(Self {
            form,
            envelope: envelope.descriptor()?,
            format,
            annotations: read.annotations.unwrap_or_default(),
            subject: subject.descriptor()?,
        })
    }

    /// Reads a manifest that has to be about this artifact.
    pub fn read_for(bytes: &[u8], artifact: &Descriptor) -> Result<Self, Malformed> {
        let read = Self::read(bytes)?;
        if read.is_of(artifact) {
            return Ok(read);
        }
        let Descriptor {
            media_type,
            digest,
            size,
            ..
        } = &read.subject;
        let reason = format!("it is about another artifact: {digest} ({media_type}, {size} bytes)");
        Err(Malformed::new(WHAT, reason))
    }

    /// Whether it is about the artifact: its media type, digest and size.
    pub fn is_of(&self, artifact: &Descriptor) -> bool {
        let subject = &self.subject;
        subject.media_type == artifact.media_type
            && subject.digest == artifact.digest
            && subject.size == artifact.size
    }

    /// The artifact that it is about.
    pub const fn subject(&self) -> &Descriptor {
        &self.subject
    }
}

/// The change that attaches an envelope to an artifact.
pub fn attach(
    artifact: &Descriptor,
    format: Format,
    envelope: Vec<u8>,
    chain: &[Certificate],
    form: Form,
    now: SystemTime,
) -> Change {
    let config = Blob::new(HashAlgorithm::Sha256, b"{}".to_vec());
    let envelope = Blob::new(HashAlgorithm::Sha256, envelope);
    let to = |media_type: &str, digest: &Digest, size: u64| json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
    let thumbprints = chain.iter().map(|one| one.fingerprint().hex());
    let thumbprints = Value::from(thumbprints.collect::<Vec<_>>()).to_string();
    let mut manifest = Map::new();
    let mut set = |name: &str, value: Value| manifest.insert(name.to_owned(), value);
    set("schemaVersion", 2.into());
    set("mediaType", media::MANIFEST.into());
    let mut of_config = to(SIGNATURE_TYPE, &config.digest(), config.size());
    if form == Form::ArtifactType {
        set("artifactType", SIGNATURE_TYPE.into());
        of_config["mediaType"] = EMPTY.into();
        of_config["data"] = "e30=".into();
    }
    set("config", of_config);
    let of_envelope = to(format.media_type(), &envelope.digest(), envelope.size());
    set("layers", vec![of_envelope].into());
    let subject = to(&artifact.media_type, &artifact.digest, artifact.size);
    set("subject", subject);
    set(
        "annotations",
        json!({ THUMBPRINTS: thumbprints, CREATED: time::write(now) }),
    );
    let manifest = Value::from(manifest).to_string().into_bytes();
    Change::Attach {
        manifest: Blob::new(HashAlgorithm::Sha256, manifest),
        blobs: vec![config, envelope],
        by: Link::Subject {
            artifact_type: SIGNATURE_TYPE.to_owned(),
        },
    }
}
