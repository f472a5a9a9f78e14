//! The payload of a signature ("Signature Specification", "Payload").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::crypto::Digest;
use crate::encoding::strict::{self, Shape};
use crate::image::Descriptor;
use crate::scheme::malformed::Malformed;

/// The type of the payload.
pub(super) const CONTENT_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";
/// No user metadata begins so.
pub const RESERVED: &str = "io.cncf.notary";

const WHAT: &str = "Notary Project payload";
const SHAPE: Shape = Shape::Object(&[(
    "targetArtifact",
    &Shape::Object(&[
        ("mediaType", &Shape::Any),
        ("digest", &Shape::Any),
        ("size", &Shape::Number),
        ("annotations", &Shape::Map(&Shape::Any)),
    ]),
)]);

/// The signed content: an artifact's descriptor, and the metadata that the signer added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The artifact's media type.
    pub media_type: String,
    /// The artifact's digest.
    pub digest: Digest,
    /// The artifact's bytes.
    pub size: u64,
    /// The user's metadata.
    pub annotations: BTreeMap<String, String>,
}

/// A name of user metadata that the Notary Project keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata {0:?} begins with {RESERVED:?}, which is reserved")]
pub struct Reserved(pub String);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    target_artifact: Target,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

impl Payload {
    /// The payload for an artifact with this metadata.
    pub fn new(
        artifact: &Descriptor,
        metadata: BTreeMap<String, String>,
    ) -> Result<Self, Reserved> {
        if let Some(name) = metadata.keys().find(|name| name.starts_with(RESERVED)) {
            return Err(Reserved(name.clone()));
        }
        Ok(Self {
            media_type: artifact.media_type.to_string(),
            digest: artifact.digest,
            size: artifact.size,
            annotations: metadata,
        })
    }

    /// Reads a payload. No member may be repeated or in other capitals; this ignores unknown members.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        strict::check_shape(bytes, &SHAPE).map_err(Malformed::refused(WHAT))?;
        let read: Document = serde_json::from_slice(bytes).map_err(Malformed::json(WHAT))?;
        let target = read.target_artifact;
        let digest = target.digest.parse();
        let digest = digest.map_err(|error: crate::crypto::digest::DigestError| {
            Malformed::new(WHAT, error.to_string())
        })?;
        Ok(Self {
            media_type: target.media_type,
            digest,
            size: target.size,
            annotations: target.annotations.unwrap_or_default(),
        })
    }

    /// The bytes, as notation writes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let annotations = Some(self.annotations.clone()).filter(|all| !all.is_empty());
        let document = Document {
            target_artifact: Target {
                media_type: self.media_type.clone(),
                digest: self.digest.to_string(),
                size: self.size,
                annotations,
            },
        };
        serde_json::to_vec(&document).expect("text and numbers")
    }

    /// Whether it is about the artifact: its media type, digest and size.
    pub fn is_of(&self, artifact: &Descriptor) -> bool {
        self.media_type == artifact.media_type
            && self.digest == artifact.digest
            && self.size == artifact.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn text(more: &str) -> String {
        format!(r#"{{"targetArtifact":{{"mediaType":"a/b","digest":"{DIGEST}","size":2{more}}}}}"#)
    }

    #[test]
    fn a_payload_reads_back() {
        for more in ["", r#","annotations":{"a":"b","c":""}"#] {
            let text = text(more);
            let payload = Payload::read(text.as_bytes()).expect(&text);
            assert_eq!(payload.to_bytes(), text.as_bytes());
            assert_eq!(
                payload.annotations.len(),
                if more.is_empty() { 0 } else { 2 }
            );
        }
        for more in [r#","annotations":null"#, r#","urls":["x"]"#] {
            Payload::read(text(more).as_bytes()).expect(more);
        }
    }

    #[test]
    fn a_payload_that_readers_differ_about_is_refused() {
        for (text, reason) in [
            ("{}".to_owned(), "missing field"),
            (text(r#","size":2"#), "twice"),
            (text(r#","Size":3"#), "\"size\" to some readers"),
            (text("").replace(":2}", ":2.0}"), "2.0"),
            (text("").replace(":2}", ":-1}"), "-1"),
            (text("").replace("sha256", "md5"), "digest"),
            (text(r#","annotations":{"a":1}"#), "string"),
            (format!("{}x", text("")), "trailing"),
            ("null".into(), "null"),
        ] {
            let error = Payload::read(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
