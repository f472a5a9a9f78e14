//! JWS envelopes, and protected headers in an envelope that is right but for them.

use base64ct::{Base64UrlUnpadded, Encoding};
use ir_sign::scheme::notary::{Envelope, Format};
use serde_json::Value;

const SEED: &str = include_str!("../seeds/notary_jws/envelope");

pub fn run(bytes: &[u8]) {
    check(bytes);
    let mut whole: Value = serde_json::from_str(SEED).expect("JSON");
    whole["protected"] = Base64UrlUnpadded::encode_string(bytes).into();
    check(whole.to_string().as_bytes());
}

fn check(bytes: &[u8]) {
    let Ok(envelope) = Envelope::read(Format::Jws, bytes) else {
        return;
    };
    let document: Value = serde_json::from_slice(bytes).expect("it was read as JSON");
    let part = |name: &str| document[name].as_str().expect("text").to_owned();
    let (protected, payload) = (part("protected"), part("payload"));
    assert_eq!(
        envelope.message(),
        format!("{protected}.{payload}").as_bytes()
    );
    let decoded = |text: &str| Base64UrlUnpadded::decode_vec(text).expect("base64url");
    let header: Value = serde_json::from_slice(&decoded(&protected)).expect("JSON");
    super::notary_cose::check(&envelope, |name| {
        header.get(name).is_some_and(|value| !value.is_null())
    });
    let critical = header["crit"].as_array().expect("a list");
    let mut names: Vec<_> = critical
        .iter()
        .map(|name| name.as_str().expect("text"))
        .collect();
    super::notary_cose::check_critical(&envelope, &mut names);
    assert_ne!(header["alg"], "none");
    assert!(header.get("b64").is_none());
    let target: Value = serde_json::from_slice(&decoded(&payload)).expect("JSON");
    let digest = envelope.payload.digest.to_string();
    assert_eq!(target["targetArtifact"]["digest"], digest);
}
