//! Several runs on one layout at once, runs that are killed, and pruning. More rounds with
//! `IR_SIGN_THOROUGH=1`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use serde_json::{Value, json};

use harness::oci::{self, INDEX, LAYER, MANIFEST, Maker, blob_path, digest, with_tag};
use harness::{Scene, ir_sign, program, same, snapshot, waits_for_a_lock, write};

/// How often something is tried that goes wrong only at times.
fn rounds(few: usize) -> usize {
    match std::env::var_os("IR_SIGN_THOROUGH") {
        Some(_) => few.max(20) * 20,
        None => few,
    }
}

fn start(args: &[String]) -> Child {
    Command::new(program())
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn end(child: Child) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// An app with this many images, tagged `t0`, `t1`, …, unsigned.
fn images(scene: &Scene, app: &str, count: usize) {
    let maker = Maker::new(scene.app(app));
    let image = |n: usize| {
        let layer = format!("layer {n}");
        with_tag(
            maker.image("", layer.as_bytes(), layer.as_bytes()),
            &format!("t{n}"),
        )
    };
    maker.index(&(0..count).map(image).collect::<Vec<_>>());
}

/// Signs different images at once; all of them are signed at the end.
fn sign_together(processes: usize, rounds: usize) {
    let scene = Scene::new();
    for round in 0..rounds {
        let app = format!("app{round}");
        images(&scene, &app, processes);
        let children: Vec<_> = (0..processes)
            .map(|n| start(&scene.sign_args(&app, &["-d", &format!("t{n}")])))
            .collect();
        for (n, child) in children.into_iter().enumerate() {
            let (status, stdout, stderr) = end(child);
            assert_eq!(status, 0, "round {round}: {stderr}");
            let entry = oci::tagged(&scene.app(&app), &format!("t{n}"));
            assert_eq!(json!(stdout.trim()), entry["digest"], "round {round}, t{n}");
        }
        assert_eq!(oci::walk(&scene.app(&app)).len(), 3 * processes);
        let verified = scene.verify(&app, &["--all"]).ok();
        assert_eq!(verified.stdout.lines().count(), processes);
        fs::remove_dir_all(scene.app(&app)).expect("it goes");
    }
    println!("tried: {processes} runs sign in one layout: {rounds} rounds");
}

/// Some processes on a layout where `t0` is signed and the others are not: `sign` those, prune and
/// verify beside them.
fn mix(sign: usize, prune: usize, verify: usize, rounds: usize) {
    let scene = Scene::new();
    for round in 0..rounds {
        let app = format!("app{round}");
        images(&scene, &app, 1 + sign);
        scene.sign(&app, &["-d", "t0"]).ok();
        let signing = (1..=sign).map(|n| scene.sign_args(&app, &["-d", &format!("t{n}")]));
        let pruning = (0..prune).map(|_| scene.prune_args(&app));
        let verifying = (0..verify).map(|_| scene.verify_args(&app, &["-d", "t0"]));
        let all: Vec<_> = signing.chain(pruning).chain(verifying).collect();
        // Now these, now those are first.
        let order = (0..all.len()).map(|n| &all[(n + round) % all.len()]);
        for child in order.map(|args| start(args)).collect::<Vec<_>>() {
            let (status, _, stderr) = end(child);
            assert_eq!(status, 0, "round {round}: {stderr}");
        }
        let verified = scene.verify(&app, &["--all"]).ok();
        assert_eq!(verified.stdout.lines().count(), 1 + sign);
        oci::walk(&scene.app(&app));
        fs::remove_dir_all(scene.app(&app)).expect("it goes");
    }
    println!("tried: {sign} signing, {prune} pruning, {verify} verifying at once: {rounds} rounds");
}

#[test]
fn one_signs_and_one_prunes() {
    mix(1, 1, 0, rounds(20));
}

#[test]
fn one_signs_and_one_verifies() {
    mix(1, 0, 1, rounds(20));
}

#[test]
fn two_sign_and_two_prune() {
    mix(2, 2, 0, rounds(20));
}

#[test]
fn two_sign_and_two_verify() {
    mix(2, 0, 2, rounds(20));
}

#[test]
fn two_sign_one_prunes_and_one_verifies() {
    mix(2, 1, 1, rounds(20));
}

#[test]
fn two_runs_sign_two_images_of_a_layout() {
    sign_together(2, rounds(25));
}

#[test]
fn four_runs_sign_four_images_of_a_layout() {
    sign_together(4, rounds(12));
}

#[test]
fn platforms_of_one_index_are_signed_at_once() {
    const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];
    for _ in 0..rounds(8) {
        let scene = Scene::with("multi");
        let children = PLATFORMS.map(|p| start(&scene.sign_args("app", &["--platform", p])));
        for child in children {
            let (status, _, stderr) = end(child);
            assert_eq!(status, 0, "{stderr}");
        }
        oci::walk(&scene.app("app"));
        let verified = scene.verify("app", &["--all"]).ok();
        assert_eq!(verified.stdout.lines().count(), 3);
    }
}

#[test]
fn two_runs_sign_the_same_image() {
    for _ in 0..rounds(10) {
        let scene = Scene::with("umoci");
        let children = ["latest", "stable"].map(|t| start(&scene.sign_args("app", &["-d", t])));
        let runs = children.map(end);
        for (status, stdout, stderr) in &runs {
            assert_eq!((*status, stdout), (0, &runs[0].1), "{stderr}");
        }
        let digest = oci::tagged(&scene.app("app"), "latest")["digest"].clone();
        assert_eq!(json!(runs[0].1.trim()), digest);
        scene.verify("app", &["--all"]).ok();
    }
}

#[test]
fn two_vendors_sign_the_same_image_and_none_is_lost_in_silence() {
    let mut lost = 0;
    let rounds = rounds(10);
    for _ in 0..rounds {
        let scene = Scene::with("buildah");
        let run = |vendor: &str| {
            let mut args = scene.sign_args("app", &[]);
            let at = args.iter().position(|a| a == "-v").expect("the flag") + 1;
            args[at] = scene.text(vendor);
            start(&args)
        };
        let mut digests = Vec::new();
        for child in ["vendor", "other-vendor"].map(run) {
            let (status, stdout, stderr) = end(child);
            match status {
                0 => digests.push(json!(stdout.trim())),
                3 => {
                    assert!(stderr.contains("another run changed"), "{stderr}");
                    assert!(stderr.contains("app"), "{stderr}");
                    lost += 1;
                }
                _ => panic!("{status}: {stderr}"),
            }
        }
        let digest = oci::tagged(&scene.app("app"), "1.0")["digest"].clone();
        assert!(digests.contains(&digest), "{digest} is none of {digests:?}");
        scene.verify("app", &[]).ok();
    }
    println!("tried: two vendors sign one image: {rounds} rounds, {lost} with a loser who said so");
}

#[test]
fn readers_never_see_a_layout_in_between() {
    let scene = Scene::new();
    images(&scene, "app", 2);
    scene.sign("app", &["-d", "t0"]).ok();
    scene.sign("app", &["-d", "t1"]).ok();
    let changes = rounds(12);
    let (ended, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        // Every run of these two changes t1, and leaves an old manifest behind.
        let writer = scope.spawn(|| {
            for _ in 0..changes {
                for vendor in ["other-vendor", "vendor"] {
                    let mut args = scene.sign_args("app", &["-d", "t1"]);
                    let at = args.iter().position(|a| a == "-v").expect("the flag") + 1;
                    args[at] = scene.text(vendor);
                    ir_sign(args).ok();
                }
            }
        });
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                scene.prune("app").ok();
            }
        });
        let reader = scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let run = scene.verify("app", &["-d", "t0", "-d", "t1"]).ok();
                assert_eq!(run.stdout.lines().count(), 2);
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
        let written = writer.join();
        ended.store(true, Ordering::Relaxed);
        reader.join().expect("what is read is whole");
        written.expect("what is written stays");
    });
    assert!(rounds.load(Ordering::Relaxed) > 3, "{rounds:?}");
    let rounds = rounds.into_inner();
    println!("tried: reads while another run writes: {rounds}");
    oci::walk(&scene.app("app"));
}

#[test]
fn a_run_that_is_killed_leaves_the_old_layout_or_the_new_one() {
    let started = Instant::now();
    let scene = Scene::with("nested-attest");
    let before = oci::tagged(&scene.app("app"), "1.0")["digest"].clone();
    ir_sign(scene.sign_args("app", &["--all-platforms"])).ok();
    let whole = started.elapsed();
    let after = oci::tagged(&scene.app("app"), "1.0")["digest"].clone();
    let mut seen = [0, 0];
    for n in 0..40_u32 {
        fs::remove_dir_all(scene.app("app")).expect("it goes");
        scene.unpack("nested-attest", "app");
        let mut child = start(&scene.sign_args("app", &["--all-platforms"]));
        thread::sleep(whole * n / 40);
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        let digest = oci::tagged(&scene.app("app"), "1.0")["digest"].clone();
        assert!(digest == before || digest == after, "{digest}");
        seen[usize::from(digest == after)] += 1;
        assert!(oci::walk(&scene.app("app")).len() > 10);
        // The next run goes on where it was.
        if n % 8 == 0 {
            ir_sign(scene.sign_args("app", &["--all-platforms"])).ok();
            scene.verify("app", &["--all"]).ok();
        }
    }
    println!(
        "tried: kills of sign-image at random moments: {} (before and after: {seen:?})",
        40
    );
}

#[test]
fn the_next_change_removes_the_remains_of_a_killed_run() {
    let scene = Scene::with("buildah");
    let left = scene.app("app").join(".ir-sign-0123456789abcdef.tmp");
    write(&left, "half a manifest");
    scene.verify("app", &[]).exits(1);
    assert!(left.exists());
    scene.sign("app", &[]).ok();
    assert!(!left.exists());
}

fn files(scene: &Scene) -> Vec<String> {
    let names = snapshot(&scene.app("app")).into_keys();
    names.map(|name| name.display().to_string()).collect()
}

fn extract_args(scene: &Scene, fixture: &str) -> Vec<String> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{fixture}.tar"));
    let mut args = scene.sign_args("app", &["--force", "-f"]);
    args[0] = "extract-sign-image".into();
    args.push(archive.display().to_string());
    args
}

#[test]
fn a_layout_that_is_replaced_stays_until_its_readers_are_done() {
    let scene = Scene::with("docker-save-new");
    let old = snapshot(&scene.app("app"));
    let blobs = File::open(scene.app("app").join("blobs")).expect("a folder");
    rustix::fs::flock(&blobs, FlockOperation::LockShared).expect("a lock");
    let child = start(&extract_args(&scene, "buildah"));
    waits_for_a_lock(&child);
    // New readers find the new app, and present readers still have the old one.
    scene.verify("app", &[]).ok();
    let entries = fs::read_dir(scene.registry()).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path().join("layout"));
    let kept: Vec<_> = paths.filter(|path| path.exists()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    same(&old, &snapshot(&kept[0]));
    drop(blobs);
    let (status, _, stderr) = end(child);
    assert_eq!(status, 0, "{stderr}");
    assert!(!kept[0].exists());
}

#[test]
fn a_reader_of_an_app_that_is_replaced_sees_one_or_the_other() {
    let scene = Scene::new();
    ir_sign(extract_args(&scene, "buildah")).ok();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut rounds = 0;
            while !ended.load(Ordering::Relaxed) {
                scene.verify("app", &["--all"]).ok();
                rounds += 1;
            }
            rounds
        });
        for n in 0..20 {
            let fixture = ["docker-save-new", "buildah"][n % 2];
            ir_sign(extract_args(&scene, fixture)).ok();
        }
        ended.store(true, Ordering::Relaxed);
        let rounds: usize = reader.join().expect("what is read is whole");
        println!("tried: reads of an app while it is replaced 20 times: {rounds}");
        assert!(rounds > 3);
    });
}

#[test]
fn prune_waits_for_a_reader() {
    let scene = Scene::with("docker-save-new");
    let before = snapshot(&scene.registry());
    let blobs = File::open(scene.app("app").join("blobs")).expect("a folder");
    rustix::fs::flock(&blobs, FlockOperation::LockShared).expect("a lock");
    let child = start(&scene.prune_args("app"));
    waits_for_a_lock(&child);
    same(&before, &snapshot(&scene.registry()));
    // Other readers are not kept out meanwhile.
    scene.verify("app", &[]).exits(1);
    drop(blobs);
    let (status, _, stderr) = end(child);
    assert_eq!(status, 0, "{stderr}");
    assert_ne!(before, snapshot(&scene.registry()));
}

/// A waiting run tells the user the reason.
#[test]
fn a_wait_is_told_on_a_terminal_and_nowhere_else() {
    let scene = Scene::with("docker-save-new");
    let replace = extract_args(&scene, "buildah");
    for (args, told, then) in [
        (
            scene.prune_args("app"),
            "runs that use the layout",
            "removing",
        ),
        (
            replace,
            "runs that still read the replaced layout",
            "in place of",
        ),
    ] {
        for on_terminal in [true, false] {
            scene.unpack("docker-save-new", "new");
            let _ = fs::rename(scene.app("app"), scene.path("old"));
            let _ = fs::remove_dir_all(scene.path("old"));
            fs::rename(scene.app("new"), scene.app("app")).expect("renamed");
            let blobs = File::open(scene.app("app").join("blobs")).expect("a folder");
            rustix::fs::flock(&blobs, FlockOperation::LockShared).expect("a lock");
            let words = [vec![program().to_owned()], args.clone()].concat();
            let mut command = Command::new(if on_terminal { "script" } else { "env" });
            if on_terminal {
                command.args(["-qefc", &words.join(" "), "/dev/null"]);
            } else {
                command.args(words);
            }
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
            thread::sleep(Duration::from_millis(2500));
            assert!(child.try_wait().expect("asked").is_none(), "it waits");
            drop(blobs);
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{output:?}");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert_eq!(said.contains(told), on_terminal, "{said}");
            assert!(said.contains(then), "{said}");
        }
    }
}

#[test]
fn prune_goes_on_with_the_layout_that_was_put_in_the_place_of_the_one_it_waited_for() {
    let scene = Scene::with("docker-save-new");
    scene.unpack("docker-save-new", "other");
    let before = snapshot(&scene.app("other"));
    let blobs = File::open(scene.app("app").join("blobs")).expect("a folder");
    rustix::fs::flock(&blobs, FlockOperation::LockShared).expect("a lock");
    let child = start(&scene.prune_args("app"));
    waits_for_a_lock(&child);
    // As unpacking with --force does it, which waits for the reader too.
    let old = scene.path("old");
    fs::rename(scene.app("app"), &old).expect("renamed");
    fs::rename(scene.app("other"), scene.app("app")).expect("renamed");
    fs::remove_file(old.join("index.json")).expect("removed");
    drop(blobs);
    let (status, _, stderr) = end(child);
    assert_eq!(status, 0, "{stderr}");
    assert_ne!(before, snapshot(&scene.app("app")));
}

#[test]
fn a_reader_goes_on_with_the_layout_that_was_put_in_the_place_of_the_one_it_waited_for() {
    let scene = Scene::with("docker-save-new");
    scene.unpack("buildah", "other");
    let signed = scene.sign("other", &[]).ok().stdout;
    let blobs = File::open(scene.app("app").join("blobs")).expect("a folder");
    rustix::fs::flock(&blobs, FlockOperation::LockExclusive).expect("a lock");
    let child = start(&scene.verify_args("app", &[]));
    waits_for_a_lock(&child);
    // As unpacking with --force does it, which had the lock to remove the old one.
    let old = scene.path("old");
    fs::rename(scene.app("app"), &old).expect("renamed");
    fs::rename(scene.app("other"), scene.app("app")).expect("renamed");
    fs::remove_dir_all(old).expect("removed");
    drop(blobs);
    let (status, verified, stderr) = end(child);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(verified, signed);
}

#[test]
fn prune_removes_what_nothing_leads_to_and_nothing_else() {
    for fixture in harness::FIXTURES {
        let scene = Scene::with(fixture.name);
        scene
            .sign("app", &["-d", fixture.tag, "--all-platforms"])
            .ok();
        let layout = scene.app("app");
        let stray = Maker::new(layout.clone()).blob(LAYER, b"nobody wants it");
        let stray = stray["digest"].as_str().expect("a digest").to_owned();
        write(layout.join(".ir-sign-0123456789abcdef.tmp"), "left over");
        write(layout.join("blobs/sha256/not-a-blob"), "somebody's");
        write(layout.join("README"), "somebody's");
        let before = snapshot(&layout);
        let mut dry = scene.prune_args("app");
        dry.push("--dry-run".into());
        ir_sign(dry)
            .ok()
            .says(&["would remove", &stray, "left by an interrupted run"]);
        same(&before, &snapshot(&layout));
        let run = scene.prune("app").ok();
        run.says(&["removing", &stray, ".tmp", "not-a-blob", "so it stays"]);
        let mut expected: Vec<String> = oci::walk(&layout)
            .iter()
            .map(|d| blob_path(Path::new(""), d["digest"].as_str().expect("a digest")))
            .map(|path| path.display().to_string())
            .collect();
        // Blobs that an artifact refers to count too, so nothing of the old ones is left.
        let kept = [
            "blobs/sha256/not-a-blob",
            "README",
            "index.json",
            "oci-layout",
        ];
        expected.extend(kept.map(str::to_owned));
        if fixture.name == "wild" {
            // Its referrer still names the unsigned manifest, so that manifest and its blobs stay.
            let subject = oci::entries(&oci::index(&layout))[1].clone();
            let referrer = oci::parse(&oci::blob(&layout, &subject));
            let digest = referrer["subject"]["digest"]
                .as_str()
                .expect("a digest")
                .to_owned();
            expected.push(blob_path(Path::new(""), &digest).display().to_string());
        }
        if fixture.name.starts_with("docker") {
            expected.extend(["manifest.json", "repositories"].map(str::to_owned));
        }
        let left = files(&scene);
        for file in left.iter().filter(|f| layout.join(f).is_file()) {
            assert!(expected.contains(file), "{}: {file} stays", fixture.name);
        }
        for file in &expected {
            let optional = file == "repositories";
            assert!(
                optional || left.contains(file),
                "{}: {file} is gone",
                fixture.name
            );
        }
        scene.verify("app", &["--all"]).ok();
        let before = snapshot(&layout);
        scene.prune("app").ok().says(&["nothing to remove"]);
        same(&before, &snapshot(&layout));
    }
}

#[test]
fn prune_refuses_when_it_cannot_know() {
    let refused = |scene: &Scene, parts: &[&str]| {
        let before = snapshot(&scene.registry());
        let run = scene.prune("app");
        assert!(matches!(run.status, 1 | 3), "{run:?}");
        run.says(&["registry/app"]).says(parts);
        same(&before, &snapshot(&scene.registry()));
    };
    let scene = Scene::with("multi");
    let layout = scene.app("app");
    let stray = Maker::new(layout.clone()).blob(LAYER, b"nobody wants it");
    let index = oci::tagged(&layout, "multi");
    let manifest = oci::image(&layout, "multi", Some("linux/arm64"));
    // The kind of a damaged blob is unknown, whatever refers to it.
    let layer = &oci::parse(&oci::blob(&layout, &manifest))["layers"][0];
    for (descriptor, name) in [
        (&index, "image index"),
        (&manifest, "manifest"),
        (layer, ": blob sha256:"),
    ] {
        let digest = descriptor["digest"].as_str().expect("a digest");
        let good = oci::blob(&layout, descriptor);
        for bad in [&b"{}"[..], b"", b"not JSON", &[&good[..], b" "].concat()] {
            write(blob_path(&layout, digest), bad);
            refused(&scene, &[name, digest]);
        }
        write(blob_path(&layout, digest), good);
    }
    for bad in [&b"{"[..], b"", b"{\"manifests\":{}}"] {
        let good = harness::read(layout.join("index.json"));
        write(layout.join("index.json"), bad);
        refused(&scene, &["index.json"]);
        write(layout.join("index.json"), good);
    }
    scene.prune("app").ok();
    assert!(!blob_path(&layout, stray["digest"].as_str().expect("a digest")).exists());
}

#[test]
fn prune_keeps_what_a_document_too_large_to_read_could_lead_to() {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let layer = maker.blob(LAYER, b"layer");
    let document: Value = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": maker.config(&[b"layer"]),
        "layers": [layer], "annotations": { "padding": "x".repeat(9 << 20) },
    });
    maker.index(&[maker.document(&document)]);
    let before = snapshot(&scene.registry());
    scene
        .prune("app")
        .exits(1)
        .says(&["registry/app", "manifest"]);
    same(&before, &snapshot(&scene.registry()));
    // A large layer is not a document, whatever it looks like.
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let large = "{".repeat(9 << 20);
    maker.index(&[maker.image("", large.as_bytes(), large.as_bytes())]);
    maker.blob(LAYER, b"nobody wants it");
    scene.prune("app").ok().says(&["removing"]);
}

#[test]
fn prune_keeps_what_documents_of_unknown_kinds_lead_to() {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let unknown = "application/octet-stream";
    let far = |n: usize| maker.blob(LAYER, format!("far {n}").as_bytes());
    let documents = [
        json!({ "manifests": [far(0)] }),
        json!({ "layers": [far(1)] }),
        json!({ "blobs": [far(2)] }),
        json!({ "fsLayers": [{ "digest": far(3)["digest"] }] }),
        json!({ "mediaType": MANIFEST, "config": far(4) }),
        json!({ "mediaType": INDEX, "x": { "digest": far(5)["digest"] } }),
        // Docker's first schema.
        json!({ "schemaVersion": 1, "fsLayers": [{ "blobSum": far(6)["digest"] }] }),
    ];
    let mut entries: Vec<Value> = documents
        .iter()
        .map(|document| maker.blob(unknown, format!("\n{document}").as_bytes()))
        .collect();
    entries.push(maker.image("", b"layer", b"layer"));
    // Other names in a layer of JSON keep nothing.
    for (n, text) in ["{\"mediaType\":\"x\",\"digest\":", "[", "\"layers\" "]
        .iter()
        .enumerate()
    {
        let stray = far(10 + n)["digest"].clone();
        let close = if text.starts_with('{') { "}" } else { "]" };
        entries.push(maker.blob(unknown, format!("{text}{stray}{close}").as_bytes()));
    }
    maker.index(&entries);
    scene.prune("app").ok();
    for n in 0..7 {
        let kept = digest(format!("far {n}").as_bytes());
        assert!(blob_path(&scene.app("app"), &kept).exists(), "{n} is gone");
    }
    for n in 10..13 {
        let stray = digest(format!("far {n}").as_bytes());
        assert!(!blob_path(&scene.app("app"), &stray).exists(), "{n} stays");
    }
}

#[test]
fn prune_keeps_what_embedded_documents_lead_to() {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    // A document that is only in its descriptor.
    let embedded = |mut descriptor: Value| {
        let path = blob_path(&maker.dir, descriptor["digest"].as_str().expect("a digest"));
        descriptor["data"] = json!(oci::base64(&harness::read(&path)));
        fs::remove_file(path).expect("a blob");
        descriptor
    };
    let image = |content: &[u8]| embedded(maker.image("", content, content));
    let mut broken = image(b"broken lines");
    let data = broken["data"].as_str().expect("text");
    broken["data"] = json!(format!("{}\r\n{}", &data[..8], &data[8..]));
    let mut unknown = image(b"unknown");
    unknown["mediaType"] = json!("application/octet-stream");
    let mut other = image(b"other");
    other["digest"] = json!(digest(b"something else"));
    let nested = embedded(maker.nested(&[image(b"nested")]));
    maker.index(&[image(b"one"), nested, broken, unknown, other.clone()]);
    let lacked = other["digest"].as_str().expect("a digest");
    scene
        .prune("app")
        .exits(1)
        .says(&["lacks manifest", lacked]);
    let mut args = scene.prune_args("app");
    args.extend(["--absent", lacked].map(str::to_owned));
    ir_sign(args).ok().says(&["removing"]);
    let kept = |content: &[u8]| blob_path(&maker.dir, &digest(content)).exists();
    for content in ["one", "nested", "broken lines", "unknown"] {
        assert!(kept(content.as_bytes()), "{content} is gone");
    }
    // A copy that is not what its descriptor names is nothing to anybody.
    assert!(!kept(b"other"));
    // Its content is JSON, and the run reads it as strictly as a blob.
    let twice = br#"{"layers":[],"layers":[]}"#;
    let bad = json!({
        "mediaType": MANIFEST, "digest": digest(twice), "size": twice.len(), "data": oci::base64(twice),
    });
    maker.index(&[bad]);
    let before = snapshot(&scene.registry());
    scene.prune("app").exits(1).says(&["manifest", "twice"]);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn a_run_that_finds_its_change_made_says_where_it_is() {
    use ir_sign::image::Change;
    use ir_sign::store::{Limits, Registry, Selection, Target};
    let scene = Scene::with("umoci");
    let registry = Registry::open(&scene.registry(), Limits::default()).expect("a registry");
    let app = "app".parse().expect("a name");
    let mut layout = registry.layout(&app).expect("a layout");
    let latest = "latest".parse().expect("a tag");
    let targets = layout
        .reader()
        .resolve(std::slice::from_ref(&latest), &Selection::One);
    let image = layout
        .reader()
        .load(&targets.expect("one")[0])
        .expect("an image");
    // Another run signs the image in between.
    scene.sign("app", &["-d", "latest"]).ok();
    let signed = oci::manifest(&scene.app("app"), "latest", None);
    let annotations = serde_json::from_value(signed["annotations"].clone()).expect("texts");
    let edit = layout
        .reader()
        .edit(&image, &Change::Annotate(annotations))
        .expect("a change");
    let applied = layout
        .apply(std::slice::from_ref(&edit))
        .expect("it is there");
    assert!(!applied.changed);
    assert_eq!(applied.images[0].old, applied.images[0].new);
    assert!(applied.images[0].tags.contains(&"latest".to_owned()));
    // Another change than that is lost.
    let other = Change::Annotate([("x".into(), "y".into())].into());
    let other = layout.reader().edit(&image, &other).expect("a change");
    let error = layout.apply(&[other]).expect_err("it is not there");
    assert!(error.to_string().contains("another run changed"), "{error}");
}

#[test]
fn odd_names_in_a_layout_are_named() {
    let scene = Scene::with("umoci");
    let layout = scene.app("app");
    let folder = layout.join(".ir-sign-0123456789abcdef.tmp");
    fs::create_dir(&folder).expect("a folder");
    scene.sign("app", &["-d", "latest"]).ok();
    let run = scene.prune("app").ok();
    run.says(&["warning:", ".ir-sign-0123456789abcdef.tmp", "so it stays"]);
    assert!(folder.is_dir());
    // A name with one half of what ours have is somebody's.
    let halves = ["notes.tmp", ".ir-sign-notes"].map(|name| layout.join(name));
    for path in &halves {
        write(path, "somebody's");
    }
    scene.prune("app").ok();
    assert!(halves.iter().all(|path| path.exists()));
    // A folder and a link with names of blobs.
    let blobs = layout.join("blobs/sha256");
    let (folder, link) = ("0".repeat(64), "1".repeat(64));
    fs::create_dir(blobs.join(&folder)).expect("a folder");
    symlink("../../index.json", blobs.join(&link)).expect("a link");
    let run = scene.prune("app").ok();
    run.says(&[&folder, &link, "has a name that no blob can have"]);
    assert!(blobs.join(&folder).is_dir() && blobs.join(&link).is_symlink());
    let odd = OsStr::from_bytes(b"od\xffd");
    write(layout.join(odd), "");
    let run = scene.prune("app").exits(3);
    run.says(&["od\u{fffd}d", "not UTF-8", "rename it"]);
    fs::remove_file(layout.join(odd)).expect("it goes");
    scene.prune("app").ok();
}
