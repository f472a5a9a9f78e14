//! Key pairs on tokens: made there on each curve, and their public halves.

use std::fs;
use std::process::Command;

use harness::tokens::{Fixture, Kind};
use harness::{Run, Sandbox};

use crate::keys::cosign;

const CURVES: [(&str, &str); 3] = [
    ("p256", "EC P-256"),
    ("p384", "EC P-384"),
    ("p521", "EC P-521"),
];

/// A command on a token, whose PIN comes from nowhere yet.
fn on_token(sandbox: &Sandbox, token: &Fixture, arguments: &str) -> Command {
    let mut command = cosign(sandbox, arguments);
    command
        .envs(token.env.iter().cloned())
        .arg("--pkcs11-module")
        .arg(&token.module);
    command
}

fn uri(token: &Fixture, object: &str) -> String {
    let label = token.label.replace(' ', "%20");
    format!("pkcs11:token={label};object={object}")
}

#[test]
fn a_pair_is_made_on_a_token_on_each_curve() {
    for token in Fixture::all() {
        let sandbox = Sandbox::new();
        fs::copy(&token.pin_file, sandbox.path("pin")).expect("copied");
        for (curve, kind) in CURVES {
            // The other modules write such a point in no form of DER, or do not sign with the key that they made.
            let makes_p521 = [Kind::SoftHsm, Kind::Kryoptic, Kind::P11Kit].contains(&token.kind);
            if curve == "p521" && !makes_p521 {
                continue;
            }
            let key = uri(&token, curve);
            let arguments = format!(
                "generate-key-pair --key {key} --curve {curve} --output-key-prefix {curve} --pin-source file:pin"
            );
            let made = Run::of(&mut on_token(&sandbox, &token, &arguments)).ok();
            assert!(made.stdout.starts_with("pkcs11:"), "{made:#?}");
            assert!(
                made.stdout.contains(&format!("object={curve}")),
                "{made:#?}"
            );
            let made = made.says(&format!("{kind}, fingerprint SHA256:"));
            assert!(!sandbox.has(format!("{curve}.key")), "{made:#?}");
            // Its own signature proves the public half; cosign's variable has the PIN.
            let arguments = format!("public-key --key {}", made.stdout.trim());
            let mut command = on_token(&sandbox, &token, &arguments);
            let shown = Run::of(command.env("COSIGN_PKCS11_PIN", token.pin())).ok();
            let public = sandbox.read(format!("{curve}.pub"));
            assert_eq!(shown.stdout.as_bytes(), public, "{} {curve}", token.kind);
            let text = sandbox.openssl(&format!("pkey -pubin -in {curve}.pub -noout -text"));
            let bits = format!("Public-Key: ({} bit)", &curve[1..]);
            assert!(String::from_utf8(text).expect("text").contains(&bits));
        }
    }
}

#[test]
fn a_label_that_is_in_use_is_refused_and_the_public_key_file_first() {
    let sandbox = Sandbox::new();
    let Some(token) = Fixture::of(Kind::SoftHsm) else {
        return;
    };
    fs::copy(&token.pin_file, sandbox.path("pin")).expect("copied");
    let arguments = format!(
        "generate-key-pair --pkcs11-uri {} --pin-source file:pin",
        uri(&token, "key")
    );
    Run::of(&mut on_token(&sandbox, &token, &arguments)).ok();
    Run::of(&mut on_token(&sandbox, &token, &arguments))
        .exits(1)
        .says("public key file cosign.pub: already exists");
    let arguments = format!("{arguments} --output-key-prefix other");
    Run::of(&mut on_token(&sandbox, &token, &arguments))
        .exits(1)
        .says("is in use");
    assert!(!sandbox.has("other.pub"));
    let nameless = arguments.replace(";object=key", "");
    Run::of(&mut on_token(&sandbox, &token, &nameless)).exits(2);
    // With a PIN in it, a URI is refused, and the PIN is not shown.
    let open = format!("public-key --key {}?pin-value=13571", uri(&token, "key"));
    let refused = Run::of(&mut on_token(&sandbox, &token, &open)).exits(2);
    assert!(!refused.stderr.contains("13571"), "{refused:#?}");
}

#[test]
fn a_p256_key_that_another_program_made_is_found() {
    for token in Fixture::all() {
        let sandbox = Sandbox::new();
        let made = token
            .log_in(&[
                "--keypairgen",
                "--key-type",
                "EC:prime256v1",
                "--label",
                "theirs",
                "--id",
                "77",
            ])
            .output()
            .expect("pkcs11-tool runs");
        assert!(made.status.success(), "{made:?}");
        let arguments = format!("public-key --key {}", uri(&token, "theirs"));
        let mut command = on_token(&sandbox, &token, &arguments);
        let shown = Run::of(command.env("COSIGN_PKCS11_PIN", token.pin())).ok();
        assert!(
            shown.stdout.starts_with("-----BEGIN PUBLIC KEY-----\n"),
            "{shown:#?}"
        );
        shown.says("EC P-256, fingerprint SHA256:");
        // A wrong PIN in the variable is tried once, and never shown.
        let mut command = on_token(&sandbox, &token, &arguments);
        let refused = Run::of(command.env("COSIGN_PKCS11_PIN", "97531")).exits(3);
        assert!(!refused.stderr.contains("97531"), "{refused:#?}");
    }
}

#[test]
fn cosigns_variable_names_the_module_unless_the_flag_or_the_uri_does() {
    const VARIABLE: &str = "COSIGN_PKCS11_MODULE_PATH";
    for token in Fixture::all() {
        let sandbox = Sandbox::new();
        fs::copy(&token.pin_file, sandbox.path("pin")).expect("copied");
        let key = uri(&token, "variable");
        let arguments = format!("generate-key-pair --key {key} --pin-source file:pin");
        let made = Run::of(&mut on_token(&sandbox, &token, &arguments)).ok();
        let shown = |query: &str, by_cosign: Option<&str>, by_all: Option<&str>| {
            let key = format!("{key}{query}");
            let arguments = format!("public-key --key {key} --pin-source file:pin");
            let mut command = cosign(&sandbox, &arguments);
            command.envs(token.env.iter().cloned());
            for (name, value) in [(VARIABLE, by_cosign), ("PKCS11_MODULE_PATH", by_all)] {
                command.env_remove(name);
                command.envs(value.map(|value| (name, value)));
            }
            Run::of(&mut command)
        };
        let module = token.module.to_str().expect("a path of UTF-8");
        let none = Some("/no/such/module.so");
        let by_uri = format!("?module-path={module}");
        for (query, by_cosign, by_all) in [
            ("", Some(module), None),
            ("", Some(module), none),
            ("", Some(""), Some(module)),
            (&by_uri, none, none),
        ] {
            let shown = shown(query, by_cosign, by_all).ok();
            assert_eq!(
                shown.stdout.as_bytes(),
                sandbox.read("cosign.pub"),
                "{made:#?}"
            );
        }
        // There is no second choice.
        shown("", none, Some(module))
            .exits(3)
            .says("/no/such/module.so");
    }
}
