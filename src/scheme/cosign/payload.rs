//! The payload of a simple-signing signature (containers-signature(5); cosign's `SIGNATURE_SPEC.md`).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::crypto::Digest;
use crate::encoding::strict;
use crate::scheme::critical::{Critical, Identity, Image};
use crate::scheme::malformed::Malformed;

/// The media type of a layer that holds a payload.
pub const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The type as cosign and skopeo write it.
pub(super) const TYPE: &str = "cosign container image signature";
/// No payload is longer.
pub(super) const MOST_BYTES: usize = 4 << 20;
const WHAT: &str = "payload of a cosign signature";

/// The content of a simple-signing signature: the image that it is about, and the name that the signer gave the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The name by which the image was signed: `HOST/REPO[:TAG]`.
    pub docker_reference: String,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The signer's other statements, by name.
    pub optional: Option<Map<String, Value>>,
}

/// The members, each there exactly once, in this spelling and in this order when written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text {
    critical: Critical,
    #[serde(deserialize_with = "present")]
    optional: Option<Map<String, Value>>,
}

/// A member that has to be there, be it `null`.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

impl Payload {
    /// The payload that cosign would sign for this image, without annotations.
    pub fn new(docker_reference: impl Into<String>, digest: Digest) -> Self {
        Self {
            docker_reference: docker_reference.into(),
            digest,
            optional: None,
        }
    }

    /// The same with annotations.
    #[must_use]
    pub fn with(mut self, annotations: &BTreeMap<String, String>) -> Self {
        let all = annotations.iter();
        let all = all.map(|(name, value)| (name.clone(), Value::from(value.clone())));
        self.optional = (!annotations.is_empty()).then(|| all.collect());
        self
    }

    /// Reads a payload: exactly the members of the specification, none twice. White space around it and escapes in it
    /// are taken.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MOST_BYTES {
            return Err(Malformed::new(WHAT, "it has more than 4 MiB"));
        }
        let text: Text = strict::read(bytes).map_err(Malformed::json(WHAT))?;
        let Critical {
            identity,
            image,
            kind,
        } = text.critical;
        let reason = |reason: String| Malformed::new(WHAT, reason);
        if kind != TYPE {
            return Err(reason(format!("its type is {}", Value::from(kind))));
        }
        if identity.docker_reference.is_empty() {
            return Err(reason("its docker-reference is empty".into()));
        }
        let digest = image.digest.parse();
        let digest = digest.map_err(|error: crate::crypto::digest::DigestError| {
            reason(format!("docker-manifest-digest: {error}"))
        })?;
        Ok(Self {
            docker_reference: identity.docker_reference,
            digest,
            optional: text.optional,
        })
    }

    /// The JSON text, in one line without an end of line: the bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = Text {
            critical: Critical {
                identity: Identity {
                    docker_reference: self.docker_reference.clone(),
                },
                image: Image {
                    digest: self.digest.to_string(),
                },
                kind: TYPE.to_owned(),
            },
            optional: self.optional.clone(),
        };
        serde_json::to_vec(&text).expect("texts are always valid JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn text() -> String {
        let digest = DIGEST.parse().expect("a digest");
        let bytes = Payload::new("h.example/r:t", digest).to_bytes();
        String::from_utf8(bytes).expect("JSON is text")
    }

    #[test]
    fn it_is_written_as_cosign_writes_it() {
        assert_eq!(
            text(),
            format!(
                r#"{{"critical":{{"identity":{{"docker-reference":"h.example/r:t"}},"image":{{"docker-manifest-digest":"{DIGEST}"}},"type":"cosign container image signature"}},"optional":null}}"#
            )
        );
    }

    #[test]
    fn white_space_escapes_and_any_optional_object_are_taken() {
        let read = |text: &str| Payload::read(text.as_bytes());
        for taken in [
            format!(" \n{}\t", text()),
            text().replace("cosign", r"\u0063osign"),
            text().replace("null", "{}"),
            text().replace(
                "null",
                r#"{"creator":"x","timestamp":1,"other":[{"a":null}]}"#,
            ),
        ] {
            assert!(read(&taken).is_ok(), "{taken}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        let read = |text: &str| Payload::read(text.as_bytes());
        for (old, new) in [
            (r#","optional":null"#, ""),
            ("null", "1"),
            ("null", r#"null,"optional":null"#),
            ("null", r#"null,"more":1"#),
            ("null", r#"{"a":1,"a":2}"#),
            ("critical", "Critical"),
            ("docker-reference", "Docker-Reference"),
            ("h.example/r:t", ""),
            ("sha256:44", "sha256:4"),
            ("sha256:44", "SHA256:44"),
            ("cosign container image", "atomic container"),
            (
                r#""type""#,
                r#""type":"cosign container image signature","type""#,
            ),
            (r#""image":"#, r#""extra":1,"image":"#),
            ("}", "}x"),
        ] {
            let changed = text().replacen(old, new, 1);
            assert!(read(&changed).is_err(), "{changed}");
        }
        assert!(read("").is_err());
        assert!(read(&format!("{}{}", text(), " ".repeat(MOST_BYTES))).is_err());
    }
}
