//! Platforms that an index and an image state differently.

use harness::oci::{self, blob_path, with_tag};
use harness::{same, snapshot, write};
use serde_json::{Value, json};

use super::{good, made};

/// containerd and docker take these for one platform, and the first that is listed for it.
#[test]
fn platforms_in_other_spellings_are_the_same() {
    let entries = |first: Value| {
        made(move |maker| {
            let mut other = maker.image("", b"other", b"other");
            other["platform"] = first;
            let mut image = maker.image("", b"layer", b"layer");
            image["platform"] = json!({ "os": "linux", "architecture": "amd64", "variant": "v1" });
            let multi = with_tag(maker.nested(&[other, image.clone()]), "multi");
            vec![multi, with_tag(image, "image")]
        })
    };
    for first in [
        json!({ "os": "linux", "architecture": "amd64" }),
        json!({ "os": "linux", "architecture": "x86_64" }),
        json!({ "os": "LINUX", "architecture": "AMD64" }),
        json!({ "os": "", "architecture": "amd64" }),
    ] {
        let first_is_nowhere = first["os"] == "";
        let scene = entries(first);
        scene.sign("app", &["-d", "image"]).ok();
        let run = scene.verify("app", &["-d", "multi", "--platform", "linux/amd64/v1"]);
        run.exits(1)
            .says(&["has 2 images for platform linux/amd64/v1"]);
        // None of them is one image's alone.
        let hint = scene.verify("app", &["-d", "multi"]).exits(1);
        let names_one = hint.stderr.contains("name one with --platform linux");
        assert!(!names_one || first_is_nowhere, "{hint:?}");
    }
    let scene = entries(json!({ "os": "linux", "architecture": "arm64" }));
    scene.sign("app", &["-d", "image"]).ok();
    let chosen = ["-d", "multi", "--platform", "linux/amd64"];
    scene.verify("app", &chosen).ok();
}

/// Runtimes choose by the platform that the index states, and the config is what is signed.
#[test]
fn an_image_listed_for_another_platform_than_its_own_is_neither_signed_nor_trusted() {
    let layout = |architecture: &str| {
        let scene = made(|maker| {
            let mut image = maker.image("", b"layer", b"layer");
            image["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            vec![with_tag(maker.nested(&[image]), "multi")]
        });
        scene.sign("app", &["--all-platforms"]).ok();
        let dir = scene.app("app");
        oci::replace_index(&dir, "multi", |index| {
            index["manifests"][0]["platform"]["architecture"] = json!(architecture);
        });
        scene
    };
    layout("amd64").verify("app", &["--all"]).ok();
    let scene = layout("arm64");
    for which in [&["--platform", "linux/arm64"][..], &["--all"]] {
        let run = scene.verify("app", which).exits(1);
        run.says(&[
            "FAILED      image.manifest-digest",
            "is listed for linux/arm64, but its config is for linux/amd64",
        ]);
    }
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &["--all-platforms"]).exits(1);
    run.says(&["is listed for linux/arm64", "is not signed"]);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn an_image_that_is_broken_is_reported_where_its_platform_is_named_too() {
    let scene = made(|maker| vec![good(maker)]);
    scene.sign("app", &[]).ok();
    let config = oci::manifest(&scene.app("app"), "good", None)["config"].clone();
    let digest = config["digest"].as_str().expect("a digest");
    write(blob_path(&scene.app("app"), digest), "{}");
    for platform in ["linux/amd64", "linux/arm64"] {
        let run = scene
            .verify("app", &["--platform", platform, "--json"])
            .exits(1);
        let checks = run.json()["images"][0]["checks"].clone();
        assert_eq!(checks[1]["rule"], "image.config-digest");
        assert_eq!(checks[1]["outcome"], "failed");
    }
}

#[test]
fn an_image_that_an_index_lists_for_two_platforms_is_for_one_of_them_only() {
    let twice = |signed: bool| {
        let scene = made(|maker| {
            let mut image = maker.image("", b"layer", b"layer");
            image["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            vec![with_tag(maker.nested(&[image]), "multi")]
        });
        if signed {
            scene.sign("app", &["--all-platforms"]).ok();
        }
        oci::replace_index(&scene.app("app"), "multi", |index| {
            let mut other = index["manifests"][0].clone();
            other["platform"]["architecture"] = json!("arm64");
            let entries = index["manifests"].as_array_mut().expect("entries");
            entries.push(other);
        });
        scene
    };
    let scene = twice(true);
    for which in [&["--platform", "linux/arm64"][..], &["--all"]] {
        let run = scene.verify("app", which).exits(1);
        run.says(&["is listed for linux/arm64, but its config is for linux/amd64"]);
    }
    scene.verify("app", &["--platform", "linux/amd64"]).ok();
    for scene in [scene, twice(false)] {
        let before = snapshot(&scene.registry());
        let run = scene.sign("app", &["--all-platforms"]).exits(1);
        run.says(&["is listed for linux/arm64", "is not signed"]);
        same(&before, &snapshot(&scene.registry()));
    }
}
