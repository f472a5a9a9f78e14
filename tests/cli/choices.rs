//! How a command chooses an image: by a tag that others have too, by a full name, and without a name.

use std::fs;

use serde_json::{Value, json};

use harness::oci::{self, Maker, blob_path, with_tag};
use harness::{Run, Scene, ir_sign, snapshot, tool};

const NAME: &str = "io.containerd.image.name";

fn made(make: impl FnOnce(&Maker) -> Vec<Value>) -> Scene {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let entries = make(&maker);
    maker.index(&entries);
    scene
}

fn image(maker: &Maker, content: &str) -> Value {
    maker.image("", content.as_bytes(), content.as_bytes())
}

fn named(entry: Value, tag: &str, name: &str) -> Value {
    let mut entry = with_tag(entry, tag);
    entry["annotations"][NAME] = json!(name);
    entry
}

fn listed(mut entry: Value, os: &str, architecture: &str) -> Value {
    entry["platform"] = json!({ "os": os, "architecture": architecture });
    entry
}

fn digest(entry: &Value) -> String {
    entry["digest"].as_str().expect("a digest").to_owned()
}

/// The attestation that `BuildKit` puts beside an image.
fn attestation(maker: &Maker, about: &Value) -> Value {
    const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#;
    let config = maker.config(&[STATEMENT]);
    let layer = maker.blob("application/vnd.in-toto+json", STATEMENT);
    let mut entry = listed(maker.manifest(&config, &[layer]), "unknown", "unknown");
    entry["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": about["digest"],
    });
    entry
}

/// Packs the app as an archive.
fn packed(scene: &Scene) -> String {
    let archive = scene.text("packed.tar");
    let app = scene.text("registry/app");
    tool("tar", ["-cf", &archive, "-C", &app, "."]);
    archive
}

fn extract(scene: &Scene, archive: &str, app: &str, more: &[&str]) -> Run {
    let mut args = scene.sign_args(app, more);
    args[0] = "extract-sign-image".into();
    args.extend(["-f".into(), archive.into()]);
    ir_sign(args)
}

/// docker from engine 25 on writes an entry for each name of an image.
#[test]
fn one_image_twice_under_one_tag_is_one_image() {
    let make = || {
        made(|maker| {
            let image = image(maker, "x");
            ["docker.io/library/x:1", "registry.example/x:1"]
                .map(|name| named(image.clone(), "1", name))
                .to_vec()
        })
    };
    for more in [&[][..], &["-d", "1"], &["-d", "registry.example/x:1"]] {
        let scene = make();
        let archive = packed(&scene);
        let signed = scene.sign("app", more).ok().stdout;
        scene.verify("app", more).ok();
        scene.verify("app", &["--all"]).ok();
        for entry in oci::entries(&oci::index(&scene.app("app"))) {
            assert_eq!(digest(entry), signed.trim_end());
        }
        assert_eq!(extract(&scene, &archive, "other", more).ok().stdout, signed);
    }
}

/// `docker save` of several images in several repositories.
#[test]
fn only_the_tag_that_is_asked_for_has_to_name_one_image() {
    let (mut first, mut second) = (String::new(), String::new());
    let scene = made(|maker| {
        let images = ["one", "two"].map(|content| image(maker, content));
        [first, second] = [0, 1].map(|n| digest(&images[n]));
        let [one, two] = images;
        vec![
            named(one.clone(), "latest", "docker.io/library/hello:latest"),
            named(one, "1", "registry.example/hello:1"),
            named(two, "1", "registry.example/rich:1"),
        ]
    });
    let archive = packed(&scene);
    let before = snapshot(&scene.registry());
    for run in [
        scene.sign("app", &["-d", "1"]),
        scene.verify("app", &["-d", "1"]),
        extract(&scene, &archive, "other", &["-d", "1"]),
    ] {
        run.exits(1).says(&[
            "\"1\" names 2 images",
            &format!("registry.example/hello:1 {first}, registry.example/rich:1 {second}"),
            "hint: name it by its full name or its digest: -d registry.example/hello:1",
        ]);
    }
    let run = extract(&scene, &archive, "other", &[]).exits(1);
    run.says(&["holds 2 images", "latest", "registry.example/rich:1"]);
    harness::same(&before, &snapshot(&scene.registry()));
    for (n, more) in ["latest", "registry.example/rich:1", &second, "hello"]
        .into_iter()
        .enumerate()
    {
        let app = format!("app{n}");
        let run = extract(&scene, &archive, &app, &["-d", more]);
        if more == "hello" {
            run.exits(3).says(&["there is no image \"hello\""]);
        } else {
            run.ok();
        }
    }
    scene.sign("app", &["-d", "hello:latest"]).ok();
    scene.verify("app", &["-d", "latest"]).ok();
}

/// `docker save` of an image that its containerd store has with `BuildKit`'s attestation.
#[test]
fn an_index_with_one_image_and_an_attestation_means_that_image() {
    let make = || {
        made(|maker| {
            let image = listed(image(maker, "x"), "linux", "amd64");
            let about = attestation(maker, &image);
            vec![with_tag(maker.nested(&[image, about]), "1")]
        })
    };
    for more in [&[][..], &["-d", "1"]] {
        let scene = make();
        let archive = packed(&scene);
        let signed = scene.sign("app", more).ok().stdout;
        assert_eq!(scene.verify("app", more).ok().stdout, signed);
        assert_eq!(extract(&scene, &archive, "other", more).ok().stdout, signed);
    }
    // Where the attestation is not there, as in what `ctr images export` leaves of one platform, it is not a choice either.
    let scene = made(|maker| {
        let image = listed(image(maker, "x"), "linux", "amd64");
        let about = attestation(maker, &image);
        fs::remove_file(blob_path(maker.dir(), &digest(&about))).expect("removed");
        vec![with_tag(maker.nested(&[image, about]), "1")]
    });
    let signed = scene.sign("app", &[]).ok().stdout;
    assert_eq!(scene.verify("app", &["-d", "1"]).ok().stdout, signed);
    let one = ["--platform", "linux/amd64"];
    assert_eq!(scene.verify("app", &one).ok().stdout, signed);
    // It is not passed over where everything counts.
    scene.verify("app", &["--all"]).exits(1);
    scene.sign("app", &["--all-platforms"]).exits(1);
    // By the index's digest too.
    let scene = make();
    let index = digest(&oci::entries(&oci::index(&scene.app("app")))[0]);
    scene.sign("app", &["-d", &index]).ok();
    // A second one is a choice.
    let scene = made(|maker| {
        let images = [("x", "amd64"), ("y", "arm64")]
            .map(|(content, cpu)| listed(image(maker, content), "linux", cpu));
        vec![with_tag(maker.nested(&images), "1")]
    });
    scene.refused(
        "app",
        &[],
        &["for several platforms: linux/amd64, linux/arm64"],
    );
}

#[test]
fn of_images_that_are_not_there_none_is_offered() {
    let scene = made(|maker| {
        let images = [("x", "arm64"), ("y", "amd64")]
            .map(|(content, cpu)| listed(image(maker, content), "linux", cpu));
        let absent = digest(&images[0]);
        fs::remove_file(blob_path(maker.dir(), &absent)).expect("removed");
        vec![with_tag(maker.nested(&images), "1")]
    });
    let run = scene.sign("app", &[]).exits(1);
    let run = run.says(&[
        "for several platforms: linux/amd64, linux/arm64 (not in the layout)",
        "hint: name one with --platform linux/amd64\n",
    ]);
    assert!(!run.stderr.contains("--all-platforms"), "{run:?}");
    scene.sign("app", &["--platform", "linux/amd64"]).ok();
    let run = scene.sign("app", &["--platform", "linux/s390x"]).exits(1);
    run.says(&["(there are: linux/amd64)"]);
}

#[test]
fn images_that_state_no_platform_are_told_of_by_digest() {
    let mut digests = Vec::new();
    let scene = made(|maker| {
        let images = ["x", "y"].map(|content| {
            let bytes = content.as_bytes();
            let config = json!({
                "architecture": "", "os": "",
                "rootfs": { "type": "layers", "diff_ids": [oci::digest(bytes)] },
            });
            let config = maker.blob(oci::CONFIG, config.to_string().as_bytes());
            maker.manifest(&config, &[maker.blob(oci::LAYER, bytes)])
        });
        digests = images.iter().map(digest).collect();
        vec![with_tag(maker.nested(&images), "1")]
    });
    let run = scene.sign("app", &[]).exits(1);
    let run = run.says(&[
        &format!("of several images: {}\n", digests.join(", ")),
        &format!("hint: name one by its digest: -d {}, or", digests[0]),
    ]);
    assert!(!run.stderr.contains("/, /"), "{run:?}");
    scene.sign("app", &["-d", &digests[0]]).ok();
}

/// The hint asks for a digest, and an archive shows none.
#[test]
fn images_of_one_platform_are_told_of_by_digest_too() {
    let mut digests = Vec::new();
    let scene = made(|maker| {
        let images = ["x", "y"].map(|content| listed(image(maker, content), "linux", "amd64"));
        digests = images.iter().map(digest).collect();
        vec![with_tag(maker.nested(&images), "1")]
    });
    let archive = packed(&scene);
    let both = format!("linux/amd64 {}, linux/amd64 {}", digests[0], digests[1]);
    let run = extract(&scene, &archive, "other", &[]).exits(1);
    run.says(&[
        &format!("for several platforms: {both}\n"),
        "name one by its digest",
    ]);
    let one = ["--platform", "linux/amd64"];
    let run = extract(&scene, &archive, "other", &one).exits(1);
    run.says(&[
        "has 2 images for platform linux/amd64",
        &format!("(there are: {both})"),
    ]);
    extract(&scene, &archive, "other", &["-d", &digests[1]]).ok();
}

#[test]
fn artifacts_beside_the_one_image_are_no_choice() {
    const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    let artifact = |maker: &Maker| {
        let [config, layer] = [EMPTY, "text/plain"].map(|kind| maker.blob(kind, b"{}"));
        maker.manifest(&config, &[layer])
    };
    let scene = made(|maker| vec![image(maker, "x"), artifact(maker)]);
    let archive = packed(&scene);
    scene.sign("app", &[]).ok();
    scene.verify("app", &[]).ok();
    extract(&scene, &archive, "other", &[]).ok();
    scene.verify("other", &[]).ok();
    // Two images are a choice, whatever lies beside them.
    let scene = made(|maker| vec![image(maker, "x"), image(maker, "y"), artifact(maker)]);
    let archive = packed(&scene);
    let before = snapshot(&scene.registry());
    let run = extract(&scene, &archive, "other", &[]).exits(1);
    run.says(&[&archive, "holds 2 images"]);
    harness::same(&before, &snapshot(&scene.registry()));
}

/// skopeo leaves an image without its tag when it copies another one to that tag.
#[test]
fn an_image_beside_the_one_that_is_meant_without_a_name_is_told_of() {
    let mut other = String::new();
    let scene = made(|maker| {
        let untagged = image(maker, "old");
        other = digest(&untagged);
        vec![untagged, with_tag(image(maker, "new"), "latest")]
    });
    let archive = packed(&scene);
    let told = format!("warning: {other} is another image, and was not checked; ");
    let signing = format!("{told}-d DIGEST signs it");
    let named = scene.sign("app", &["-d", "latest"]).ok();
    assert!(!named.stderr.contains("looked at"), "{named:?}");
    let run = scene.sign("app", &["--json"]).ok().says(&[&signing]).json();
    assert_eq!(run["not_looked_at"], json!([other]));
    extract(&scene, &archive, "other", &[])
        .ok()
        .says(&[&signing]);
    let told = format!("{told}--all verifies");
    scene.verify("app", &[]).ok().says(&[&told]);
    let json = scene.verify("app", &["--json"]).ok().json();
    assert_eq!(json["not_looked_at"], json!([other]));
    let run = scene.verify("app", &["-d", "latest"]).ok();
    assert!(!run.stderr.contains("looked at"), "{run:?}");
    scene.verify("app", &["--all"]).exits(1);
}
