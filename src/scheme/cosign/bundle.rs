//! Sigstore bundles, version 0.3 (sigstore's `protobuf-specs`, `sigstore_bundle.proto`; cosign's `BUNDLE_SPEC.md`).

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::envelope::Envelope;
use super::log_entry::{LogEntry, Timestamps};
use crate::crypto::{Digest, HashAlgorithm, PublicKey};
use crate::encoding::base64::{base64, unbase64};
use crate::encoding::strict;
use crate::scheme::malformed::Malformed;

/// The media type of a bundle.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// No bundle is longer.
const MOST_BYTES: usize = 128 << 20;
const WHAT: &str = "Sigstore bundle v0.3";

/// A bundle that a key made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// What it holds.
    pub content: Content,
    /// Whether it has entries of a transparency log, or timestamps. This code does not verify them.
    pub has_log: bool,
}

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A signed statement.
    Envelope(Envelope),
    /// A signature of a file.
    Message {
        /// The file's digest.
        digest: Digest,
        /// The signature.
        signature: Vec<u8>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Text<'a> {
    media_type: String,
    verification_material: Material,
    #[serde(default, borrow)]
    dsse_envelope: Option<&'a RawValue>,
    #[serde(default)]
    message_signature: Option<MessageSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Material {
    #[serde(default)]
    public_key: Option<Hint>,
    #[serde(default)]
    certificate: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    x509_certificate_chain: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    tlog_entries: Vec<LogEntry>,
    #[serde(default)]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    #[serde(default, rename = "hint")]
    _hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MessageSignature {
    message_digest: MessageDigest,
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageDigest {
    algorithm: String,
    digest: String,
}

/// The names of hash functions in bundles.
const fn hash_name(hash: HashAlgorithm) -> &'static str {
    match hash {
        HashAlgorithm::Sha256 => "SHA2_256",
        HashAlgorithm::Sha384 => "SHA2_384",
        HashAlgorithm::Sha512 => "SHA2_512",
    }
}

impl Bundle {
    /// Reads a bundle. Refuses a bundle with a certificate: this code cannot check whose certificate it is.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let bad = |reason: &str| Malformed::new(WHAT, reason);
        if bytes.len() > MOST_BYTES {
            return Err(bad("it has more than 128 MiB"));
        }
        let text: Text<'_> = strict::read(bytes).map_err(Malformed::json(WHAT))?;
        if text.media_type != BUNDLE_TYPE {
            return Err(bad("its mediaType is another one"));
        }
        let material = text.verification_material;
        if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
            return Err(bad(
                "it is keyless: a certificate made it, but ir-sign verifies only with keys here",
            ));
        }
        if material.public_key.is_none() {
            return Err(bad("it names no public key"));
        }
        for entry in &material.tlog_entries {
            let checked = entry.check();
            checked.map_err(|reason| bad(&format!("an entry of its log: {reason}")))?;
        }
        if let Some(timestamps) = &material.timestamp_verification_data {
            timestamps.check().map_err(|reason| bad(&reason))?;
        }
        let has_log =
            !material.tlog_entries.is_empty() || material.timestamp_verification_data.is_some();
        let content = match (text.dsse_envelope, text.message_signature) {
            (Some(envelope), None) => {
                let envelope = Envelope::read(envelope.get().as_bytes())?;
                if envelope.signatures.len() != 1 {
                    let count = envelope.signatures.len();
                    return Err(bad(&format!("it has {count} signatures, and one is right")));
                }
                Content::Envelope(envelope)
            }
            (None, Some(message)) => of_message(&message)?,
            (None, None) => return Err(bad("it has no signature")),
            (Some(_), Some(_)) => return Err(bad("it has a statement and a signature of a file")),
        };
        Ok(Self { content, has_log })
    }
}

fn of_message(message: &MessageSignature) -> Result<Content, Malformed> {
    let bad = |reason: &str| Malformed::new(WHAT, reason);
    let stated = &message.message_digest;
    let mut hashes = HashAlgorithm::ALL.into_iter();
    let hash = hashes.find(|hash| hash_name(*hash) == stated.algorithm);
    let hash = hash.ok_or_else(|| bad("its messageDigest is of an unknown algorithm"))?;
    let digest = unbase64(&stated.digest).filter(|bytes| bytes.len() == hash.hash_len());
    let digest = digest.ok_or_else(|| bad("its messageDigest is not one"))?;
    let signature = unbase64(&message.signature);
    Ok(Content::Message {
        digest: Digest::from_hash(hash, &digest),
        signature: signature.ok_or_else(|| bad("its signature is not base64"))?,
    })
}

/// The bundle of a message and its signature, in JSON.
pub fn bundle_of(key: &PublicKey, content: &Content) -> Vec<u8> {
    let hint = Digest::of(HashAlgorithm::Sha256, key.spki());
    let start = format!(
        r#"{{"mediaType":"{BUNDLE_TYPE}","verificationMaterial":{{"publicKey":{{"hint":"{}"}}}},"#,
        base64(hint.as_bytes())
    );
    let content = match content {
        Content::Envelope(envelope) => {
            let text = String::from_utf8(envelope.in_bundle()).expect("JSON is text");
            format!(r#""dsseEnvelope":{text}}}"#)
        }
        Content::Message { digest, signature } => {
            let message = json!({
                "messageDigest": {
                    "algorithm": hash_name(digest.algorithm()),
                    "digest": base64(digest.as_bytes()),
                },
                "signature": base64(signature),
            });
            format!(r#""messageSignature":{message}}}"#)
        }
    };
    (start + &content).into_bytes()
}
