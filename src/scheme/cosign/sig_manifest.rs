//! The manifests under the tags `sha256-HEX.sig` and `sha256-HEX.att`: a layer a signature or an attestation (cosign's
//! `SIGNATURE_SPEC.md`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::payload::PAYLOAD_MEDIA_TYPE;
use crate::crypto::{Digest, HashAlgorithm};
use crate::encoding::base64::{base64, unbase64};
use crate::encoding::strict;
use crate::image::{Blob, Change, Descriptor, Embedded, Link, media};
use crate::scheme::malformed::Malformed;

/// The media type of a layer that holds a DSSE envelope.
pub(super) const ENVELOPE_MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The annotation of a layer that holds its signature, in base64.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// The most layers of a manifest: cosign reads no more.
pub(super) const MOST_LAYERS: usize = 1000;
/// No signature is longer.
const MOST_SIGNATURE: usize = 16 << 10;
const WHAT: &str = "manifest of cosign signatures";

/// The attachments of an image under a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// Signatures: `.sig`.
    Signatures,
    /// Attestations: `.att`.
    Attestations,
}

impl Attachment {
    /// How the tag ends.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
        }
    }

    /// The type of its layers.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Signatures => PAYLOAD_MEDIA_TYPE,
            Self::Attestations => ENVELOPE_MEDIA_TYPE,
        }
    }
}

/// The tag by which signatures or attestations of a digest are found; `prefix` as with cosign's
/// `--attachment-tag-prefix`.
pub fn tag_of(digest: &Digest, attachment: Attachment, prefix: &str) -> String {
    let ending = attachment.ending();
    format!("{prefix}{}-{}.{ending}", digest.algorithm(), digest.hex())
}

/// A layer of such a manifest.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Where its blob is.
    pub descriptor: Descriptor,
    /// The annotations of the layer.
    pub annotations: BTreeMap<String, String>,
    text: String,
}

impl Layer {
    /// The signature in the layer's annotations. Base64 with line ends exists.
    pub(super) fn signature(&self) -> Result<Vec<u8>, Malformed> {
        let bad = |reason: &str| Malformed::new("layer of a cosign signature", reason);
        let text = self.annotations.get(SIGNATURE_ANNOTATION);
        let text = text.ok_or_else(|| bad("it has no signature among its annotations"))?;
        if text.len() > MOST_SIGNATURE {
            return Err(bad("its signature has more than 16 KiB"));
        }
        let in_one: String = text.split_ascii_whitespace().collect();
        unbase64(&in_one).ok_or_else(|| bad("its signature is not base64"))
    }

    /// Whether a certificate came along, as keyless signers and tokens add one.
    pub fn has_certificate(&self) -> bool {
        self.annotations.contains_key(CERTIFICATE)
    }
}

/// The manifest of all signatures, or all attestations, of an image.
#[derive(Clone, Debug, Default)]
pub struct SigManifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a> {
    #[serde(borrow)]
    layers: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayerText {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// Reads the manifest of signatures or attestations.
pub fn attachment(bytes: &[u8]) -> Result<SigManifest, Malformed> {
    let text: Text<'_> = strict::read(bytes).map_err(Malformed::json(WHAT))?;
    if text.layers.len() > MOST_LAYERS {
        return Err(Malformed::new(
            WHAT,
            format!("it has more than {MOST_LAYERS} layers"),
        ));
    }
    let layers = text.layers.into_iter().map(layer);
    let layers = layers.collect::<Result<_, _>>()?;
    Ok(SigManifest { layers })
}

fn layer(text: &RawValue) -> Result<Layer, Malformed> {
    let read: LayerText = serde_json::from_str(text.get()).map_err(Malformed::json(WHAT))?;
    let digest = read.digest.parse();
    let digest = digest.map_err(|error: crate::crypto::digest::DigestError| {
        Malformed::new(WHAT, error.to_string())
    })?;
    Ok(Layer {
        descriptor: Descriptor {
            media_type: media::shared(read.media_type),
            digest,
            size: read.size,
            tag: None,
            full_name: None,
            platform: None,
            embedded: Embedded::Nothing,
        },
        annotations: read.annotations.unwrap_or_default(),
        text: text.get().to_owned(),
    })
}

impl SigManifest {
    /// The layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Leaves out the layers that are not to stay.
    pub fn retain(&mut self, stays: impl Fn(&Layer) -> bool) {
        self.layers.retain(stays);
    }

    /// Adds a signature of a payload.
    pub fn add_signature(&mut self, payload: &Blob, signature: &[u8]) {
        let annotations = BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), base64(signature))]);
        self.add(payload, PAYLOAD_MEDIA_TYPE, annotations);
    }

    /// Adds an attestation. cosign reads none without a signature among its annotations, be that empty.
    pub fn add_envelope(&mut self, envelope: &Blob, predicate_type: &str) {
        let annotations = BTreeMap::from([
            (SIGNATURE_ANNOTATION.to_owned(), String::new()),
            ("predicateType".to_owned(), predicate_type.to_owned()),
        ]);
        self.add(envelope, ENVELOPE_MEDIA_TYPE, annotations);
    }

    fn add(
        &mut self,
        blob: &Blob,
        media_type: &'static str,
        annotations: BTreeMap<String, String>,
    ) {
        let is_this = |layer: &Layer| {
            layer.descriptor.digest == blob.digest()
                && layer.descriptor.media_type.as_ref() == media_type
                && layer.annotations == annotations
        };
        if self.layers.iter().any(is_this) {
            return;
        }
        let text = json!({
            "mediaType": media_type,
            "size": blob.size(),
            "digest": blob.digest().to_string(),
            "annotations": annotations,
        });
        self.layers.push(Layer {
            descriptor: Descriptor {
                media_type: media_type.into(),
                digest: blob.digest(),
                size: blob.size(),
                tag: None,
                full_name: None,
                platform: None,
                embedded: Embedded::Nothing,
            },
            annotations,
            text: text.to_string(),
        });
    }

    /// The change that puts the manifest under its tag, which leads to `replaces` until then. The layers that were there
    /// keep their text.
    pub fn change(&self, tag: String, replaces: Option<Digest>, blobs: Vec<Blob>) -> Change {
        let then = "0001-01-01T00:00:00Z";
        let diff_ids = self
            .layers
            .iter()
            .map(|layer| layer.descriptor.digest.to_string());
        let history: Vec<Value> = self
            .layers
            .iter()
            .map(|_| json!({ "created": then }))
            .collect();
        let config = json!({
            "architecture": "",
            "created": then,
            "history": history,
            "os": "",
            "rootfs": { "type": "layers", "diff_ids": diff_ids.collect::<Vec<_>>() },
            "config": {},
        });
        let config = Blob::new(HashAlgorithm::Sha256, config.to_string().into_bytes());
        let layers: Vec<&str> = self.layers.iter().map(|layer| &*layer.text).collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","size":{},"digest":"{}"}},"layers":[{}]}}"#,
            media::MANIFEST,
            media::CONFIG,
            config.size(),
            config.digest(),
            layers.join(","),
        );
        let mut all = vec![config];
        all.extend(blobs);
        Change::Attach {
            manifest: Blob::new(HashAlgorithm::Sha256, manifest.into_bytes()),
            blobs: all,
            by: Link::Tag { tag, replaces },
        }
    }
}
