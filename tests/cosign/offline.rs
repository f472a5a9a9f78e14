//! Keys that are on a machine without a network, and on tokens.

use harness::peers::{cosign25, cosign31};

use crate::desk::Desk;

const OFFLINE: &str = "--insecure-ignore-tlog=true --allow-http-registry";

#[test]
fn a_payload_is_carried_to_an_offline_machine_and_its_signatures_back() {
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    desk.key("other", "secp384r1");
    let payload = desk.run("cosign generate IMAGE").ok().stdout;
    assert!(
        payload.starts_with(r#"{"critical":"#) && payload.ends_with("null}"),
        "{payload}"
    );
    desk.sandbox.write("payload", &payload);
    desk.run("cosign sign --key k.pem --payload payload --output-signature signatures")
        .ok();
    let attach = "cosign attach signature --payload payload --signature signatures";
    desk.run(&format!("{attach} --key other.pub IMAGE"))
        .exits(1)
        .says("it is not a signature of payload by this key");
    desk.run("cosign verify --key k.pub IMAGE").exits(1);
    desk.run(&format!("{attach} --key k.pub IMAGE")).ok();
    desk.run("cosign verify --key k.pub IMAGE").ok();
    if let Some(cosign) = cosign25() {
        desk.peer(cosign, &format!("verify --key k.pub {OFFLINE} IMAGE"))
            .ok();
    }
    // The same for bundles.
    desk.run("cosign generate --new-bundle-format --output-file statement IMAGE")
        .ok();
    desk.run("cosign sign --key k.pem --payload statement --output-signature of-statement")
        .ok();
    let attach = "cosign attach signature --payload statement --signature of-statement";
    desk.run(&format!("{attach} IMAGE"))
        .exits(2)
        .says("give the public key by --key");
    desk.run(&format!("{attach} --key k.pub IMAGE")).ok();
    desk.run("cosign verify --key k.pub --new-bundle-format IMAGE")
        .ok();
    if let Some(cosign) = cosign31() {
        desk.peer(cosign, &format!("verify --key k.pub {OFFLINE} IMAGE"))
            .ok();
    }
}

/// The first time they are attached; then nothing changes.
#[test]
fn a_signature_or_attestation_that_is_there_is_not_attached_again() {
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    desk.sandbox.write("predicate", "{}");
    desk.run("cosign generate --output-file payload IMAGE").ok();
    desk.run("cosign generate --new-bundle-format --output-file statement IMAGE")
        .ok();
    for of in ["payload", "statement"] {
        desk.run(&format!(
            "cosign sign --key k.pem --payload {of} --output-signature of-{of}"
        ))
        .ok();
    }
    desk.run("copy docker://IMAGE oci:there:1").ok();
    desk.run("cosign attest --key k.pem --predicate predicate oci:there:1")
        .ok();
    let all = desk
        .run("cosign download attestation oci:there:1")
        .ok()
        .stdout;
    let first = all.lines().next().expect("an envelope");
    desk.sandbox.write("envelope", first);
    for image in ["IMAGE", "oci:multi:multi"] {
        let tree = || desk.run(&format!("cosign tree {image}")).ok().stdout;
        for attach in [
            "signature --payload payload --signature of-payload",
            "signature --payload statement --signature of-statement",
            "attestation --attestation envelope",
        ] {
            let attach = format!("cosign attach {attach} --key k.pub {image}");
            let before = tree();
            let run = desk.run(&attach).ok();
            let warns = run.stderr.contains("realms cannot get this app [");
            assert_eq!(warns, image != "IMAGE", "{run:?}");
            let once = tree();
            assert_ne!(before, once, "{attach}");
            desk.run(&attach).ok().says("attached already");
            assert_eq!(once, tree(), "{attach}");
        }
    }
}

#[test]
fn nothing_but_payloads_and_statements_is_signed_offline() {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    let payload = desk.run("cosign generate IMAGE").ok().stdout;
    for other in [
        "anything".to_owned(),
        "{}".into(),
        payload.replace("cosign container", "other container"),
        payload.replace("null", "null,\"more\":1"),
        payload.replace("critical", "Critical"),
        r#"{"_type":"https://example.com/other","subject":[],"predicateType":"a:b"}"#.into(),
    ] {
        desk.sandbox.write("other", &other);
        desk.run("cosign sign --key k.pem --payload other --output-signature out")
            .exits(1);
        assert!(!desk.sandbox.has("out"), "{other}");
    }
    // A payload of another image is not attached to this one.
    let digest = payload.find("sha256:").expect("a digest") + 7;
    let other = format!(
        "{}{}{}",
        &payload[..digest],
        "0".repeat(64),
        &payload[digest + 64..]
    );
    desk.sandbox.write("other", other);
    desk.run("cosign sign --key k.pem --payload other --output-signature out")
        .ok();
    desk.run("cosign attach signature --payload other --signature out --key k.pub IMAGE")
        .exits(1)
        .says("it is about sha256:000");
}

#[test]
fn keys_on_tokens_sign() {
    use harness::tokens::{Fixture, Kind};
    for kind in [Kind::SoftHsm, Kind::Kryoptic] {
        let Some(token) = Fixture::of(kind) else {
            continue;
        };
        let desk = Desk::new();
        for (label, curve) in [("one", "secp256r1"), ("two", "secp384r1")] {
            let made = token
                .log_in(&["--keypairgen", "--key-type", &format!("EC:{curve}")])
                .args([
                    "--label",
                    label,
                    "--id",
                    if label == "one" { "01" } else { "02" },
                ])
                .output()
                .expect("pkcs11-tool runs");
            assert!(
                made.status.success(),
                "{}",
                String::from_utf8_lossy(&made.stderr)
            );
            let with = |arguments: &str| {
                let mut command = desk.sandbox.command(harness::program());
                command.envs(token.env.iter().cloned());
                command.env("PKCS11_MODULE_PATH", &token.module);
                let arguments = arguments.replace("IMAGE", &desk.name("1"));
                harness::Run::of(command.args(arguments.split_whitespace()))
            };
            let key = token.uri(label);
            with(&format!("cosign sign --key {key} IMAGE")).ok();
            let run = with(&format!("cosign verify --key {key} IMAGE")).ok();
            assert!(run.stdout.starts_with('['), "{}", run.stdout);
        }
    }
}

#[test]
fn a_payload_that_hangs_on_nothing_is_verified_with_its_signature() {
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    desk.key("other", "secp384r1");
    desk.run("cosign generate -a k=v --output-file payload IMAGE")
        .ok();
    desk.run("cosign sign --key k.pem --payload payload --output-signature signatures")
        .ok();
    let verify = "cosign verify --payload payload --signature signatures";
    desk.run(&format!(
        "{verify} --key k.pub -a k=v --output-file out IMAGE"
    ))
    .ok();
    assert!(desk.sandbox.read("out").starts_with(b"[{"));
    desk.run(&format!("{verify} --key other.pub IMAGE"))
        .exits(1);
    desk.run(&format!("{verify} --key k.pub -a k=w IMAGE"))
        .exits(1);
    desk.sandbox
        .write("payload", desk.run("cosign generate IMAGE").ok().stdout);
    desk.run(&format!("{verify} --key k.pub IMAGE")).exits(1);
}

#[test]
fn flags_of_cosigns_that_are_not_followed_say_why() {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    for (flag, says) in [
        ("--rekor-url=https://x", "asks no service over the network"),
        (
            "--tlog-upload=true",
            "no transparency log is ever written to",
        ),
        (
            "--identity-token x",
            "sign with a key in a file or on a token",
        ),
        ("--sk", "name the key as pkcs11:"),
        (
            "--certificate-identity x",
            "trusts keys here, not certificates",
        ),
        ("--registry-password x", "docker login"),
        ("--check-claims=false", "is always checked"),
        (
            "--use-signed-timestamps",
            "ir-sign does not verify timestamps",
        ),
        ("--k8s-keychain", "--authfile FILE"),
        (
            "--certificate-github-workflow-ref=x",
            "trusts keys here, not certificates",
        ),
        (
            "--output-certificate x",
            "trusts keys here, not certificates",
        ),
    ] {
        let verb = if flag.contains("tlog") {
            "sign --key k.pem"
        } else {
            "verify --key k.pub"
        };
        for place in [format!("{flag} IMAGE"), format!("IMAGE {flag}")] {
            let run = desk
                .run(&format!("cosign {verb} {place}"))
                .exits(2)
                .says(says);
            assert!(run.stdout.is_empty(), "{run:?}");
            // The value may be a password.
            assert!(!run.stderr.contains("'x'"), "{run:?}");
        }
    }
    for command in ["copy", "save", "load"] {
        desk.run(&format!("cosign {command} IMAGE"))
            .exits(2)
            .says("`ir-sign copy --with-signatures`");
    }
    desk.sandbox.write("file", "file");
    desk.run("cosign sign-blob --key k.pem --new-bundle-format=false file")
        .exits(2)
        .says("those of cosign 2 are read");
    desk.run("cosign sign-blob --key k.pem --new-bundle-format -t 3m --bundle b file")
        .ok();
    desk.run("cosign verify-blob --key k.pub --new-bundle-format --bundle b file")
        .ok();
    desk.run("cosign sign IMAGE").exits(2).says("--key");
    desk.run("cosign sign --key awskms://x IMAGE")
        .exits(2)
        .says("network");
}

#[test]
fn a_hash_that_is_asked_for_is_the_only_one() {
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    desk.run("cosign sign --key k.pem --signature-digest-algorithm sha256 IMAGE")
        .ok();
    let verify = |hash: &str| {
        desk.run(&format!(
            "cosign verify --key k.pub --signature-digest-algorithm {hash} IMAGE"
        ))
    };
    verify("sha256").ok();
    verify("sha384")
        .exits(1)
        .says("its signature is ECDSA on P-384 with SHA-256; expected sha384");
    verify("sha224").exits(2);
    desk.run("cosign sign --key k.pem IMAGE").ok();
    for hash in ["sha256", "sha384"] {
        let list: serde_json::Value =
            serde_json::from_str(&verify(hash).ok().stdout).expect("JSON");
        // A signature under the tag, and a bundle.
        assert_eq!(list.as_array().map(Vec::len), Some(2), "{hash}: {list}");
    }
}
