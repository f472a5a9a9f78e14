//! Input for an offline machine to sign: a payload, or the statement of a bundle.

use serde_json::{Map, Value, json};

use super::envelope::{PAYLOAD_TYPE, pae};
use super::payload::Payload;
use super::statement::Statement;
use crate::crypto::Digest;
use crate::encoding::base64::base64;
use crate::encoding::hex::unhex;
use crate::scheme::malformed::Malformed;

/// What a payload is.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// A simple-signing payload: signed as it is.
    Payload(Payload),
    /// An in-toto statement: signed in its pre-authentication encoding.
    Statement(Statement),
}

/// One thing that a payload says, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it says it of.
    pub what: String,
    /// Its value: a text in quotation marks, with its odd characters escaped, or a digest.
    pub value: String,
    /// The bytes of a digest.
    pub digest: Option<Vec<u8>>,
}

impl Prepared {
    /// Reads a payload or a statement. Anything else is not signed.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let is_statement =
            serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value.get("_type").is_some());
        if is_statement {
            Statement::read(bytes).map(Self::Statement)
        } else {
            Payload::read(bytes).map(Self::Payload)
        }
    }

    /// The bytes that a signature covers.
    pub fn message(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Payload(_) => bytes.to_vec(),
            Self::Statement(_) => pae(PAYLOAD_TYPE, bytes),
        }
    }

    /// Checks that it is about this image; an error says in words what it is about.
    pub fn check(&self, digest: &Digest) -> Result<(), String> {
        match self {
            Self::Payload(payload) if payload.digest == *digest => Ok(()),
            Self::Payload(payload) => Err(payload.digest.to_string()),
            Self::Statement(statement) if statement.about(digest).is_some() => Ok(()),
            Self::Statement(statement) => {
                let subjects = statement.subjects.iter();
                let named = subjects.flat_map(|subject| &subject.digest);
                let named: Vec<_> = named.map(|(by, hex)| format!("{by}:{hex}")).collect();
                Err(named.join(", "))
            }
        }
    }

    /// Its content as a record keeps it, without a statement's predicate.
    pub fn says(&self) -> Value {
        match self {
            Self::Payload(payload) => json!({
                "image": payload.digest.to_string(),
                "reference": payload.docker_reference,
                "annotations": payload.optional,
            }),
            Self::Statement(statement) => {
                let subjects = statement.subjects.iter().map(|subject| {
                    json!({
                        "name": subject.name,
                        "digest": subject.digest,
                        "annotations": subject.annotations,
                    })
                });
                json!({
                    "predicate_type": statement.predicate_type,
                    "subjects": subjects.collect::<Vec<_>>(),
                })
            }
        }
    }

    /// The same for people, in the order in which they read it.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        match self {
            Self::Payload(payload) => {
                facts.push(of_digest(
                    "image",
                    payload.digest.algorithm().name(),
                    &payload.digest.hex(),
                ));
                facts.push(of_text("docker-reference", &payload.docker_reference));
                facts.extend(annotations(payload.optional.as_ref()));
            }
            Self::Statement(statement) => {
                facts.push(of_text("predicateType", &statement.predicate_type));
                for subject in &statement.subjects {
                    let name = subject.name.as_deref();
                    facts.push(name.map_or_else(
                        || plain("subject", "without a name"),
                        |name| of_text("subject", name),
                    ));
                    let digests = subject.digest.iter();
                    facts.extend(digests.map(|(by, hex)| of_digest("subject's digest", by, hex)));
                    facts.extend(annotations(subject.annotations.as_ref()));
                }
                if statement.subjects.is_empty() {
                    facts.push(plain("subject", "none"));
                }
            }
        }
        facts
    }
}

fn plain(what: &str, value: &str) -> Fact {
    Fact {
        what: what.to_owned(),
        value: value.to_owned(),
        digest: None,
    }
}

fn of_text(what: &str, text: &str) -> Fact {
    plain(what, &Value::from(text).to_string())
}

fn of_digest(what: &str, by: &str, hex: &str) -> Fact {
    let is_name = by.bytes().all(|b| b.is_ascii_alphanumeric());
    match unhex(hex).filter(|bytes| is_name && !bytes.is_empty()) {
        Some(bytes) => Fact {
            digest: Some(bytes),
            ..plain(what, &format!("{by}:{hex}"))
        },
        None => of_text(what, &format!("{by}:{hex}")),
    }
}

fn annotations(all: Option<&Map<String, Value>>) -> impl Iterator<Item = Fact> {
    let all = all.into_iter().flatten();
    all.map(|(name, value)| {
        plain(
            &format!("annotation {}", Value::from(&**name)),
            &value.to_string(),
        )
    })
}

/// The file of a payload's signatures: base64 of DER, one a line.
pub fn signature_lines<'a>(signatures: impl IntoIterator<Item = &'a [u8]>) -> String {
    let lines = signatures.into_iter();
    lines.map(|signature| base64(signature) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn people_see_all_that_a_payload_says_and_no_line_that_it_makes_up() {
        let digest = Digest::of(HashAlgorithm::Sha256, b"image");
        let notes = BTreeMap::from([("a\nimage".to_owned(), "x\nimage: sha256:00".to_owned())]);
        let payload = Payload::new("host/app\n:1", digest).with(&notes).to_bytes();
        let read = Prepared::read(&payload).expect("a payload");
        let lines = |read: &Prepared| {
            let facts = read.facts().into_iter();
            facts
                .map(|fact| format!("{}: {}", fact.what, fact.value))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(&read),
            [
                format!("image: {digest}"),
                r#"docker-reference: "host/app\n:1""#.to_owned(),
                r#"annotation "a\nimage": "x\nimage: sha256:00""#.to_owned(),
            ]
        );
        assert_eq!(read.facts()[0].digest.as_deref(), Some(digest.as_bytes()));
        assert_eq!(read.says()["image"], digest.to_string());
        let statement = br#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"t:t","subject":[{"name":"n","digest":{"sha256":"0a","a\n":"0a","b":"zz"}},{}]}"#;
        let read = Prepared::read(statement).expect("a statement");
        assert_eq!(
            lines(&read),
            [
                r#"predicateType: "t:t""#,
                r#"subject: "n""#,
                r#"subject's digest: "a\n:0a""#,
                r#"subject's digest: "b:zz""#,
                "subject's digest: sha256:0a",
                "subject: without a name",
            ]
        );
        assert!(
            read.message(statement)
                .starts_with(b"DSSEv1 28 application/vnd.in-toto+json ")
        );
    }

    #[test]
    fn nothing_but_a_payload_or_a_statement_is_read() {
        for bytes in [&b""[..], b"{}", b"[]", br#"{"_type":"x"}"#, b"-----BEGIN"] {
            assert!(Prepared::read(bytes).is_err());
        }
    }
}
