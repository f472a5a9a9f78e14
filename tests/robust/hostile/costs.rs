//! Layouts that cost much time or memory where the program reads them carelessly.

use harness::oci::{self, LAYER, MANIFEST, blob_path, with_tag};
use harness::{Run, ir_sign, limited, program, read, write};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{IN_TOTO, attesting, good, listed, made, referring, with_manifest_text};

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

/// Runs with little memory.
fn frugal(args: &[String]) -> Run {
    let script = "ulimit -v 200000; exec \"$0\" \"$@\"";
    Run::of(limited("sh").args(["-c", script, program()]).args(args))
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

/// How often a run opens the blobs of each of these descriptors.
fn openings<const N: usize>(args: &[String], blobs: [&Value; N]) -> [usize; N] {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=open,openat,openat2", "-o"])
        .args([log.as_os_str(), program().as_ref()])
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
