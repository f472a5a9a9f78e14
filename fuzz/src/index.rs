//! `index.json`: ir-sign reads the same as any reader, and no two readers differ about it.

use std::collections::HashMap;

use ir_sign::image::{Embedded, REF_NAME, Reference};
use ir_sign::ops::inspect::Inspect;
use ir_sign::progress::Silent;
use ir_sign::store::Selection;
use serde_json::Value;

use super::json::{DESCRIPTOR, assert_plain};
use super::scene::{LIMITS, Scene, name};

const MEMBERS: [&str; 8] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "manifests",
    "subject",
    "annotations",
    "config",
    "layers",
];
/// Tags that are looked up.
const TAGS: usize = 4;

thread_local! {
    static SCENE: Scene = {
        let scene = Scene::new();
        scene.begin();
        scene
    };
}

pub fn run(bytes: &[u8]) {
    SCENE.with(|scene| {
        scene.write("index.json", bytes);
        check(scene, bytes);
    });
}

fn check(scene: &Scene, bytes: &[u8]) {
    let Ok(layout) = scene.registry.layout(&name()) else {
        return;
    };
    assert!(bytes.len() as u64 <= LIMITS.document);
    assert_plain(bytes, &MEMBERS, &["manifests", "subject"]);
    let value: Value = serde_json::from_slice(bytes).expect("JSON");
    assert!(value.get("config").is_none() && value.get("layers").is_none());
    assert_eq!(value["schemaVersion"], 2);
    if let Err(e) = oci_spec::image::ImageIndex::from_reader(bytes) {
        panic!("oci-spec does not take it: {e}");
    }

    let wanted = value["manifests"].as_array().expect("a list");
    // None of the indexes below it is there, and some that it states could not be.
    let Ok(entries) = layout.reader().entries() else {
        return;
    };
    let tops: Vec<_> = entries.iter().filter(|entry| entry.depth == 0).collect();
    assert_eq!(tops.len(), wanted.len());
    let mut tags: HashMap<&str, usize> = HashMap::new();
    for (entry, wanted) in tops.iter().zip(wanted) {
        let found = &*entry.descriptor;
        assert_eq!(wanted["digest"], found.digest.to_string());
        assert_eq!(wanted["size"], found.size);
        assert_eq!(wanted["mediaType"], *found.media_type);
        assert_eq!(wanted["annotations"][REF_NAME].as_str(), found.tag());
        assert_eq!(
            wanted["data"].is_null(),
            found.embedded == Embedded::Nothing
        );
        for name in wanted.as_object().expect("an object").keys() {
            assert!(!DESCRIPTOR.contains(&&*name.to_lowercase()) || DESCRIPTOR.contains(&&**name));
        }
        let of_platform = wanted["platform"]["os"].as_str();
        assert_eq!(
            of_platform,
            found.platform.as_ref().map(|p| p.os.as_str()),
            "its platform"
        );
        *tags.entry(found.tag().unwrap_or_default()).or_default() += 1;
    }

    let ambiguous = tags
        .iter()
        .any(|(tag, count)| !tag.is_empty() && *count > 1);
    for entry in tops.iter().take(TAGS) {
        let Some(tag) = entry.descriptor.tag() else {
            continue;
        };
        let reference = [Reference::Tag(tag.to_owned())];
        if let Ok(found) = layout.reader().resolve(&reference, &Selection::One) {
            assert!(!ambiguous, "an ambiguous tag was resolved");
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].descriptor, entry.descriptor);
        }
    }
    if let Ok((images, others)) = layout.reader().all_images() {
        assert!(!ambiguous);
        assert!(images.len() + others.len() <= entries.len());
    }
    drop(layout);
    let inspected = Inspect {
        location: scene.location(),
        reference: None,
        limits: LIMITS,
    };
    let inspected = inspected.run(&Silent).expect("it was read before");
    assert_eq!(inspected.entries.len(), entries.len());
}
