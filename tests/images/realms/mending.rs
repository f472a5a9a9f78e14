//! `--for-realms`: the entries that it leaves out, rewrites or refuses, and the tags that it gives.

use std::fs;

use serde_json::{Value, json};

use super::rules::{DOCKER_MANIFEST, absent, image, image_of, layer, other_image};
use super::server;
use harness::oci::{self, INDEX, LAYER, MANIFEST, Maker, REF_NAME, blob_path, with_tag};
use harness::{Run, Scene, read, same, snapshot};

fn scene() -> (Scene, Maker) {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    (scene, maker)
}

fn for_realms(scene: &Scene, more: &[&str]) -> Run {
    scene.sign("app", &[more, &["--for-realms"]].concat())
}

/// Asserts that the server loads the app and hands out these, and that they verify.
#[track_caller]
fn served(scene: &Scene, references: &[&str]) -> server::App {
    let app = server::load(&scene.app("app")).expect("the server loads it");
    for reference in references {
        assert!(app.hands_out(reference), "{reference}: {app:?}");
        scene.verify("app", &["-d", reference, "--for-realms"]).ok();
    }
    app
}

fn entries(maker: &Maker) -> Vec<Value> {
    oci::entries(&oci::index(&maker.dir)).clone()
}

fn on(platform: &str, mut entry: Value) -> Value {
    let (os, architecture) = platform.split_once('/').expect("a platform");
    entry["platform"] = json!({ "os": os, "architecture": architecture });
    entry
}

fn attestation(maker: &Maker) -> Value {
    on(
        "unknown/unknown",
        other_image(maker, &layer(maker, "application/vnd.in-toto+json")),
    )
}

#[test]
fn a_tag_names_the_one_image_that_is_left_of_its_index() {
    let (scene, maker) = scene();
    let mut entry = on("linux/amd64", image(&maker));
    entry["annotations"] = json!({ "of": "the image" });
    let gone = on(
        "linux/arm64",
        absent(&maker, other_image(&maker, &layer(&maker, LAYER))),
    );
    let index = maker.nested(&[entry, gone.clone(), attestation(&maker)]);
    let mut root = with_tag(index.clone(), "localhost/hello:1");
    root["annotations"]["of"] = json!("the index");
    root["annotations"]["too"] = json!("kept");
    maker.index(&[root]);
    let run = for_realms(&scene, &[]).ok();
    let digest = run.stdout.trim().to_owned();
    let run = run.says(&[
        "left out",
        "tag \"1\" now names",
        "\"localhost/hello:1\" became \"1\"",
    ]);
    run.says(&[
        gone["digest"].as_str().expect("a digest"),
        "tags that lead to it: 1",
    ]);
    served(&scene, &["1", &digest]);
    let [entry] = &entries(&maker)[..] else {
        panic!("one entry")
    };
    assert_eq!(entry["mediaType"], MANIFEST);
    assert_eq!(
        entry["platform"],
        json!({ "os": "linux", "architecture": "amd64" })
    );
    assert_eq!(
        entry["annotations"],
        json!({ REF_NAME: "1", "of": "the index", "too": "kept" })
    );
    // The old content stays until it is pruned, and the run wrote nothing else.
    assert!(blob_path(&maker.dir, index["digest"].as_str().expect("a digest")).exists());
    let written = fs::read_dir(maker.dir.join("blobs/sha256"))
        .expect("blobs")
        .count();
    scene.prune("app").ok();
    let kept = fs::read_dir(maker.dir.join("blobs/sha256"))
        .expect("blobs")
        .count();
    assert_eq!((written > kept, kept), (true, 3));
    served(&scene, &["1"]);
    // Once more changes nothing.
    let before = snapshot(&scene.registry());
    for_realms(&scene, &[]).ok().says(&["nothing was changed"]);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn a_platform_makes_the_tag_name_its_image_and_the_others_stay() {
    let (scene, maker) = scene();
    let [first, second] =
        ["amd64", "arm64"].map(|arch| on(&format!("linux/{arch}"), image_of(&maker, arch)));
    maker.index(&[with_tag(maker.nested(&[first, second.clone()]), "1")]);
    let run = for_realms(&scene, &["--platform", "linux/amd64"]).ok();
    served(&scene, &["1", run.stdout.trim()]);
    let entries = entries(&maker);
    assert_eq!(entries.len(), 2);
    let others: Vec<_> = entries
        .iter()
        .filter(|entry| entry["mediaType"] == INDEX)
        .collect();
    assert!(
        others.len() == 1 && others[0].get("annotations").is_none(),
        "{others:?}"
    );
    let app = server::load(&maker.dir).expect("it is loaded");
    assert!(app.hands_out(second["digest"].as_str().expect("a digest")));
}

#[test]
fn of_several_images_one_is_to_be_named_by_its_digest() {
    let (scene, maker) = scene();
    let both = ["amd64", "arm64"].map(|arch| on(&format!("linux/{arch}"), image_of(&maker, arch)));
    let [first, second] = both;
    maker.index(&[with_tag(
        maker.nested(&[first, second, attestation(&maker)]),
        "a/b:1",
    )]);
    let run = for_realms(&scene, &["--all-platforms"]).ok();
    let digests: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
    let both: Vec<_> = digests.iter().map(String::as_str).collect();
    assert_eq!(both.len(), 2);
    served(&scene, &both);
    run.says(&["name one by its digest", both[0], both[1]]);
    assert_eq!(entries(&maker)[0]["annotations"][REF_NAME], "1");
}

#[test]
fn docker_types_and_documents_without_types_become_ocis() {
    let (scene, maker) = scene();
    let signed = image(&maker);
    let plain = json!({
        "schemaVersion": 2,
        "config": oci::parse(&oci::blob(&maker.dir, &signed))["config"],
        "layers": [layer(&maker, LAYER)],
    });
    let untyped = maker.blob(MANIFEST, plain.to_string().as_bytes());
    let mut docker = plain.clone();
    docker["mediaType"] = json!(DOCKER_MANIFEST);
    docker["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    docker["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar");
    let docker = maker.document(&docker);
    let nested = json!({ "schemaVersion": 2, "manifests": [untyped] });
    let nested = maker.blob(INDEX, nested.to_string().as_bytes());
    maker.index(&[with_tag(signed, "1"), docker.clone(), nested]);
    let given = scene.text("vendor.sig");
    let run = scene
        .sign_with("app", &given, &["--for-realms", "-d", "1"])
        .ok();
    let app = served(&scene, &["1", run.stdout.trim()]);
    assert_eq!(app.manifests.len(), 4, "{app:?}");
    run.says(&[docker["digest"].as_str().expect("a digest"), "rewritten"]);
}

/// docker 28 writes the short tag and the full name of each image that it saves.
#[test]
fn an_image_that_was_named_by_its_full_name_gets_the_tag() {
    for (named, other) in [("r.example/a:1", "r.example/b:1"), ("b:1", "r.example/a:1")] {
        let (scene, maker) = scene();
        let full = |entry: Value, name: &str| {
            let mut entry = with_tag(entry, "1");
            entry["annotations"]["io.containerd.image.name"] = json!(name);
            entry
        };
        let name = if named == "b:1" {
            "docker.io/library/b:1"
        } else {
            named
        };
        let first = full(image(&maker), other);
        let second = full(image_of(&maker, "arm64"), name);
        maker.index(&[first, second]);
        let run = for_realms(&scene, &["-d", named]).ok();
        let digest = run.stdout.trim().to_owned();
        run.says(&["tag \"1\" was removed", "tags that lead to it: 1\n"]);
        served(&scene, &["1", &digest]);
        let tagged = |entry: &&Value| entry["annotations"][REF_NAME] == "1";
        let entries = entries(&maker);
        let tagged: Vec<_> = entries.iter().filter(tagged).collect();
        assert!(
            tagged.len() == 1 && tagged[0]["digest"] == *digest,
            "{entries:?}"
        );
    }
}

#[test]
fn two_entries_for_one_tag_ask_for_a_name() {
    let (scene, maker) = scene();
    let [first, second] = ["amd64", "arm64"].map(|arch| image_of(&maker, arch));
    let entries = [with_tag(first, "a/b:1"), with_tag(second.clone(), "c/d:1")];
    maker.index(&entries);
    let before = snapshot(&scene.registry());
    for more in [
        &["-d", "a/b:1", "-d", "c/d:1"][..],
        &[
            "-d",
            "a/b:1",
            "-d",
            second["digest"].as_str().expect("a digest"),
        ],
    ] {
        let run = for_realms(&scene, more).exits(1);
        run.says(&[
            "several entries would get the tag \"1\"",
            "a/b:1",
            "c/d:1",
            "hint: name the one that should get it",
        ]);
        same(&before, &snapshot(&scene.registry()));
    }
    let run = for_realms(&scene, &["-d", "c/d:1"]).ok();
    let run = run.says(&["tag \"a/b:1\" was removed"]);
    let app = served(&scene, &["1", run.stdout.trim()]);
    assert_eq!(app.tags["1"].1, run.stdout.trim());
    assert_eq!(app.manifests.len(), 2);
}

#[test]
fn one_image_twice_under_one_tag_is_there_once() {
    let (scene, maker) = scene();
    let image = image(&maker);
    maker.index(&[with_tag(image.clone(), "a/b:1"), with_tag(image, "c/d:1")]);
    for_realms(&scene, &["-d", "a/b:1"]).ok();
    served(&scene, &["1"]);
    assert_eq!(entries(&maker).len(), 1);
}

#[test]
fn a_tag_that_cannot_be_shortened_goes_and_is_told() {
    let (scene, maker) = scene();
    maker.index(&[with_tag(image(&maker), "1.0+2")]);
    let run = for_realms(&scene, &[])
        .ok()
        .says(&["tag \"1.0+2\" was removed"]);
    served(&scene, &[run.stdout.trim()]);
}

#[test]
fn faults_beyond_mending_are_refused_and_nothing_changes() {
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let (scene, maker) = scene();
    let good = image(&maker);
    let config = oci::parse(&oci::blob(&maker.dir, &good))["config"].clone();
    let layer = maker.blob(foreign, &[0; 1024]);
    maker.index(&[with_tag(maker.manifest(&config, &[layer]), "1")]);
    let before = snapshot(&scene.registry());
    for_realms(&scene, &[])
        .exits(1)
        .says(&["ir-sign cannot mend that", foreign, "hint: "]);
    same(&before, &snapshot(&scene.registry()));
    // Realms do not read a config without history.
    maker.index(&[with_tag(maker.image("", &[0; 1024], &[0; 1024]), "1")]);
    let before = snapshot(&scene.registry());
    for_realms(&scene, &[])
        .exits(1)
        .says(&["[realm.config-history]", "hint: "]);
    same(&before, &snapshot(&scene.registry()));
    scene
        .sign("app", &[])
        .ok()
        .says(&["realms cannot get this app: ", "[realm.config-history]"]);
}

#[test]
fn images_that_no_server_loads_are_left_out_and_named() {
    let (scene, maker) = scene();
    let empty = maker.blob("application/vnd.oci.empty.v1+json", b"{}");
    let artifact = maker.manifest(&empty, std::slice::from_ref(&empty));
    let lost = layer(&maker, LAYER);
    let sparse = other_image(&maker, &lost);
    let nested = maker.nested(std::slice::from_ref(&artifact));
    let mut other = layer(&maker, LAYER);
    other["size"] = json!(3);
    let fine = maker.blob(LAYER, b"fine");
    maker.index(&[
        artifact.clone(),
        with_tag(image(&maker), "1"),
        sparse.clone(),
        nested.clone(),
        maker.blob("application/x-other", b"other"),
        other,
        fine.clone(),
    ]);
    absent(&maker, lost);
    let given = scene.text("vendor.sig");
    let run = scene
        .sign_with("app", &given, &["--for-realms", "-d", "1", "--json"])
        .ok();
    let told = run.json()["mended"].as_array().expect("a list").clone();
    for entry in [&artifact, &sparse, &nested] {
        let named = |told: &Value| told["kind"] == "left-out" && told["name"] == entry["digest"];
        assert!(told.iter().any(named), "{entry} in {told:?}");
    }
    let app = served(&scene, &["1"]);
    assert!(
        app.blobs
            .contains(fine["digest"].as_str().expect("a digest"))
    );
    let listed: Vec<_> = entries(&maker)
        .iter()
        .map(|e| e["digest"].clone())
        .collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(run.json()["realms"], json!([]));
    // All other members of the text stay.
    let text = read(maker.dir.join("index.json"));
    assert!(
        String::from_utf8(text)
            .expect("text")
            .contains("\"mediaType\"")
    );
}
