//! cosign's payloads: writing an accepted one again gives the same payload, and it names one digest.

use ir_sign::scheme::cosign::Payload;

pub fn run(bytes: &[u8]) {
    let Ok(payload) = Payload::read(bytes) else {
        return;
    };
    assert!(!payload.docker_reference.is_empty());
    let again = Payload::read(&payload.to_bytes());
    assert_eq!(again.as_ref(), Ok(&payload));
    // Other readers find the digest at the one place where it stands.
    let value: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
    let stated = &value["critical"]["image"]["docker-manifest-digest"];
    assert_eq!(*stated, payload.digest.to_string());
}
