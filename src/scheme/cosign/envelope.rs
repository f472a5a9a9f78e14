//! DSSE envelopes (secure-systems-lab/dsse, `envelope.md` and `protocol.md`).

use serde::{Deserialize, Serialize};

use crate::encoding::base64::{base64, unbase64};
use crate::encoding::strict;
use crate::scheme::malformed::Malformed;

/// The type of a payload that is an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// No envelope is longer: cosign's `COSIGN_MAX_ATTACHMENT_SIZE`.
pub(super) const MOST_BYTES: usize = 128 << 20;
const WHAT: &str = "DSSE envelope";

/// A signed statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The payload's type.
    pub payload_type: String,
    /// The payload: the bytes of a statement.
    pub payload: Vec<u8>,
    /// The signatures, whoever made them.
    pub signatures: Vec<Vec<u8>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

/// The bytes that a signature of an envelope covers: the pre-authentication encoding.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let kind = format!("DSSEv1 {} {payload_type} ", payload_type.len());
    let length = format!("{} ", payload.len());
    [kind.as_bytes(), length.as_bytes(), payload].concat()
}

impl Envelope {
    /// An envelope around a statement.
    pub fn of(statement: Vec<u8>, signature: Vec<u8>) -> Self {
        Self {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: statement,
            signatures: vec![signature],
        }
    }

    /// Reads an envelope in JSON.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MOST_BYTES {
            return Err(Malformed::new(WHAT, "it has more than 128 MiB"));
        }
        let text: Text = strict::read(bytes).map_err(Malformed::json(WHAT))?;
        let bytes_of = |text: &str, member: &str| {
            let other = || Malformed::new(WHAT, format!("its {member} is not base64"));
            unbase64(text).ok_or_else(other)
        };
        let signatures = text.signatures.iter();
        let signatures = signatures.map(|signature| bytes_of(&signature.sig, "sig"));
        Ok(Self {
            payload: bytes_of(&text.payload, "payload")?,
            signatures: signatures.collect::<Result<_, _>>()?,
            payload_type: text.payload_type,
        })
    }

    /// The envelope in JSON, as `.att` layers hold it.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.text(Some(""))
    }

    /// The same as bundles hold it, without the members that say nothing.
    pub(super) fn in_bundle(&self) -> Vec<u8> {
        self.text(None)
    }

    fn text(&self, keyid: Option<&str>) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|signature| Signature {
            keyid: keyid.map(str::to_owned),
            sig: base64(signature),
        });
        let text = Text {
            payload_type: self.payload_type.clone(),
            payload: base64(&self.payload),
            signatures: signatures.collect(),
        };
        serde_json::to_vec(&text).expect("texts are always valid JSON")
    }

    /// The bytes that the signatures cover.
    pub fn message(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_that_of_the_specification() {
        let message = pae("http://example.com/HelloWorld", b"hello world");
        let wanted = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(message, wanted);
    }

    #[test]
    fn written_envelopes_are_read() {
        let envelope = Envelope::of(b"{}".to_vec(), vec![1, 2, 3]);
        for bytes in [envelope.to_bytes(), envelope.in_bundle()] {
            assert_eq!(Envelope::read(&bytes).as_ref(), Ok(&envelope));
        }
        let text = String::from_utf8(envelope.to_bytes()).expect("text");
        for (old, new) in [
            ("keyid", "keyId"),
            ("payloadType", "type"),
            (
                r#""payload":"e30=""#,
                r#""payload":"e30=","payload":"e30=""#,
            ),
            ("e30=", "e30"),
            ("[{", "[1,{"),
            ("}]}", "}],\"more\":1}"),
        ] {
            let changed = text.replacen(old, new, 1);
            assert!(Envelope::read(changed.as_bytes()).is_err(), "{changed}");
        }
    }
}
