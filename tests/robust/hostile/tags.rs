//! Tags and entries that mislead about the chosen image.

use harness::oci::{self, CONFIG, LAYER, MANIFEST, Maker, with_tag};
use harness::{ir_sign, program, same, snapshot, write};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{
    IN_TOTO, STATEMENT, attesting, good, good_digest, listed, made, signs_and_verifies, unknown,
};

#[test]
fn a_tag_spelt_like_a_digest_hijacks_none() {
    let scene = made(|maker| {
        let other = maker.image("", b"other", b"other");
        let digest = other["digest"].as_str().expect("a digest").to_owned();
        vec![
            with_tag(maker.image("", b"evil", b"evil"), &digest),
            good(maker),
            other,
        ]
    });
    let layout = scene.text("registry/app");
    let other = oci::entries(&oci::index(&scene.app("app")))[2]["digest"].clone();
    let other = other.as_str().expect("a digest");
    scene.refused(
        "app",
        &["-d", "good"],
        &[&layout, other, "spelt like a digest"],
    );
    // Of what is not there at all, nothing is said.
    let absent = format!("sha256:{}", "0".repeat(64));
    let run = scene.verify("app", &["-d", &absent]).exits(3);
    assert!(!run.stderr.contains("nothing leads to it"), "{run:?}");
    // By digest it is the one that has it.
    let signed = scene.sign("app", &["-d", other, "--json"]).ok().json();
    assert_eq!(signed["images"][0]["previous_digest"], other);
    let index = oci::index(&scene.app("app"));
    let evil = Maker::new(scene.app("app")).image("", b"evil", b"evil");
    assert_eq!(oci::entries(&index)[0]["digest"], evil["digest"]);
}

#[test]
fn a_tag_of_two_images_names_neither() {
    let scene = made(|maker| {
        let evil = maker.image("", b"evil", b"evil");
        vec![good(maker), with_tag(evil, "good")]
    });
    let layout = scene.text("registry/app");
    scene.refused(
        "app",
        &["-d", "good"],
        &[&layout, "\"good\" names 2 images"],
    );
    scene.refused("app", &[], &["holds 2 images"]);
    // Whichever is taken by that tag, it has to be trusted.
    scene
        .sign("app", &["-d", good_digest(&scene).as_str()])
        .ok();
    scene.verify("app", &["--all"]).exits(1);
}

/// A user who asks for a platform does not mean an entry without one that could not run; one that could run counts.
#[test]
fn artifacts_among_the_images_of_a_tag_have_no_platform() {
    type Others<'a> = &'a dyn Fn(&Maker) -> Vec<Value>;
    const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    let scene = |others: Others<'_>| {
        made(|maker| {
            let mut held = others(maker);
            held.push(listed(good(maker), "linux", "amd64"));
            vec![with_tag(maker.nested(&held), "multi")]
        })
    };
    let artifact = |maker: &Maker, layer: &str| {
        let [config, layer] = [EMPTY, layer].map(|kind| maker.blob(kind, b"{}"));
        maker.manifest(&config, &[layer])
    };
    let amd64 = ["--platform", "linux/amd64"];
    let with_artifacts = scene(&|maker| vec![artifact(maker, EMPTY), artifact(maker, IN_TOTO)]);
    let run = with_artifacts.sign("app", &["--all-platforms"]).ok();
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    signs_and_verifies(&with_artifacts, &amd64);
    // One image is not a choice.
    signs_and_verifies(&with_artifacts, &[]);
    // Nobody asks for what is for no platform, and nobody could run it.
    let all = with_artifacts.verify("app", &["--all"]).ok();
    assert_eq!(
        all.stderr.matches("not a runnable image").count(),
        2,
        "{all:?}"
    );
    // Of no known type, it can be a manifest to others.
    let unknown = |maker: &Maker| vec![maker.blob("application/octet-stream", b"x")];
    scene(&unknown).refused("app", &amd64, &["octet-stream"]);
    let run = scene(&unknown).sign("app", &["--all-platforms"]);
    run.exits(1).says(&["octet-stream"]);
    let image = |maker: &Maker| maker.image("", b"other", b"other");
    scene(&|maker| vec![image(maker)]).refused("app", &amd64, &["has 2 images for platform"]);
    // Once called something else, and then what it is.
    let twice = |maker: &Maker| {
        let mut first = image(maker);
        first["mediaType"] = json!("application/octet-stream");
        vec![first, image(maker)]
    };
    scene(&twice).refused("app", &amd64, &["octet-stream"]);
    // Some read the platform in a config of any type.
    let stated = |maker: &Maker| {
        let config = maker.config(&[b"other"]);
        let text = oci::blob(&maker.dir, &config);
        vec![maker.manifest(&maker.blob(EMPTY, &text), &[maker.blob(IN_TOTO, b"other")])]
    };
    let files = |maker: &Maker| vec![artifact(maker, LAYER)];
    let others: [Others<'_>; 2] = [&stated, &files];
    for other in others {
        scene(other).refused("app", &amd64, &["must be an image config"]);
    }
}

#[test]
fn entries_that_differ_are_told_apart_though_they_lead_to_the_same_bytes() {
    let scene = made(|maker| {
        let image = good(maker);
        let with = |name: &str, value: Value| {
            let mut entry = image.clone();
            entry[name] = value;
            entry
        };
        let statement = maker.manifest(
            &maker.config(&[STATEMENT]),
            &[maker.blob(IN_TOTO, STATEMENT)],
        );
        vec![
            image.clone(),
            with("mediaType", json!(CONFIG)),
            with("size", json!(1)),
            with("data", json!("AAAA")),
            statement.clone(),
            attesting(statement.clone()),
            unknown(statement),
        ]
    });
    let registry = scene.text("registry");
    let run = ir_sign(["inspect-image", "-r", &registry, "-a", "app", "--json"]).ok();
    let document = run.json();
    let entries = document["entries"].as_array().expect("entries");
    let kinds: Vec<_> = entries.iter().map(|e| &e["kind"]).collect();
    let unreadable = "unreadable";
    assert_eq!(
        kinds,
        [
            "image",
            unreadable,
            unreadable,
            unreadable,
            "image",
            "image",
            "attestation"
        ]
    );
    let reasons: HashSet<_> = entries[1..4].iter().map(|e| e["reason"].as_str()).collect();
    assert_eq!(reasons.len(), 3, "{document:#}");
}

#[test]
fn a_tag_that_leads_to_no_image_is_no_verdict_on_any() {
    let scene = made(|maker| {
        let attestation = unknown(maker.image("", b"layer", b"layer"));
        vec![
            good(maker),
            with_tag(maker.nested(&[]), "empty"),
            with_tag(maker.nested(&[attestation]), "attested"),
        ]
    });
    for tag in ["empty", "attested"] {
        scene.refused("app", &["-d", tag], &[tag]);
        let platform = ["-d", tag, "--platform", "linux/amd64"];
        scene.refused("app", &platform, &["registry/app", tag]);
        let before = snapshot(&scene.registry());
        let run = scene.sign("app", &["-d", tag, "--all-platforms"]).exits(1);
        run.says(&["registry/app", tag]);
        same(&before, &snapshot(&scene.registry()));
    }
}

#[test]
fn a_tag_of_an_index_that_is_listed_twice_is_named_once() {
    let scene = made(|maker| {
        let image = good(maker);
        let index = with_tag(maker.nested(&[image.clone(), image.clone()]), "both");
        let other = with_tag(maker.nested(std::slice::from_ref(&image)), "other");
        vec![index.clone(), index, image, other]
    });
    let digest = oci::tagged(&scene.app("app"), "good")["digest"].clone();
    let digest = digest.as_str().expect("a digest");
    let run = scene.sign("app", &["-d", digest, "--json"]).ok();
    let image = &run.json()["images"][0];
    assert_eq!(image["tags"], json!(["good"]));
    assert_eq!(image["index_tags"], json!(["both", "other"]));
}

/// Each of very many tags may lead to each of very many images.
#[test]
fn of_very_many_tags_that_lead_to_an_image_some_are_named() {
    const MANY: usize = 300;
    let scene = made(|maker| {
        let (config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
        let image = |n: usize| {
            maker.document(&json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                "annotations": { "n": n.to_string() },
            }))
        };
        let all = maker.nested(&(0..MANY).map(image).collect::<Vec<_>>());
        // Some lead there directly, others by an index of their own.
        let entry = |n: usize| {
            let own = maker.nested(&[all.clone(), maker.blob("text/plain", &n.to_le_bytes())]);
            let entry = if n < 10 { own } else { all.clone() };
            with_tag(entry, &format!("n{n}"))
        };
        (0..MANY).map(entry).collect()
    });
    let flags = ["-d", "n20", "--all-platforms"];
    let json = scene
        .sign("app", &[&flags[..], &["--json"]].concat())
        .ok()
        .json();
    let images = json["images"].as_array().expect("images");
    assert_eq!(images.len(), MANY);
    let first: Vec<_> = (0..20).map(|n| format!("n{n}")).collect();
    for image in images {
        assert_eq!(image["index_tags"], json!(first));
        assert_eq!(image["more_index_tags"], true);
    }
    let run = scene.sign("app", &flags).ok();
    run.says(&["n18, n19 and more\n"]);
}

#[test]
fn an_empty_layout_has_nothing_to_trust() {
    let scene = made(|_| Vec::new());
    scene.refused("app", &[], &["registry/app", "no image"]);
    scene.verify("app", &["--all"]).exits(1);
    for missing in ["blobs", "index.json", "oci-layout"] {
        let scene = made(|maker| vec![good(maker)]);
        let path = scene.app("app").join(missing);
        if path.is_dir() {
            fs::remove_dir_all(path).expect("it goes");
        } else {
            fs::remove_file(path).expect("it goes");
        }
        scene.refused("app", &[], &["is not an OCI image layout", missing]);
    }
}

#[test]
fn a_layout_of_another_version_is_refused() {
    for content in [
        r#"{"imageLayoutVersion":"1.1.0"}"#,
        r#"{"imageLayoutVersion":1}"#,
        r#"{"imageLayoutVersion":"1.0.0","imageLayoutVersion":"1.0.0"}"#,
        r#"{"imageLayoutVersion":"1.0.0","ImageLayoutVersion":"1.1.0"}"#,
        r#"["1.0.0"]"#,
        "{}",
    ] {
        let scene = made(|maker| vec![good(maker)]);
        write(scene.app("app").join("oci-layout"), content);
        scene.refused("app", &[], &["oci-layout"]);
    }
    let scene = made(|maker| vec![good(maker)]);
    let version = json!({ "imageLayoutVersion": "1".repeat(5000) });
    write(scene.app("app").join("oci-layout"), version.to_string());
    scene.refused(
        "app",
        &[],
        &["oci-layout has 5025 bytes, more than the limit of 4096"],
    );
}

/// The tests above say what happens; this says that they are run on the program at all.
#[test]
fn the_program_is_there() {
    assert!(Path::new(program()).is_file());
    assert!(
        Command::new(program())
            .arg("--version")
            .output()
            .expect("it runs")
            .status
            .success()
    );
}
