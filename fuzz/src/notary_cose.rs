//! COSE envelopes, and protected headers in an envelope that is right but for them; and CBOR as such.

use ir_sign::encoding::cbor::Value;
use ir_sign::scheme::notary::{Envelope, Format, SigningScheme, for_key};

const SEED: &[u8] = include_bytes!("../seeds/notary_cose/envelope");
const SCHEME: &str = "io.cncf.notary.signingScheme";
const TIME: &str = "io.cncf.notary.signingTime";
const AUTHENTIC: &str = "io.cncf.notary.authenticSigningTime";
const EXPIRY: &str = "io.cncf.notary.expiry";

pub fn run(bytes: &[u8]) {
    if let Ok(value) = Value::read(bytes) {
        // In the one form it is the same value, and that form is its own.
        let written = value.to_bytes();
        let again = Value::read(&written).expect("it reads back");
        assert_eq!(again.to_bytes(), written);
    }
    check_envelope(bytes);
    let Ok(Value::Tag(18, whole)) = Value::read(SEED) else {
        panic!("the seed is an envelope");
    };
    let Value::Array(mut parts) = *whole else {
        panic!("a list");
    };
    parts[0] = Value::Bytes(bytes.to_vec());
    check_envelope(&Value::Tag(18, Box::new(Value::Array(parts))).to_bytes());
}

fn check_envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::read(Format::Cose, bytes) else {
        return;
    };
    let Ok(Value::Tag(18, whole)) = Value::read(bytes) else {
        panic!("it was read as such");
    };
    let Value::Array(parts) = *whole else {
        panic!("a list");
    };
    let message = Value::read(envelope.message()).expect("CBOR");
    let wanted = Value::Array(vec![
        Value::Text("Signature1".into()),
        parts[0].clone(),
        Value::Bytes(Vec::new()),
        parts[2].clone(),
    ]);
    assert_eq!(message, wanted);
    let Value::Bytes(protected) = &parts[0] else {
        panic!("bytes");
    };
    let header = Value::read(protected).expect("CBOR");
    check(&envelope, |name| header.member(name).is_some());
    let Some(Value::Array(critical)) = header.numbered(2) else {
        panic!("a list");
    };
    let names = critical.iter().map(|name| match name {
        Value::Text(name) => &**name,
        other => panic!("critical is {other:?}"),
    });
    check_critical(&envelope, &mut names.collect());
}

/// The checks that both formats share.
pub fn check(envelope: &Envelope, has: impl Fn(&str) -> bool) {
    let attributes = &envelope.attributes;
    assert!(has(SCHEME));
    let is_authority = attributes.scheme == SigningScheme::SigningAuthority;
    assert_eq!((has(TIME), has(AUTHENTIC)), (!is_authority, is_authority));
    assert_eq!(has(EXPIRY), attributes.expiry.is_some());
    let ends = attributes.expiry;
    assert!(ends.is_none_or(|expiry| expiry > attributes.signing_time));
    assert!(!envelope.chain.certificates().is_empty());
    if envelope.check().is_ok() {
        let kind = envelope.leaf().public_key().kind();
        assert_eq!(for_key(kind), Some(envelope.algorithm));
        assert!(!envelope.signature().is_empty());
    }
}

/// Each critical label is a known one, has a value, and stands once.
pub fn check_critical(envelope: &Envelope, names: &mut Vec<&str>) {
    names.sort_unstable();
    let attributes = &envelope.attributes;
    let plugin = attributes.plugin.as_ref();
    let mut wanted = vec![SCHEME];
    wanted.extend(attributes.expiry.map(|_| EXPIRY));
    let is_authority = attributes.scheme == SigningScheme::SigningAuthority;
    wanted.extend(is_authority.then_some(AUTHENTIC));
    wanted.extend(plugin.map(|_| "io.cncf.notary.verificationPlugin"));
    let version = plugin.and_then(|plugin| plugin.min_version.as_ref());
    wanted.extend(version.map(|_| "io.cncf.notary.verificationPluginMinVersion"));
    wanted.sort_unstable();
    assert_eq!(*names, wanted);
}
