//! Layers that unpack to too much, or do not end where they should.

use harness::oci::{self, CONFIG, LAYER, MANIFEST, Maker, blob_path, with_tag};
use harness::{Scene, ir_sign, read, same, snapshot, write};
use serde_json::json;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use super::{made, signs_and_verifies};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

pub fn packed(suffix: &str, packed: &[u8], unpacked: &[u8]) -> Scene {
    made(|maker| vec![maker.image(suffix, packed, unpacked)])
}

#[test]
fn the_unpacked_bytes_of_broken_layers_count_too() {
    const SIZE: usize = 1 << 20;
    let scene = made(|maker| {
        let layer = |n: u8| {
            let mut packed = gzip(&vec![n; SIZE]);
            // The checksum (RFC 1952, section 2.3.1).
            let at = packed.len() - 8;
            packed[at] ^= 1;
            maker.blob(&format!("{LAYER}+gzip"), &packed)
        };
        let layers: Vec<_> = (0..9).map(layer).collect();
        let config = maker.config(&[&b"layer"[..]; 9]);
        vec![with_tag(maker.manifest(&config, &layers), "good")]
    });
    let broken = ["does not unpack"];
    scene.refused("app", &["--max-image-size", "9M"], &broken);
    let parts = ["the image", "--max-image-size"];
    scene.refused("app", &["--max-image-size", "8M"], &parts);
}

#[test]
fn a_bomb_ends_at_the_limit_and_the_flag_raises_it() {
    let zeros = vec![0; 10 << 20];
    for (suffix, bytes) in [
        ("+gzip", gzip(&zeros)),
        ("+zstd", zstd(&zeros)),
        ("", zeros.clone()),
    ] {
        let scene = packed(suffix, &bytes, &zeros);
        let small = ["--max-layer-size", "1M"];
        scene.refused(
            "app",
            &small,
            &["registry/app", "layer 1", "1048576", "--max-layer-size"],
        );
        scene.verify("app", &small).exits(1);
        scene.refused(
            "app",
            &["--max-image-size", "9M"],
            &["the image", "--max-image-size"],
        );
        signs_and_verifies(
            &scene,
            &["--max-layer-size", "10M", "--max-image-size", "10M"],
        );
        signs_and_verifies(&scene, &[]);
    }
}

#[test]
fn a_layer_that_is_too_large_as_it_lies_is_not_read() {
    for suffix in ["", "+gzip"] {
        let scene = made(|maker| {
            let mut layer = maker.blob(&format!("{LAYER}{suffix}"), b"layer");
            let digest = layer["digest"].as_str().expect("a digest").to_owned();
            let file = fs::File::create(blob_path(&maker.dir, &digest)).expect("a file");
            file.set_len(1 << 40).expect("a sparse file");
            layer["size"] = json!(1_u64 << 40);
            vec![maker.manifest(&maker.config(&[b"layer"]), &[layer])]
        });
        let started = Instant::now();
        scene.refused("app", &[], &["layer 1", "--max-layer-size"]);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn layers_are_added_up() {
    let zeros = vec![0; 1 << 20];
    let scene = made(|maker| {
        let layer = maker.blob(&format!("{LAYER}+gzip"), &gzip(&zeros));
        let config = maker.config(&[&zeros[..]; 6]);
        vec![maker.manifest(&config, &vec![layer; 6])]
    });
    scene.refused("app", &["--max-image-size", "5M"], &["--max-image-size"]);
    signs_and_verifies(&scene, &["--max-image-size", "6M"]);
}

/// A layer that is too large for one image is known when another image has it too.
#[test]
fn a_bomb_that_many_images_have_is_unpacked_twice_at_most() {
    let zeros = vec![0; 40 << 20];
    let scene = made(|maker| {
        let layer = maker.blob(&format!("{LAYER}+gzip"), &gzip(&zeros));
        let config = maker.config(&[&zeros]);
        let image = |n: usize| {
            maker.document(&json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                "annotations": { "n": n.to_string() },
            }))
        };
        (0..400).map(image).collect()
    });
    for flag in ["--max-layer-size", "--max-image-size"] {
        let started = Instant::now();
        let run = scene.verify("app", &["--all", flag, "39M"]).exits(1);
        assert_eq!(run.stderr.matches(flag).count(), 400, "{flag}");
        assert!(started.elapsed() < Duration::from_secs(30), "{flag}");
        let named = oci::index(&scene.app("app"))["manifests"][399]["digest"].clone();
        run.says(&[&format!(
            "image {} has more",
            named.as_str().expect("a digest")
        )]);
    }
}

/// A zstd frame with a window of `1 << log` bytes that says "hello".
fn zstd_with_window(log: u8) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3];
    frame.extend([5 << 3 | 1, 0, 0]);
    frame.extend(b"hello");
    frame
}

/// The signer unpacked it, so a reader needs no flag for it again. A signature that does not hold allows nothing.
#[test]
fn a_signed_layer_may_ask_for_the_window_that_its_signer_allowed() {
    let scene = packed("+zstd", &zstd_with_window(27), b"hello");
    let too_large = ["does not unpack", "more than 8 MiB"];
    scene.verify("app", &[]).exits(1).says(&too_large);
    scene.sign("app", &["--max-zstd-window", "128M"]).ok();
    scene.verify("app", &[]).ok();
    let lower = ["--max-zstd-window", "8M"];
    scene.verify("app", &lower).exits(1).says(&too_large);
    let args = scene.verify_args("app", &[]);
    let ca = args.iter().position(|arg| arg == "-c").expect("the CA");
    let mut other = args.clone();
    other[ca + 1] = scene.text("other-ca.pub");
    ir_sign(other).exits(1).says(&too_large);
    // More than zstd's own program takes unasked has to be allowed each time.
    let scene = packed("+zstd", &zstd_with_window(28), b"hello");
    let allowed = ["--max-zstd-window", "256M"];
    scene.sign("app", &allowed).ok();
    scene
        .verify("app", &[])
        .exits(1)
        .says(&["more than 128 MiB"]);
    scene.verify("app", &allowed).ok();
}

#[test]
fn a_zstd_layer_may_not_ask_for_a_huge_window() {
    signs_and_verifies(&packed("+zstd", &zstd_with_window(23), b"hello"), &[]);
    for log in [27, 31, 41] {
        let scene = packed("+zstd", &zstd_with_window(log), b"hello");
        scene.refused(
            "app",
            &[],
            &["layer 1", "image.diff-ids", "does not unpack", "8 MiB"],
        );
    }
    // Unless the user says so.
    let scene = packed("+zstd", &zstd_with_window(27), b"hello");
    let run = scene.sign("app", &["--max-zstd-window", "127M"]).exits(1);
    run.says(&["more than 64 MiB", "--max-zstd-window"]);
    signs_and_verifies(&scene, &["--max-zstd-window", "128M"]);
}

#[test]
fn several_gzip_members_and_zstd_frames_are_one_layer() {
    let two = [gzip(b"hello "), gzip(b"world")].concat();
    signs_and_verifies(&packed("+gzip", &two, b"hello world"), &[]);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frames = [
        &skippable[..],
        &zstd(b"hello "),
        &skippable,
        &zstd(b"world"),
        &skippable,
    ];
    signs_and_verifies(&packed("+zstd", &frames.concat(), b"hello world"), &[]);
    // Only the first one is not the layer.
    let scene = packed("+gzip", &two, b"hello ");
    scene.refused("app", &[], &["image.diff-ids", "unpacks to"]);
}

#[test]
fn a_layer_that_does_not_end_where_it_should_is_refused() {
    let unpacked = b"hello world".repeat(100);
    for (suffix, whole) in [("+gzip", gzip(&unpacked)), ("+zstd", zstd(&unpacked))] {
        let mut bad = vec![
            [&whole[..], b"x"].concat(),
            [&whole[..], b"garbage after the end"].concat(),
            [&whole[..], &[0; 512]].concat(),
            whole[..whole.len() - 1].to_vec(),
            whole[..whole.len() / 2].to_vec(),
            whole[..3].to_vec(),
        ];
        if suffix == "+gzip" {
            // Its length and its checksum are wrong.
            for from_end in [1, 5] {
                let mut wrong = whole.clone();
                let at = wrong.len() - from_end;
                wrong[at] ^= 1;
                bad.push(wrong);
            }
        }
        for bytes in bad {
            let scene = packed(suffix, &bytes, &unpacked);
            scene.refused(
                "app",
                &[],
                &["layer 1", "image.diff-ids", "does not unpack"],
            );
        }
    }
    // Nothing at all is not a gzip file of nothing.
    packed("+gzip", b"", b"").refused("app", &[], &["does not unpack"]);
}

/// A layer's descriptor may embed the layer too, and a reader may take that for it.
#[test]
fn a_layer_that_its_descriptor_embeds_is_that_layer() {
    for (data, is_right) in [
        ("bGF5ZXI=", true),
        ("bGF5ZVI=", false),
        ("", false),
        ("%", false),
    ] {
        let scene = made(|maker| {
            let mut layer = maker.blob(LAYER, b"layer");
            layer["data"] = json!(data);
            let manifest = maker.manifest(&maker.config(&[b"layer"]), &[layer]);
            vec![with_tag(manifest, "embeds")]
        });
        if is_right {
            scene.sign("app", &[]).ok();
            scene.verify("app", &[]).ok();
        } else {
            let before = snapshot(&scene.registry());
            let run = scene.sign("app", &[]).exits(1);
            run.says(&[
                "differs from the copy that its descriptor embeds",
                "layer 1",
            ]);
            same(&before, &snapshot(&scene.registry()));
        }
    }
}

/// The layout that umoci writes before there is an image.
#[test]
fn a_layout_without_images_may_say_null() {
    let scene = Scene::with("umoci");
    let layout = scene.app("empty");
    fs::create_dir_all(layout.join("blobs/sha256")).expect("folders");
    write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    );
    let index = r#"{"schemaVersion":2,"manifests":null}"#;
    write(layout.join("index.json"), index);
    scene.sign("app", &["-d", "latest"]).ok();
    scene.prune("empty").ok();
    scene
        .verify("empty", &["--all"])
        .exits(1)
        .says(&["no image"]);
    assert_eq!(read(layout.join("index.json")), index.as_bytes());
}

/// Texts that programs in Go write for an image without layers, and texts that nobody writes.
#[test]
fn an_image_without_layers_may_say_null_and_is_bound_all_the_same() {
    let image = |diff_ids: &str, layers: &'static str| {
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers"{diff_ids}}}}}"#
        );
        made(|maker| {
            let config = maker.blob(CONFIG, config.as_bytes());
            let layer = maker.blob(LAYER, b"layer");
            let layers = layers.replace("LAYER", &layer.to_string());
            let manifest = format!(
                r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config}{layers}}}"#
            );
            vec![with_tag(maker.blob(MANIFEST, manifest.as_bytes()), "good")]
        })
    };
    let none = [r#","diff_ids":[]"#, r#","diff_ids":null"#, ""];
    for diff_ids in none {
        for layers in [r#","layers":[]"#, r#","layers":null"#] {
            let scene = image(diff_ids, layers);
            signs_and_verifies(&scene, &[]);
            // The existing members keep their text.
            let entry = oci::tagged(&scene.app("app"), "good");
            let signed = oci::blob(&scene.app("app"), &entry);
            let signed = String::from_utf8(signed).expect("UTF-8");
            assert!(signed.contains(layers), "{signed}");
            // A layer that comes later is nobody's.
            oci::replace_manifest(&scene.app("app"), "good", |manifest| {
                let layer = Maker::new(scene.app("app")).blob(LAYER, b"layer");
                manifest["layers"] = json!([layer]);
            });
            scene.refused("app", &[], &["1 layers", "0 diff_ids"]);
        }
        let scene = image(diff_ids, r#","layers":[LAYER]"#);
        scene.refused("app", &[], &["1 layers", "0 diff_ids"]);
    }
    let one = format!(r#","diff_ids":["{}"]"#, oci::digest(b"layer"));
    let scene = image(&one, r#","layers":null"#);
    scene.refused("app", &[], &["0 layers", "1 diff_ids"]);
    // A manifest has to say that it has no layers; and no layer is null.
    let scene = image("", "");
    scene.refused("app", &[], &["manifest", "`layers`"]);
    let scene = image("", r#","layers":[null]"#);
    scene.refused("app", &[], &["manifest", "null"]);
    let scene = image(r#","diff_ids":[null]"#, r#","layers":[]"#);
    scene.refused("app", &[], &["config", "null"]);
    // A reader in Go would take the other name for the one that is missing.
    let scene = image(&one.replace("diff", "Diff"), r#","layers":null"#);
    scene.refused("app", &[], &["Diff_ids"]);
}
