//! In-toto statements (in-toto/attestation, `spec/v1/statement.md`, and v0.1 of it).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::crypto::Digest;
use crate::encoding::json::Object;
use crate::encoding::strict;
use crate::scheme::malformed::Malformed;

const V1: &str = "https://in-toto.io/Statement/v1";
const V01: &str = "https://in-toto.io/Statement/v0.1";
const WHAT: &str = "in-toto statement";

/// A statement: its content and its subjects.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// The kind of the predicate, a URI.
    pub predicate_type: String,
    /// The predicate's JSON text.
    pub predicate: Option<Box<RawValue>>,
}

/// One subject of a statement.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Subject {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its digests: an algorithm's name, and the hash in hexadecimal.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Option<Box<RawValue>>,
}

impl Statement {
    /// Reads a statement of either version; no member may stand twice.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let text: Text = strict::read_long(bytes).map_err(Malformed::json(WHAT))?;
        if ![V1, V01].contains(&&*text.kind) {
            let kind = Value::from(text.kind);
            return Err(Malformed::new(WHAT, format!("its _type is {kind}")));
        }
        Ok(Self {
            subjects: text.subject,
            predicate_type: text.predicate_type,
            predicate: text.predicate,
        })
    }

    /// Whether it is about content of this digest; the subject that says so.
    pub fn about(&self, digest: &Digest) -> Option<&Subject> {
        let is_it = |subject: &&Subject| {
            let stated = subject.digest.get(digest.algorithm().name());
            stated.is_some_and(|hex| *hex == digest.hex())
        };
        self.subjects.iter().find(is_it)
    }

    /// The statement about an image that cosign signs in a bundle.
    pub fn of_image(digest: &Digest, annotations: &BTreeMap<String, String>) -> Vec<u8> {
        #[derive(Serialize)]
        struct About<'a> {
            digest: BTreeMap<&'a str, String>,
            annotations: &'a BTreeMap<String, String>,
        }
        #[derive(Serialize)]
        struct Text<'a> {
            #[serde(rename = "_type")]
            kind: &'a str,
            subject: [About<'a>; 1],
            #[serde(rename = "predicateType")]
            predicate_type: &'a str,
            predicate: Map<String, Value>,
        }
        let text = Text {
            kind: V1,
            subject: [About {
                digest: BTreeMap::from([(digest.algorithm().name(), digest.hex())]),
                annotations,
            }],
            predicate_type: PredicateType::SIGNATURE,
            predicate: Map::new(),
        };
        serde_json::to_vec(&text).expect("texts are always valid JSON")
    }

    /// The statement that `attest` signs: a predicate about one thing.
    pub fn attesting(
        name: &str,
        digest: &Digest,
        kind: &PredicateType,
        predicate: &RawValue,
    ) -> Vec<u8> {
        #[derive(Serialize)]
        struct About<'a> {
            name: &'a str,
            digest: BTreeMap<&'a str, String>,
        }
        #[derive(Serialize)]
        struct Text<'a> {
            #[serde(rename = "_type")]
            kind: &'a str,
            #[serde(rename = "predicateType")]
            predicate_type: &'a str,
            subject: [About<'a>; 1],
            predicate: &'a RawValue,
        }
        let text = Text {
            kind: V01,
            predicate_type: kind.uri(),
            subject: [About {
                name,
                digest: BTreeMap::from([(digest.algorithm().name(), digest.hex())]),
            }],
            predicate,
        };
        serde_json::to_vec(&text).expect("texts are always valid JSON")
    }
}

/// The kind of a predicate: one of cosign's short names, or a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredicateType {
    name: Option<&'static str>,
    uri: String,
}

/// Short names, and the URIs they stand for.
const NAMES: [(&str, &str); 10] = [
    ("custom", "https://cosign.sigstore.dev/attestation/v1"),
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("spdx", "https://spdx.dev/Document"),
    ("spdxjson", "https://spdx.dev/Document"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("link", "https://in-toto.io/Link/v1"),
];

impl PredicateType {
    /// The predicate type of a bundle's statement that is a signature of an image.
    pub const SIGNATURE: &'static str = "https://sigstore.dev/cosign/sign/v1";

    /// The URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The predicate of a file's content: text for `custom` and `spdx`, a JSON object for all others. `now` is the time
    /// in RFC 3339, which `custom` states.
    pub fn predicate(&self, content: &[u8], now: &str) -> Result<Box<RawValue>, Malformed> {
        const WHAT: &str = "predicate";
        let text = || {
            let text = std::str::from_utf8(content);
            text.map_err(|_| Malformed::new(WHAT, "it is not UTF-8"))
        };
        let made = match self.name {
            Some("custom") => json!({ "Data": text()?, "Timestamp": now }).to_string(),
            Some("spdx") => Value::from(text()?).to_string(),
            _ => {
                let _: Object<'_> = strict::read_long(content).map_err(|error| {
                    Malformed::new(WHAT, format!("expected a JSON object: {error}"))
                })?;
                text()?.trim().to_owned()
            }
        };
        RawValue::from_string(made).map_err(Malformed::json(WHAT))
    }
}

impl FromStr for PredicateType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((name, uri)) = NAMES.iter().find(|(name, _)| *name == text) {
            let uri = (*uri).to_owned();
            return Ok(Self {
                name: Some(name),
                uri,
            });
        }
        if text.contains(':') && !text.contains(char::is_whitespace) {
            let uri = text.to_owned();
            return Ok(Self { name: None, uri });
        }
        let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        Err(format!("the types are {}, or a URI", names.join(", ")))
    }
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.unwrap_or(&self.uri))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn a_statement_is_about_the_digest_that_one_of_its_subjects_has() {
        let digest = Digest::of(HashAlgorithm::Sha256, b"image");
        let notes = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        let bytes = Statement::of_image(&digest, &notes);
        let statement = Statement::read(&bytes).expect("a statement");
        let subject = statement.about(&digest).expect("the subject");
        assert_eq!(
            subject.annotations,
            Some(Map::from_iter([("k".to_owned(), "v".into())]))
        );
        let other = Digest::of(HashAlgorithm::Sha256, b"other");
        assert!(statement.about(&other).is_none());
        let text = String::from_utf8(bytes).expect("text");
        for (old, new) in [
            ("/Statement/v1", "/Statement/v2"),
            (
                r#""_type""#,
                r#""_type":"https://in-toto.io/Statement/v1","_type""#,
            ),
            (r#""subject":["#, r#""subject":[],"subject":["#),
            (r#""_type""#, r#""type""#),
        ] {
            let changed = text.replacen(old, new, 1);
            assert!(Statement::read(changed.as_bytes()).is_err(), "{changed}");
        }
    }

    #[test]
    fn predicates_are_made_as_their_type_wants_them() {
        let kind = |text: &str| text.parse::<PredicateType>();
        let made = |name: &str, content: &[u8]| {
            let kind = kind(name).expect("a type");
            kind.predicate(content, "2026-01-01T00:00:00Z")
                .map(|made| made.get().to_owned())
        };
        let custom = made("custom", b"any\ntext").expect("text");
        assert_eq!(
            custom,
            r#"{"Data":"any\ntext","Timestamp":"2026-01-01T00:00:00Z"}"#
        );
        assert_eq!(made("spdx", b"SPDX").as_deref(), Ok(r#""SPDX""#));
        assert_eq!(
            made("spdxjson", b" {\"a\": 1}\n").as_deref(),
            Ok(r#"{"a": 1}"#)
        );
        assert_eq!(made("https://e.example/t", b"{}").as_deref(), Ok("{}"));
        for bad in [&b"[]"[..], b"1", b"", b"{\"a\":1,\"a\":2}", b"{}x"] {
            assert!(made("cyclonedx", bad).is_err());
        }
        assert!(kind("nonsense").is_err() && kind("").is_err());
    }
}
