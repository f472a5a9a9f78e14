//! Foreign content beside an image, in whatever shape: it is refused in bounded time, and hides nothing.

use ir_sign::crypto::{Digest, HashAlgorithm};
use serde_json::{Value, json};

use crate::desk::Desk;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SIGN: &str =
    "cosign sign --key k.pem --sign-container-identity a.example/b:1 oci:multi:multi";
const VERIFY: &str = "cosign verify --key k.pub oci:multi:multi";

/// A layout with an image that is signed in one of the forms.
fn signed(forms: &str) -> Desk {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    desk.run(&format!("{SIGN} {forms}")).ok();
    desk
}

fn put(desk: &Desk, bytes: &[u8]) -> Value {
    let digest = Digest::of(HashAlgorithm::Sha256, bytes);
    desk.sandbox
        .write(format!("multi/blobs/sha256/{}", digest.hex()), bytes);
    json!({ "digest": digest.to_string(), "size": bytes.len() })
}

/// Lets the tag of signatures lead to this.
fn tag(desk: &Desk, media_type: &str, bytes: &[u8]) {
    let tag = desk.run("cosign triangulate oci:multi:multi").ok().stdout;
    let tag = tag.trim().rsplit(':').next().expect("a tag").to_owned();
    let mut entry = put(desk, bytes);
    entry["mediaType"] = media_type.into();
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
    let mut index = desk.sandbox.json("multi/index.json");
    let entries = index["manifests"].as_array_mut().expect("entries");
    entries.retain(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] != *tag);
    entries.push(entry);
    desk.sandbox.write("multi/index.json", index.to_string());
}

fn layer(desk: &Desk, payload: &[u8], signature: &str) -> Value {
    let mut layer = put(desk, payload);
    layer["mediaType"] = SIMPLE.into();
    layer["annotations"] = json!({ "dev.cosignproject.cosign/signature": signature });
    layer
}

fn manifest(desk: &Desk, layers: &[Value]) -> Vec<u8> {
    let mut config = put(desk, b"{}");
    config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    manifest.to_string().into_bytes()
}

#[test]
fn nothing_under_the_tag_hides_a_bundle_that_holds() {
    let desk = signed("--new-bundle-format=true");
    let many: Vec<_> = (0..1001).map(|_| layer(&desk, b"{}", "AAAA")).collect();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            INDEX,
            br#"{"schemaVersion":2,"manifests":[]}"#.to_vec(),
            "it is application/vnd.oci.image.index",
        ),
        (MANIFEST, manifest(&desk, &many), "more than 1000 layers"),
        (MANIFEST, b"{}".to_vec(), ""),
        (MANIFEST, deep.into_bytes(), ""),
        (
            MANIFEST,
            manifest(&desk, &[layer(&desk, &vec![b' '; 5 << 20], "AAAA")]),
            "more than the limit of 4194304",
        ),
        (
            MANIFEST,
            manifest(&desk, &[layer(&desk, b"{}", &"A".repeat(20_000))]),
            "more than 16 KiB",
        ),
        (
            MANIFEST,
            manifest(&desk, &[layer(&desk, b"{}", "no base64!")]),
            "not base64",
        ),
        (
            MANIFEST,
            manifest(
                &desk,
                &[json!({ "mediaType": SIMPLE, "digest": "sha256:12", "size": 1 })],
            ),
            "",
        ),
    ];
    for (media_type, bytes, says) in cases {
        tag(&desk, media_type, &bytes);
        desk.run(VERIFY).ok();
        let tree = desk.run("cosign tree oci:multi:multi").ok().stdout;
        assert!(tree.contains("artifacts via OCI referrer"), "{tree}");
        let run = desk
            .run(&format!("{VERIFY} --new-bundle-format=false"))
            .exits(1);
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
    }
}

/// The descriptor of the image in the layout.
fn subject(desk: &Desk) -> Value {
    let index = desk.sandbox.json("multi/index.json");
    let mut entries = index["manifests"].as_array().expect("entries").iter();
    let image =
        entries.find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == "multi");
    let mut subject = image.expect("the image").clone();
    let members = subject.as_object_mut().expect("an object");
    members.remove("annotations");
    subject
}

/// A manifest that refers to the image, with a layer as of a bundle.
fn referrer(desk: &Desk, bundle: &[u8], more: &Value) -> Value {
    let mut layer = put(desk, bundle);
    layer["mediaType"] = BUNDLE.into();
    let mut config = put(desk, b"{}");
    config["mediaType"] = "application/vnd.oci.empty.v1+json".into();
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        "subject": subject(desk), "annotations": more,
    })
}

/// Puts entries of manifests before or after those that are in the layout.
fn list(desk: &Desk, first: bool, new: Vec<Value>) {
    let mut index = desk.sandbox.json("multi/index.json");
    let entries = index["manifests"].as_array_mut().expect("entries");
    let at = if first { 0 } else { entries.len() };
    entries.splice(at..at, new);
    desk.sandbox.write("multi/index.json", index.to_string());
}

fn entry(desk: &Desk, manifest: &[u8]) -> Value {
    let mut entry = put(desk, manifest);
    entry["mediaType"] = MANIFEST.into();
    entry
}

#[test]
fn nothing_that_refers_to_the_image_hides_a_signature_that_holds() {
    let desk = signed("--new-bundle-format=false");
    for bundle in [&b"{}"[..], b"", b"[", &vec![b'['; 100_000]] {
        let manifest = referrer(&desk, bundle, &Value::Null).to_string();
        list(&desk, false, vec![entry(&desk, manifest.as_bytes())]);
        desk.run(VERIFY).ok();
        desk.run(&format!("{VERIFY} --new-bundle-format=true"))
            .exits(1)
            .says("it is not a Sigstore bundle");
    }
}

#[test]
fn a_malformed_referrer_hides_no_bundle_that_holds() {
    let good = referrer(&signed("--new-bundle-format=true"), b"{}", &Value::Null);
    let with = |name: &str, value: Value| {
        let mut manifest = good.clone();
        manifest[name] = value;
        manifest.to_string()
    };
    let whole = good.to_string();
    let cases = [
        "{}".to_owned(),
        "[".repeat(100_000),
        whole[..whole.len() / 2].to_owned(),
        whole.replacen('{', r#"{"subject":{},"#, 1),
        with(
            "layers",
            json!([{ "mediaType": BUNDLE, "digest": "sha256:12", "size": 1 }]),
        ),
        with("layers", json!("none")),
        with("config", Value::Null),
    ];
    for first in [true, false] {
        for text in &cases {
            let desk = signed("--new-bundle-format=true");
            let mut bad = entry(&desk, text.as_bytes());
            bad["artifactType"] = BUNDLE.into();
            let mut gone = bad.clone();
            gone["digest"] = format!("sha256:{}", "0".repeat(64)).into();
            let mut other = bad.clone();
            other["size"] = 7.into();
            list(&desk, first, vec![bad, gone, other]);
            let run = desk.run(VERIFY);
            assert_eq!(run.status, 0, "{text:.200}: {run:?}");
        }
    }
}

/// The registry answers 500 for a manifest whose file was changed, and 404 for one whose file is gone.
#[test]
fn a_manifest_that_the_registry_does_not_give_hides_none_that_it_gives() {
    let desk = Desk::new();
    let sign = |key: &str| desk.run(&format!("cosign sign --key {key}.pem IMAGE")).ok();
    desk.key("k", "prime256v1");
    desk.key("bad", "prime256v1");
    sign("bad");
    let tree = desk.run("cosign tree --json IMAGE").ok().json();
    let bad = tree["artifacts"][1]["name"].as_str().expect("a digest");
    sign("k");
    let tag = desk.run("cosign triangulate IMAGE").ok().stdout;
    let signatures = desk.run(&format!("copy docker://{} oci:signatures", tag.trim()));
    let signatures = signatures.ok().stdout;
    let stored = |digest: &str| {
        let hex = digest.trim().strip_prefix("sha256:").expect("SHA-256");
        let folder = "files/docker/registry/v2/blobs/sha256";
        format!("{folder}/{}/{hex}/data", &hex[..2])
    };
    let verify = |form: &str| {
        desk.run(&format!(
            "cosign verify --key k.pub --retries 0 --json {form} IMAGE"
        ))
    };
    for (name, hidden, shown) in [
        (stored(bad), None, "--new-bundle-format=true"),
        (
            stored(&signatures),
            Some("--new-bundle-format=false"),
            "--new-bundle-format=true",
        ),
    ] {
        let whole = desk.sandbox.read(&name);
        for is_changed in [true, false] {
            if is_changed {
                desk.sandbox.write(&name, "{}");
            } else {
                std::fs::remove_file(desk.sandbox.path(&name)).expect("removed");
            }
            verify(shown).ok();
            verify("").ok();
            if let Some(hidden) = hidden {
                // A signature that cannot be read may hold.
                let status = verify(hidden).status;
                assert_eq!(status, if is_changed { 3 } else { 1 }, "{is_changed}");
            }
        }
        desk.sandbox.write(&name, whole);
    }
}

#[test]
fn referrers_beyond_a_thousand_are_told_of_and_hide_no_signature_under_the_tag() {
    const NOTE: &str = "not looked at, because there are too many: ";
    let desk = signed("");
    let junk = |n: usize| {
        let manifest = referrer(&desk, b"{}", &json!({ "n": n.to_string() }));
        entry(&desk, manifest.to_string().as_bytes())
    };
    let verify = |form: &str| desk.run(&format!("{VERIFY} --json {form}"));
    let has_note = |value: &Value| value["images"][0]["notes"].to_string().contains(NOTE);
    list(&desk, true, (0..999).map(junk).collect());
    let run = verify("--new-bundle-format=true").ok().json();
    assert_eq!(run["images"][0]["looked_at"], 1000);
    assert!(!has_note(&run), "{run}");
    // The good one is the last.
    list(&desk, true, (999..1001).map(junk).collect());
    let run = verify("--new-bundle-format=true").exits(1).json();
    assert_eq!(run["images"][0]["looked_at"], 1000);
    assert!(run.to_string().contains(&format!("{NOTE}2")), "{run}");
    let run = verify("").ok().json();
    assert_eq!(run["images"][0]["looked_at"], 1001);
    assert!(has_note(&run), "{run}");
    desk.run(VERIFY).ok().says(&[NOTE]);
}

/// A registry's list with more entries is not read at all.
#[test]
fn a_registrys_list_that_is_too_long_hides_no_signature_under_the_tag() {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    desk.run("cosign sign --key k.pem IMAGE").ok();
    let tag = desk.run("cosign triangulate IMAGE").ok().stdout;
    let fallback = tag.trim().strip_suffix(".sig").expect("a tag");
    let (repository, fallback) = fallback.rsplit_once(':').expect("a tag");
    let (host, repository) = repository.split_once('/').expect("a repository");
    let url = format!("http://{host}/v2/{repository}/manifests/{fallback}");
    let accept = format!("-H 'Accept: {INDEX}' -H 'Content-Type: {INDEX}'");
    let index = desk.sandbox.shell(&format!("curl -sf {accept} {url}"), "");
    let mut index: Value = serde_json::from_str(&index.ok().stdout).expect("an index");
    let entry = index["manifests"][0].clone();
    index["manifests"] = vec![entry; 1001].into();
    desk.sandbox.write("index", index.to_string());
    let put = format!("curl -sf -X PUT {accept} --data-binary @index {url}");
    desk.sandbox.shell(&put, "").ok();
    desk.run("cosign verify --key k.pub IMAGE").ok();
    desk.run("cosign verify --key k.pub --new-bundle-format=true IMAGE")
        .exits(3)
        .says(&["more than 1000 entries"]);
    desk.run("cosign sign --key k.pem IMAGE").exits(3);
}

#[test]
fn no_signature_is_added_where_no_reader_would_find_it() {
    let desk = signed("--new-bundle-format=false");
    let many: Vec<_> = (0..1000)
        .map(|n| layer(&desk, b"{}", &format!("{n:04}")))
        .collect();
    tag(&desk, MANIFEST, &manifest(&desk, &many));
    let before = desk.sandbox.read("multi/index.json");
    desk.run("cosign generate --sign-container-identity a.example/b:1 --output-file payload oci:multi:multi")
        .ok();
    desk.run("cosign sign --key k.pem --payload payload --output-signature one")
        .ok();
    for command in [
        SIGN,
        "cosign attach signature --payload payload --signature one --key k.pub oci:multi:multi",
    ] {
        desk.run(command)
            .exits(1)
            .says(&["after this change", "more than 1000 layers"]);
        assert_eq!(desk.sandbox.read("multi/index.json"), before);
    }
}

/// A certificate is not a key that anybody named.
#[test]
fn keyless_signatures_are_named_as_such_and_not_trusted() {
    let desk = signed("--new-bundle-format=false");
    desk.key("other", "prime256v1");
    let generate = "cosign generate --sign-container-identity a.example/b:1 --force";
    desk.run(&format!("{generate} --output-file payload oci:multi:multi"))
        .ok();
    desk.run("cosign sign --key other.pem --payload payload --output-signature one")
        .ok();
    let one = String::from_utf8(desk.sandbox.read("one")).expect("base64");
    let mut keyless = layer(&desk, &desk.sandbox.read("payload"), one.trim());
    keyless["annotations"]["dev.sigstore.cosign/certificate"] =
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".into();
    tag(&desk, MANIFEST, &manifest(&desk, &[keyless]));
    desk.run(VERIFY)
        .exits(1)
        .says("keyless signatures are not verified here");
    let statement =
        format!("{generate} --new-bundle-format --output-file statement oci:multi:multi");
    desk.run(&statement).ok();
    let attach = "--payload statement --signature two";
    desk.run("cosign sign --key other.pem --payload statement --output-signature two")
        .ok();
    desk.run(&format!(
        "cosign attach signature {attach} --key other.pub oci:multi:multi"
    ))
    .ok();
    desk.run("cosign verify --key other.pub --new-bundle-format=true oci:multi:multi")
        .ok();
    // The same bundle with a certificate in the place of the key's name.
    let tree = desk.run("cosign tree --json oci:multi:multi").ok().json();
    let bundle = tree["artifacts"][1]["layers"][0]
        .as_str()
        .expect("a digest");
    let bundle = format!("multi/blobs/{}", bundle.replace(':', "/"));
    let mut bundle = desk.sandbox.json(bundle);
    bundle["verificationMaterial"] = json!({ "certificate": { "rawBytes": "MAA=" } });
    let desk = signed("--new-bundle-format=false");
    let keyless = referrer(&desk, bundle.to_string().as_bytes(), &Value::Null);
    list(
        &desk,
        true,
        vec![entry(&desk, keyless.to_string().as_bytes())],
    );
    desk.run(&format!("{VERIFY} --new-bundle-format=true"))
        .exits(1)
        .says("it is keyless");
    desk.run(VERIFY).ok();
}
