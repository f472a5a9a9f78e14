//! `extract-sign-image`: an archive becomes a signed app whole, or nothing is there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use harness::oci::{self, Maker, REF_NAME, blob_path, with_tag};
use harness::{Run, Scene, ir_sign, limited, program, read, same, snapshot, tool, write};

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    path.join(name).display().to_string()
}

fn args(scene: &Scene, archive: &str, more: &[&str]) -> Vec<String> {
    let registry = scene.registry().display().to_string();
    let vendor = scene.text("vendor");
    let args = [
        "extract-sign-image",
        "-r",
        &registry,
        "-f",
        archive,
        "-v",
        &vendor,
    ];
    let mut args: Vec<String> = args.map(str::to_owned).into();
    if !more.iter().any(|a| matches!(*a, "-s" | "-x")) {
        let (endorsement, ca) = (scene.text("vendor.sig"), scene.text("ca.pub"));
        args.extend(["-s".into(), endorsement, "-c".into(), ca]);
    }
    args.extend(more.iter().map(ToString::to_string));
    args
}

fn extract(scene: &Scene, archive: &str, more: &[&str]) -> Run {
    ir_sign(args(scene, archive, more))
}

/// Asserts that a run fails, says why, and leaves the registry as it was.
#[track_caller]
fn refused(scene: &Scene, archive: &str, more: &[&str], status: i32, parts: &[&str]) {
    let before = snapshot(&scene.registry());
    let run = extract(scene, archive, more).exits(status).says(parts);
    assert_eq!(run.stdout, "", "a digest is printed");
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn every_kind_of_archive_becomes_a_signed_app() {
    let scene = Scene::new();
    for (name, more) in [
        ("docker-save-old", vec![]),
        ("docker-save-old-engine", vec![]),
        ("docker-save-new", vec![]),
        ("docker-save-new-dockertypes", vec![]),
        ("umoci", vec!["-d", "latest"]),
        ("multi", vec!["--all-platforms"]),
        ("nested-attest", vec!["--platform", "linux/arm64"]),
        ("skopeo-zstd", vec![]),
        ("sha512", vec![]),
        ("wild", vec![]),
    ] {
        let archive = data(&format!("{name}.tar"));
        let run = extract(&scene, &archive, &more).ok();
        let which = if more.contains(&"--platform") {
            more
        } else {
            vec!["--all"]
        };
        let verified = scene.verify(name, &which).ok();
        assert_eq!(run.stdout, verified.stdout, "{name}");
    }
}

#[test]
fn packed_archives_give_what_plain_ones_give() {
    let scene = Scene::new();
    let plain = data("docker-save-new.tar");
    let digest = extract(&scene, &plain, &["-a", "plain"]).ok().stdout;
    for (packer, ending) in [("gzip", "gz"), ("zstd", "zst")] {
        let archive = scene.path(&format!("{ending}.tar.{ending}"));
        let packed = Command::new(packer).args(["-c", &plain]).output();
        write(&archive, packed.expect("the packer is installed").stdout);
        let run = extract(&scene, &archive.display().to_string(), &[]).ok();
        assert_eq!(run.stdout, digest);
        // The app's name is the archive's without its endings.
        same(
            &snapshot(&scene.app("plain")),
            &snapshot(&scene.app(ending)),
        );
    }
}

#[test]
fn a_converted_archive_is_what_skopeo_reads() {
    let scene = Scene::new();
    extract(&scene, &data("docker-save-old-engine.tar"), &["-a", "old"]).ok();
    let from = format!("oci:{}:1.0", scene.app("old").display());
    tool(
        "skopeo",
        ["copy", &from, &format!("dir:{}", scene.text("copied"))],
    );
    let archive = format!("docker-archive:{}", data("docker-save-old-engine.tar"));
    tool(
        "skopeo",
        ["copy", &archive, &format!("dir:{}", scene.text("wanted"))],
    );
    let config = |dir: &str| {
        let manifest = read(scene.path(dir).join("manifest.json"));
        let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
        manifest["config"]["digest"]
            .as_str()
            .expect("a digest")
            .to_owned()
    };
    assert_eq!(config("copied"), config("wanted"));
}

#[test]
fn again_changes_nothing_and_says_so() {
    let scene = Scene::new();
    let archive = data("umoci.tar");
    let first = extract(&scene, &archive, &[]).ok();
    let before = snapshot(&scene.registry());
    let second = extract(&scene, &archive, &[])
        .ok()
        .says(&["nothing was changed"]);
    assert_eq!(first.stdout, second.stdout);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn an_app_with_other_content_is_refused_and_replaced_by_force() {
    let scene = Scene::new();
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    let other = data("buildah.tar");
    refused(
        &scene,
        &other,
        &["-a", "app"],
        1,
        &["registry/app", "already exists", "--force"],
    );
    let run = extract(&scene, &other, &["-a", "app", "--force"]).ok();
    assert_eq!(scene.verify("app", &[]).ok().stdout, run.stdout);
    let left: Vec<_> = fs::read_dir(scene.registry()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "only the app is left: {left:?}");
}

#[test]
fn an_app_with_a_damaged_blob_is_not_the_same_and_force_puts_it_right() {
    let scene = Scene::new();
    let archive = data("umoci.tar");
    extract(&scene, &archive, &["-a", "app"]).ok();
    let layer = layer_of(&scene.app("app"));
    let whole = read(&layer);
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    for damage in [Some(damaged), Some(whole[1..].into()), None] {
        fs::remove_file(&layer).expect("removed");
        match &damage {
            Some(bytes) => write(&layer, bytes),
            None => symlink("/dev/null", &layer).expect("a link"),
        }
        let parts = ["registry/app", "already exists, with other content"];
        refused(&scene, &archive, &["-a", "app"], 1, &parts);
        let run = extract(&scene, &archive, &["-a", "app", "--force", "--json"]).ok();
        assert_eq!(run.json()["changed"], true);
        assert_eq!(read(&layer), whole);
        scene.verify("app", &[]).ok();
    }
}

#[test]
fn an_app_of_an_image_that_is_signed_already_is_a_change() {
    let scene = Scene::new();
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    let archive = scene.text("signed.tar");
    let app = scene.app("app").display().to_string();
    tool("tar", ["-cf", &archive, "-C", &app, "."]).ok();
    for (app, changed) in [("app", false), ("new", true)] {
        let json = extract(&scene, &archive, &["-a", app, "--json"]).ok();
        assert_eq!(json.json()["changed"], changed);
        assert_eq!(json.json()["images"][0]["changed"], false);
        assert_eq!(json.json()["replaced"], false);
        assert_eq!(
            json.stderr.contains("nothing was changed"),
            !changed,
            "{json:?}"
        );
    }
    extract(&scene, &data("buildah.tar"), &["-a", "app", "--force"]).ok();
    let run = extract(&scene, &archive, &["-a", "app", "--force", "--json"]).ok();
    assert_eq!(run.json()["changed"], true);
    // A program gets everything that a person reads.
    run.says(&["in place of the app that was there"]);
    let run = extract(&scene, &archive, &["-a", "app", "--force", "--json"]).ok();
    assert_eq!(run.json()["replaced"], false);
    let buildah = data("buildah.tar");
    let run = extract(&scene, &buildah, &["-a", "app", "--force", "--json"]).ok();
    assert_eq!(run.json()["replaced"], true);
}

/// Some file systems, NFS among them, know no rename that never replaces.
#[test]
fn a_file_system_with_plain_renames_only_will_do() {
    let scene = Scene::new();
    for (name, status) in [("umoci.tar", 0), ("umoci.tar", 0), ("buildah.tar", 1)] {
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "inject=renameat2:error=EINVAL",
        ]);
        let run = Run::of(
            command
                .arg(program())
                .args(args(&scene, &data(name), &["-a", "app"])),
        );
        run.exits(status);
        scene.verify("app", &[]).ok();
    }
    let left: Vec<_> = fs::read_dir(scene.registry()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "only the app is left: {left:?}");
}

/// As in a folder where everybody may write and nobody may rename what others own.
#[test]
fn an_app_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it() {
    let scene = Scene::new();
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    let before = snapshot(&scene.registry());
    let mut command = Command::new("strace");
    // The first one finds that the app is there.
    let fault = "inject=renameat2:error=EPERM:when=2+";
    command.args(["-f", "-o", "/dev/null", "-e", fault, program()]);
    command.args(args(
        &scene,
        &data("buildah.tar"),
        &["-a", "app", "--force"],
    ));
    let run = Run::of(&mut command).exits(3);
    run.says(&[
        "registry/app: cannot replace",
        "not permitted",
        "hint: move",
    ]);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn a_replaced_folder_goes_with_everything_in_it() {
    let scene = Scene::new();
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    let odd = scene.app("app").join(OsStr::from_bytes(b"od\xffd"));
    fs::create_dir(&odd).expect("a folder");
    write(odd.join(OsStr::from_bytes(b"\xff")), "");
    extract(&scene, &data("buildah.tar"), &["-a", "app", "--force"]).ok();
    let left: Vec<_> = fs::read_dir(scene.registry()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "only the app is left: {left:?}");
    extract(&scene, &data("umoci.tar"), &["-a", "second"]).ok();
}

#[test]
fn keys_options_and_references_are_checked_before_anything_is_written() {
    let scene = Scene::new();
    let archive = data("umoci.tar");
    let tag = ["-d", "nope"];
    refused(
        &scene,
        &archive,
        &tag,
        3,
        &["umoci.tar", "there is no image \"nope\"", "latest"],
    );
    let zeros = format!("sha256:{}", "0".repeat(64));
    refused(&scene, &archive, &["-d", &zeros], 3, &["there is no image"]);
    refused(
        &scene,
        &archive,
        &["--platform", "linux"],
        2,
        &["OS[(VERSION)]/ARCH"],
    );
    let (other, ca) = (scene.text("vendor.pub"), scene.text("other-ca.pub"));
    refused(
        &scene,
        &archive,
        &["-s", &scene.text("vendor.sig"), "-c", &ca],
        1,
        &["is not a signature of vendor key"],
    );
    refused(
        &scene,
        &archive,
        &["-s", &other, "-c", &ca],
        1,
        &["not a strict DER"],
    );
    refused(
        &scene,
        &archive,
        &["-x", &other],
        1,
        &["it is a public key"],
    );
    refused(
        &scene,
        &archive,
        &["-x", &scene.text("absent")],
        3,
        &["absent", "No such file"],
    );
    // Not even for a moment: a registry that nothing can be written to gives the same answers.
    let trace = scene.text("trace");
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-e",
        "trace=mkdir,mkdirat,open,openat,rename,renameat2",
        "-o",
        &trace,
        program(),
    ]);
    let run = Run::of(command.args(args(&scene, &archive, &tag)));
    run.exits(3);
    let trace = String::from_utf8(read(&trace)).expect("text");
    assert!(
        trace.contains("umoci.tar"),
        "the trace shows what was opened"
    );
    assert!(
        !trace.contains("mkdir") && !trace.contains("O_CREAT"),
        "{trace}"
    );
}

/// Which of several is meant is told before any of them is unpacked: a blob that is wrong is not come upon.
#[test]
fn with_several_images_a_name_is_asked_for_before_anything_is_written() {
    let several = ["holds 2 images", "there are: latest, other", "-d latest"];
    let added = |dir: &Path, entries: &[Value]| {
        let mut index = oci::index(dir);
        let known = index["manifests"].as_array_mut().expect("entries");
        known.retain(|entry| entry["annotations"][REF_NAME] == "latest");
        known.extend_from_slice(entries);
        write(dir.join("index.json"), index.to_string());
        write(blob_path(dir, &oci::digest(b"right")), b"wrong");
    };
    let scene = Scene::new();
    let archive = repacked(&scene, "umoci.tar", |dir| {
        let other = Maker::new(dir.to_owned()).image("", b"other", b"other");
        added(dir, &[with_tag(other, "other")]);
    });
    refused(&scene, &archive, &[], 1, &several);
    refused(&scene, &archive, &["-d", "other"], 1, &["has digest"]);
    let scene = Scene::new();
    let archive = repacked(&scene, "umoci.tar", |dir| {
        let other = Maker::new(dir.to_owned()).image("", b"other", b"other");
        let same = with_tag(oci::tagged(dir, "latest"), "same");
        // One with two tags and one without any are one that is meant.
        added(dir, &[same, other]);
    });
    refused(&scene, &archive, &[], 1, &["has digest"]);
    let scene = Scene::new();
    let archive = repacked(&scene, "umoci.tar", |dir| {
        write(
            dir.join("index.json"),
            r#"{"schemaVersion":2,"manifests":[]}"#,
        );
        write(blob_path(dir, &oci::digest(b"right")), b"wrong");
    });
    refused(&scene, &archive, &[], 1, &["holds no image"]);
}

#[test]
fn files_that_do_not_belong_to_a_layout_are_left_out() {
    let scene = Scene::new();
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    let archive = repacked(&scene, "umoci.tar", |dir| {
        fs::create_dir(dir.join("blobs/blake3")).expect("a folder");
        let hex = "00".repeat(32);
        for name in ["README", "blobs/README", "blobs/sha256/._x"] {
            write(dir.join(name), "somebody's");
        }
        write(dir.join("blobs/blake3").join(hex), "somebody's");
    });
    extract(&scene, &archive, &["-a", "odd"]).ok();
    same(&snapshot(&scene.app("app")), &snapshot(&scene.app("odd")));
}

/// As pzstd writes it (RFC 8878, section 3.1.2).
#[test]
fn an_archive_that_begins_with_a_frame_to_be_skipped_is_read() {
    let scene = Scene::new();
    let packed = Command::new("zstd")
        .args(["-c", &data("umoci.tar")])
        .output();
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    let archive = scene.path("app.tar.zst");
    let packed = packed.expect("zstd is installed").stdout;
    write(&archive, [&skipped[..], &packed].concat());
    extract(&scene, &archive.display().to_string(), &[]).ok();
    scene.verify("app", &[]).ok();
}

/// The app that is replaced goes with all that is in its folder.
#[test]
fn no_app_is_replaced_in_which_a_file_of_the_command_lies() {
    let scene = Scene::new();
    let (app, archive) = (scene.app("app"), data("buildah.tar"));
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    fs::copy(&archive, app.join("new.tar")).expect("copied");
    fs::copy(scene.path("vendor"), app.join("vendor.sig")).expect("copied");
    let inside = |name: &str| app.join(name).display().to_string();
    let before = snapshot(&scene.registry());
    let force = ["-a", "app", "--force"];
    let says = ["registry/app", "would be replaced", "move the file out"];
    refused(&scene, &inside("new.tar"), &force, 2, &says);
    let (signature, ca) = (inside("vendor.sig"), scene.text("ca.pub"));
    let given = [&force[..], &["-s", &signature, "-c", &ca]].concat();
    refused(&scene, &archive, &given, 2, &says);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn names_that_leave_the_registry_are_refused() {
    let scene = Scene::new();
    let archive = data("umoci.tar");
    for name in ["..", ".", "a/b", "/tmp/x", "../x", "", ".hidden", "a\nb"] {
        refused(&scene, &archive, &["-a", name], 2, &["not an app name"]);
    }
    refused(
        &scene,
        &archive,
        &["-a", &"n".repeat(201)],
        2,
        &["up to 200"],
    );
    let odd = scene.text("x y.tar");
    fs::copy(&archive, &odd).expect("a copy");
    refused(&scene, &odd, &[], 2, &["x y.tar", "-a"]);
}

/// A fixture unpacked, changed and packed again.
fn repacked(scene: &Scene, fixture: &str, change: impl FnOnce(&Path)) -> String {
    let dir = scene.path("unpacked");
    fs::create_dir(&dir).expect("a folder");
    let dir_text = dir.display().to_string();
    tool("tar", ["xf", &data(fixture), "-C", &dir_text]);
    change(&dir);
    let out = scene.text("changed.tar");
    tool("tar", ["cf", &out, "-C", &dir_text, "."]);
    out
}

/// The largest blob: a layer.
fn layer_of(dir: &Path) -> PathBuf {
    let blobs = fs::read_dir(dir.join("blobs/sha256")).expect("blobs");
    let blobs = blobs.map(|entry| entry.expect("an entry").path());
    blobs
        .max_by_key(|path| path.metadata().expect("metadata").len())
        .expect("a blob")
}

#[test]
fn a_tampered_layer_leaves_nothing_behind() {
    let scene = Scene::new();
    let archive = repacked(&scene, "docker-save-new.tar", |dir| {
        let layer = layer_of(dir);
        let mut bytes = read(&layer);
        bytes[600] ^= 1;
        write(&layer, bytes);
    });
    refused(
        &scene,
        &archive,
        &["-a", "app"],
        1,
        &["changed.tar", "blobs/sha256/"],
    );
}

#[test]
fn a_layer_that_is_not_the_configs_leaves_nothing_behind() {
    let scene = Scene::new();
    let archive = repacked(&scene, "docker-save-old-engine.tar", |dir| {
        let entries = fs::read_dir(dir).expect("a folder");
        let mut layers = entries
            .map(|entry| entry.expect("an entry").path().join("layer.tar"))
            .filter(|path| path.is_file() && !path.is_symlink());
        let layer = layers.next().expect("a layer");
        let mut bytes = read(&layer);
        bytes.extend([0; 512]);
        write(&layer, bytes);
    });
    refused(
        &scene,
        &archive,
        &["-a", "app"],
        1,
        &["changed.tar", "image.diff-ids"],
    );
}

#[test]
fn limits_are_named_and_can_be_raised() {
    let scene = Scene::new();
    let archive = scene.text("bomb.tar.gz");
    // 300 MB of zeros in a member that no layout has.
    let script = "set -e; mkdir \"$1\"; tar xf \"$2\" -C \"$1\"; truncate -s 300M \"$1/zeros\"; \
                  tar c -C \"$1\" . | gzip -1 > \"$3\"";
    let (dir, from) = (scene.text("bomb"), data("buildah.tar"));
    tool("sh", ["-c", script, "sh", &dir, &from, &archive]);
    let bombs = ["-a", "app", "--max-image-size", "200M"];
    refused(
        &scene,
        &archive,
        &bombs,
        1,
        &["bomb.tar.gz", "--max-image-size"],
    );
    let layers = ["-a", "app", "--max-layer-size", "200M"];
    refused(&scene, &archive, &layers, 1, &["zeros", "--max-layer-size"]);
    extract(&scene, &archive, &["-a", "app"]).ok();
}

#[test]
fn a_huge_sparse_member_is_refused_at_once() {
    let scene = Scene::new();
    let archive = scene.text("huge.tar");
    let script = "set -e; truncate -s 10G \"$1\"; tar cf - -C \"$2\" huge | head -c 512 > \"$3\"; \
                  truncate -s 11G \"$3\"";
    let (huge, dir) = (scene.text("huge"), scene.path("").display().to_string());
    tool("sh", ["-c", script, "sh", &huge, &dir, &archive]);
    refused(
        &scene,
        &archive,
        &["-a", "app"],
        1,
        &["huge", "--max-layer-size"],
    );
    let sparse = scene.text("sparse.tar");
    let huge = scene.text("huge");
    tool(
        "tar",
        [
            "cSf",
            &sparse,
            "-C",
            &dir,
            Path::new(&huge)
                .file_name()
                .and_then(|n| n.to_str())
                .expect("a name"),
        ],
    );
    refused(&scene, &sparse, &["-a", "app"], 1, &["sparse"]);
}

#[test]
fn other_files_are_not_taken_for_an_archive() {
    let scene = Scene::new();
    let no_image = scene.text("no-image.tar");
    tool(
        "tar",
        [
            "cf",
            &no_image,
            "-C",
            &scene.path("").display().to_string(),
            "ca.pub",
        ],
    );
    refused(&scene, &no_image, &["-a", "app"], 1, &["no-image.tar"]);
    write(scene.path("empty.tar"), "");
    refused(
        &scene,
        &scene.text("empty.tar"),
        &["-a", "app"],
        1,
        &["empty.tar"],
    );
    write(
        scene.path("noise.tar"),
        (0..9999u32)
            .map(|i| ((i * i) >> 3).to_le_bytes()[0])
            .collect::<Vec<_>>(),
    );
    refused(
        &scene,
        &scene.text("noise.tar"),
        &["-a", "app"],
        1,
        &["noise.tar"],
    );
    refused(
        &scene,
        &scene.text("registry"),
        &["-a", "app"],
        1,
        &["registry"],
    );
    refused(
        &scene,
        &scene.text("absent.tar"),
        &["-a", "app"],
        3,
        &["absent.tar"],
    );
    let umoci = read(data("umoci.tar"));
    for cut in [100, 511, 512, 1024, umoci.len() / 2, umoci.len() - 4096] {
        write(scene.path("cut.tar"), &umoci[..cut]);
        refused(
            &scene,
            &scene.text("cut.tar"),
            &["-a", "app"],
            1,
            &["cut.tar"],
        );
    }
}

#[test]
fn the_next_run_removes_the_remains_of_a_killed_run() {
    let scene = Scene::new();
    let left = scene
        .registry()
        .join(".ir-sign-staging-app-0123456789abcdef");
    fs::create_dir_all(left.join("layout/blobs/sha256")).expect("folders");
    write(left.join("layout/blobs/sha256/00"), "half");
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    assert!(!left.exists());
}

#[test]
fn two_runs_for_one_app_agree() {
    let scene = Scene::new();
    let archive = data("umoci.tar");
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = limited(program());
            command.args(args(&scene, &archive, &["-a", "app", "-q"]));
            command.stdout(std::process::Stdio::null());
            command.spawn().expect("a process")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("an end").success());
    }
    scene.verify("app", &["--all"]).ok();
    let names: Vec<_> = fs::read_dir(scene.registry()).expect("a folder").collect();
    assert_eq!(names.len(), 1, "nothing else is left: {names:?}");
}

#[test]
fn the_endorsement_of_the_app_that_is_replaced_is_kept() {
    let scene = Scene::new();
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    let other = data("buildah.tar");
    let ca = scene.text("ca");
    let run = extract(&scene, &other, &["-a", "app", "--force", "-x", &ca]).ok();
    run.says(&["used the endorsement in use, from"]);
    let another = scene.another_endorsement("another.sig");
    let more = [
        "-a",
        "app",
        "--force",
        "-s",
        &another,
        "-c",
        &scene.text("ca.pub"),
    ];
    refused(
        &scene,
        &data("umoci.tar"),
        &more,
        1,
        &["another valid endorsement"],
    );
}

#[test]
fn an_archive_that_carries_another_endorsement_does_not_replace_the_one_in_use() {
    let scene = Scene::new();
    scene.unpack("umoci", "other");
    let another = scene.another_endorsement("another.sig");
    scene.sign_with("other", &another, &[]).ok();
    let archive = scene.text("other.tar");
    let other = scene.app("other").display().to_string();
    tool("tar", ["-cf", &archive, "-C", &other, "."]).ok();
    fs::remove_dir_all(&other).expect("removed");
    extract(&scene, &data("umoci.tar"), &["-a", "app"]).ok();
    let more = ["-a", "app", "--force", "-x", &scene.text("ca")];
    let parts = [
        "app: image latest carries another valid endorsement",
        "than the archive",
        "another name with -a",
    ];
    refused(&scene, &archive, &more, 1, &parts);
    extract(&scene, &archive, &["-a", "second", "-x", &scene.text("ca")]).ok();
}

#[test]
fn the_endorsement_of_another_ca_is_not_replaced_with_its_app_without_a_word() {
    let scene = Scene::new();
    let other = scene.text("other-ca");
    let force = |name: &str, more: &[&str]| {
        let more = [&["-a", "app", "--force"], more].concat();
        extract(&scene, &data(name), &more).ok()
    };
    force("umoci.tar", &["-x", &other]);
    let archive = data("buildah.tar");
    let more = ["-a", "app", "--force"];
    let parts = ["that is not by CA", "--replace-endorsement"];
    refused(&scene, &archive, &more, 1, &parts);
    let run = force("buildah.tar", &["--replace-endorsement"]);
    let parts = ["app: image latest", "that is not by CA", "loses its data"];
    run.says(&parts);
    let run = force("buildah.tar", &[]);
    assert!(!run.stderr.contains("warning"), "{run:?}");
}

#[test]
fn a_second_run_changes_nothing_and_says_so_of_each_image_too() {
    let scene = Scene::new();
    for changed in [true, false] {
        let archive = data("umoci.tar");
        let run = extract(&scene, &archive, &["-a", "app", "-d", "latest", "--json"]).ok();
        let json = run.json();
        assert_eq!(json["changed"], changed);
        assert_eq!(json["images"][0]["changed"], changed, "{json}");
    }
}
