//! skopeo with a key provider, as a peer.

use std::process::Command;

use harness::oci::manifest;
use harness::{Sandbox, peers, top};
use serde_json::json;

use super::sealing::{KID, PROVIDER, Wrap, encrypt};

const KEK: [u8; 32] = [0x61; 32];

/// The skopeos that know key providers.
fn skopeos() -> impl Iterator<Item = Command> {
    [peers::skopeo118(), peers::skopeo122()]
        .into_iter()
        .flatten()
}

fn run(mut skopeo: Command, sandbox: &Sandbox, arguments: &str) {
    let provider = top().join("tests/broker/keyprovider.py");
    let config = json!({ "key-providers": { "attestation-agent": { "cmd": {
        "path": "python3", "args": [provider],
    } } } });
    sandbox.write("keyproviders.json", config.to_string());
    sandbox.write("kek", KEK);
    let output = skopeo
        .args(arguments.split_whitespace())
        .current_dir(sandbox.root())
        .env(
            "OCICRYPT_KEYPROVIDER_CONFIG",
            sandbox.path("keyproviders.json"),
        )
        .env("KEK", sandbox.path("kek"))
        .output()
        .expect("skopeo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {arguments}: {said}");
}

#[test]
fn what_skopeo_encrypted_is_opened() {
    for skopeo in skopeos() {
        let sandbox = Sandbox::with_keys();
        sandbox.unpack("umoci", "plain");
        let copy = "--insecure-policy copy --encryption-key provider:attestation-agent:test \
                    oci:registry/plain:latest oci:registry/app:latest";
        run(skopeo, &sandbox, copy);
        let layer = manifest(&sandbox.path("registry/app"), "latest", None)["layers"][0].clone();
        assert!(layer["annotations"][PROVIDER].is_string(), "{layer}");
        let sign = "sign-image -r registry -a app -v vendor.prv -x ca.prv";
        sandbox.run(sign).exits(1).says("--allow-encrypted");
        sandbox
            .run(&format!("{sign} --decryption-key kek"))
            .exits(0);
        let verify = "verify-image -r registry -a app -c ca.pub";
        let whole = sandbox.run(&format!("{verify} --decryption-key kek"));
        whole.exits(0).says("passed      image.diff-ids");
        sandbox
            .run(verify)
            .exits(0)
            .says("not checked image.diff-ids");
    }
}

#[test]
fn what_the_tests_encrypt_skopeo_opens() {
    for skopeo in skopeos() {
        let sandbox = Sandbox::with_keys();
        sandbox.unpack("umoci", "app");
        encrypt(
            &sandbox.path("registry/app"),
            "latest",
            Wrap::Ctr,
            KEK,
            &|seal| {
                seal.packet["kid"] = json!(KID);
            },
        );
        let copy = "--insecure-policy copy --decryption-key provider:attestation-agent:test \
                    oci:registry/app:latest oci:registry/plain:latest";
        run(skopeo, &sandbox, copy);
        let layer = manifest(&sandbox.path("registry/plain"), "latest", None)["layers"][0].clone();
        let media_type = layer["mediaType"].as_str().expect("a media type");
        assert!(!media_type.contains("encrypted"), "{layer}");
    }
}
