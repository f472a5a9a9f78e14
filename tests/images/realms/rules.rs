//! Each rule for apps: where it does not hold, the server does not load the app, and all commands say so.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::server::{self, App};
use harness::oci::{self, CONFIG, INDEX, MANIFEST, Maker, REF_NAME, blob_path, digest, with_tag};
use harness::{Run, Scene, limited, program, write};

pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// An addition to a layout whose one image, `1`, is signed.
struct Case {
    name: &'static str,
    /// The rule that does not hold then; `None` where the server takes it.
    rule: Option<&'static str>,
    change: fn(&Maker),
}

const fn case(name: &'static str, rule: &'static str, change: fn(&Maker)) -> Case {
    Case {
        name,
        rule: Some(rule),
        change,
    }
}

const fn fine(name: &'static str, change: fn(&Maker)) -> Case {
    Case {
        name,
        rule: None,
        change,
    }
}

/// A tar archive without members.
const EMPTY_TAR: [u8; 1024] = [0; 1024];

fn config(maker: &Maker) -> Value {
    config_of(maker, "amd64")
}

fn config_of(maker: &Maker, architecture: &str) -> Value {
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "history": [{ "created_by": "a test" }],
        "rootfs": { "type": "layers", "diff_ids": [digest(&EMPTY_TAR)] },
    });
    maker.blob(CONFIG, config.to_string().as_bytes())
}

/// An image, and what it is made of.
pub fn image(maker: &Maker) -> Value {
    let layer = maker.blob(oci::LAYER, &EMPTY_TAR);
    maker.manifest(&config(maker), &[layer])
}

/// The same for an architecture.
pub fn image_of(maker: &Maker, architecture: &str) -> Value {
    let layer = maker.blob(oci::LAYER, &EMPTY_TAR);
    maker.manifest(&config_of(maker, architecture), &[layer])
}

/// Another image than the one that is signed.
pub fn other_image(maker: &Maker, layer: &Value) -> Value {
    maker.manifest(&config(maker), std::slice::from_ref(layer))
}

fn edit_index(maker: &Maker, edit: impl FnOnce(&mut Value)) {
    let mut index = oci::index(&maker.dir);
    edit(&mut index);
    write(maker.dir.join("index.json"), index.to_string());
}

fn add(maker: &Maker, entry: Value) {
    edit_index(maker, |index| {
        index["manifests"]
            .as_array_mut()
            .expect("entries")
            .push(entry);
    });
}

pub fn layer(maker: &Maker, media_type: &str) -> Value {
    maker.blob(media_type, b"something else")
}

/// A blob whose file is gone.
pub fn absent(maker: &Maker, descriptor: Value) -> Value {
    let digest = descriptor["digest"].as_str().expect("a digest");
    fs::remove_file(blob_path(&maker.dir, digest)).expect("removed");
    descriptor
}

/// A blob of which the file is as long, and other.
fn damaged(maker: &Maker, descriptor: Value, text: &str) -> Value {
    let digest = descriptor["digest"].as_str().expect("a digest");
    write(blob_path(&maker.dir, digest), text);
    descriptor
}

fn tag_first(maker: &Maker, tag: &str) {
    edit_index(maker, |index| {
        index["manifests"][0]["annotations"][REF_NAME] = json!(tag);
    });
}

const CASES: &[Case] = &[
    case(
        "an index.json without its type",
        "realm.document-types",
        |m| {
            edit_index(m, |index| {
                index
                    .as_object_mut()
                    .expect("an object")
                    .remove("mediaType");
            });
        },
    ),
    case("an index without its type", "realm.document-types", |m| {
        let nested = json!({ "schemaVersion": 2, "manifests": [image(m)] });
        add(m, m.blob(INDEX, nested.to_string().as_bytes()));
    }),
    case(
        "another manifest without its type",
        "realm.document-types",
        |m| {
            let layer = layer(m, oci::LAYER);
            let manifest = json!({ "schemaVersion": 2, "config": config(m), "layers": [layer] });
            add(m, m.blob(MANIFEST, manifest.to_string().as_bytes()));
        },
    ),
    case(
        "a manifest with docker's type inside",
        "realm.document-types",
        |m| {
            let layer = layer(m, oci::LAYER);
            let manifest = json!({
                "schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config(m), "layers": [layer],
            });
            add(m, m.blob(MANIFEST, manifest.to_string().as_bytes()));
        },
    ),
    case("another manifest of version 1", "realm.documents", |m| {
        let manifest = json!({
            "schemaVersion": 1, "mediaType": MANIFEST, "config": config(m), "layers": [],
        });
        add(m, m.blob(MANIFEST, manifest.to_string().as_bytes()));
    }),
    case("a manifest whose layers are null", "realm.documents", |m| {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config(m), "layers": null,
        });
        add(m, m.blob(MANIFEST, manifest.to_string().as_bytes()));
    }),
    case("an index whose list is null", "realm.documents", |m| {
        let nested = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": null });
        add(m, m.blob(INDEX, nested.to_string().as_bytes()));
    }),
    case("a manifest that is not JSON", "realm.documents", |m| {
        add(m, m.blob(MANIFEST, b"[1, 2"));
    }),
    case("a manifest without a config", "realm.documents", |m| {
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": [] });
        add(m, m.blob(MANIFEST, manifest.to_string().as_bytes()));
    }),
    case("an entry of docker's type", "realm.media-types", |m| {
        let mut entry = other_image(m, &layer(m, oci::LAYER));
        entry["mediaType"] = json!(DOCKER_MANIFEST);
        let digest = entry["digest"].as_str().expect("a digest").to_owned();
        let mut manifest = oci::parse(&harness::read(blob_path(&m.dir, &digest)));
        manifest["mediaType"] = json!(DOCKER_MANIFEST);
        add(m, m.document(&manifest));
    }),
    case("an attestation", "realm.media-types", |m| {
        add(m, other_image(m, &layer(m, "application/vnd.in-toto+json")));
    }),
    case("an artifact", "realm.media-types", |m| {
        let empty = m.blob("application/vnd.oci.empty.v1+json", b"{}");
        add(m, m.manifest(&empty, &[layer(m, oci::LAYER)]));
    }),
    case(
        "a layer that is not distributed",
        "realm.media-types",
        |m| {
            let kind = "application/vnd.oci.image.layer.nondistributable.v1.tar";
            add(m, other_image(m, &layer(m, kind)));
        },
    ),
    case("an encrypted layer", "realm.media-types", |m| {
        add(
            m,
            other_image(
                m,
                &layer(m, "application/vnd.oci.image.layer.v1.tar+encrypted"),
            ),
        );
    }),
    case("something of no known type", "realm.media-types", |m| {
        add(m, m.blob("application/vnd.oci.descriptor.v1+json", b"{}"));
    }),
    case("an absent manifest", "realm.blobs", |m| {
        add(m, absent(m, other_image(m, &layer(m, oci::LAYER))));
    }),
    case("an absent index", "realm.blobs", |m| {
        add(m, absent(m, m.nested(&[])));
    }),
    case("an absent manifest in an index", "realm.blobs", |m| {
        let entry = absent(m, other_image(m, &layer(m, oci::LAYER)));
        add(m, m.nested(&[entry]));
    }),
    case("an absent layer of another image", "realm.blobs", |m| {
        let layer = layer(m, oci::LAYER);
        let image = other_image(m, &layer);
        absent(m, layer);
        add(m, image);
    }),
    case("an absent config of another image", "realm.blobs", |m| {
        let config = m.blob(CONFIG, b"{}");
        let image = m.manifest(&config, &[]);
        absent(m, config);
        add(m, image);
    }),
    case(
        "a layer of another image with more bytes",
        "realm.blob-sizes",
        |m| {
            let layer = layer(m, oci::LAYER);
            let image = other_image(m, &layer);
            add(m, image);
            damaged(m, layer, "something else, and longer");
        },
    ),
    case(
        "another manifest with another content",
        "realm.digests",
        |m| {
            let image = other_image(m, &layer(m, oci::LAYER));
            let digest = image["digest"].as_str().expect("a digest");
            let length = harness::read(blob_path(&m.dir, digest)).len();
            add(m, damaged(m, image, &"x".repeat(length)));
        },
    ),
    case(
        "a blob in index.json with another content",
        "realm.digests",
        |m| {
            add(m, damaged(m, layer(m, oci::LAYER), "something ELSE"));
        },
    ),
    case("a full name as tag", "realm.tag-form", |m| {
        tag_first(m, "localhost/hello:1");
    }),
    case("a tag with a plus", "realm.tag-form", |m| {
        tag_first(m, "1.0+2");
    }),
    case("a long tag", "realm.tag-form", |m| {
        tag_first(m, &"x".repeat(129));
    }),
    case("a tag on something else", "realm.tag-form", |m| {
        add(m, with_tag(layer(m, oci::LAYER), "a/b"));
    }),
    case("a tag twice", "realm.tag-once", |m| {
        add(m, with_tag(other_image(m, &layer(m, oci::LAYER)), "1"));
    }),
    case("a tag twice on one image", "realm.tag-once", |m| {
        add(m, oci::index(&m.dir)["manifests"][0].clone());
    }),
    fine("nothing", |_| {}),
    fine("a blob that nothing leads to", |m| {
        layer(m, "application/x-whatever");
    }),
    fine("another image without a tag", |m| {
        add(m, other_image(m, &layer(m, oci::LAYER)));
    }),
    fine("a layer and a config in index.json", |m| {
        add(m, with_tag(layer(m, &format!("{}+zstd", oci::LAYER)), "x"));
        add(m, config(m));
    }),
    fine("a config that is a layer", |m| {
        add(m, m.manifest(&layer(m, oci::LAYER), &[]));
    }),
    fine("a layer of another image with another content", |m| {
        let layer = layer(m, oci::LAYER);
        add(m, other_image(m, &layer));
        damaged(m, layer, "something ELSE");
    }),
    fine("an index in an index", |m| {
        let other = other_image(m, &layer(m, oci::LAYER));
        let inner = m.nested(&[image(m), other]);
        add(m, with_tag(m.nested(&[inner.clone(), inner]), "all"));
    }),
    fine("a subject that is not there", |m| {
        let mut subject = config(m);
        subject["digest"] = json!(digest(b"nowhere"));
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config(m),
            "layers": [layer(m, oci::LAYER)], "subject": subject,
        });
        add(m, m.document(&manifest));
    }),
    fine("the longest tag", |m| tag_first(m, &"x".repeat(128))),
    fine("an index without entries", |m| add(m, m.nested(&[]))),
];

/// The rules about realms that do not hold, as `verify-image` reports them of its first image.
fn failed(run: &Run) -> Vec<String> {
    let report = run.json();
    let checks = report["images"][0]["checks"].as_array().expect("checks");
    let failed = checks.iter().filter(|check| check["outcome"] == "failed");
    failed
        .map(|check| check["rule"].as_str().expect("a rule").to_owned())
        .collect()
}

fn inspect(scene: &Scene, more: &[&str]) -> Run {
    let registry = scene.registry().display().to_string();
    let place = ["inspect-image", "-r", &registry, "-a", "app"];
    Run::of(limited(program()).args(place).args(more))
}

/// A scene with one signed image, and its digest.
fn signed() -> (Scene, Maker, String) {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let image = image(&maker);
    maker.index(&[with_tag(image, "1")]);
    let run = scene.sign("app", &[]).ok();
    assert!(!run.stderr.contains("realm"), "{}", run.stderr);
    let digest = run.stdout.trim().to_owned();
    (scene, maker, digest)
}

fn loaded(app: &Path, digest: &str) -> Result<App, String> {
    let loaded = server::load(app);
    if let Ok(app) = &loaded {
        assert!(app.hands_out(digest), "{digest} is not in {app:?}");
    }
    loaded
}

#[test]
fn each_rule_for_apps_is_the_servers() {
    for Case { name, rule, change } in CASES {
        println!("{name}");
        let (scene, maker, digest) = signed();
        change(&maker);
        let server = loaded(&scene.app("app"), &digest);
        assert_eq!(server.is_err(), rule.is_some(), "the server: {server:?}");
        scene.verify("app", &["-d", &digest]).ok();
        let run = scene.verify("app", &["-d", &digest, "--for-realms", "--json"]);
        let expected: Vec<_> = rule.iter().map(ToString::to_string).collect();
        assert_eq!(failed(&run), expected);
        run.exits(i32::from(rule.is_some()));
        // All commands say the same.
        let agrees = |run: &Run, refused: bool| {
            let text = &run.stderr;
            assert_eq!(
                text.contains("realms cannot get this app: "),
                refused,
                "{text}"
            );
            assert_eq!(text.contains("hint: "), refused, "{text}");
        };
        let shown = inspect(&scene, &[]).ok();
        agrees(&shown, rule.is_some());
        shown.says(&[&rule.map_or_else(String::new, |rule| format!("[{rule}]"))]);
        let json = inspect(&scene, &["--json"]).json();
        let told = json["realms"].as_array().expect("findings");
        assert_eq!(told.len(), expected.len(), "{told:?}");
        // Signing again writes anew what lies above the image.
        let given = scene.text("vendor.sig");
        let again = scene.sign_with("app", &given, &["-d", &digest]).ok();
        agrees(&again, server::load(&scene.app("app")).is_err());
    }
}

/// A layer that is not unpacked, because it is damaged or needs much memory, may hold anything.
#[test]
fn an_image_whose_layers_are_not_unpacked_is_told_of() {
    let (scene, maker, _) = signed();
    maker.index(&[other_image(&maker, &layer(&maker, oci::LAYER))]);
    let run = inspect(&scene, &[]).ok();
    run.says(&[
        "warning: cannot tell whether a realm can unpack an image: image sha256:",
        "but the config says",
    ]);
    let json = inspect(&scene, &["--json"]).json();
    assert!(
        json["not_told"]
            .as_str()
            .is_some_and(|text| text.contains("layer 1"))
    );
    let (scene, ..) = signed();
    assert!(inspect(&scene, &["--json"]).json()["not_told"].is_null());
}

#[test]
fn a_layout_of_another_version_is_none_to_the_server_and_to_us() {
    let (scene, maker, digest) = signed();
    write(
        maker.dir.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.1"}"#,
    );
    loaded(&maker.dir, &digest).expect_err("another version");
    scene
        .verify("app", &["--for-realms"])
        .exits(1)
        .says(&["version \"1.0.1\""]);
}

#[test]
fn a_tag_that_names_an_index_is_none_for_realms_and_the_digest_is_one() {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let image = image(&maker);
    maker.index(&[with_tag(maker.nested(&[image]), "1")]);
    let run = scene.sign("app", &["--all-platforms"]).ok();
    let run = run.says(&[
        "realms cannot get this app: ",
        "[realm.tag-image]",
        "hint: ",
    ]);
    let digest = run.stdout.trim().to_owned();
    let app = server::load(&maker.dir).expect("it is loaded");
    assert!(!app.hands_out("1") && app.hands_out(&digest));
    inspect(&scene, &[]).ok().says(&["[realm.tag-image]"]);
    inspect(&scene, &["-d", "1"])
        .ok()
        .says(&["[realm.tag-image]"]);
    let by = |more: &[&str]| {
        let all = [more, &["--for-realms", "--json"]].concat();
        failed(&scene.verify("app", &all))
    };
    assert_eq!(
        by(&["-d", "1", "--platform", "linux/amd64"]),
        ["realm.tag-image"]
    );
    assert_eq!(by(&["--platform", "linux/amd64"]), ["realm.tag-image"]);
    assert!(by(&["-d", &digest]).is_empty());
    assert!(by(&["--all"]).is_empty());
}

#[test]
fn images_that_realms_cannot_get_are_trusted_all_the_same() {
    let (scene, maker, _) = signed();
    tag_first(&maker, "localhost/hello:1");
    let run = scene.verify("app", &["--for-realms"]).exits(1);
    run.says(&["NOT for realms", "FAILED      realm.tag-form", "hint: "]);
    let run = scene.verify("app", &["--for-realms", "-q"]).exits(1);
    run.says(&["FAILED realm.tag-form", "NOT for realms"]);
    let run = scene.verify("app", &["-c", &scene.text("other-ca.pub"), "--for-realms"]);
    run.exits(1).says(&["NOT trusted"]);
}
