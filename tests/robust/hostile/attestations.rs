//! Entries that call themselves attestations, and images that hide as one.

use harness::oci::{self, LAYER, Maker, blob_path, with_tag};
use harness::{Scene, ir_sign, write};
use serde_json::{Value, json};
use std::fs;

use super::{IN_TOTO, STATEMENT, attesting, good, listed, made, referring, unknown};

/// The run verifies everything that could run, whatever an entry says of itself and whatever an image refers to.
#[test]
fn all_images_are_verified_those_without_a_tag_and_those_that_refer_or_attest_too() {
    fn other(maker: &Maker) -> Value {
        maker.image("", b"other", b"other")
    }
    fn refers(maker: &Maker) -> Value {
        referring(maker, LAYER)
    }
    type Entries = fn(&Maker) -> Vec<Value>;
    let unsigned: [Entries; 10] = [
        |maker| vec![other(maker)],
        |maker| vec![maker.nested(&[other(maker)])],
        |maker| vec![with_tag(refers(maker), "refers")],
        |maker| vec![refers(maker)],
        |maker| vec![maker.nested(&[refers(maker)])],
        |maker| vec![with_tag(maker.nested(&[attesting(other(maker))]), "multi")],
        |maker| vec![maker.nested(&[attesting(refers(maker))])],
        // By its platform a runtime chooses it, and skopeo unpacks layers of any type.
        |maker| vec![maker.nested(&[attesting(referring(maker, IN_TOTO))])],
        |maker| {
            let hidden = attesting(referring(maker, IN_TOTO));
            vec![maker.nested(&[listed(hidden, "linux", "amd64")])]
        },
        // First where it is passed over, then under a tag.
        |maker| {
            let artifact = referring(maker, IN_TOTO);
            vec![artifact.clone(), with_tag(artifact, "artifact")]
        },
    ];
    for (n, entries) in unsigned.iter().enumerate() {
        let scene = made(|maker| [vec![good(maker)], entries(maker)].concat());
        scene.sign("app", &["-d", "good"]).ok();
        let run = scene.verify("app", &["--all"]);
        assert_eq!(run.status, 1, "{n}: {run:?}");
        run.says(&["FAILED      annotation.vendor-endorsed"]);
    }
    let scene = made(|maker| {
        let artifact = referring(maker, IN_TOTO);
        let attestation = attesting(maker.manifest(
            &maker.config(&[STATEMENT]),
            &[maker.blob(IN_TOTO, STATEMENT)],
        ));
        let attestation = listed(attestation, "unknown", "unknown");
        let nested = maker.nested(&[good(maker), attestation]);
        vec![good(maker), artifact, with_tag(nested, "multi")]
    });
    scene.sign("app", &["-d", "good"]).ok();
    let run = scene.verify("app", &["--all"]).ok();
    assert_eq!(
        run.stderr.matches("not a runnable image").count(),
        2,
        "{run:?}"
    );
}

#[test]
fn an_image_that_its_index_hides_as_an_attestation_is_one_of_all_platforms() {
    let scene = made(|maker| {
        let hidden = attesting(maker.image("", b"other", b"other"));
        let image = maker.image("", b"layer", b"layer");
        vec![with_tag(maker.nested(&[image, hidden]), "multi")]
    });
    let run = scene.sign("app", &["-d", "multi", "--all-platforms"]).ok();
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    scene.verify("app", &["--all"]).ok();
}

/// As `verify-image --all` takes them: anything that a runtime could run is an image, and so is an absent manifest.
#[test]
fn images_that_pose_as_attestations_are_shown_as_images() {
    let scene = made(|maker| {
        let statement =
            |text: &[u8]| maker.manifest(&maker.config(&[text]), &[maker.blob(IN_TOTO, text)]);
        let absent = statement(b"\"absent\"");
        let path = blob_path(&maker.dir, absent["digest"].as_str().expect("a digest"));
        fs::remove_file(path).expect("a blob");
        let entries = [
            maker.image("", b"layer", b"layer"),
            attesting(maker.image("", b"other", b"other")),
            unknown(maker.image("", b"third", b"third")),
            attesting(statement(b"\"one\"")),
            unknown(statement(b"\"two\"")),
            attesting(absent),
        ];
        vec![with_tag(maker.nested(&entries), "multi")]
    });
    let registry = scene.text("registry");
    let args = ["inspect-image", "-r", &registry, "-a", "app"];
    let run = ir_sign(args).ok();
    assert_eq!(run.stdout.matches("image for ").count(), 4, "{run:?}");
    assert_eq!(run.stdout.matches("attestation about").count(), 1);
    assert!(run.stdout.contains("is not in the layout"), "{run:?}");
    let document = ir_sign(args.into_iter().chain(["--json"])).ok().json();
    let entries = document["entries"].as_array().expect("entries");
    let kinds: Vec<_> = entries.iter().map(|e| &e["kind"]).collect();
    let (image, attestation) = ("image", "attestation");
    let expected = [
        "index",
        image,
        image,
        image,
        image,
        attestation,
        "unreadable",
    ];
    assert_eq!(kinds, expected);
}

/// Runtimes choose by the platform alone, and skopeo and buildah unpack layers of any media type.
#[test]
fn an_entry_with_a_platform_counts_even_if_it_poses_as_an_attestation() {
    for platform in [Some("amd64"), None] {
        let scene = made(|maker| {
            let layer = maker.blob(IN_TOTO, b"other");
            let mut hidden = attesting(maker.manifest(&maker.config(&[b"other"]), &[layer]));
            let mut image = maker.image("", b"layer", b"layer");
            if let Some(platform) = platform {
                hidden = listed(hidden, "linux", platform);
                image = listed(image, "linux", platform);
            }
            let multi = with_tag(maker.nested(&[hidden, image.clone()]), "multi");
            vec![multi, with_tag(image, "image")]
        });
        scene.sign("app", &["-d", "image"]).ok();
        for action in [Scene::verify, Scene::sign] {
            let run = action(&scene, "app", &["-d", "multi", "--platform", "linux/amd64"]);
            run.exits(1)
                .says(&["has 2 images for platform linux/amd64"]);
        }
        let run = scene.verify("app", &["--all"]).exits(1);
        run.says(&["FAILED      annotation.vendor-endorsed"]);
    }
}

/// Readers take what is listed for their platform, and of what that holds what is listed for none.
#[test]
fn an_index_is_held_to_its_platform_whatever_calls_itself_an_attestation() {
    type Holds = Box<dyn Fn(&Maker) -> Vec<Value>>;
    let listed = |mut entry: Value, name: &str| {
        entry["platform"] = json!({ "os": "linux", "architecture": name });
        entry
    };
    let image = |maker: &Maker| maker.image("", b"layer", b"layer");
    let statement = |maker: &Maker| {
        let layer = maker.blob(IN_TOTO, STATEMENT);
        let mut entry = attesting(maker.manifest(&maker.config(&[STATEMENT]), &[layer]));
        entry["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        entry
    };
    let cases: [(Holds, &str, bool, i32); 4] = [
        (
            Box::new(move |maker| vec![listed(image(maker), "amd64"), statement(maker)]),
            "amd64",
            false,
            0,
        ),
        // Its content calls itself an attestation.
        (
            Box::new(move |maker| vec![attesting(image(maker))]),
            "arm64",
            false,
            1,
        ),
        (
            Box::new(move |maker| vec![maker.nested(&[attesting(image(maker))])]),
            "arm64",
            false,
            1,
        ),
        // It calls itself one.
        (
            Box::new(move |maker| vec![listed(image(maker), "amd64")]),
            "arm64",
            true,
            1,
        ),
    ];
    for (n, (holds, name, attests, status)) in cases.into_iter().enumerate() {
        let scene = made(|maker| vec![with_tag(maker.nested(&holds(maker)), "multi")]);
        scene.sign("app", &["--all-platforms"]).ok();
        scene.verify("app", &["--all"]).ok();
        let dir = scene.app("app");
        let mut index = oci::index(&dir);
        let entry = &mut index["manifests"][0];
        *entry = listed(entry.take(), name);
        if attests {
            *entry = attesting(entry.take());
        }
        write(dir.join("index.json"), index.to_string());
        let run = scene.verify("app", &["--all"]);
        assert_eq!(run.status, status, "{n}: {run:?}");
        let said = run
            .stderr
            .contains("is listed for linux/arm64, but not everything");
        assert_eq!(said, status == 1, "{n}: {run:?}");
    }
}
