//! Manifests: ir-sign reads the same as any reader, and an edit keeps every other member as it stands.

use std::collections::BTreeMap;

use ir_sign::image::{Change, Image, media};
use ir_sign::store::{Applied, Error, Kind, Part, Selection, Target};
use serde_json::{Map, Value};

use super::json::{Members, assert_plain};
use super::scene::{LIMITS, Scene};

const MEMBERS: [&str; 8] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "subject",
    "annotations",
    "manifests",
];
/// The blobs that the manifests of the seeds lead to.
const CONFIG: &[u8] =
    br#"{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const NOTES: [(&str, &str); 2] = [("a.first", "x"), ("org.example.\u{e9}", "\"y\"\n")];

thread_local! {
    static SCENE: Scene = Scene::new();
}

pub fn run(bytes: &[u8]) {
    SCENE.with(|scene| {
        scene.begin();
        scene.blob(media::CONFIG, CONFIG);
        let docker = bytes
            .windows(DOCKER.len())
            .any(|part| part == DOCKER.as_bytes());
        let media_type = if docker { DOCKER } else { media::MANIFEST };
        scene.index(&[scene.blob(media_type, bytes)]);
        if let Some(image) = load(scene, bytes) {
            edit(scene, &image);
        }
    });
}

/// Reads the manifest, and the image where its config is the one that is there.
fn load(scene: &Scene, bytes: &[u8]) -> Option<Image> {
    let layout = scene.layout();
    let targets = layout
        .reader()
        .resolve(&[], &Selection::One)
        .expect("one image");
    let image = match layout.reader().load(&targets[0]) {
        Ok(image) => Some(image),
        Err(Error {
            kind:
                Kind::Part {
                    part: Part::Config(_),
                    ..
                },
            ..
        }) => None,
        Err(Error {
            kind:
                Kind::Part {
                    part: Part::Manifest(_),
                    ..
                },
            ..
        }) => return None,
        Err(e) => panic!("{e}"),
    };
    assert!(bytes.len() as u64 <= LIMITS.document);
    assert_plain(bytes, &MEMBERS, &["config", "layers", "subject"]);
    let mut value: Value = serde_json::from_slice(bytes).expect("JSON");
    assert!(value.get("manifests").is_none());
    assert_eq!(value["schemaVersion"], 2);
    // oci-spec does not take the text that Go writes for an empty list.
    let is_null = value["layers"].is_null();
    if is_null {
        assert!(value.get("layers").is_some());
        value["layers"] = Value::Array(Vec::new());
    }
    let text = is_null.then(|| value.to_string().into_bytes());
    let read = oci_spec::image::ImageManifest::from_reader(text.as_deref().unwrap_or(bytes));
    if let Err(e) = read {
        panic!("oci-spec does not take it: {e}");
    }
    let image = image?;
    let found = &image.manifest;
    assert_eq!(image.manifest_blob.bytes(), bytes);
    assert_eq!(image.config.bytes(), CONFIG);
    assert_eq!(value["config"]["digest"], found.config.digest.to_string());
    let layers = value["layers"].as_array().expect("a list");
    assert_eq!(layers.len(), found.layers.len());
    for (wanted, found) in layers.iter().zip(&found.layers) {
        assert_eq!(wanted["digest"], found.digest.to_string());
        assert_eq!(wanted["size"], found.size);
        assert_eq!(wanted["mediaType"], *found.media_type);
    }
    assert_eq!(annotations(&value), as_map(&found.annotations));
    let subject = found.subject.map(|digest| digest.to_string());
    assert_eq!(value["subject"]["digest"].as_str(), subject.as_deref());
    Some(image)
}

fn edit(scene: &Scene, image: &Image) {
    let notes: BTreeMap<String, String> = NOTES
        .map(|(key, note)| (key.to_owned(), note.to_owned()))
        .into();
    let apply = |image: &Image| {
        let mut layout = scene.layout();
        let edit = layout
            .reader()
            .edit(image, &Change::Annotate(notes.clone()))?;
        layout.apply(&[edit])
    };
    let applied = match apply(image) {
        Ok(applied) => applied,
        // It grows.
        Err(Error {
            kind:
                Kind::Part {
                    part: Part::Manifest(_),
                    ..
                },
            ..
        }) if image.manifest_blob.size() > LIMITS.document - 512 => return,
        Err(Error {
            kind:
                Kind::Part {
                    part: Part::Config(_),
                    ..
                },
            ..
        }) if image.manifest_blob.size() + image.config.size() > LIMITS.documents - 512 => return,
        Err(e) => panic!("{e}"),
    };
    let layout = scene.layout();
    let targets = layout
        .reader()
        .resolve(&[], &Selection::One)
        .expect("one image");
    let new = layout
        .reader()
        .load(&targets[0])
        .expect("what is written is read");
    assert_eq!(applied.images[0].new, new.digest());
    drop(layout);
    compare(
        image.manifest_blob.bytes(),
        new.manifest_blob.bytes(),
        &notes,
    );
    let Applied { changed, .. } = apply(&new).expect("the same again");
    assert!(!changed, "the same edit changes something again");
}

/// Compares two manifests of which the second has these annotations more.
fn compare(old: &[u8], new: &[u8], notes: &BTreeMap<String, String>) {
    let members = |bytes| -> Members { serde_json::from_slice(bytes).expect("an object") };
    let others = |bytes| {
        let mut members = members(bytes).0;
        members.retain(|(name, _)| !["mediaType", "annotations"].contains(&&**name));
        members
    };
    let (olds, news) = (others(old), others(new));
    assert_eq!(olds.len(), news.len());
    for ((name, text), (new_name, new_text)) in olds.iter().zip(&news) {
        assert_eq!(name, new_name, "the order of the members");
        if ["config", "layers"].contains(&&**name) {
            // Only docker's media types become OCI's.
            let mut wanted: Value = serde_json::from_str(text.get()).expect("JSON");
            translate(&mut wanted);
            let found: Value = serde_json::from_str(new_text.get()).expect("JSON");
            assert_eq!(wanted, found, "{name}");
        } else {
            assert_eq!(text.get(), new_text.get(), "{name}");
        }
    }
    let value = |bytes| -> Value { serde_json::from_slice(bytes).expect("JSON") };
    let mut wanted = annotations(&value(old));
    wanted.extend(as_map(notes));
    assert_eq!(annotations(&value(new)), wanted);
    assert_eq!(value(new)["mediaType"], media::MANIFEST);
}

fn translate(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(translate),
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("mediaType")
                && let Some(same) = media::oci_equivalent(text)
            {
                same.clone_into(text);
            }
        }
        _ => {}
    }
}

fn annotations(manifest: &Value) -> Map<String, Value> {
    let found = manifest["annotations"].as_object();
    found.cloned().unwrap_or_default()
}

fn as_map(annotations: &BTreeMap<String, String>) -> Map<String, Value> {
    let values = annotations.iter();
    values
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect()
}
