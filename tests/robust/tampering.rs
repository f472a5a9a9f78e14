//! Somebody who can write the layout, and makes all digests right again, still gets nothing trusted.

use std::cmp::Ordering;

use serde_json::{Value, json};

use harness::oci::{
    self, CONFIG, ENDORSEMENT, LAYER, MANIFEST, Maker, SIGNATURE, VENDOR_KEY, replace_manifest,
};
use harness::{Scene, ir_sign, read, snapshot, write};

/// A signed image with two layers, tampered with.
fn tampered(edit: impl FnOnce(&Scene, &mut Value)) -> Scene {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    scene.verify("app", &["-d", "latest"]).ok();
    replace_manifest(&scene.app("app"), "latest", |manifest| {
        edit(&scene, manifest);
    });
    scene
}

#[track_caller]
fn not_trusted(scene: &Scene, parts: &[&str]) {
    let before = snapshot(&scene.registry());
    let run = scene.verify("app", &["-d", "latest"]).exits(1);
    assert_eq!(run.stdout, "");
    run.says(&["NOT trusted"]).says(parts);
    assert!(
        before == snapshot(&scene.registry()),
        "verifying changes something"
    );
}

/// Signing must not make it right either.
#[track_caller]
fn refused(scene: &Scene, rule: &str) {
    scene.refused("app", &["-d", "latest"], &[rule, "latest"]);
    not_trusted(scene, &[&format!("FAILED      {rule}")]);
}

fn layers(manifest: &mut Value) -> &mut Vec<Value> {
    manifest["layers"].as_array_mut().expect("layers")
}

#[test]
fn the_tampering_itself_keeps_an_image_trusted() {
    let scene = tampered(|_, manifest| manifest["annotations"]["more"] = json!("text"));
    scene.verify("app", &["-d", "latest"]).ok();
}

#[test]
fn layers_dropped_added_swapped_or_doubled() {
    let edits: [fn(&mut Vec<Value>); 6] = [
        |layers| drop(layers.pop()),
        |layers| drop(layers.remove(0)),
        Vec::clear,
        |layers| layers.push(layers[0].clone()),
        |layers| layers.swap(0, 1),
        |layers| layers[1] = layers[0].clone(),
    ];
    for edit in edits {
        let scene = tampered(|_, manifest| edit(layers(manifest)));
        refused(&scene, "image.diff-ids");
    }
}

#[test]
fn a_wrong_number_of_layers_is_told_beside_a_wrong_blob() {
    let scene = tampered(|scene, manifest| {
        let layers = layers(manifest);
        layers.push(layers[0].clone());
        let digest = layers[0]["digest"].as_str().expect("a digest");
        write(oci::blob_path(&scene.app("app"), digest), "evil");
    });
    not_trusted(
        &scene,
        &[
            "FAILED      image.layer-blobs",
            "FAILED      image.diff-ids",
            "3 layers and the config 2 diff_ids",
        ],
    );
}

#[test]
fn a_layer_with_other_content() {
    let scene = tampered(|scene, manifest| {
        let maker = Maker::new(scene.app("app"));
        layers(manifest)[0] = maker.blob(LAYER, b"evil");
    });
    refused(&scene, "image.diff-ids");
}

#[test]
fn a_layer_by_another_media_type() {
    for (suffix, reason) in [
        ("", "is gzip though its media type says plain"),
        ("+zstd", "is gzip though its media type says zstd"),
        ("+bzip2", "media type"),
        ("+GZIP", "media type"),
    ] {
        let scene = tampered(|_, manifest| {
            layers(manifest)[0]["mediaType"] = json!(format!("{LAYER}{suffix}"));
        });
        refused(&scene, "image.diff-ids");
        not_trusted(&scene, &[reason]);
    }
}

/// Packed in a way that no layer is, or not at all.
#[test]
fn a_layer_that_is_packed_as_its_type_does_not_say() {
    let mut header = tar::Header::new_ustar();
    header.set_path("file").expect("a name");
    header.set_size(0);
    header.set_cksum();
    let archive = [header.as_bytes().as_slice(), &[0; 1024]].concat();
    let zeros = [0; 1024];
    for (content, suffix, reason) in [
        (
            &archive[..],
            "+gzip",
            "is plain though its media type says gzip",
        ),
        (
            &archive,
            "+zstd",
            "is plain though its media type says zstd",
        ),
        (&zeros, "+gzip", "is plain though its media type says gzip"),
        (
            b"\xfd7zXZ\0...",
            "",
            "is packed with xz though its media type says plain",
        ),
        (
            b"\xfd7zXZ\0...",
            "+gzip",
            "is packed with xz though its media type says gzip",
        ),
        (
            b"BZh91...",
            "+zstd",
            "is packed with bzip2 though its media type says zstd",
        ),
        // Of unknown content the report says what it unpacks to, or that it does not unpack.
        (b"some text", "", "unpacks to sha256:"),
        (b"some text", "+gzip", "does not unpack"),
    ] {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let layer = maker.blob(&format!("{LAYER}{suffix}"), content);
        let image = maker.manifest(&maker.config(&[b"what it should be"]), &[layer]);
        maker.index(&[oci::with_tag(image, "1")]);
        scene.refused("app", &[], &["layer 1", reason]);
    }
}

#[test]
fn another_config() {
    let scene = tampered(|scene, manifest| {
        let mut config = oci::parse(&oci::blob(&scene.app("app"), &manifest["config"]));
        config["config"]["Entrypoint"] = json!(["/bin/evil"]);
        let maker = Maker::new(scene.app("app"));
        manifest["config"] = maker.blob(CONFIG, config.to_string().as_bytes());
    });
    not_trusted(&scene, &["FAILED      annotation.config-signed"]);
    // The vendor may sign it, of course; the endorsement stays.
    scene
        .sign("app", &["-d", "latest"])
        .ok()
        .says(&["the endorsement in use, from"]);
    scene.verify("app", &["-d", "latest"]).ok();
}

#[test]
fn the_signature_of_another_image() {
    let scene = tampered(|scene, manifest| {
        scene.unpack("buildah", "other");
        scene.sign("other", &[]).ok();
        let other = oci::manifest(&scene.app("other"), "1.0", None);
        manifest["annotations"][SIGNATURE] = other["annotations"][SIGNATURE].clone();
    });
    not_trusted(&scene, &["FAILED      annotation.config-signed"]);
}

fn with_annotation(key: &str, value: &Value) -> Scene {
    tampered(|_, manifest| manifest["annotations"][key] = value.clone())
}

#[test]
fn another_vendor_or_the_endorsement_of_another() {
    let scene = Scene::new();
    let other_key = json!(oci::hex(&read(scene.path("other-vendor.pub"))));
    not_trusted(
        &with_annotation(VENDOR_KEY, &other_key),
        &[
            "FAILED      annotation.vendor-endorsed",
            "not checked annotation.config-signed",
        ],
    );
    let (ca, other, out) = (
        scene.text("ca"),
        scene.text("other-vendor.pub"),
        scene.text("other.sig"),
    );
    ir_sign(["endorse", "-k", &ca, "-f", &other, "-s", &out]).ok();
    let other_endorsement = json!(oci::hex(&read(out)));
    not_trusted(
        &with_annotation(ENDORSEMENT, &other_endorsement),
        &["FAILED      annotation.vendor-endorsed"],
    );
    // Both swapped: an endorsed vendor, who did not sign this.
    let scene = tampered(|_, manifest| {
        manifest["annotations"][VENDOR_KEY] = other_key;
        manifest["annotations"][ENDORSEMENT] = other_endorsement;
    });
    not_trusted(&scene, &["FAILED      annotation.config-signed"]);
}

#[test]
fn another_ca() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let other = scene.text("other-ca.pub");
    let run = scene
        .verify("app", &["-d", "latest", "-c", &other])
        .exits(1);
    assert_eq!(run.stdout, "");
    run.says(&[
        "FAILED      annotation.vendor-endorsed",
        "is not a signature of vendor key",
    ]);
}

#[test]
fn a_vendor_who_is_not_pinned() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let verify = |vendors: &[&str]| {
        let paths: Vec<_> = vendors.iter().map(|v| scene.text(v)).collect();
        let mut flags = vec!["-d", "latest"];
        flags.extend(paths.iter().flat_map(|path| ["--vendor", path]));
        scene.verify("app", &flags)
    };
    verify(&["vendor.pub"]).ok();
    verify(&["other-vendor.pub", "vendor.pub"]).ok();
    let run = verify(&["other-vendor.pub"]).exits(1);
    run.says(&["FAILED      annotation.vendor-pinned"]);
}

#[test]
fn annotations_that_are_not_what_they_should_be() {
    for key in [SIGNATURE, VENDOR_KEY, ENDORSEMENT] {
        let rule = if key == SIGNATURE {
            "FAILED      annotation.config-signed"
        } else {
            "FAILED      annotation.vendor-endorsed"
        };
        let edits: [fn(&str) -> String; 12] = [
            |_| String::new(),
            |text| text.to_uppercase(),
            |text| format!(" {text}"),
            |text| format!("{text}\n"),
            |text| format!("0x{text}"),
            |text| text[1..].to_owned(),
            |text| text[..text.len() - 2].to_owned(),
            |text| format!("{text}00"),
            |text| text.replacen('3', "g", 1),
            |text| text.replacen('3', "é", 1),
            |text| "0".repeat(text.len()),
            |text| "f".repeat(text.len()),
        ];
        for edit in edits {
            let scene = tampered(|_, manifest| {
                let text = manifest["annotations"][key].as_str().expect("text");
                manifest["annotations"][key] = json!(edit(text));
            });
            not_trusted(&scene, &[rule, key]);
        }
        let scene = tampered(|_, manifest| {
            let annotations = manifest["annotations"].as_object_mut();
            annotations.expect("annotations").remove(key);
        });
        not_trusted(&scene, &[rule, key, "is absent"]);
        // Another reader could take a name in other case for it.
        let scene = tampered(|_, manifest| {
            let annotations = manifest["annotations"].as_object_mut();
            let annotations = annotations.expect("annotations");
            let value = annotations.remove(key).expect("text");
            annotations.insert(key.to_uppercase(), value);
        });
        not_trusted(&scene, &[rule, "is absent"]);
        for odd in [json!(null), json!(1), json!(["aa"]), json!({})] {
            let scene = with_annotation(key, &odd);
            scene.refused("app", &["-d", "latest"], &["is not valid"]);
        }
    }
}

#[test]
fn annotations_on_the_descriptor_are_not_the_manifests() {
    let scene = Scene::with("buildah");
    scene.sign("app", &[]).ok();
    let layout = scene.app("app");
    let signed = oci::manifest(&layout, "1.0", None)["annotations"].clone();
    replace_manifest(&layout, "1.0", |manifest| {
        manifest["annotations"] = json!({});
    });
    let mut index = oci::index(&layout);
    for key in [SIGNATURE, VENDOR_KEY, ENDORSEMENT] {
        index["manifests"][0]["annotations"][key] = signed[key].clone();
        index["annotations"][key] = signed[key].clone();
    }
    write(layout.join("index.json"), index.to_string());
    let run = scene.verify("app", &[]).exits(1);
    run.says(&["FAILED      annotation.vendor-endorsed", "is absent"]);
}

#[test]
fn an_old_signed_image_brought_back_under_a_tag_is_still_one_that_was_signed() {
    // Nothing binds a tag to a signature: what is printed is the digest that is trusted.
    let scene = Scene::with("umoci");
    let layout = scene.app("app");
    let verified = || {
        let run = scene.verify("app", &["-d", "latest"]).ok();
        json!(run.stdout.trim())
    };
    scene.sign("app", &["-d", "latest"]).ok();
    let old = oci::tagged(&layout, "latest");
    assert_eq!(verified(), old["digest"]);
    let maker = Maker::new(layout.clone());
    maker.index(&[oci::with_tag(maker.image("", b"new", b"new"), "latest")]);
    scene.sign("app", &["-d", "latest"]).ok();
    let new = oci::tagged(&layout, "latest");
    assert_ne!(new["digest"], old["digest"]);
    assert_eq!(verified(), new["digest"]);
    maker.index(std::slice::from_ref(&old));
    assert_eq!(verified(), old["digest"]);
}

#[test]
fn a_manifest_by_its_old_digest_is_not_the_signed_one() {
    let scene = Scene::with("buildah");
    let old = oci::tagged(&scene.app("app"), "1.0")["digest"].clone();
    let old = old.as_str().expect("a digest").to_owned();
    scene.sign("app", &[]).ok();
    let run = scene.verify("app", &["-d", &old]).exits(3);
    run.says(&[&old, "nothing leads to it"]);
}

#[test]
fn the_config_and_a_layer_swap_their_names() {
    let scene = tampered(|_, manifest| {
        let config = manifest["config"].clone();
        let layer = layers(manifest)[0].clone();
        for member in ["digest", "size"] {
            manifest["config"][member] = layer[member].clone();
            layers(manifest)[0][member] = config[member].clone();
        }
    });
    scene.refused(
        "app",
        &["-d", "latest"],
        &["image.config-digest", "is not valid"],
    );
}

#[test]
fn the_manifest_as_its_own_config_or_layer() {
    let scene = tampered(|scene, manifest| {
        let entry = oci::tagged(&scene.app("app"), "latest");
        layers(manifest)[0]["digest"] = entry["digest"].clone();
        layers(manifest)[0]["size"] = entry["size"].clone();
    });
    refused(&scene, "image.diff-ids");
    let scene = tampered(|scene, manifest| {
        let entry = oci::tagged(&scene.app("app"), "latest");
        assert_eq!(entry["mediaType"], MANIFEST);
        manifest["config"] = entry;
    });
    scene.refused(
        "app",
        &["-d", "latest"],
        &["image.config-digest", "media type"],
    );
}

#[test]
fn a_part_that_is_damaged_fails_its_own_rule_and_those_behind_it_are_not_checked() {
    let rules = [
        "image.manifest-digest",
        "image.config-digest",
        "annotation.vendor-endorsed",
        "annotation.config-signed",
        "image.layer-blobs",
        "image.diff-ids",
    ];
    for (broken, rule) in rules[..2].iter().enumerate() {
        let scene = tampered(|_, _| {});
        let layout = scene.app("app");
        let mut digest = oci::tagged(&layout, "latest")["digest"].clone();
        if broken == 1 {
            digest = oci::manifest(&layout, "latest", None)["config"]["digest"].clone();
        }
        let digest = digest.as_str().expect("a digest");
        write(oci::blob_path(&layout, digest), "evil");
        let run = scene.verify("app", &["-d", "latest"]).exits(1);
        for (n, other) in rules.iter().enumerate() {
            let outcome = match n.cmp(&broken) {
                Ordering::Less => "passed     ",
                Ordering::Equal => "FAILED     ",
                Ordering::Greater => "not checked",
            };
            let line = format!("  {outcome} {other}");
            assert!(run.stderr.contains(&line), "{rule}: {line:?}: {run:#?}");
        }
    }
}
