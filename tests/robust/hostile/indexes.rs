//! Indexes that nest, multiply, or are not there.

use harness::oci::{self, INDEX, blob_path, with_tag};
use harness::{Scene, ir_sign, same, snapshot, write};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

use super::{good, listed, made, nested, signs_and_verifies};

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
        &["brings the indexes to more than 4194304 bytes together"],
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

/// Its content is unknown. So ir-sign does not ignore it if the user means all images, or one that it may hold.
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
        none.says(if kept { &["linux/amd64"][..] } else { &is });
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
fn the_statements_of_an_entry_about_an_index_must_hold_too() {
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
            "is listed for linux/arm64, but not everything in it",
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
