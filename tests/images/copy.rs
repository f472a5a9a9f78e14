//! `copy`: images brought from one place to another, every byte checked.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use harness::oci::{self, Maker, blob_path, with_tag};
use harness::{Sandbox, data, same, snapshot, tool, write};

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A folder with the layouts of these fixtures below `from`.
fn with_layouts(fixtures: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("from")).expect("a folder");
    for fixture in fixtures {
        harness::unpack(fixture, &sandbox.path("from").join(fixture));
    }
    sandbox
}

/// The digests of all blobs in a layout.
fn blobs(layout: &Path) -> Vec<String> {
    let folder = fs::read_dir(layout.join("blobs/sha256")).expect("blobs");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("text");
    let mut names: Vec<_> = folder.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

/// Changes the first byte of a file, keeping its length.
fn spoil(path: &Path) {
    let mut bytes = fs::read(path).expect("a blob");
    bytes[0] ^= 1;
    fs::write(path, bytes).expect("written");
}

/// The path of an image's first layer, or of its config.
fn part(layout: &Path, tag: &str, member: &str) -> std::path::PathBuf {
    let manifest = oci::manifest(layout, tag, None);
    let descriptor = match &manifest[member] {
        Value::Array(all) => &all[0],
        one => one,
    };
    blob_path(layout, descriptor["digest"].as_str().expect("a digest"))
}

#[test]
fn a_copy_has_every_blob_and_document_as_skopeo_finds_them() {
    for fixture in ["multi", "umoci", "nested-attest", "buildah"] {
        let sandbox = with_layouts(&[fixture]);
        let (from, to) = (sandbox.path("from").join(fixture), sandbox.path("to"));
        let run = sandbox
            .run(&format!("copy oci:from/{fixture} oci:to:copied"))
            .exits(0);
        let root = oci::tagged(&to, "copied");
        assert_eq!(
            run.stdout,
            format!("{}\n", root["digest"].as_str().expect("a digest"))
        );
        for name in blobs(&to) {
            let digest = format!("sha256:{name}");
            let bytes = |layout| fs::read(blob_path(layout, &digest)).expect("a blob");
            assert_eq!(bytes(&from), bytes(&to), "{name}");
        }
        let raw = |image: String| tool("skopeo", ["inspect", "--raw", &image]).ok().stdout;
        let name = oci::index(&from)["manifests"][0]["annotations"][REF_NAME].clone();
        let name = name.as_str().expect("a tag");
        assert_eq!(
            raw(format!("oci:{}:{name}", from.display())),
            raw(format!("oci:{}:copied", to.display())),
        );
    }
}

#[test]
fn a_second_copy_brings_nothing_and_changes_nothing() {
    let sandbox = with_layouts(&["multi"]);
    sandbox
        .run("copy oci:from/multi oci:to")
        .exits(0)
        .says("10 blobs sent");
    let before = snapshot(&sandbox.path("to"));
    let again = sandbox.run("copy oci:from/multi oci:to --json").exits(0);
    let json = again.json();
    assert_eq!((&json["sent"], &json["there"]), (&json!(0), &json!(10)));
    assert_eq!(json["moved"], json!([]));
    same(&before, &snapshot(&sandbox.path("to")));
}

#[test]
fn the_tag_of_one_platform_leads_to_its_manifest() {
    let sandbox = with_layouts(&["multi"]);
    let copy = "copy oci:from/multi oci:to:arm --platform linux/arm64";
    sandbox.run(copy).exits(0);
    let root = oci::tagged(&sandbox.path("to"), "arm");
    assert_eq!(
        root["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    assert_eq!(blobs(&sandbox.path("to")).len(), 3);
    let none = "copy oci:from/multi oci:other --platform linux/s390x";
    sandbox.run(none).exits(1).says("linux/arm64");
    assert!(!sandbox.has("other"), "a target was begun");
}

#[test]
fn a_tag_moves_and_says_so_unless_it_must_not() {
    let sandbox = with_layouts(&["multi", "umoci"]);
    sandbox.run("copy oci:from/multi oci:to:app").exits(0);
    let old = oci::tagged(&sandbox.path("to"), "app")["digest"].clone();
    let refused = sandbox
        .run("copy oci:from/umoci oci:to:app --no-move")
        .exits(1);
    refused.says("leads to").says("--no-move");
    assert_eq!(oci::tagged(&sandbox.path("to"), "app")["digest"], old);
    let moved = sandbox
        .run("copy oci:from/umoci oci:to:app --json")
        .exits(0)
        .json();
    assert_eq!(moved["moved"][0]["from"], old);
    let entries = oci::index(&sandbox.path("to"));
    let named = |entry: &&Value| entry["annotations"][REF_NAME] == "app";
    assert_eq!(oci::entries(&entries).iter().filter(named).count(), 1);
    // The image that lost its tag is still there by its digest, until prune.
    let old = old.as_str().expect("a digest");
    assert!(blob_path(&sandbox.path("to"), old).exists());
}

#[test]
fn a_part_that_is_not_what_its_digest_says_is_refused_and_nothing_leads_to_the_copy() {
    for member in ["layers", "config"] {
        let sandbox = with_layouts(&["umoci"]);
        let from = sandbox.path("from/umoci");
        let spoilt = part(&from, "latest", member);
        let whole = fs::read(&spoilt).expect("a blob");
        spoil(&spoilt);
        let name = spoilt
            .file_name()
            .and_then(|name| name.to_str())
            .expect("text");
        let refused = sandbox.run("copy oci:from/umoci oci:to").exits(1);
        refused.says(name).says("digest mismatch");
        assert!(!sandbox.has("to/index.json") && !sandbox.has("to/oci-layout"));
        assert!(!sandbox.has(format!("to/blobs/sha256/{name}")));
        // The whole blob: the run goes on with what it has.
        fs::write(&spoilt, whole).expect("written");
        let gone_on = sandbox
            .run("copy oci:from/umoci oci:to --json")
            .exits(0)
            .json();
        assert_eq!(
            gone_on["sent"].as_u64().expect("a number")
                + gone_on["there"].as_u64().expect("a number"),
            4
        );
        let left: Vec<_> = sandbox.names();
        assert!(!left.iter().any(|name| name.contains(".tmp")), "{left:?}");
    }
}

#[test]
fn a_longer_or_shorter_blob_is_refused() {
    for length in [-1_i64, 1] {
        let sandbox = with_layouts(&["umoci"]);
        let layer = part(&sandbox.path("from/umoci"), "latest", "layers");
        let mut bytes = fs::read(&layer).expect("a blob");
        let new = bytes
            .len()
            .saturating_add_signed(isize::try_from(length).expect("small"));
        bytes.resize(new, 0);
        fs::write(&layer, bytes).expect("written");
        sandbox
            .run("copy oci:from/umoci oci:to")
            .exits(1)
            .says("bytes");
        assert!(!sandbox.has("to/index.json"));
    }
}

#[test]
fn broken_blobs_of_the_target_are_mended() {
    let sandbox = with_layouts(&["umoci"]);
    sandbox.run("copy oci:from/umoci oci:to").exits(0);
    spoil(&part(&sandbox.path("to"), "latest", "layers"));
    let again = sandbox
        .run("copy oci:from/umoci oci:to --json")
        .exits(0)
        .json();
    assert_eq!((&again["sent"], &again["there"]), (&json!(1), &json!(3)));
    let layer = part(&sandbox.path("to"), "latest", "layers");
    let whole = part(&sandbox.path("from/umoci"), "latest", "layers");
    assert_eq!(
        fs::read(layer).expect("a blob"),
        fs::read(whole).expect("a blob")
    );
}

#[test]
fn a_folder_that_is_something_else_is_left_as_it_is() {
    let sandbox = with_layouts(&["umoci"]);
    fs::create_dir(sandbox.path("to")).expect("a folder");
    write(sandbox.path("to/letter"), "mine");
    let before = snapshot(&sandbox.path("to"));
    sandbox
        .run("copy oci:from/umoci oci:to")
        .exits(1)
        .says("not an OCI image layout");
    same(&before, &snapshot(&sandbox.path("to")));
    sandbox
        .run("copy oci:from/umoci oci:absent/to")
        .exits(3)
        .says("make folder");
    sandbox
        .run("copy oci:from/umoci:none oci:new")
        .exits(3)
        .says("no image");
    assert!(!sandbox.has("new"));
    let other = format!("oci:new@sha256:{}", "0".repeat(64));
    sandbox
        .run(&format!("copy oci:from/umoci {other}"))
        .exits(1)
        .says("named by another one");
    assert!(!sandbox.has("new"));
}

#[test]
fn an_archive_is_whole_and_the_same_each_time() {
    let sandbox = with_layouts(&["multi", "umoci"]);
    sandbox
        .run("copy oci:from/multi oci-archive:multi.tar:v1")
        .exits(0);
    let first = sandbox.read("multi.tar");
    sandbox
        .run("copy oci:from/multi oci-archive:again.tar:v1")
        .exits(0);
    assert_eq!(first, sandbox.read("again.tar"));
    let archive = format!("oci-archive:{}:v1", sandbox.path("multi.tar").display());
    let raw = tool("skopeo", ["inspect", "--raw", &archive]).ok().stdout;
    let root = oci::index(&sandbox.path("from/multi"))["manifests"][0].clone();
    assert_eq!(
        raw.trim_end(),
        String::from_utf8(oci::blob(&sandbox.path("from/multi"), &root))
            .expect("text")
            .trim_end()
    );
    sandbox
        .run("copy oci:from/umoci oci-archive:multi.tar")
        .exits(1)
        .says("already exists")
        .says("--force");
    assert_eq!(sandbox.read("multi.tar"), first);
    sandbox
        .run("copy oci:from/umoci oci-archive:multi.tar --force")
        .exits(0);
    assert_ne!(sandbox.read("multi.tar"), first);
    let left = sandbox.names();
    assert!(!left.iter().any(|name| name.contains(".tmp")), "{left:?}");
}

#[test]
fn an_archive_of_something_broken_does_not_appear() {
    let sandbox = with_layouts(&["umoci"]);
    spoil(&part(&sandbox.path("from/umoci"), "latest", "layers"));
    let before = sandbox.names();
    sandbox
        .run("copy oci:from/umoci oci-archive:umoci.tar")
        .exits(1);
    assert_eq!(sandbox.names(), before);
}

#[test]
fn signatures_and_what_refers_to_them_come_along_where_they_are_asked_for() {
    let sandbox = with_layouts(&[]);
    let maker = Maker::new(sandbox.path("from/app"));
    let image = maker.image("", b"content", b"content");
    let digest = image["digest"].as_str().expect("a digest");
    let refers = |subject: &Value, kind: &str| {
        let empty = maker.blob("application/vnd.oci.empty.v1+json", b"{}");
        let layer = maker.blob("application/x-signature", kind.as_bytes());
        maker.document(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": kind,
            "config": empty,
            "layers": [layer],
            "subject": subject,
            "annotations": { "of": kind },
        }))
    };
    let signature = refers(&image, "application/x-sig");
    let of_signature = refers(&signature, "application/x-of-sig");
    let other = maker.image("", b"other", b"other");
    let cosign = maker.image("", b"cosign", b"cosign");
    let cosign_tag = format!("{}.sig", digest.replace(':', "-"));
    maker.index(&[
        with_tag(image.clone(), "latest"),
        signature.clone(),
        of_signature.clone(),
        with_tag(other, "other"),
        with_tag(cosign, &cosign_tag),
    ]);
    sandbox.run("copy oci:from/app:latest oci:alone").exits(0);
    assert_eq!(oci::entries(&oci::index(&sandbox.path("alone"))).len(), 1);
    let run = sandbox
        .run("copy oci:from/app:latest oci:to --with-signatures --json")
        .exits(0);
    assert_eq!(run.json()["along"].as_array().expect("a list").len(), 3);
    let index = oci::index(&sandbox.path("to"));
    let entries = oci::entries(&index);
    assert_eq!(entries.len(), 4, "{index}");
    let of = |digest: &Value| entries.iter().find(|entry| entry["digest"] == *digest);
    let listed = of(&signature["digest"]).expect("the signature");
    assert_eq!(listed["artifactType"], "application/x-sig");
    assert_eq!(listed["annotations"], json!({ "of": "application/x-sig" }));
    assert!(
        of(&of_signature["digest"]).is_some(),
        "what refers to the signature"
    );
    assert!(
        entries
            .iter()
            .any(|entry| entry["annotations"][REF_NAME] == cosign_tag.as_str())
    );
    assert!(!index.to_string().contains("other"));
}

#[test]
fn images_come_out_of_archives_of_either_kind() {
    let sandbox = with_layouts(&["umoci"]);
    sandbox
        .run("copy oci:from/umoci oci-archive:umoci.tar:v1")
        .exits(0);
    let run = sandbox.run("copy oci-archive:umoci.tar:v1 oci:to");
    let digest = run.exits(0).stdout;
    let root = oci::tagged(&sandbox.path("to"), "v1");
    assert_eq!(digest.trim_end(), root["digest"]);
    for fixture in ["docker-save-old", "docker-save-new"] {
        let archive = data(&format!("{fixture}.tar"));
        let copy = format!("copy docker-archive:{} oci:{fixture}", archive.display());
        let run = sandbox.run(&copy).exits(0);
        let layout = sandbox.path(fixture);
        assert!(
            blob_path(&layout, run.stdout.trim_end()).exists(),
            "{run:?}"
        );
        sandbox.run(&copy).exits(0).says("0 blobs sent");
    }
    // A changed byte of a layer is found on the way.
    let mut bytes = sandbox.read("umoci.tar");
    let gzip = bytes.windows(3).position(|part| part == [0x1f, 0x8b, 8]);
    bytes[gzip.expect("a layer") + 20] ^= 1;
    sandbox.write("spoilt.tar", bytes);
    sandbox
        .run("copy oci-archive:spoilt.tar:v1 oci:spoilt")
        .exits(1)
        .says("digest");
    assert!(!sandbox.has("spoilt/index.json"));
}

/// A layout with an image and what `BuildKit` says about it, under one tag.
fn with_attestation(sandbox: &Sandbox) -> (Value, Value) {
    let maker = Maker::new(sandbox.path("from/app"));
    let image = maker.image("+gzip", &gzip(b"content"), b"content");
    let statement = maker.blob("application/vnd.in-toto+json", b"{}");
    let config = maker.config(&[]);
    let attestation = maker.manifest(&config, &[statement]);
    let index = maker.nested(&[image.clone(), attestation.clone()]);
    maker.index(&[with_tag(index, "localhost/app:1.0")]);
    (image, attestation)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("packed");
    encoder.finish().expect("packed")
}

#[test]
fn for_realms_leaves_out_what_no_server_loads_and_names_the_image_itself() {
    let sandbox = with_layouts(&[]);
    let (image, attestation) = with_attestation(&sandbox);
    // Without the flag it is copied as it is, and told.
    let plain = sandbox.run("copy oci:from/app oci:to:app --json").exits(0);
    plain.says("realms cannot get this app");
    let rule = |json: &Value| json["realms"][0]["rule"].clone();
    let plain = sandbox.run("copy oci:from/app oci:to:app --json").exits(0);
    assert_eq!(rule(&plain.json()), "realm.media-types");
    let run = sandbox.run("copy oci:from/app oci:to:app --for-realms --json");
    let json = run.exits(0).json();
    assert_eq!(
        (&json["digest"], &json["realms"]),
        (&image["digest"], &json!([]))
    );
    let named = json["mended"].as_array().expect("a list").clone();
    assert!(
        named
            .iter()
            .any(|one| one["kind"] == "left-out" && one["name"] == attestation["digest"])
    );
    assert_eq!(
        oci::tagged(&sandbox.path("to"), "app")["digest"],
        image["digest"]
    );
    // Again: nothing moves, and realms get it still.
    let before = snapshot(&sandbox.path("to"));
    let again = sandbox.run("copy oci:from/app oci:to:app --for-realms --json");
    let json = again.exits(0).json();
    assert_eq!((&json["moved"], &json["realms"]), (&json!([]), &json!([])));
    same(&before, &snapshot(&sandbox.path("to")));
    // A tag that no server takes is shortened, and the digest is the one that the short one names.
    let run = sandbox
        .run("copy oci:from/app oci:short --for-realms")
        .exits(0);
    let short = oci::tagged(&sandbox.path("short"), "1.0")["digest"].clone();
    assert_eq!(run.stdout.trim(), short);
}

#[test]
fn for_realms_refuses_what_nothing_mends_and_moves_no_tag_to_it() {
    let sandbox = with_layouts(&["buildah"]);
    let maker = Maker::new(sandbox.path("from/artifact"));
    let config = maker.config(&[]);
    let layer = maker.blob("application/vnd.in-toto+json", b"{}");
    let artifact = maker.manifest(&config, &[layer]);
    maker.index(&[with_tag(artifact, "1.0")]);
    sandbox.run("copy oci:from/buildah oci:to:app").exits(0);
    let before = snapshot(&sandbox.path("to"));
    let run = sandbox
        .run("copy oci:from/artifact oci:to:app --for-realms")
        .exits(1);
    run.says("realms cannot get image 1.0").says("in-toto");
    same(&before, &snapshot(&sandbox.path("to")));
    // Realms load layouts, and no signatures.
    for (to, more) in [
        ("oci-archive:new.tar", ""),
        ("oci:new", "--with-signatures"),
        #[cfg(feature = "registry")]
        ("docker://127.0.0.1:1/app", ""),
    ] {
        let run = sandbox.run(&format!("copy oci:from/buildah {to} --for-realms {more}"));
        run.exits(2);
        assert!(!sandbox.has("new") && !sandbox.has("new.tar"));
    }
}
