//! Signatures under the tag `.sig` as policies judge them: the hash that counts for a key, and the content that a
//! payload may have. The two dialects differ in both.
//!
//! Sources: containers/image, `signature/internal/sigstore_payload.go` and `sigstore/verification.go`; sigstore-rs,
//! `cosign/payload/simple_signing.rs`; image-rs, `signature/mechanism/cosign`.

use serde::Deserialize;

use super::payload::TYPE;
use crate::crypto::{Algorithm, Curve, Digest, HashAlgorithm, KeyKind, PublicKey, Signed};
use crate::encoding::base64::{unbase64, unbase64_of_go};
use crate::scheme::malformed::Malformed;
use crate::scheme::signed_text::Kind;

const WHAT: &str = "payload of a cosign signature";

/// The program whose rules judge a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// containers/image's: SHA-256 with every key, and exactly the members of the specification.
    Containers,
    /// image-rs's: each curve's own hash, and any members.
    ImageRs,
}

impl Rules {
    /// How a key of this kind signs; `None` if no signature of such a key counts.
    pub const fn algorithm(self, kind: KeyKind) -> Option<Algorithm> {
        match (self, kind) {
            (Self::Containers, KeyKind::Ec(curve)) => {
                Some(Algorithm::Ecdsa(curve, HashAlgorithm::Sha256))
            }
            (Self::ImageRs, KeyKind::Ec(Curve::P521)) => None,
            (Self::ImageRs, KeyKind::Ec(curve)) => Some(Algorithm::Ecdsa(curve, curve.hash())),
            (_, KeyKind::Rsa { .. }) => Some(Algorithm::RsaPkcs1(HashAlgorithm::Sha256)),
            (_, KeyKind::Ed25519) => Some(Algorithm::Ed25519),
        }
    }

    /// The first key that made a signature of these bytes. The signature is base64: containers/image passes over line
    /// ends in it.
    pub fn signer<'k>(
        self,
        keys: &'k [PublicKey],
        payload: &[u8],
        signature: &str,
    ) -> Result<&'k PublicKey, String> {
        let signature = match self {
            Self::Containers => unbase64_of_go(signature),
            Self::ImageRs => unbase64(signature),
        };
        let signature = signature.ok_or("its signature is not base64")?;
        let is_by = |key: &PublicKey, signature: &[u8]| {
            let by = self.algorithm(key.kind());
            by.is_some_and(|by| key.verify(by, Signed::Bytes(payload), signature).is_ok())
        };
        // containers/image takes the two numbers of ECDSA without their DER too.
        let halves = match self {
            Self::Containers => of_halves(&signature),
            Self::ImageRs => None,
        };
        let is_signer = |key: &&PublicKey| {
            let is_ec = matches!(key.kind(), KeyKind::Ec(_));
            let halves = halves.as_deref().filter(|_| is_ec);
            is_by(key, &signature) || halves.is_some_and(|halves| is_by(key, halves))
        };
        let signer = keys.iter().find(is_signer);
        signer.ok_or_else(|| match keys {
            [key] => match self.algorithm(key.kind()) {
                Some(by) => format!("it is not a signature by this key with {by}"),
                None => format!("image-rs verifies nothing with {} keys", key.kind()),
            },
            _ => "it is not a signature by any of the keys".into(),
        })
    }
}

/// The longest signature of two numbers in a row, of P-521.
const LONGEST_HALVES: usize = 132;

/// A signature of ECDSA in DER from its two numbers, one behind the other and of one length (IEEE P1363).
fn of_halves(signature: &[u8]) -> Option<Vec<u8>> {
    if signature.len() > LONGEST_HALVES || !signature.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    let pair = [
        der::asn1::UintRef::new(r).ok()?,
        der::asn1::UintRef::new(s).ok()?,
    ];
    der::Encode::to_der(&pair.to_vec()).ok()
}

/// The content of a payload that a policy looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPayload {
    /// The name by which the image was signed; maybe empty.
    pub docker_reference: String,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The parts that containers/image would refuse, but image-rs accepts.
    pub laxity: Option<String>,
}

#[derive(Deserialize)]
struct LooseText {
    critical: LooseCritical,
    #[serde(default, rename = "optional")]
    _optional: Option<LooseOptional>,
}

#[derive(Deserialize)]
struct LooseCritical {
    identity: LooseIdentity,
    image: LooseImage,
    #[serde(rename = "type")]
    _kind: String,
}

#[derive(Deserialize)]
struct LooseIdentity {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Deserialize)]
struct LooseImage {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

#[derive(Deserialize)]
struct LooseOptional {
    #[serde(rename = "creator")]
    _creator: Option<String>,
    #[serde(rename = "timestamp")]
    _timestamp: Option<i64>,
}

impl NamedPayload {
    /// Reads a payload by these rules.
    pub fn read(bytes: &[u8], rules: Rules) -> Result<Self, Malformed> {
        match rules {
            Rules::Containers => strict(bytes),
            Rules::ImageRs => {
                let text: LooseText = serde_json::from_slice(bytes)
                    .map_err(|error| Malformed::new(WHAT, error.to_string()))?;
                Ok(Self {
                    docker_reference: text.critical.identity.docker_reference,
                    digest: digest(&text.critical.image.digest)?,
                    laxity: strict(bytes).err().map(|error| error.reason),
                })
            }
        }
    }
}

fn digest(text: &str) -> Result<Digest, Malformed> {
    let read = text.parse();
    read.map_err(|error: crate::crypto::digest::DigestError| {
        Malformed::new(WHAT, format!("docker-manifest-digest: {error}"))
    })
}

/// Reads a payload as containers/image does.
fn strict(bytes: &[u8]) -> Result<NamedPayload, Malformed> {
    let kind = Kind {
        what: WHAT,
        name: TYPE,
        takes_null: true,
    };
    let text = kind.read(bytes)?;
    Ok(NamedPayload {
        docker_reference: text.docker_reference,
        digest: text.digest,
        laxity: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn text() -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"h.example/r:t"}},"image":{{"docker-manifest-digest":"{DIGEST}"}},"type":"{TYPE}"}},"optional":null}}"#
        )
    }

    /// Whether each of the two reads it, and whether image-rs's reading has a warning.
    fn read(text: &str) -> (bool, Option<bool>) {
        let of = |rules| NamedPayload::read(text.as_bytes(), rules);
        let loose = of(Rules::ImageRs).ok();
        (
            of(Rules::Containers).is_ok(),
            loose.map(|payload| payload.laxity.is_some()),
        )
    }

    #[test]
    fn payloads_are_read_as_each_program_reads_them() {
        assert_eq!(read(&text()), (true, Some(false)));
        for (old, new, wanted) in [
            ("null", "{}", (true, Some(false))),
            (
                "null",
                r#"{"creator":"x","timestamp":1}"#,
                (true, Some(false)),
            ),
            (
                "null",
                r#"{"creator":null,"timestamp":null}"#,
                (true, Some(false)),
            ),
            ("null", r#"{"timestamp":1.0}"#, (true, None)),
            ("null", r#"{"timestamp":1e3}"#, (true, None)),
            ("null", r#"{"timestamp":1.5}"#, (false, None)),
            ("null", r#"{"timestamp":"1"}"#, (false, None)),
            ("null", r#"{"creator":1}"#, (false, None)),
            ("null", "1", (false, None)),
            ("null", r#"{"more":[{}]}"#, (true, Some(false))),
            (r#","optional":null"#, "", (false, Some(true))),
            ("null", r#"null,"more":1"#, (false, Some(true))),
            ("null", r#"null,"optional":null"#, (false, None)),
            ("cosign container", "atomic container", (false, Some(true))),
            (r#""image":"#, r#""extra":1,"image":"#, (false, Some(true))),
            (r#""image":"#, r#""type":"x","image":"#, (false, None)),
            ("docker-reference", "Docker-Reference", (false, None)),
            ("h.example/r:t", "", (true, Some(false))),
            ("sha256:44", "sha256:4", (false, None)),
            ("}", "}x", (false, None)),
        ] {
            let changed = text().replacen(old, new, 1);
            assert_ne!(changed, text());
            assert_eq!(read(&changed), wanted, "{changed}");
        }
    }

    #[test]
    fn sha256_counts_for_containers_and_the_curve_s_own_hash_for_image_rs() {
        use HashAlgorithm::{Sha256, Sha384};
        let p384 = KeyKind::Ec(Curve::P384);
        let of = |rules: Rules, kind| rules.algorithm(kind).and_then(Algorithm::hash);
        assert_eq!(of(Rules::Containers, p384), Some(Sha256));
        assert_eq!(of(Rules::ImageRs, p384), Some(Sha384));
        let p521 = KeyKind::Ec(Curve::P521);
        assert_eq!(of(Rules::Containers, p521), Some(Sha256));
        assert_eq!(Rules::ImageRs.algorithm(p521), None);
        for rules in [Rules::Containers, Rules::ImageRs] {
            assert_eq!(of(rules, KeyKind::Ec(Curve::P256)), Some(Sha256));
            let rsa = KeyKind::Rsa { bits: 2048 };
            assert_eq!(rules.algorithm(rsa), Some(Algorithm::RsaPkcs1(Sha256)));
            let ed25519 = rules.algorithm(KeyKind::Ed25519);
            assert_eq!(ed25519, Some(Algorithm::Ed25519));
        }
    }
}
