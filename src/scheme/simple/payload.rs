//! The payload of a simple-signing signature (containers-signature(5), "JSON data").

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::rule::Rules;
use crate::crypto::Digest;
use crate::crypto::digest::DigestError;
use crate::encoding::strict;
use crate::scheme::critical::Critical;
use crate::scheme::malformed::Malformed;
use crate::scheme::signed_text::Kind;

const TYPE: &str = "atomic container signature";
const WHAT: &str = "simple-signing payload";

/// The signed text: which image the signer means, and by which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The name by which the image was signed.
    pub docker_reference: String,
    /// The digest of the manifest.
    pub digest: Digest,
    /// The program that made the signature, as it says.
    pub creator: Option<String>,
    /// When the signature was made, as it says: seconds since 1970.
    pub timestamp: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    critical: Critical,
    #[serde(borrow, default, deserialize_with = "present")]
    optional: Option<&'a RawValue>,
}

/// A member that is there, be it `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl Payload {
    /// Reads a payload: exactly the members of the specification, each once; `optional` may have any other members.
    ///
    /// containers/image requires `optional`, an object. In image-rs it may be missing or null, and a timestamp has no
    /// fraction, not even `.0`.
    pub fn read(bytes: &[u8], rules: Rules) -> Result<Self, Malformed> {
        if rules == Rules::Gpg {
            return Self::of_go(bytes);
        }
        let error = |reason: String| Malformed::new(WHAT, reason);
        let text: Text<'_> = strict::read(bytes).map_err(|e| error(e.to_string()))?;
        if text.critical.kind != TYPE {
            let kind = Value::from(text.critical.kind);
            return Err(error(format!("its type is {kind}")));
        }
        let docker_reference = text.critical.identity.docker_reference;
        if docker_reference.is_empty() {
            return Err(error("its docker-reference is empty".into()));
        }
        let digest = text.critical.image.digest.parse();
        let digest =
            digest.map_err(|e: DigestError| error(format!("docker-manifest-digest: {e}")))?;
        let optional = text.optional.map(RawValue::get);
        let optional: Map<String, Value> = match optional {
            None | Some("null") => Map::new(),
            Some(text) => serde_json::from_str(text)
                .map_err(|_| error("its member \"optional\" is not an object".into()))?,
        };
        let creator = match optional.get("creator") {
            None | Some(Value::Null) => None,
            Some(Value::String(creator)) => Some(creator.clone()),
            Some(_) => return Err(error("its creator is not a text".into())),
        };
        let timestamp = match optional.get("timestamp") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let whole = value.as_i64();
                Some(whole.ok_or_else(|| error("its timestamp is not a whole number".into()))?)
            }
        };
        Ok(Self {
            docker_reference,
            digest,
            creator,
            timestamp,
        })
    }

    /// Reads a payload as containers/image does.
    fn of_go(bytes: &[u8]) -> Result<Self, Malformed> {
        let kind = Kind {
            what: WHAT,
            name: TYPE,
            takes_null: false,
        };
        let text = kind.read(bytes)?;
        if text.docker_reference.is_empty() {
            return Err(Malformed::new(WHAT, "its docker-reference is empty"));
        }
        Ok(Self {
            docker_reference: text.docker_reference,
            digest: text.digest,
            creator: text.creator,
            timestamp: text.timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn text(optional: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"h.example/r:t"}},"image":{{"docker-manifest-digest":"{DIGEST}"}},"type":"atomic container signature"}}{optional}}}"#
        )
    }

    fn read(text: &str, rules: Rules) -> Result<Payload, Malformed> {
        Payload::read(text.as_bytes(), rules)
    }

    #[test]
    fn payloads_are_read_as_skopeo_reads_them() {
        let good = text(r#","optional":{"creator":"x","timestamp":12,"more":[{"a":null}]}"#);
        let payload = read(&good, Rules::Gpg).expect("a payload");
        assert_eq!(payload.docker_reference, "h.example/r:t");
        assert_eq!(payload.digest.to_string(), DIGEST);
        assert_eq!(payload.creator.as_deref(), Some("x"));
        assert_eq!(payload.timestamp, Some(12));
        for (old, new, timestamp) in [
            ("12", "12.0", Some(12)),
            ("12", "1e3", Some(1000)),
            ("12", "-7", Some(-7)),
            ("12", "null", Some(0)),
            (r#""x""#, "null", Some(12)),
            ("\"atomic", r#""\u0061tomic"#, Some(12)),
            (r#","timestamp":12"#, "", None),
        ] {
            assert!(good.contains(old));
            let changed = good.replace(old, new);
            let payload = read(&changed, Rules::Gpg).expect(&changed);
            assert_eq!(payload.timestamp, timestamp, "{changed}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        let good = text(r#","optional":{"creator":"x","timestamp":12}"#);
        for (old, new) in [
            ("12", "12.5"),
            ("12", "\"12\""),
            ("12", "1e300"),
            ("12", "9223372036854775808"),
            ("\"x\"", "1"),
            ("{\"creator", "1,\"x\":{\"creator"),
            ("\"creator\":", "\"creator\":\"y\",\"creator\":"),
            ("\"type\":", "\"more\":1,\"type\":"),
            (
                "\"type\":",
                "\"type\":\"atomic container signature\",\"type\":",
            ),
            ("\"critical\"", "\"Critical\""),
            ("\"docker-reference\":", "\"more\":1,\"docker-reference\":"),
            (
                "\"docker-manifest-digest\":",
                "\"more\":1,\"docker-manifest-digest\":",
            ),
            ("\"optional\":", "\"more\":1,\"optional\":"),
            ("atomic container", "cosign container image"),
            ("sha256:", "sha512:"),
            ("h.example/r:t", ""),
            ("}}", "}}{}"),
        ] {
            assert!(good.contains(old));
            let changed = good.replacen(old, new, 1);
            for rules in [Rules::Gpg, Rules::ImageRs] {
                assert!(read(&changed, rules).is_err(), "{changed}");
            }
        }
        assert!(read(&format!("{good}x"), Rules::Gpg).is_err());
        assert!(read("hello", Rules::Gpg).is_err());
    }

    #[test]
    fn optional_may_be_null_or_missing_for_image_rs_alone() {
        for optional in ["", r#","optional":null"#] {
            assert!(read(&text(optional), Rules::Gpg).is_err(), "{optional}");
            let payload = read(&text(optional), Rules::ImageRs).expect(optional);
            assert_eq!((payload.creator, payload.timestamp), (None, None));
        }
        let fraction = text(r#","optional":{"timestamp":1.0}"#);
        assert!(read(&fraction, Rules::ImageRs).is_err());
        let number = text(r#","optional":1"#);
        assert!(read(&number, Rules::ImageRs).is_err());
    }
}
