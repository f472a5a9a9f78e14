//! `attest --replace`: under the tag the new attestation takes the old one's place, and in bundles it stands beside it, as
//! with the real cosign.

use harness::peers::cosign31;

use crate::desk::Desk;

const TYPE: &str = "https://x.example/t";

/// A desk with a key and two predicates.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    desk.sandbox.write("first.json", "{\"n\":1}");
    desk.sandbox.write("second.json", "{\"n\":2}");
    desk
}

/// The predicates of the type that verify with a key.
fn predicates(desk: &Desk, key: &str) -> Vec<String> {
    let verify = format!("cosign verify-attestation --key {key} --type {TYPE} IMAGE");
    let verified = desk.run(&verify).ok().stdout;
    let predicate = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("an envelope");
        let payload = line["payload"].as_str().expect("a payload");
        let payload = <base64ct::Base64 as base64ct::Encoding>::decode_vec(payload);
        let statement: serde_json::Value =
            serde_json::from_slice(&payload.expect("base64")).expect("a statement");
        statement["predicate"].to_string()
    };
    let mut all: Vec<_> = verified.lines().map(predicate).collect();
    all.sort();
    all
}

#[test]
fn an_attestation_replaces_its_keys_own_of_its_type_under_the_tag() {
    let desk = desk();
    desk.key("other", "prime256v1");
    let attest = |key: &str, kind: &str, predicate: &str, more: &str| {
        desk.run(&format!(
            "cosign attest --key {key}.pem --type {kind} --predicate {predicate}.json {more} \
             --new-bundle-format=false IMAGE"
        ))
        .ok()
    };
    attest("k", TYPE, "first", "");
    attest("k", "https://x.example/u", "first", "");
    attest("other", TYPE, "first", "");
    attest("k", TYPE, "second", "");
    assert_eq!(predicates(&desk, "k.pub"), [r#"{"n":1}"#, r#"{"n":2}"#]);
    let run = attest("k", TYPE, "second", "--replace");
    assert!(!run.stderr.contains("warning"), "{run:?}");
    assert_eq!(predicates(&desk, "k.pub"), [r#"{"n":2}"#]);
    assert_eq!(predicates(&desk, "other.pub"), [r#"{"n":1}"#]);
    let all = desk.run("cosign download attestation IMAGE").ok().stdout;
    assert_eq!(all.lines().count(), 3, "{all}");
}

#[test]
fn an_attestation_in_a_bundle_leaves_the_older_ones_and_says_so_and_cosign_leaves_them() {
    let desk = desk();
    let attest = |predicate: &str| {
        desk.run(&format!(
            "cosign attest --key k.pem --type {TYPE} --predicate {predicate}.json --replace IMAGE \
             --new-bundle-format=true"
        ))
        .ok()
    };
    let run = attest("first");
    assert!(!run.stderr.contains("warning"), "{run:?}");
    attest("second").says(&[
        "warning: ",
        "older attestations of this type and key stay in bundles: 1",
    ]);
    assert_eq!(predicates(&desk, "k.pub"), [r#"{"n":1}"#, r#"{"n":2}"#]);
    // The real cosign does the same, without a word.
    for arguments in [
        "generate-key-pair",
        "signing-config create --out config.json",
        "trusted-root create --out root.json",
        "first",
        "second",
    ] {
        let Some(cosign) = cosign31() else { return };
        let arguments = if ["first", "second"].contains(&arguments) {
            format!(
                "attest -y --key cosign.key --signing-config config.json --trusted-root root.json --type {TYPE} \
                 --predicate {arguments}.json --replace --allow-http-registry IMAGE"
            )
        } else {
            arguments.to_owned()
        };
        desk.peer(cosign, &arguments).ok();
    }
    assert_eq!(
        predicates(&desk, "cosign.pub"),
        [r#"{"n":1}"#, r#"{"n":2}"#]
    );
}
