//! Layouts with many signatures or wrong ones, and trust stores with what is not a certificate. The cases' layouts all hold
//! one image, so a signature of one is a signature in another.

use std::fs;
use std::os::unix::fs::symlink;

use harness::{Run, Sandbox};
use ir_sign::crypto::{Digest, HashAlgorithm};
use serde_json::{Value, json};

use crate::vectors::{policy, unpacked};

const GOOD: &str = "201-cose-baseline";
const BAD: &str = "018-jws-alg-ES256";
const STORE: &str = "201-cose-baseline/config/truststore/x509/ca";

fn check(sandbox: &Sandbox) -> Run {
    sandbox.run(&format!(
        "policy check oci:{GOOD}/layout:v1 --policy {GOOD}/policy.json"
    ))
}

fn index(sandbox: &Sandbox, case: &str) -> Value {
    sandbox.json(format!("{case}/layout/index.json"))
}

/// Puts bytes into the good layout, and gives a descriptor of a manifest.
fn put(sandbox: &Sandbox, bytes: &[u8]) -> Value {
    let digest = Digest::of(HashAlgorithm::Sha256, bytes);
    let path = format!("{GOOD}/layout/blobs/sha256/{}", digest.hex());
    sandbox.write(path, bytes);
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest.to_string(),
        "size": bytes.len(),
    })
}

/// The manifest of the signature of a case.
fn manifest(sandbox: &Sandbox, case: &str) -> Value {
    let digest = index(sandbox, case)["manifests"][1]["digest"].clone();
    let hex = digest.as_str().expect("text")["sha256:".len()..].to_owned();
    sandbox.json(format!("{case}/layout/blobs/sha256/{hex}"))
}

/// Lists these signatures in the good layout, before or in the place of its own.
fn list(sandbox: &Sandbox, signatures: Vec<Value>, keep: bool) {
    let original = format!("{GOOD}/original.json");
    if !sandbox.has(&original) {
        let bytes = sandbox.read(format!("{GOOD}/layout/index.json"));
        sandbox.write(&original, bytes);
    }
    let mut index = sandbox.json(&original);
    let entries = index["manifests"].as_array_mut().expect("a list");
    let own = entries.split_off(1);
    entries.extend(signatures);
    if keep {
        entries.extend(own);
    }
    sandbox.write(format!("{GOOD}/layout/index.json"), index.to_string());
}

#[test]
fn bad_signatures_before_a_good_one_hide_nothing_up_to_a_hundred() {
    let sandbox = unpacked();
    policy(&sandbox, GOOD, None);
    let bad = manifest(&sandbox, BAD);
    let envelope = bad["layers"][0]["digest"].as_str().expect("text");
    let hex = &envelope["sha256:".len()..];
    let bytes = sandbox.read(format!("{BAD}/layout/blobs/sha256/{hex}"));
    sandbox.write(format!("{GOOD}/layout/blobs/sha256/{hex}"), bytes);
    let bads = |count: usize| {
        let one = |n: usize| {
            let mut one = bad.clone();
            one["annotations"]["n"] = n.to_string().into();
            put(&sandbox, one.to_string().as_bytes())
        };
        (0..count).map(one).collect::<Vec<_>>()
    };
    list(&sandbox, bads(99), true);
    check(&sandbox).exits(0).says("signed by C=PT");
    list(&sandbox, bads(100), true);
    let run = check(&sandbox).exits(1);
    run.says("none of the first 100 signatures meets it, and ir-sign looks at no more");
    list(&sandbox, bads(2), false);
    check(&sandbox)
        .exits(1)
        .says("no signature meets it")
        .says("[notary.integrity]");
}

#[test]
fn a_manifest_that_is_none_of_this_images_signature_does_not_count() {
    let sandbox = unpacked();
    policy(&sandbox, GOOD, None);
    let good = manifest(&sandbox, GOOD);
    let other = Digest::of(HashAlgorithm::Sha256, b"other").to_string();
    for (pointer, value, reason) in [
        (
            "/subject/digest",
            json!(other),
            "it asks for a signature, but there is none",
        ),
        ("/subject/size", json!(412), "it is about another artifact"),
        (
            "/subject/mediaType",
            json!("application/vnd.oci.image.index.v1+json"),
            "it is about another artifact",
        ),
        ("/layers", json!([]), "it holds 0 envelopes, and not one"),
        (
            "/layers",
            json!([good["layers"][0], good["layers"][0]]),
            "it holds 2 envelopes, and not one",
        ),
        (
            "/layers/0/mediaType",
            json!("application/jose+json"),
            "it is not a JWS envelope",
        ),
        (
            "/layers/0/mediaType",
            json!("text/plain"),
            "of the type \"text/plain\"",
        ),
        (
            "/layers/0/size",
            json!((32 << 20) + 1),
            "33554432 is the most",
        ),
        ("/layers/0/size", json!(1), "[notary.integrity]"),
        ("/layers/0/digest", json!(other), "[notary.integrity]"),
        ("/config/mediaType", json!("text/plain"), "there is none"),
    ] {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).expect("it is there") = value;
        let entry = put(&sandbox, changed.to_string().as_bytes());
        list(&sandbox, vec![entry.clone()], false);
        check(&sandbox).exits(1).says(reason);
        // The good one beside it counts all the same.
        list(&sandbox, vec![entry], true);
        check(&sandbox).exits(0);
    }
    // The new form of the manifest.
    let mut changed = good.clone();
    changed["artifactType"] = good["config"]["mediaType"].clone();
    changed["config"]["mediaType"] = "application/vnd.oci.empty.v1+json".into();
    let entry = put(&sandbox, changed.to_string().as_bytes());
    list(&sandbox, vec![entry], false);
    check(&sandbox).exits(0);
}

#[test]
fn a_trust_store_is_a_folder_of_regular_files_each_with_certificates() {
    let sandbox = unpacked();
    policy(&sandbox, GOOD, None);
    check(&sandbox).exits(0);
    let file = sandbox.path(format!("{STORE}/ir/r.pem"));
    let kept = sandbox.path("kept.pem");
    fs::rename(&file, &kept).expect("moved");
    check(&sandbox).exits(3).says("it holds no certificate");
    symlink(&kept, &file).expect("a link");
    check(&sandbox).exits(3).says("a symbolic link");
    fs::remove_file(&file).expect("removed");
    let path = file.to_str().expect("text");
    sandbox.shell(&format!("mkfifo {path}"), "").exits(0);
    check(&sandbox).exits(3).says("a pipe or a device");
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("a folder");
    check(&sandbox).exits(3).says("a folder");
    fs::remove_dir(&file).expect("removed");
    for bytes in [
        &b""[..],
        b"x",
        b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
    ] {
        fs::write(&file, bytes).expect("written");
        check(&sandbox).exits(3).says("r.pem");
    }
    // The certificate in DER is the same one.
    let der = sandbox.openssl("x509 -in kept.pem -outform DER");
    fs::write(&file, der).expect("written");
    check(&sandbox).exits(0);
    let store = sandbox.path(format!("{STORE}/ir"));
    let elsewhere = sandbox.path("elsewhere");
    fs::rename(&store, &elsewhere).expect("moved");
    check(&sandbox).exits(3);
    symlink(&elsewhere, &store).expect("a link");
    check(&sandbox)
        .exits(3)
        .says("does not follow links to one");
}
