//! How notation talks to its plugins: a command, JSON on standard input, JSON on standard output.
//!
//! Source: Notary Project, "Notation Extensibility for Signing and Verification" (`plugin-extensibility.md`), contract
//! version 1.0.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::signing_keys::OWN_PLUGIN;
use crate::crypto::{Algorithm, Curve, HashAlgorithm, KeyKind};
use crate::encoding::base64::{base64, unbase64};
use crate::encoding::strict;
use crate::scheme::notary::for_key;
use crate::x509::Certificate;

/// The version of the contract.
pub const CONTRACT: &str = "1.0";
/// No request is longer.
pub const MOST_REQUEST: usize = 64 << 20;

/// What notation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Who the plugin is.
    Metadata,
    /// Which kind a key is of.
    DescribeKey,
    /// A signature.
    GenerateSignature,
}

impl Command {
    /// The command with this name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "get-plugin-metadata" => Some(Self::Metadata),
            "describe-key" => Some(Self::DescribeKey),
            "generate-signature" => Some(Self::GenerateSignature),
            _ => None,
        }
    }
}

/// A request about a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    #[serde(default)]
    contract_version: String,
    /// The key's `pkcs11:` URI.
    #[serde(default)]
    pub key_id: String,
    /// The key list's configuration of the plugin.
    #[serde(default)]
    pub plugin_config: Option<BTreeMap<String, String>>,
    #[serde(default)]
    key_spec: Option<String>,
    #[serde(default)]
    hash_algorithm: Option<String>,
    #[serde(default)]
    payload: Option<String>,
}

/// The codes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The request is wrong.
    ValidationError,
    /// The request is of another contract.
    UnsupportedContractVersion,
    /// A PIN or a passphrase is wrong or absent.
    AccessDenied,
    /// Anything else.
    Error,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// The reason.
    pub message: String,
}

impl Refusal {
    /// A refusal with this reason.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// The JSON for standard error.
    pub fn to_json(&self) -> Value {
        json!({ "errorCode": self.code, "errorMessage": self.message })
    }
}

/// The content to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSign {
    /// The algorithm: the key's only one.
    pub by: Algorithm,
    /// The bytes to sign.
    pub payload: Vec<u8>,
}

impl Request {
    /// Reads a request.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let wrong = |error: strict::Error| {
            Refusal::new(
                Code::ValidationError,
                format!("the request is not JSON of the expected form: {error}"),
            )
        };
        let request: Self = strict::read_long(bytes).map_err(wrong)?;
        if request.contract_version != CONTRACT {
            return Err(Refusal::new(
                Code::UnsupportedContractVersion,
                format!(
                    "the request is of contract version {:?}, and this plugin knows {CONTRACT}",
                    request.contract_version
                ),
            ));
        }
        if request.key_id.is_empty() {
            return Err(Refusal::new(
                Code::ValidationError,
                "the request names no key",
            ));
        }
        Ok(request)
    }

    /// The plugin's configuration, as pairs.
    pub fn config(&self) -> Vec<(String, String)> {
        let config = self.plugin_config.clone().unwrap_or_default();
        config.into_iter().collect()
    }

    /// The content to sign, checked against the key.
    pub fn to_sign(&self, key: KeyKind) -> Result<ToSign, Refusal> {
        let wrong = |message: String| Refusal::new(Code::ValidationError, message);
        let by = algorithm(key)?;
        let spec = spec(key)?;
        if self.key_spec.as_deref().is_some_and(|asked| asked != spec) {
            return Err(wrong(format!(
                "the request is for a key of the kind {:?}, and the key is {spec}",
                self.key_spec.as_deref().unwrap_or_default()
            )));
        }
        let hash = hash(by);
        if self
            .hash_algorithm
            .as_deref()
            .is_some_and(|asked| asked != hash)
        {
            return Err(wrong(format!(
                "the request is for the hash {:?}, and a {spec} key signs under {hash}",
                self.hash_algorithm.as_deref().unwrap_or_default()
            )));
        }
        let payload = self.payload.as_deref().and_then(unbase64);
        let payload =
            payload.ok_or_else(|| wrong("the request has no payload in base64".into()))?;
        Ok(ToSign { by, payload })
    }
}

/// Who the plugin is.
pub fn metadata() -> Value {
    json!({
        "name": OWN_PLUGIN,
        "description": "Signs with keys on PKCS#11 tokens",
        "version": env!("CARGO_PKG_VERSION"),
        "url": "https://notaryproject.dev",
        "supportedContractVersions": [CONTRACT],
        "capabilities": ["SIGNATURE_GENERATOR.RAW"],
    })
}

/// Which kind a key is of.
pub fn described(request: &Request, key: KeyKind) -> Result<Value, Refusal> {
    Ok(json!({ "keyId": request.key_id, "keySpec": spec(key)? }))
}

/// A signature, in the form that stands in an envelope.
pub fn signed(request: &Request, by: Algorithm, signature: &[u8], chain: &[Certificate]) -> Value {
    let chain = chain.iter().map(|certificate| base64(certificate.der()));
    let name = match by {
        Algorithm::Ecdsa(..) => "ECDSA",
        Algorithm::RsaPss(_) | Algorithm::RsaPkcs1(_) | Algorithm::Ed25519 => "RSASSA-PSS",
    };
    json!({
        "keyId": request.key_id,
        "signature": base64(signature),
        "signingAlgorithm": format!("{name}-{}", hash(by)),
        "certificateChain": chain.collect::<Vec<_>>(),
    })
}

fn algorithm(key: KeyKind) -> Result<Algorithm, Refusal> {
    let none = || {
        Refusal::new(
            Code::ValidationError,
            format!("a key of the kind {key} signs nothing here"),
        )
    };
    for_key(key).ok_or_else(none)
}

fn spec(key: KeyKind) -> Result<&'static str, Refusal> {
    algorithm(key)?;
    Ok(match key {
        KeyKind::Ec(Curve::P256) => "EC-256",
        KeyKind::Ec(Curve::P384) => "EC-384",
        KeyKind::Ec(Curve::P521) => "EC-521",
        KeyKind::Rsa { bits: 2048 } => "RSA-2048",
        KeyKind::Rsa { bits: 3072 } => "RSA-3072",
        KeyKind::Rsa { .. } | KeyKind::Ed25519 => "RSA-4096",
    })
}

fn hash(by: Algorithm) -> &'static str {
    let hash = match by {
        Algorithm::Ecdsa(_, hash) | Algorithm::RsaPss(hash) | Algorithm::RsaPkcs1(hash) => hash,
        Algorithm::Ed25519 => HashAlgorithm::Sha512,
    };
    match hash {
        HashAlgorithm::Sha256 => "SHA-256",
        HashAlgorithm::Sha384 => "SHA-384",
        HashAlgorithm::Sha512 => "SHA-512",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: KeyKind = KeyKind::Ec(Curve::P384);

    fn request(more: &str) -> Result<Request, Refusal> {
        Request::read(format!(r#"{{"contractVersion":"1.0","keyId":"k"{more}}}"#).as_bytes())
    }

    #[test]
    fn a_request_is_answered_in_notations_words() {
        let asked = request(
            r#","keySpec":"EC-384","hashAlgorithm":"SHA-384","payload":"YQ==","pluginConfig":{"a":"b"}"#,
        )
        .expect("a request");
        assert_eq!(asked.config(), [("a".to_owned(), "b".to_owned())]);
        let to_sign = asked.to_sign(KEY).expect("something to sign");
        assert_eq!(to_sign.payload, b"a");
        let answer = signed(&asked, to_sign.by, b"b", &[]);
        assert_eq!(answer["signingAlgorithm"], "ECDSA-SHA-384");
        assert_eq!(
            described(&asked, KEY).expect("described")["keySpec"],
            "EC-384"
        );
        for (bits, name) in [(2048, "RSA-2048"), (3072, "RSA-3072"), (4096, "RSA-4096")] {
            let described = described(&asked, KeyKind::Rsa { bits }).expect("described");
            assert_eq!(described["keySpec"], name);
        }
    }

    #[test]
    fn a_request_that_does_not_fit_the_key_is_refused() {
        for more in [
            r#","payload":"YQ==","keySpec":"EC-256""#,
            r#","payload":"YQ==","hashAlgorithm":"SHA-256""#,
            r#","payload":"?""#,
            "",
        ] {
            let refused = request(more)
                .expect("a request")
                .to_sign(KEY)
                .expect_err(more);
            assert_eq!(refused.code, Code::ValidationError, "{more}");
        }
        let other = request("")
            .expect("a request")
            .to_sign(KeyKind::Rsa { bits: 2560 });
        assert!(other.is_err());
    }

    #[test]
    fn a_request_of_another_form_is_refused() {
        for (text, code) in [
            ("", "VALIDATION_ERROR"),
            (r#"{"contractVersion":"1.0"}"#, "VALIDATION_ERROR"),
            (
                r#"{"contractVersion":"2.0","keyId":"k"}"#,
                "UNSUPPORTED_CONTRACT_VERSION",
            ),
            (r#"{"keyId":"k"}"#, "UNSUPPORTED_CONTRACT_VERSION"),
            (
                r#"{"contractVersion":"1.0","keyId":"k","keyId":"l"}"#,
                "VALIDATION_ERROR",
            ),
        ] {
            let refused = Request::read(text.as_bytes()).expect_err(text);
            assert_eq!(refused.to_json()["errorCode"], code, "{text}");
        }
    }
}
