//! Layouts that somebody built to mislead, to stall or to break out.

mod support;

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::oci::{self, CONFIG, INDEX, LAYER, MANIFEST, Maker, blob_path, with_tag};
use support::{PROGRAM, Run, Scene, ir_sign, limited, read, same, snapshot, write};

/// A scene with an app that `make` fills.
fn made(make: impl FnOnce(&Maker) -> Vec<Value>) -> Scene {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let entries = make(&maker);
    maker.index(&entries);
    scene
}

/// One good image under the tag `good`.
fn good(maker: &Maker) -> Value {
    with_tag(maker.image("", b"layer", b"layer"), "good")
}

/// The digest of the image that [`good`] makes.
fn good_digest(scene: &Scene) -> String {
    let good = good(&Maker::new(scene.app("app")));
    good["digest"].as_str().expect("a digest").to_owned()
}

fn signs_and_verifies(scene: &Scene, flags: &[&str]) {
    scene.sign("app", flags).ok();
    scene.verify("app", flags).ok();
}

#[test]
fn the_layouts_made_here_are_good_as_such() {
    signs_and_verifies(&made(|maker| vec![good(maker)]), &[]);
}

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

/// An image below this many indexes.
fn nested(depth: usize) -> Scene {
    made(|maker| {
        let mut entry = maker.image("", b"layer", b"layer");
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        for _ in 0..depth {
            entry = maker.nested(&[entry]);
        }
        vec![with_tag(entry, "deep")]
    })
}

#[test]
fn eight_nested_indexes_work_and_more_are_refused() {
    let scene = nested(8);
    scene.sign("app", &["--all-platforms"]).ok();
    scene.verify("app", &["--platform", "linux/amd64"]).ok();
    oci::walk(&scene.app("app"));
    for depth in [9, 100] {
        let scene = nested(depth);
        let flags = ["--platform", "linux/amd64"];
        let layout = scene.text("registry/app");
        scene.refused("app", &flags, &[&layout, "nested more than 8 indexes deep"]);
    }
}

/// A chain of indexes, all of which `index.json` lists too: none of them looks deep from there.
#[test]
fn a_chain_of_indexes_that_are_all_listed_is_deep_nevertheless() {
    let scene = made(|maker| {
        let mut entries = vec![good(maker)];
        let mut below = entries[0].clone();
        for _ in 0..5_000 {
            below = maker.nested(&[below]);
            entries.push(below.clone());
        }
        entries.reverse();
        entries
    });
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &["-d", "good"]).exits(1);
    run.says(&["nested more than 8 indexes deep"]);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn indexes_that_multiply_end_fast() {
    let started = Instant::now();
    let scene = made(|maker| {
        let mut entry = maker.image("", b"layer", b"layer");
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        for _ in 0..8 {
            entry = maker.nested(&vec![entry; 1000]);
        }
        vec![with_tag(entry, "many")]
    });
    let flags = ["--platform", "linux/amd64"];
    signs_and_verifies(&scene, &flags);
    scene.verify("app", &["--all"]).ok();
    let inspect = ["inspect-image", "-a", "app", "-r"].map(Into::into);
    ir_sign(inspect.into_iter().chain([scene.registry()])).ok();
    scene.prune("app").ok();
    scene.verify("app", &flags).ok();
    let json = scene
        .sign("app", &["--all-platforms", "--json"])
        .ok()
        .json();
    assert_eq!(json["images"][0]["index_tags"], json!(["many"]));
    assert!(started.elapsed() < Duration::from_secs(50));
}

#[test]
fn a_large_manifest_listed_many_times_is_read_as_often_as_one_listed_once() {
    let opened = |times| {
        let mut large = Value::Null;
        let scene = made(|maker| {
            let config = maker.config(&[b"layer"]);
            let layer = maker.blob(LAYER, b"layer");
            let document = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                "annotations": { "padding": "x".repeat(3 << 20) },
            });
            large = maker.document(&document);
            let mut entries = vec![large.clone(); times];
            entries.push(good(maker));
            entries
        });
        let sign = openings(&scene.sign_args("app", &["-d", "good"]), [&large]);
        let verify = openings(&scene.verify_args("app", &["-d", "good"]), [&large]);
        [sign, verify]
    };
    let once = opened(1);
    assert!(once[0] > [0], "signing looks for endorsements in it");
    assert_eq!(opened(5000), once);
}

/// Entries that differ are looked at each by itself, but not without an end.
#[test]
fn a_large_manifest_that_is_listed_for_very_many_platforms_is_read_a_few_times() {
    const TIMES: usize = 3_000;
    let scene = made(|maker| {
        let document = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": maker.config(&[b"layer"]),
            "layers": [maker.blob(LAYER, b"layer")],
            "annotations": { "padding": "x".repeat(3 << 20) },
        });
        let large = maker.document(&document);
        let listed = |n: usize| {
            let mut entry = large.clone();
            entry["platform"] = json!({ "os": "linux", "architecture": format!("n{n}") });
            entry
        };
        let tagged = |n: usize| with_tag(large.clone(), &format!("n{n}"));
        let hidden = |n: usize| attesting(listed(n));
        vec![
            with_tag(
                maker.nested(&(0..TIMES).map(listed).collect::<Vec<_>>()),
                "listed",
            ),
            with_tag(
                maker.nested(&(0..TIMES).map(tagged).collect::<Vec<_>>()),
                "tagged",
            ),
            with_tag(
                maker.nested(&(0..TIMES).map(hidden).collect::<Vec<_>>()),
                "hidden",
            ),
        ]
    });
    let started = Instant::now();
    scene.verify("app", &["--all"]).exits(1);
    scene
        .sign("app", &["-d", "listed", "--all-platforms"])
        .exits(1);
    for tag in ["listed", "tagged", "hidden"] {
        scene.verify("app", &["-d", tag]).exits(1);
    }
    assert!(started.elapsed() < Duration::from_secs(50));
}

/// The hint names a platform that is one image's alone, and looks for it among all.
#[test]
fn very_many_platforms_are_told_of_fast() {
    let scene = made(|maker| {
        let image = maker.image("", b"layer", b"layer");
        let other = maker.image("", b"other", b"other");
        let listed = |n: usize| {
            let mut entry = if n.is_multiple_of(2) {
                image.clone()
            } else {
                other.clone()
            };
            entry["platform"] = json!({ "os": "linux", "architecture": format!("n{}", n / 2) });
            entry
        };
        let half = |first: usize| {
            let entries: Vec<_> = (first..first + 6_000).map(listed).collect();
            maker.nested(&entries)
        };
        vec![with_tag(maker.nested(&[half(0), half(6_000)]), "many")]
    });
    let started = Instant::now();
    let run = scene.verify("app", &["-d", "many", "--json"]).exits(1);
    run.says(&["name one by its digest"]);
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// A message is searched for PINs, and others may have written what is in it.
#[test]
fn a_message_of_very_many_sources_of_pins_ends_fast() {
    let version = "pin-source=file:a".repeat(200_000);
    let started = Instant::now();
    let edit = |text: &str| {
        text.replacen(
            "\"schemaVersion\":2",
            &format!("\"schemaVersion\":\"{version}\""),
            1,
        )
    };
    with_manifest_text(edit).verify("app", &[]).exits(1);
    assert!(started.elapsed() < Duration::from_secs(50));
}

#[test]
fn a_sparse_layout_serves_what_is_there() {
    let scene = Scene::with("multi");
    let layout = scene.app("app");
    // Only the amd64 image stays.
    for platform in ["linux/arm64", "linux/arm/v7"] {
        let entry = oci::image(&layout, "multi", Some(platform));
        let manifest = oci::parse(&oci::blob(&layout, &entry));
        for descriptor in [&entry, &manifest["config"], &manifest["layers"][0]] {
            let digest = descriptor["digest"].as_str().expect("a digest");
            fs::remove_file(blob_path(&layout, digest)).expect("it goes");
        }
    }
    signs_and_verifies(&scene, &["--platform", "linux/amd64"]);
    let flags = ["--platform", "linux/arm64"];
    let path = scene.text("registry/app");
    scene.refused(
        "app",
        &flags,
        &["manifest", "is not in the layout", "image.manifest-digest"],
    );
    scene.sign("app", &flags).exits(1).says(&[&path]);
    scene.sign("app", &["--all-platforms"]).exits(1);
    scene.verify("app", &["--all"]).exits(1);
}

#[test]
fn indexes_are_read_up_to_what_they_may_be_together() {
    let scene = |size: usize| {
        made(|maker| {
            let image = maker.image("", b"layer", b"layer");
            let index = |size: usize| {
                maker.document(&json!({
                    "schemaVersion": 2, "mediaType": INDEX, "manifests": [image],
                    "annotations": { "padding": "x".repeat(size) },
                }))
            };
            let mut entries = vec![with_tag(
                maker.nested(&[index(2 << 20), index(size)]),
                "multi",
            )];
            // It counts for nothing where it is not there, nor where nothing is below it.
            entries.push(index(3 << 20));
            let absent = entries[1]["digest"].as_str().expect("a digest");
            fs::remove_file(blob_path(&maker.dir, absent)).expect("removed");
            entries.push(good(maker));
            entries
        })
    };
    let fits = scene((2 << 20) - 10_000);
    fits.sign("app", &["-d", "multi", "--all-platforms"]).ok();
    let selected = ["-d", "multi", "--platform", "linux/amd64"];
    fits.verify("app", &selected).ok();
    let large = scene((2 << 20) + 1);
    large.refused(
        "app",
        &selected,
        &["takes the indexes to more than 4194304 bytes together"],
    );
}

#[test]
fn an_index_that_is_absent_is_named() {
    let scene = made(|maker| {
        let index = maker.nested(&[good(maker)]);
        let digest = index["digest"].as_str().expect("a digest").to_owned();
        fs::remove_file(blob_path(&maker.dir, &digest)).expect("it goes");
        vec![with_tag(index, "gone"), good(maker)]
    });
    scene.refused(
        "app",
        &["-d", "gone"],
        &["image index", "is not in the layout"],
    );
    signs_and_verifies(&scene, &["-d", "good"]);
    // All cannot be all when an index is missing.
    scene
        .verify("app", &["--all"])
        .exits(1)
        .says(&["is not in the layout"]);
}

/// What it holds nobody knows: it is not passed over where all are meant, nor where it may hold the one that is.
#[test]
fn an_index_that_is_absent_below_a_tag_is_named() {
    let scene = |kept: bool| {
        made(|maker| {
            let absent = maker.nested(&[listed(
                maker.image("", b"other", b"other"),
                "linux",
                "arm64",
            )]);
            let digest = absent["digest"].as_str().expect("a digest");
            fs::remove_file(blob_path(&maker.dir, digest)).expect("it goes");
            let there = maker.nested(&[listed(good(maker), "linux", "amd64")]);
            let held = if kept {
                vec![there, absent]
            } else {
                vec![absent]
            };
            vec![with_tag(maker.nested(&held), "multi")]
        })
    };
    let is = ["image index", "is not in the layout"];
    for kept in [true, false] {
        scene(kept).refused("app", &["--platform", "linux/arm64"], &is);
        let scene = scene(kept);
        let before = snapshot(&scene.registry());
        scene.sign("app", &["--all-platforms"]).exits(1).says(&is);
        same(&before, &snapshot(&scene.registry()));
        let none = scene.sign("app", &[]).exits(1);
        none.says(if kept { &["linux/amd64"] } else { &is });
        let registry = scene.text("registry");
        let shown = ir_sign(["inspect-image", "-r", &registry, "-a", "app", "-d", "multi"]).ok();
        assert!(shown.stdout.contains(is[1]), "{shown:?}");
    }
    signs_and_verifies(&scene(true), &["--platform", "linux/amd64"]);
}

#[test]
fn an_index_that_holds_nothing_is_told_of() {
    let scene = made(|maker| vec![with_tag(maker.nested(&[]), "multi")]);
    scene.refused("app", &[], &["names an image index that holds no image"]);
}

/// Who asks for a platform does not mean what is for none and could not be run; what could be, counts.
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
    // One image is no choice.
    signs_and_verifies(&with_artifacts, &[]);
    // All that there is are all.
    with_artifacts.verify("app", &["--all"]).exits(1);
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
        scene(other).refused("app", &amd64, &["an image config is wanted"]);
    }
}

#[test]
fn no_link_is_followed_below_the_registry() {
    for name in ["index.json", "oci-layout", "blobs", "blobs/sha256", "."] {
        let scene = made(|maker| vec![good(maker)]);
        scene.sign("app", &[]).ok();
        let path = scene.app("app");
        let path = if name == "." { path } else { path.join(name) };
        let elsewhere = scene.path("elsewhere");
        fs::rename(&path, &elsewhere).expect("it moves");
        symlink(&elsewhere, &path).expect("a link");
        let outside = snapshot(&scene.path("."));
        let text = path.display().to_string();
        scene.refused("app", &[], &[&text, "symbolic link"]);
        let run = scene.prune("app").exits(1);
        run.says(&["symbolic link"]);
        same(&outside, &snapshot(&scene.path(".")));
    }
    // A file where a folder should be is no link.
    for name in ["blobs", "blobs/sha256", "."] {
        let scene = made(|maker| vec![good(maker)]);
        let path = scene.app("app");
        let path = if name == "." { path } else { path.join(name) };
        fs::remove_dir_all(&path).expect("it goes");
        write(&path, "a file");
        let text = path.display().to_string();
        let run = scene.verify("app", &[]).exits(3);
        run.says(&[&text, "cannot open folder: Not a directory"]);
    }
    // The registry itself is the user's word.
    let scene = made(|maker| vec![good(maker)]);
    fs::rename(scene.registry(), scene.path("elsewhere")).expect("it moves");
    symlink(scene.path("elsewhere"), scene.registry()).expect("a link");
    signs_and_verifies(&scene, &[]);
}

#[test]
fn a_link_in_the_place_of_the_blob_to_be_written_is_not_followed() {
    // Signing is deterministic, so the name of the new manifest is known beforehand.
    let scene = made(|maker| vec![good(maker)]);
    let digest = scene.sign("app", &[]).ok().stdout;
    let scene = made(|maker| vec![good(maker)]);
    let digest = digest.trim();
    let keys = ["ca", "ca.pub", "vendor", "vendor.pub"];
    assert!(keys.iter().all(|key| scene.path(key).exists()));
    let outside = scene.path("outside");
    write(&outside, "precious");
    let blob = blob_path(&scene.app("app"), digest);
    symlink(&outside, &blob).expect("a link");
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &[]);
    assert_eq!(read(&outside), b"precious");
    assert_ne!(run.status, 0);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn a_wrong_blob_under_the_new_manifests_name_is_replaced() {
    let scene = made(|maker| vec![good(maker)]);
    let digest = scene.sign("app", &[]).ok().stdout;
    let scene = made(|maker| vec![good(maker)]);
    write(blob_path(&scene.app("app"), digest.trim()), "junk");
    assert_eq!(scene.sign("app", &[]).ok().stdout, digest);
    scene.verify("app", &[]).ok();
}

#[test]
fn app_names_do_not_leave_the_registry() {
    let scene = Scene::with("buildah");
    fs::rename(scene.app("app"), scene.path("outside")).expect("it moves");
    fs::create_dir_all(scene.registry().join("a")).expect("a folder");
    scene.unpack("buildah", "a/b");
    let before = snapshot(&scene.path("."));
    let absolute = scene.text("outside");
    for app in [
        "..",
        ".",
        "",
        "../outside",
        "a/b",
        "a/../../outside",
        "/",
        &absolute,
        "-a",
        "a\n",
    ] {
        let app_flag = format!("-a{app}");
        let registry = scene.registry().display().to_string();
        let (ca, vendor) = (scene.text("ca"), scene.text("vendor"));
        let mut sign = vec!["sign-image", "-r", &registry, "-v", &vendor, "-x", &ca];
        let ca_pub = scene.text("ca.pub");
        let mut verify = vec!["verify-image", "-r", &registry, "-c", &ca_pub];
        let mut prune = vec!["prune", "-r", &registry];
        for command in [&mut sign, &mut verify, &mut prune] {
            command.push(&app_flag);
            let run = ir_sign(command.iter()).exits(2);
            assert_eq!(run.stdout, "");
        }
    }
    same(&before, &snapshot(&scene.path(".")));
}

#[test]
fn an_app_that_is_not_there_is_no_verdict() {
    let scene = Scene::new();
    let path = scene.text("registry/none");
    scene.verify("none", &[]).exits(3).says(&[&path]);
    scene.sign("none", &[]).exits(3).says(&[&path]);
    write(scene.app("none"), "a file");
    scene.refused("none", &[], &[&path]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

fn packed(suffix: &str, packed: &[u8], unpacked: &[u8]) -> Scene {
    made(|maker| vec![maker.image(suffix, packed, unpacked)])
}

#[test]
fn what_layers_unpack_to_before_they_turn_out_broken_counts_too() {
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

/// What is too large for one image is known when another one has it too.
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

/// Who signed it unpacked it: what was allowed then is not asked for again. A signature that does not hold allows nothing.
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

/// Runs with little memory.
fn frugal(args: &[String]) -> Run {
    let script = "ulimit -v 200000; exec \"$0\" \"$@\"";
    Run::of(limited("sh").args(["-c", script, PROGRAM]).args(args))
}

#[test]
fn huge_files_are_refused_fast_and_with_little_memory() {
    let scene = made(|maker| vec![good(maker)]);
    let digest = oci::tagged(&scene.app("app"), "good")["digest"].clone();
    frugal(&scene.verify_args("app", &[])).exits(1);
    let layout = scene.app("app");
    for path in [
        layout.join("index.json"),
        layout.join("oci-layout"),
        blob_path(&layout, digest.as_str().expect("a digest")),
    ] {
        let content = read(&path);
        let file = fs::File::create(&path).expect("a file");
        file.set_len(1 << 30).expect("a sparse file");
        let text = path.display().to_string();
        let started = Instant::now();
        for args in [scene.verify_args("app", &[]), scene.sign_args("app", &[])] {
            let run = frugal(&args).exits(1);
            let named = run.stderr.contains(&text) || run.stderr.contains("1073741824");
            assert!(named, "{run:?}");
        }
        assert!(started.elapsed() < Duration::from_secs(5));
        fs::remove_file(&path).expect("it goes");
        write(&path, content);
    }
    // A descriptor that says so, and a blob to match.
    let scene = made(|maker| {
        let mut entry = good(maker);
        let digest = entry["digest"].as_str().expect("a digest").to_owned();
        let file = fs::File::create(blob_path(&maker.dir, &digest)).expect("a file");
        file.set_len(1 << 30).expect("a sparse file");
        entry["size"] = json!(1 << 30);
        vec![entry]
    });
    for args in [scene.verify_args("app", &[]), scene.sign_args("app", &[])] {
        frugal(&args).exits(1).says(&["manifest", "1073741824"]);
    }
}

/// An image whose manifest's text is edited, with digests made right.
fn with_manifest_text(edit: impl Fn(&str) -> String) -> Scene {
    made(|maker| {
        let entry = good(maker);
        let text = String::from_utf8(oci::blob(&maker.dir, &entry)).expect("UTF-8");
        let edited = edit(&text);
        assert_ne!(text, edited);
        vec![with_tag(maker.blob(MANIFEST, edited.as_bytes()), "good")]
    })
}

fn with_config_text(edit: impl Fn(&str) -> String) -> Scene {
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

fn with_index_text(edit: impl Fn(&str) -> String) -> Scene {
    let scene = made(|maker| vec![good(maker)]);
    let path = scene.app("app").join("index.json");
    let text = String::from_utf8(read(&path)).expect("UTF-8");
    let edited = edit(&text);
    assert_ne!(text, edited);
    write(path, edited);
    scene
}

/// How often a run opens the blobs of each of these descriptors.
fn openings<const N: usize>(args: &[String], blobs: [&Value; N]) -> [usize; N] {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=open,openat,openat2", "-o"])
        .args([log.as_os_str(), PROGRAM.as_ref()])
        .args(args)
        .output()
        .expect("strace runs");
    assert!(run.status.success(), "{run:?}");
    let log = String::from_utf8(read(&log)).expect("UTF-8");
    blobs.map(|blob| {
        let digest = blob["digest"].as_str().expect("a digest");
        let (_, hex) = digest.split_once(':').expect("an algorithm");
        log.lines().filter(|line| line.contains(hex)).count()
    })
}

#[test]
fn a_manifest_that_is_listed_very_often_is_read_once_to_be_shown_and_once_as_a_server_does() {
    let mut blobs = [Value::Null, Value::Null];
    let scene = made(|maker| {
        let config = maker.config(&[b"layer"]);
        let entry = maker.manifest(&config, &[maker.blob(LAYER, b"layer")]);
        blobs = [entry.clone(), config];
        vec![entry; 12_000]
    });
    let inspect = ["inspect-image", "-r", &scene.text("registry"), "-a", "app"];
    let run = ir_sign(inspect).ok();
    assert_eq!(run.stdout.matches("image for").count(), 12_000);
    let [manifest, config] = &blobs;
    assert_eq!(
        openings(&inspect.map(Into::into), [manifest, config]),
        [2, 2]
    );
}

#[test]
fn an_attestation_that_is_listed_very_often_is_read_a_few_times() {
    let mut blob = Value::Null;
    let scene = made(|maker| {
        let image = listed(good(maker), "linux", "amd64");
        blob = listed(referring(maker, IN_TOTO), "unknown", "unknown");
        let held = [vec![image.clone()], vec![blob.clone(); 500]].concat();
        let index = listed(maker.nested(&held), "linux", "amd64");
        vec![image, with_tag(index, "multi")]
    });
    scene.sign("app", &["-d", "good"]).ok();
    for more in [
        &["--all"][..],
        &["-d", "multi", "--platform", "linux/amd64"],
    ] {
        let [times] = openings(&scene.verify_args("app", more), [&blob]);
        assert!((1..5).contains(&times), "{more:?}: {times}");
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

/// A manifest with another layer, of this type, that refers to an image.
fn referring(maker: &Maker, layer_type: &str) -> Value {
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

/// An entry that says that it attests.
fn attesting(mut entry: Value) -> Value {
    entry["annotations"]["vnd.docker.reference.type"] = json!("attestation-manifest");
    entry
}

/// An entry for the platform that nobody has.
fn unknown(entry: Value) -> Value {
    listed(entry, "unknown", "unknown")
}

/// An entry for this platform.
fn listed(mut entry: Value, os: &str, architecture: &str) -> Value {
    entry["platform"] = json!({ "os": os, "architecture": architecture });
    entry
}

const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#;

/// Whatever an entry says of itself, and whatever an image refers to: what could be run is verified.
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
    assert_eq!(run.stderr.matches("was passed over").count(), 2, "{run:?}");
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

/// As `verify-image --all` takes them: what a runtime could run is an image, and so is what is not there
/// to tell.
#[test]
fn what_calls_itself_an_attestation_is_shown_as_what_it_is() {
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
fn what_is_listed_for_a_platform_counts_though_it_calls_itself_an_attestation() {
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
            "is listed for linux/arm64, and its config is for linux/amd64",
        ]);
    }
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &["--all-platforms"]).exits(1);
    run.says(&["is listed for linux/arm64", "is not signed"]);
    same(&before, &snapshot(&scene.registry()));
}

/// Readers choose differently among entries of one digest: what any of them states has to hold.
#[test]
fn every_entry_that_leads_to_an_image_counts_not_the_first_alone() {
    type Edit = fn(&mut Value);
    let right: [Edit; 2] = [
        |_| (),
        |entry| entry["platform"] = json!({ "os": "linux", "architecture": "amd64" }),
    ];
    let wrong: [Edit; 4] = [
        |entry| entry["size"] = json!(entry["size"].as_u64().expect("a size") + 1),
        |entry| entry["data"] = json!("AAAA"),
        |entry| entry["mediaType"] = json!("application/vnd.example"),
        |entry| entry["platform"] = json!({ "os": "linux", "architecture": "arm64" }),
    ];
    let edits = right.map(|edit| (edit, 0)).into_iter();
    for (n, (edit, status)) in edits.chain(wrong.map(|edit| (edit, 1))).enumerate() {
        for at in [0, 1] {
            let scene = made(|maker| vec![good(maker), with_tag(good(maker), "other")]);
            scene.sign("app", &["-d", "good"]).ok();
            let dir = scene.app("app");
            let mut index = oci::index(&dir);
            edit(&mut index["manifests"][at]);
            write(dir.join("index.json"), index.to_string());
            let digest = oci::index(&dir)["manifests"][0]["digest"].clone();
            let digest = digest.as_str().expect("a digest");
            for which in [&["--all"][..], &["-d", digest], &[]] {
                let run = scene.verify("app", which).exits(status);
                let digests = usize::from(status == 0);
                assert_eq!(run.stdout.lines().count(), digests, "{n}, {at}: {run:?}");
            }
            scene.sign("app", &["-d", digest]).exits(status);
            scene.sign("app", &[]).exits(status);
            // A tag leads to its own entry.
            let tags = ["good", "other"].map(|tag| scene.verify("app", &["-d", tag]).status);
            assert_eq!(tags, if at == 0 { [status, 0] } else { [0, status] });
        }
    }
}

#[test]
fn entries_of_several_indexes_that_lead_to_a_digest_count_all() {
    let scene = made(|maker| {
        let image = maker.image("", b"layer", b"layer");
        let index = |architecture: &str| {
            let mut entry = image.clone();
            entry["platform"] = json!({ "os": "linux", "architecture": architecture });
            with_tag(maker.nested(&[entry]), architecture)
        };
        vec![index("amd64"), index("arm64")]
    });
    let app = scene.app("app");
    let digest = oci::image(&app, "amd64", Some("linux/amd64"))["digest"].clone();
    scene.refused(
        "app",
        &["-d", digest.as_str().expect("a digest")],
        &["is listed for linux/arm64"],
    );
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
        run.says(&["is listed for linux/arm64, and its config is for linux/amd64"]);
    }
    scene.verify("app", &["--platform", "linux/amd64"]).ok();
    for scene in [scene, twice(false)] {
        let before = snapshot(&scene.registry());
        let run = scene.sign("app", &["--all-platforms"]).exits(1);
        run.says(&["is listed for linux/arm64", "is not signed"]);
        same(&before, &snapshot(&scene.registry()));
    }
}

#[test]
fn what_an_entry_states_of_an_index_has_to_hold_too() {
    type Edit = fn(&mut Value);
    let edits: [(Edit, &str); 4] = [
        (|_| (), ""),
        (
            |entry| entry["size"] = json!(entry["size"].as_u64().expect("a size") + 1),
            "bytes",
        ),
        (|entry| entry["data"] = json!("AAAA"), "embeds"),
        (
            |entry| entry["platform"] = json!({ "os": "linux", "architecture": "arm64" }),
            "is listed for linux/arm64, and not all that it holds",
        ),
    ];
    for (edit, reason) in edits {
        let scene = made(|maker| {
            let mut image = maker.image("", b"layer", b"layer");
            image["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            let index = maker.nested(&[image]);
            vec![with_tag(index.clone(), "one"), with_tag(index, "two")]
        });
        scene.sign("app", &["-d", "one", "--all-platforms"]).ok();
        let dir = scene.app("app");
        let mut index = oci::index(&dir);
        edit(&mut index["manifests"][1]);
        write(dir.join("index.json"), index.to_string());
        let run = scene.verify("app", &["--all"]);
        assert_eq!(run.status, i32::from(!reason.is_empty()), "{run:?}");
        run.says(&[reason]);
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
        // What it holds calls itself an attestation.
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
            .contains("is listed for linux/arm64, and not all");
        assert_eq!(said, status == 1, "{n}: {run:?}");
    }
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

/// What umoci writes before there is an image.
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

/// What programs in Go write of an image without layers, and what nobody writes.
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
            // What is there keeps its text.
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

type Edit = Box<dyn Fn(&str) -> String>;

/// Edits that every document has to be refused for.
fn odd_documents() -> Vec<(&'static str, Edit)> {
    let first = |member: &'static str| {
        Box::new(move |text: &str| text.replacen('{', &format!("{{{member},"), 1)) as Edit
    };
    vec![
        ("a member twice", first(r#""x":1,"x":2"#)),
        ("a member twice, one escaped", first(r#""x":1,"\u0078":2"#)),
        (
            "a member twice, deep",
            first(r#""x":[{"y":{"z":1,"z":1}}]"#),
        ),
        ("a number that is none", first(r#""x":1e400"#)),
        ("a negative one too", first(r#""x":-1e400"#)),
        ("a lone surrogate", first(r#""x":"\ud800""#)),
        ("NaN", first(r#""x":NaN"#)),
        ("a leading zero", first(r#""x":01"#)),
        ("a control character", first("\"x\":\"\u{1}\"")),
        ("a comment", first(r#"/* */ "x":1"#)),
        (
            "a trailing comma",
            Box::new(|text| text.replacen('}', ",}", 1)),
        ),
        (
            "a second document",
            Box::new(|text| format!("{text}{text}")),
        ),
        (
            "a byte order mark",
            Box::new(|text| format!("\u{feff}{text}")),
        ),
        (
            "depth",
            Box::new(|text| {
                let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
                text.replacen('{', &format!("{{\"x\":{open}{close},"), 1)
            }),
        ),
        (
            "depth in objects",
            Box::new(|text| {
                let (open, close) = ("{\"a\":".repeat(10_000), "}".repeat(10_000));
                text.replacen('{', &format!("{{\"x\":{open}1{close},"), 1)
            }),
        ),
        ("an array", Box::new(|text| format!("[{text}]"))),
        ("a string", Box::new(|_| "\"text\"".into())),
        ("null", Box::new(|_| "null".into())),
    ]
}

#[test]
fn json_that_readers_could_take_for_something_else_is_refused() {
    for (what, edit) in odd_documents() {
        println!("{what}");
        let manifest = ["manifest", "is not valid", "image.manifest-digest"];
        with_manifest_text(&edit).refused("app", &[], &manifest);
        let config = ["config", "is not valid", "image.config-digest"];
        with_config_text(&edit).refused("app", &[], &config);
        let scene = with_index_text(&edit);
        let layout = scene.text("registry/app");
        scene.refused("app", &[], &[&layout, "index.json", "is not valid"]);
    }
}

/// There may be thousands of documents, each with megabytes of text where a name is wanted.
#[test]
fn names_without_end_are_refused_and_not_repeated() {
    let long = |size: usize| "x".repeat(size);
    let short = |scene: &Scene, parts: &[&str]| {
        scene.refused("app", &[], parts);
        for run in [scene.verify("app", &["--all"]), scene.sign("app", &[])] {
            assert!(run.stderr.len() < 4_000, "{} bytes", run.stderr.len());
        }
    };
    // A name in an entry, and one of the document itself.
    let entry = |more: String| {
        with_index_text(|text| text.replacen("\"size\"", &format!("{more},\"size\""), 1))
    };
    let platform = |os: usize, architecture: usize, variant: usize| {
        let [os, architecture, variant] = [os, architecture, variant].map(long);
        json!({ "os": os, "architecture": architecture, "variant": variant })
    };
    for (parts, what) in [
        (platform(256, 1, 1), "os has 256 bytes"),
        (platform(1, 300, 1), "architecture has 300 bytes"),
        (platform(1, 1, 1_000_000), "variant has 1000000 bytes"),
    ] {
        let scene = entry(format!("\"platform\":{parts}"));
        short(&scene, &["index.json is not valid", what]);
    }
    let tag = |size: usize| with_index_text(|text| text.replace("good", &long(size)));
    short(&tag(513), &["index.json is not valid", "tag has 513 bytes"]);
    tag(512).sign("app", &["-d", &long(512)]).ok();
    let manifest = with_manifest_text(|text| text.replace(LAYER, &long(300)));
    short(&manifest, &["manifest", "mediaType has 300 bytes"]);
    let type_inside = format!("\"mediaType\":\"{}\",\"schemaVersion\"", long(256));
    let inside = |text: &str| {
        let rest = text.replacen(&format!("\"mediaType\":\"{MANIFEST}\","), "", 1);
        rest.replacen("\"schemaVersion\"", &type_inside, 1)
    };
    short(
        &with_manifest_text(inside),
        &["manifest", "mediaType has 256 bytes"],
    );
    for (old, what) in [
        ("\"amd64\"", "architecture has 2000000 bytes"),
        ("\"linux\"", "os has 2000000 bytes"),
        ("\"layers\"", "the type of its rootfs has 2000000 bytes"),
    ] {
        let new = format!("\"{}\"", long(2_000_000));
        let scene = with_config_text(|text| text.replacen(old, &new, 1));
        short(&scene, &["config", what]);
    }
    // Of what is no name the start is repeated, and the end, which says what is wrong.
    let number = |text: &str| {
        let wrong = format!("\"schemaVersion\":\"{}\"", long(1_000_000));
        text.replacen("\"schemaVersion\":2", &wrong, 1)
    };
    short(
        &with_manifest_text(number),
        &["manifest", "expected a number"],
    );
    let diff_id = |text: &str| text.replacen("sha256:", &long(1_000_000), 1);
    short(
        &with_config_text(diff_id),
        &["config", "xxx [... ", "not a digest"],
    );
}

/// Rust's readers would take the items for the members in the order of a type; Go's refuse such a document.
#[test]
fn a_list_in_the_place_of_an_object_is_refused() {
    let texts = |digest: &str, size: &Value| {
        let descriptor = |kind| json!([kind, digest, size, null, null, null, null, null]);
        [
            json!([2, INDEX, null, [], null, null]).to_string(),
            json!({ "schemaVersion": 2, "manifests": [descriptor(MANIFEST)] }).to_string(),
        ]
    };
    let scene = made(|maker| vec![good(maker)]);
    let path = scene.app("app").join("index.json");
    let entry = oci::tagged(&scene.app("app"), "good");
    for text in texts(entry["digest"].as_str().expect("a digest"), &entry["size"]) {
        write(&path, text);
        scene.refused("app", &[], &["index.json", "expected an object"]);
        let inspect = ["inspect-image", "-r", &scene.text("registry"), "-a", "app"];
        ir_sign(inspect).exits(1).says(&["expected an object"]);
    }
    let list_of = |text: &str, names: &[&str]| {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let items: Vec<_> = names.iter().map(|name| document[*name].clone()).collect();
        Value::from(items)
    };
    let manifest = |text: &str| {
        let names = ["schemaVersion", "mediaType", "", "config", "layers", "", ""];
        list_of(text, &names).to_string()
    };
    let config = |text: &str| {
        let names = ["architecture", "os", "variant", "rootfs"];
        list_of(text, &names).to_string()
    };
    let root = |text: &str| {
        let mut document: Value = serde_json::from_str(text).expect("JSON");
        let root = document["rootfs"].to_string();
        document["rootfs"] = list_of(&root, &["type", "diff_ids"]);
        document.to_string()
    };
    let is = "is not valid: invalid type: sequence, expected an object";
    with_manifest_text(manifest).refused("app", &[], &["manifest", is]);
    with_config_text(config).refused("app", &[], &["config", is]);
    with_config_text(root).refused("app", &[], &["config", is]);
}

#[test]
fn members_in_another_case_are_refused() {
    let replace =
        |from: &'static str, to: &'static str| move |text: &str| text.replacen(from, to, 1);
    for name in [
        "schemaVersion",
        "config",
        "layers",
        "mediaType",
        "annotations",
        "subject",
    ] {
        let upper = name.to_uppercase();
        let add = |text: &str| text.replacen('{', &format!("{{\"{upper}\":null,"), 1);
        with_manifest_text(add).refused("app", &[], &["manifest", &upper]);
    }
    for name in [
        "ROOTFS",
        "Rootfs",
        "Architecture",
        "OS",
        "Config",
        "OS.Version",
    ] {
        let add = |text: &str| text.replacen('{', &format!("{{\"{name}\":null,"), 1);
        with_config_text(add).refused("app", &[], &["config", name]);
    }
    // docker would start another command than one who reads the names as they are.
    for name in ["cmd", "ENTRYPOINT", "env", "Uſer"] {
        let config = format!("{{\"config\":{{\"Cmd\":[\"a\"],\"{name}\":[\"b\"]}},");
        let add = |text: &str| text.replacen('{', &config, 1);
        with_config_text(add).refused("app", &[], &["config", name]);
    }
    with_index_text(replace("{", "{\"Manifests\":[],")).refused("app", &[], &["Manifests"]);
    // Inside of what is read by name too.
    for (name, before) in [
        ("Digest", "\"digest\""),
        ("mediatype", "\"mediaType\""),
        ("SIZE", "\"size\""),
        ("Annotations", "\"size\""),
        ("Data", "\"size\""),
        ("Platform", "\"size\""),
    ] {
        let add = |text: &str| {
            let (start, rest) = text.rsplit_once(before).expect("a member");
            format!("{start}\"{name}\":null,{before}{rest}")
        };
        with_manifest_text(add).refused("app", &[], &["manifest", name]);
        with_index_text(add).refused("app", &[], &["index.json", name]);
    }
    let platform =
        "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\",\"OS\":null},\"size\"";
    with_index_text(replace("\"size\"", platform)).refused("app", &[], &["index.json", "\"OS\""]);
    let type_twice = replace("\"diff_ids\"", "\"Type\":null,\"diff_ids\"");
    with_config_text(type_twice).refused("app", &[], &["config", "Type"]);
    // Go takes the long s for an s.
    with_manifest_text(replace("{", "{\"layerſ\":[],")).refused("app", &[], &["layerſ"]);
    with_index_text(replace("{", "{\"manifest\\u017f\":[],")).refused("app", &[], &["manifestſ"]);
    with_config_text(replace("\"diff_ids\"", "\"diff_idſ\":[],\"diff_ids\"")).refused(
        "app",
        &[],
        &["diff_idſ"],
    );
    // In the place of the right ones.
    with_manifest_text(replace("\"layers\"", "\"Layers\"")).refused("app", &[], &["Layers"]);
    with_config_text(replace("\"diff_ids\"", "\"Diff_ids\"")).refused("app", &[], &["Diff_ids"]);
}

#[test]
fn no_document_is_two_things_at_once() {
    let add =
        |member: &'static str| move |text: &str| text.replacen('{', &format!("{{{member},"), 1);
    with_manifest_text(add(r#""manifests":[]"#)).refused("app", &[], &["\"manifests\""]);
    with_index_text(add(r#""layers":[]"#)).refused("app", &[], &["\"layers\""]);
    with_index_text(add(r#""config":{}"#)).refused("app", &[], &["\"config\""]);
    let retype = |to: &'static str| move |text: &str| text.replacen(MANIFEST, to, 1);
    for other in [INDEX, CONFIG, "application/vnd.example", ""] {
        with_manifest_text(retype(other)).refused("app", &[], &["calls itself", MANIFEST]);
        let scene = with_index_text(|text| text.replacen(INDEX, "x/y", 1));
        scene.refused("app", &[], &["index.json", "x/y"]);
    }
    // A descriptor that says index, for a manifest, and the other way round.
    let scene = with_index_text(|text| text.replacen(MANIFEST, INDEX, 1));
    scene.refused("app", &[], &["image index"]);
    let scene = made(|maker| {
        let mut entry = maker.nested(&[good(maker)]);
        entry["mediaType"] = json!(MANIFEST);
        vec![with_tag(entry, "good")]
    });
    scene.refused("app", &[], &["\"manifests\"", "image.manifest-digest"]);
    // A manifest that is nothing of both.
    let scene = with_index_text(|text| text.replacen(MANIFEST, "application/json", 1));
    scene.refused("app", &[], &["application/json", "image.manifest-digest"]);
    // A config that is an artifact's.
    let scene =
        with_manifest_text(|text| text.replacen(CONFIG, "application/vnd.oci.empty.v1+json", 1));
    scene.refused("app", &[], &["vnd.oci.empty", "image.config-digest"]);
}

#[test]
fn signing_fills_a_manifest_to_the_limit_and_no_further() {
    const LIMIT: usize = 4 << 20;
    let padded = |padding: usize| {
        made(|maker| {
            let (config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                "annotations": { "padding": "x".repeat(padding) },
            });
            vec![with_tag(maker.document(&manifest), "good")]
        })
    };
    let size = |scene: &Scene| oci::tagged(&scene.app("app"), "good")["size"].as_u64();
    let scene = padded(0);
    scene.sign("app", &[]).ok();
    let padding = LIMIT - usize::try_from(size(&scene).expect("a size")).expect("it is small");
    let scene = padded(padding);
    signs_and_verifies(&scene, &[]);
    assert_eq!(size(&scene), Some(LIMIT as u64));
    scene.prune("app").ok().says(&["removing"]);
    let scene = padded(padding + 1);
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &[]).exits(1);
    run.says(&["registry/app", "manifest", "4194305 bytes"]);
    same(&before, &snapshot(&scene.registry()));
}

/// Nor an index, which gets its media type, nor all of them together.
#[test]
fn signing_fills_an_index_to_the_limit_and_no_further() {
    const LIMIT: usize = 4 << 20;
    for nested in [false, true] {
        let flags: &[&str] = if nested { &["--all-platforms"] } else { &[] };
        let padded = |padding: usize| {
            let scene = Scene::new();
            let maker = Maker::new(scene.app("app"));
            let index = |entry: Value| {
                json!({
                    "schemaVersion": 2, "manifests": [with_tag(entry, "good")],
                    "annotations": { "padding": "x".repeat(padding) },
                })
            };
            let image = maker.image("", b"layer", b"layer");
            if nested {
                let below = maker.blob(INDEX, index(image).to_string().as_bytes());
                maker.index(&[with_tag(below, "good")]);
            } else {
                let path = maker.dir.join("index.json");
                write(path, index(image).to_string());
            }
            scene
        };
        let size = |scene: &Scene| {
            let top = read(scene.app("app").join("index.json")).len();
            if nested {
                let size = oci::tagged(&scene.app("app"), "good")["size"].as_u64();
                top + usize::try_from(size.expect("a size")).expect("it is small")
            } else {
                top
            }
        };
        let scene = padded(0);
        scene.sign("app", flags).ok();
        // The size of an index of megabytes has more digits.
        let digits = if nested {
            "4194000".len() - "300".len()
        } else {
            0
        };
        let padding = LIMIT - size(&scene) - digits;
        let scene = padded(padding);
        scene.sign("app", flags).ok();
        scene.verify("app", &["--all"]).ok();
        assert_eq!(size(&scene), LIMIT);
        let scene = padded(padding + 1);
        let before = snapshot(&scene.registry());
        let run = scene.sign("app", flags).exits(1);
        let what = if nested {
            "index.json takes the indexes to more than 4194304 bytes together"
        } else {
            "4194305 bytes"
        };
        run.says(&["registry/app", "index", what]);
        same(&before, &snapshot(&scene.registry()));
    }
}

/// Nor does it add members beyond those that are read.
#[test]
fn signing_adds_no_more_members_than_are_read() {
    const MOST: usize = 48 << 10;
    let annotations = |count: usize| -> Value {
        let all = (0..count).map(|n| (n.to_string(), json!("")));
        Value::Object(all.collect())
    };
    let manifest = |count: usize| {
        made(|maker| {
            let (config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
            // With the layer itself that makes twelve.
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                "annotations": annotations(count - 12),
            });
            vec![with_tag(maker.document(&manifest), "good")]
        })
    };
    let index = |count: usize| {
        let scene = made(|maker| vec![good(maker)]);
        let path = scene.app("app").join("index.json");
        let mut index = oci::parse(&read(&path));
        index
            .as_object_mut()
            .expect("an object")
            .remove("mediaType");
        // Three here, six of the entry.
        index["annotations"] = annotations(count - 9);
        write(path, index.to_string());
        scene
    };
    let made: [(&dyn Fn(usize) -> Scene, usize); 2] = [(&manifest, 3), (&index, 1)];
    for (made, signing_adds) in made {
        signs_and_verifies(&made(MOST - signing_adds), &[]);
        for count in [MOST - signing_adds + 1, MOST] {
            let scene = made(count);
            let before = snapshot(&scene.registry());
            scene.verify("app", &[]).exits(1).says(&["is absent"]);
            scene
                .sign("app", &[])
                .exits(1)
                .says(&["more than 49152 members"]);
            same(&before, &snapshot(&scene.registry()));
        }
        let run = made(MOST + 1).verify("app", &[]).exits(1);
        run.says(&["more than 49152 members"]);
    }
}

#[test]
fn a_manifest_and_a_config_are_read_up_to_what_they_may_be_together() {
    const LIMIT: usize = 9 << 19;
    let padded = |more: usize| {
        made(|maker| {
            let mut config = oci::parse(&oci::blob(&maker.dir, &maker.config(&[b"layer"])));
            config["padding"] = json!("x".repeat(4_000_000));
            let config = maker.blob(CONFIG, config.to_string().as_bytes());
            let mut manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config,
                "layers": [maker.blob(LAYER, b"layer")], "annotations": { "padding": "" },
            });
            let rest = LIMIT - manifest.to_string().len();
            let rest = rest
                - usize::try_from(config["size"].as_u64().expect("a size")).expect("it is small");
            manifest["annotations"]["padding"] = json!("x".repeat(rest + more));
            vec![with_tag(maker.document(&manifest), "good")]
        })
    };
    let failed = "FAILED      annotation.vendor-endorsed";
    padded(0).verify("app", &[]).exits(1).says(&[failed]);
    let refused = ["config", "image.config-digest"];
    padded(1).refused("app", &[], &refused);
    // What is signed has to be read again: the signature takes room too.
    let scene = padded(0);
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &[]).exits(1);
    run.says(&["config", "more than"]);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn signing_changes_no_more_of_an_index_than_it_has_to() {
    let untyped = |maker: &Maker, entry: &Value| {
        let text = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
        maker.blob(INDEX, text.as_bytes())
    };
    let scene = made(|maker| {
        let image = good(maker);
        let other = maker.image("", b"other", b"other");
        let (above, beside) = (untyped(maker, &image), untyped(maker, &other));
        vec![image, with_tag(above, "above"), with_tag(beside, "beside")]
    });
    let layout = scene.app("app");
    let beside = oci::tagged(&layout, "beside");
    // A type is a type however it is spelt.
    let path = layout.join("index.json");
    let text = String::from_utf8(read(&path)).expect("text");
    let escaped = INDEX.replace('/', "\\/");
    write(
        &path,
        text.replacen(&format!("\"{INDEX}\""), &format!("\"{escaped}\""), 3),
    );
    let signed = scene.sign("app", &["-d", "good", "--json"]).ok().json();
    assert_eq!(signed["images"][0]["index_tags"], json!(["above"]));
    assert_eq!(oci::tagged(&layout, "beside"), beside);
    let above = oci::parse(&oci::blob(&layout, &oci::tagged(&layout, "above")));
    assert_eq!(above["mediaType"], INDEX);
    let text = String::from_utf8(read(&path)).expect("text");
    let start = format!("{{\"schemaVersion\":2,\"mediaType\":\"{escaped}\",");
    assert!(text.starts_with(&start), "{text}");
    // The type that an index lacks is added where all else is as it should be.
    let mut index = oci::index(&layout);
    index
        .as_object_mut()
        .expect("an object")
        .shift_remove("mediaType");
    write(&path, index.to_string());
    let again = scene.sign("app", &["-d", "good", "--json"]).ok();
    assert_eq!(again.json()["images"][0]["changed"], json!(false));
    assert_eq!(oci::index(&layout)["mediaType"], INDEX);
}

#[test]
fn sizes_and_versions_that_are_wrong_are_refused() {
    const HUGE: &str = "18446744073709551615";
    for size in [
        "0",
        "1",
        "-1",
        "1.0",
        "5e0",
        "\"5\"",
        "null",
        "true",
        HUGE,
        "1e3",
        "18446744073709551616",
    ] {
        let edit = |text: &str| {
            let (before, after) = text.rsplit_once("\"size\":").expect("a size");
            let end = after.find(['}', ',']).expect("an end");
            format!("{before}\"size\":{size}{}", &after[end..])
        };
        with_manifest_text(edit).refused("app", &[], &["image.", "is not signed"][..1]);
        with_index_text(edit).refused("app", &[], &[]);
    }
    // So large together that they cannot be added up.
    let scene = with_manifest_text(|text| {
        let mut manifest = oci::parse(text.as_bytes());
        let mut layer = manifest["layers"][0].clone();
        layer["size"] = json!(u64::MAX);
        manifest["layers"] = json!([layer, layer, layer]);
        manifest.to_string()
    });
    scene.refused("app", &[], &["layer 1", HUGE, "image.layer-blobs"]);
    for version in ["1", "3", "-2", "2.0", "\"2\"", "null", "4294967298"] {
        let edit = |text: &str| {
            text.replacen(
                "\"schemaVersion\":2",
                &format!("\"schemaVersion\":{version}"),
                1,
            )
        };
        with_manifest_text(edit).refused("app", &[], &["manifest", "is not valid"]);
        with_index_text(edit).refused("app", &[], &["index.json", "is not valid"]);
    }
    let edit = |text: &str| text.replacen("\"schemaVersion\":2,", "", 1);
    with_index_text(edit).refused("app", &[], &["schemaVersion"]);
}

#[test]
fn digests_of_unknown_algorithms_and_odd_forms_are_refused() {
    let hash = "ab".repeat(32);
    for digest in [
        format!("md5:{}", "ab".repeat(16)),
        format!("blake3:{hash}"),
        format!("sha256:{}", hash.to_uppercase()),
        format!("SHA256:{hash}"),
        format!("sha256:{hash}0"),
        format!("sha512:{hash}"),
        format!("sha256:../../../../{}", &hash[..52]),
        format!("sha256:{hash}/.."),
        format!("../sha256:{hash}"),
        "sha256:".into(),
        ":".into(),
        String::new(),
        "sha256".into(),
    ] {
        println!("{digest}");
        let edit = |text: &str| {
            let (before, after) = text.rsplit_once("\"digest\":\"").expect("a digest");
            let end = after.find('"').expect("an end");
            format!("{before}\"digest\":\"{digest}{}", &after[end..])
        };
        with_manifest_text(edit).refused("app", &[], &["manifest", "is not valid"]);
        with_index_text(edit).refused("app", &[], &["index.json", "is not valid"]);
        let edit = |text: &str| {
            let at = text.find("sha256:").expect("a digest");
            format!("{}{digest}{}", &text[..at], &text[at + 71..])
        };
        with_config_text(edit).refused("app", &[], &["config", "is not valid"]);
    }
}

#[test]
fn random_bytes_are_no_document() {
    // A fixed sequence: a run is like any other.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |len: usize| {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..len).map(|_| next()).collect::<Vec<u8>>()
    };
    for len in [1, 10, 1000, 100_000] {
        let bytes = random(len);
        for file in ["index.json", "oci-layout"] {
            let scene = made(|maker| vec![good(maker)]);
            write(scene.app("app").join(file), &bytes);
            scene.refused("app", &[], &[file]);
        }
        let scene = made(|maker| vec![maker.blob(MANIFEST, &bytes)]);
        scene.refused("app", &[], &["manifest", "is not valid"]);
        let scene = made(|maker| {
            let config = maker.blob(CONFIG, &bytes);
            vec![maker.manifest(&config, &[maker.blob(LAYER, b"layer")])]
        });
        scene.refused("app", &[], &["config", "is not valid"]);
        for suffix in ["+gzip", "+zstd"] {
            packed(suffix, &bytes, b"layer").refused("app", &[], &["does not unpack"]);
        }
        let scene = made(|maker| vec![with_tag(maker.blob(INDEX, &bytes), "index")]);
        scene.refused("app", &[], &["image index", "is not valid"]);
        scene.prune("app").exits(1);
    }
}

#[test]
fn text_from_an_image_does_not_drive_the_terminal() {
    let evil = "a\u{1b}[2J\u{7}\u{9b}31m\nerror: trusted";
    let scene = made(|maker| {
        let mut entry = with_tag(maker.image("", b"x", b"x"), evil);
        entry["platform"] = json!({ "os": evil, "architecture": evil });
        vec![good(maker), entry]
    });
    let registry = scene.registry().display().to_string();
    let inspect = ir_sign(["inspect-image", "-r", &registry, "-a", "app"]).ok();
    let verify = scene.verify("app", &["--all"]).exits(1);
    let sign = scene.sign("app", &[]).exits(1);
    for run in [inspect, verify, sign] {
        let shown = format!("{}{}", run.stdout, run.stderr);
        assert!(shown.contains("\\u{1b}[2J"), "{shown}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!shown.contains(control), "{shown:?}");
        assert!(
            !shown.lines().any(|line| line == "error: trusted"),
            "{shown}"
        );
    }
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
        &["oci-layout has 5025 bytes, and 4096 is the most"],
    );
}

/// The tests above say what happens; this says that they are run on the program at all.
#[test]
fn the_program_is_there() {
    assert!(Path::new(PROGRAM).is_file());
    assert!(
        Command::new(PROGRAM)
            .arg("--version")
            .output()
            .expect("it runs")
            .status
            .success()
    );
}

/// What others wrote may be long, and a message that quotes it is not.
#[test]
fn messages_are_short_whatever_they_quote() {
    let long = "long ".repeat(100_000);
    let member = |name: &'static str| {
        let value = json!(long);
        move |text: &str| text.replacen('{', &format!("{{\"{name}\":{value},"), 1)
    };
    let scenes = [
        // At the end of each is what is wrong.
        (with_manifest_text(member("MediaType")), "mind case"),
        (with_manifest_text(member("subject")), "at line 1 column"),
        (
            with_config_text(|text| text.replacen("sha256:", &long, 1)),
            "not a digest",
        ),
        (
            with_index_text(|text| text.replacen(MANIFEST, &long, 1)),
            "is the most",
        ),
        (
            made(|maker| {
                let (mut config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
                config["mediaType"] = json!(long);
                vec![maker.manifest(&config, &[layer])]
            }),
            "is the most",
        ),
    ];
    for (scene, end) in scenes {
        for command in [scene.verify_args("app", &[]), scene.sign_args("app", &[])] {
            for more in [&[][..], &["--json"], &["-q"]] {
                let run = ir_sign(
                    command
                        .iter()
                        .map(String::as_str)
                        .chain(more.iter().copied()),
                );
                let length = run.stderr.len().max(run.stdout.len());
                assert!(length < 5000, "{end}: {length}");
                run.exits(1).says(&[end]);
            }
        }
    }
}

/// They are repeated in messages, and a longer tag could not be named.
#[test]
fn names_are_as_long_as_they_may_be_and_no_longer() {
    let tagged = |length: usize| made(|maker| vec![with_tag(good(maker), &"t".repeat(length))]);
    let scene = tagged(512);
    signs_and_verifies(&scene, &["-d", &"t".repeat(512)]);
    tagged(513).refused("app", &[], &["index.json", "tag has 513 bytes"]);
    let platform = |member: &'static str, length: usize| {
        made(move |maker| {
            let (config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
            let mut config = oci::parse(&oci::blob(&maker.dir, &config));
            config[member] = json!("x".repeat(length));
            let listed = json!({
                "os": config["os"], "architecture": config["architecture"], "variant": config["variant"],
            });
            let config = maker.blob(CONFIG, config.to_string().as_bytes());
            let mut image = maker.manifest(&config, &[layer]);
            if length <= 255 {
                image["platform"] = listed;
            }
            vec![with_tag(image, "good")]
        })
    };
    for member in ["os", "architecture", "variant"] {
        signs_and_verifies(&platform(member, 255), &[]);
        let what = format!("{member} has 256 bytes");
        let refused = ["config", &what];
        platform(member, 256).refused("app", &[], &refused);
        let scene = made(|maker| {
            let mut image = good(maker);
            image["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            image["platform"][member] = json!("x".repeat(256));
            vec![image]
        });
        let refused = ["index.json", &what];
        scene.refused("app", &[], &refused);
    }
}
