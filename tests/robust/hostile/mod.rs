//! Layouts that somebody built to mislead, to stall or to break out.

mod attestations;
mod costs;
mod documents;
mod indexes;
mod layers;
mod limits;
mod messages;
mod paths;
mod platforms;
mod tags;

use harness::oci::{self, CONFIG, LAYER, MANIFEST, Maker, with_tag};
use harness::{Scene, read, write};
use serde_json::{Value, json};

/// A scene with an app that `make` fills.
pub fn made(make: impl FnOnce(&Maker) -> Vec<Value>) -> Scene {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let entries = make(&maker);
    maker.index(&entries);
    scene
}

/// One good image under the tag `good`.
pub fn good(maker: &Maker) -> Value {
    with_tag(maker.image("", b"layer", b"layer"), "good")
}

/// The digest of the image that [`good`] makes.
pub fn good_digest(scene: &Scene) -> String {
    let good = good(&Maker::new(scene.app("app")));
    good["digest"].as_str().expect("a digest").to_owned()
}

pub fn signs_and_verifies(scene: &Scene, flags: &[&str]) {
    scene.sign("app", flags).ok();
    scene.verify("app", flags).ok();
}

#[test]
fn the_layouts_made_here_are_good_as_such() {
    signs_and_verifies(&made(|maker| vec![good(maker)]), &[]);
}

/// An image below this many indexes.
pub fn nested(depth: usize) -> Scene {
    made(|maker| {
        let mut entry = maker.image("", b"layer", b"layer");
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        for _ in 0..depth {
            entry = maker.nested(&[entry]);
        }
        vec![with_tag(entry, "deep")]
    })
}

/// An image whose manifest's text is edited, with digests made right.
pub fn with_manifest_text(edit: impl Fn(&str) -> String) -> Scene {
    made(|maker| {
        let entry = good(maker);
        let text = String::from_utf8(oci::blob(&maker.dir, &entry)).expect("UTF-8");
        let edited = edit(&text);
        assert_ne!(text, edited);
        vec![with_tag(maker.blob(MANIFEST, edited.as_bytes()), "good")]
    })
}

pub fn with_config_text(edit: impl Fn(&str) -> String) -> Scene {
    made(|maker| {
        let config = maker.config(&[b"layer"]);
        let text = String::from_utf8(oci::blob(&maker.dir, &config)).expect("UTF-8");
        let edited = edit(&text);
        assert_ne!(text, edited);
        let config = maker.blob(CONFIG, edited.as_bytes());
        let layer = maker.blob(LAYER, b"layer");
        vec![with_tag(maker.manifest(&config, &[layer]), "good")]
    })
}

pub fn with_index_text(edit: impl Fn(&str) -> String) -> Scene {
    let scene = made(|maker| vec![good(maker)]);
    let path = scene.app("app").join("index.json");
    let text = String::from_utf8(read(&path)).expect("UTF-8");
    let edited = edit(&text);
    assert_ne!(text, edited);
    write(path, edited);
    scene
}

/// An entry that says that it attests.
pub fn attesting(mut entry: Value) -> Value {
    entry["annotations"]["vnd.docker.reference.type"] = json!("attestation-manifest");
    entry
}

/// An entry for the platform that nobody has.
pub fn unknown(entry: Value) -> Value {
    listed(entry, "unknown", "unknown")
}

/// An entry for this platform.
pub fn listed(mut entry: Value, os: &str, architecture: &str) -> Value {
    entry["platform"] = json!({ "os": os, "architecture": architecture });
    entry
}

pub const IN_TOTO: &str = "application/vnd.in-toto+json";
pub const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#;

/// A manifest with another layer, of this type, that refers to an image.
pub fn referring(maker: &Maker, layer_type: &str) -> Value {
    let content = if layer_type == IN_TOTO {
        STATEMENT
    } else {
        b"other"
    };
    let (config, layer) = (maker.config(&[content]), maker.blob(layer_type, content));
    maker.document(&json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        "subject": maker.image("", b"layer", b"layer"),
    }))
}
