//! Foreign content beside an image, in whatever shape: it is refused in bounded time, and hides nothing.

use ir_sign::crypto::{Digest, HashAlgorithm};
use serde_json::{Value, json};

use crate::desk::Desk;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
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
        let run = desk
            .run(&format!("{VERIFY} --new-bundle-format=false"))
            .exits(1);
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
    }
}

#[test]
fn nothing_that_refers_to_the_image_hides_a_signature_that_holds() {
    let desk = signed("--new-bundle-format=false");
    let subject = desk.sandbox.json("multi/index.json");
    let entries = subject["manifests"].as_array().expect("entries");
    let image = entries
        .iter()
        .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == "multi");
    let mut subject = image.expect("the image").clone();
    subject
        .as_object_mut()
        .expect("an object")
        .remove("annotations");
    for bundle in [&b"{}"[..], b"", b"[", &vec![b'['; 100_000]] {
        let mut layer = put(&desk, bundle);
        layer["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json".into();
        let mut config = put(&desk, b"{}");
        config["mediaType"] = "application/vnd.oci.empty.v1+json".into();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "subject": subject,
        });
        let mut entry = put(&desk, manifest.to_string().as_bytes());
        entry["mediaType"] = MANIFEST.into();
        let mut index = desk.sandbox.json("multi/index.json");
        index["manifests"]
            .as_array_mut()
            .expect("entries")
            .push(entry);
        desk.sandbox.write("multi/index.json", index.to_string());
        desk.run(VERIFY).ok();
        desk.run(&format!("{VERIFY} --new-bundle-format=true"))
            .exits(1)
            .says("it is no Sigstore bundle");
    }
}
