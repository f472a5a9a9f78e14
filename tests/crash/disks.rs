//! Disks that are full or cannot be written, and a system that gives no threads.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use harness::oci::{Maker, with_tag};
use harness::{Run, Scene, ir_sign, limited, program, same, set_mode, snapshot};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs the program as somebody who owns nothing here.
fn as_nobody(scene: &Scene, args: &[String]) -> Run {
    as_nobody_runs(&[&[scene.copied_program()], args].concat())
}

fn as_nobody_runs(words: &[String]) -> Run {
    let mut command = limited(if is_root() { "setpriv" } else { "env" });
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    Run::of(command.args(words))
}

/// Lets everybody read everything and nobody write it.
fn close(scene: &Scene) {
    for key in ["ca", "vendor"] {
        set_mode(&scene.path(key), 0o644);
    }
    for name in snapshot(&scene.registry()).into_keys() {
        let path = scene.registry().join(name);
        set_mode(&path, if path.is_dir() { 0o555 } else { 0o444 });
    }
    set_mode(&scene.registry(), 0o555);
    set_mode(&scene.path("."), 0o755);
}

fn open(scene: &Scene) {
    for name in snapshot(&scene.registry()).into_keys() {
        let path = scene.registry().join(name);
        if path.is_dir() {
            set_mode(&path, 0o755);
        }
    }
    set_mode(&scene.registry(), 0o755);
}

#[test]
fn an_unreadable_file_could_be_a_private_key_and_is_not_replaced() {
    let scene = Scene::new();
    close(&scene);
    set_mode(&scene.registry(), 0o777);
    // A key that its owner has locked away, and another user's.
    for (mode, owner) in [(0o000, "65534"), (0o600, "0")] {
        let there = scene.registry().join("locked");
        fs::copy(scene.path("ca"), &there).expect("a copy");
        if is_root() {
            harness::tool("chown", [owner, &there.display().to_string()]).ok();
        } else if owner == "0" {
            continue;
        }
        set_mode(&there, mode);
        for command in [
            &["sign", "-k", "vendor", "-f", "vendor.pub", "-s"][..],
            &["endorse", "-k", "vendor", "-f", "vendor.pub", "-s"],
            &["extract-public", "-i", "vendor", "-o"],
        ] {
            let (name, words) = command.split_first().expect("a command");
            let words = words.iter().map(|word| {
                let is_flag = word.starts_with('-');
                if is_flag {
                    (*word).to_owned()
                } else {
                    scene.text(word)
                }
            });
            let mut args: Vec<String> = std::iter::once((*name).to_owned()).chain(words).collect();
            args.extend([there.display().to_string(), "--force".to_owned()]);
            let run = as_nobody(&scene, &args).exits(3);
            run.says(&["locked: cannot open: Permission denied"]);
        }
        set_mode(&there, 0o600);
        assert!(fs::read(&there).expect("a key") == fs::read(scene.path("ca")).expect("a key"));
        fs::remove_file(&there).expect("removed");
    }
}

#[test]
fn a_layout_that_cannot_be_written_is_verified_and_not_signed() {
    let scene = Scene::with("umoci");
    scene.unpack("nested-attest", "second");
    scene.sign("app", &["-d", "latest"]).ok();
    close(&scene);
    let before = snapshot(&scene.registry());
    let again = as_nobody(&scene, &scene.verify_args("app", &["-d", "latest"])).ok();
    assert!(again.stdout.starts_with("sha256:"));
    let flags = ["--platform", "linux/amd64"];
    let run = as_nobody(&scene, &scene.sign_args("second", &flags)).exits(3);
    assert_eq!(run.stdout, "");
    run.says(&["registry/second", "denied"]);
    // An image that is signed already needs no writing.
    as_nobody(&scene, &scene.sign_args("app", &["-d", "latest"])).ok();
    let run = as_nobody(&scene, &scene.prune_args("app")).exits(3);
    run.says(&["denied"]);
    same(&before, &snapshot(&scene.registry()));
    open(&scene);
}

#[test]
fn nothing_is_written_to_a_folder_that_cannot_be_synced_for_it_cannot_be_read() {
    let scene = Scene::new();
    close(&scene);
    let (shut, open) = (scene.path("shut"), scene.path("open"));
    fs::create_dir(&shut).expect("a folder");
    fs::create_dir(&open).expect("a folder");
    set_mode(&open, 0o777);
    let [key, public, letter] = ["ca", "ca.pub", "letter"].map(|name| scene.text(name));
    fs::write(&letter, "content").expect("written");
    set_mode(&scene.path("ca.pub"), 0o644);
    set_mode(&scene.path("letter"), 0o644);
    let [in_shut, in_open] = ["shut/new", "open/new"].map(|name| scene.text(name));
    for command in [
        vec!["gen-key", "-o", &in_shut],
        vec!["gen-key", "-o", &in_open, "--public", &in_shut],
        vec!["extract-public", "-i", &key, "-o", &in_shut],
        vec!["sign", "-k", &key, "-f", &letter, "-s", &in_shut],
        vec![
            "endorse", "-k", &key, "-f", &public, "-s", &in_shut, "--force",
        ],
    ] {
        set_mode(&shut, 0o333);
        let command: Vec<String> = command.into_iter().map(Into::into).collect();
        let run = as_nobody(&scene, &command).exits(3);
        run.says(&[&format!("{}: cannot open: ", shut.display()), "denied"]);
        set_mode(&shut, 0o777);
        for folder in [&shut, &open] {
            let left = fs::read_dir(folder).expect("a folder").count();
            assert_eq!(left, 0, "{command:?}");
        }
    }
}

#[test]
fn a_folder_that_another_user_left_is_in_nobodys_way() {
    let scene = Scene::new();
    close(&scene);
    set_mode(&scene.registry(), 0o777);
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/umoci.tar");
    fs::copy(archive, scene.path("umoci.tar")).expect("a copy");
    let extract = |app: &str| {
        let mut args = scene.sign_args(app, &["-f", &scene.text("umoci.tar")]);
        args[0] = "extract-sign-image".to_owned();
        args
    };
    let names = || {
        let names = fs::read_dir(scene.registry()).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        names.collect::<BTreeSet<_>>()
    };
    // Folders that even their owner cannot enter leave nothing behind.
    let mut command = vec![
        "sh".to_owned(),
        "-c".into(),
        "umask 777; exec \"$0\" \"$@\"".into(),
    ];
    command.push(scene.copied_program());
    command.extend(extract("app"));
    let before = names();
    as_nobody_runs(&command).exits(3).says(&["denied"]);
    assert_eq!(names(), before);
    if is_root() {
        let left = scene
            .registry()
            .join(".ir-sign-staging-app-0123456789abcdef");
        for mode in [0o700, 0o755] {
            fs::create_dir_all(left.join("layout")).expect("a folder");
            set_mode(&left, mode);
            as_nobody(&scene, &extract(&format!("app{mode}"))).ok();
            assert!(left.is_dir());
        }
        ir_sign(extract("last")).ok();
        assert!(!left.exists());
    }
}

#[test]
fn without_more_threads_one_does_all() {
    let scene = Scene::new();
    let app = scene.app("app");
    let maker = Maker::new(app.clone());
    let image = |tag: &str| {
        let layer = vec![tag.as_bytes()[0]; 3_000_000];
        with_tag(maker.image("", &layer, &layer), tag)
    };
    maker.index(&[image("one"), image("two")]);
    let large = scene.text("large");
    fs::write(&large, vec![7; 3_000_000]).expect("written");
    let (key, public, signature) = (
        scene.text("vendor"),
        scene.text("vendor.pub"),
        scene.text("large.sig"),
    );
    ir_sign(["sign", "-k", &key, "-f", &large, "-s", &signature]).ok();
    close(&scene);
    let alone = |args: &[String]| {
        let prlimit = ["prlimit", "--nproc=1:1", "--"].map(str::to_owned);
        as_nobody_runs(&[&prlimit[..], &[scene.copied_program()], args].concat())
    };
    let verify = ["verify", "-k", &public, "-f", &large, "-s", &signature];
    alone(&verify.map(str::to_owned)).ok();
    // Checked, signed and then not written.
    let most = usize::MAX.to_string();
    let two = ["-d", "one", "-d", "two", "--jobs", &most];
    alone(&scene.sign_args("app", &two))
        .exits(3)
        .says(&["registry/app", "denied"]);
    open(&scene);
    ir_sign(scene.sign_args("app", &two)).ok();
    close(&scene);
    alone(&scene.verify_args("app", &["--all"])).ok();
    open(&scene);
}

#[test]
fn a_file_that_cannot_be_read_is_no_verdict() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    close(&scene);
    let manifest = harness::oci::manifest(&scene.app("app"), "latest", None);
    let layer = manifest["layers"][1]["digest"].as_str().expect("a digest");
    for path in [
        scene.app("app").join("index.json"),
        scene.app("app").join("blobs"),
        harness::oci::blob_path(&scene.app("app"), layer),
    ] {
        let mode = path.metadata().expect("metadata").mode();
        set_mode(&path, 0);
        for args in [
            scene.verify_args("app", &["-d", "latest"]),
            scene.sign_args("app", &["-d", "latest"]),
        ] {
            let run = as_nobody(&scene, &args).exits(3);
            assert_eq!(run.stdout, "");
            run.says(&[&path.display().to_string(), "denied"]);
        }
        set_mode(&path, mode & 0o7777);
    }
    as_nobody(&scene, &scene.verify_args("app", &["-d", "latest"])).ok();
    open(&scene);
}

/// A small file system of its own for a registry.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where one cannot be mounted.
    fn mount(scene: &Scene, options: &str) -> Option<Self> {
        let path = scene.registry();
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&path);
        let mounted = command.output().is_ok_and(|out| out.status.success());
        if !mounted {
            eprintln!("SKIPPED: a full disk is not tested, because no tmpfs can be mounted here");
            return None;
        }
        Some(Self(path))
    }

    /// Leaves this many pages free.
    fn fill(&self, free: u64) {
        let page = self.0.metadata().expect("metadata").blksize();
        let mut file = fs::File::create(self.0.join("filler")).expect("a file");
        while file.write_all(&[0; 1024]).is_ok() {}
        let full = file.metadata().expect("metadata").len() / page * page;
        file.set_len(full - free * page).expect("it is cut");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|s| s.success()) || std::thread::panicking());
    }
}

#[test]
fn signed_images_are_up_to_date_on_a_read_only_disk() {
    let scene = Scene::new();
    let Some(disk) = SmallDisk::mount(&scene, "size=1m") else {
        return;
    };
    scene.unpack("umoci", "app");
    scene.sign("app", &["-d", "latest"]).ok();
    let read_only = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&disk.0)
        .status();
    assert!(read_only.is_ok_and(|s| s.success()));
    scene
        .sign("app", &["-d", "latest"])
        .ok()
        .says(&["nothing was changed"]);
    scene
        .prune("app")
        .exits(3)
        .says(&["registry/app", "Read-only file system"]);
}

/// Three files are written: a manifest, an index and `index.json`, a page each.
const WRITES: u64 = 3;

#[test]
fn a_full_disk_keeps_the_old_layout_whichever_write_fails() {
    for free in 0..=WRITES {
        let scene = Scene::new();
        let Some(disk) = SmallDisk::mount(&scene, "size=1m") else {
            return;
        };
        scene.unpack("nested-attest", "app");
        disk.fill(free);
        let before = snapshot(&scene.app("app"));
        let run = scene.sign("app", &["--platform", "linux/amd64"]);
        if free == WRITES {
            run.ok();
            scene.verify("app", &["--platform", "linux/amd64"]).ok();
            continue;
        }
        assert_eq!(run.stdout, "", "{free} pages free");
        run.exits(3)
            .says(&["registry/app", "No space left on device"]);
        same(&before, &snapshot(&scene.app("app")));
        // With room again it works.
        fs::remove_file(scene.registry().join("filler")).expect("it goes");
        scene.sign("app", &["--platform", "linux/amd64"]).ok();
    }
}

#[test]
fn no_more_names_on_a_disk_keep_the_old_layout_too() {
    for free in 0..=WRITES {
        let scene = Scene::new();
        let Some(disk) = SmallDisk::mount(&scene, "size=1m,nr_inodes=60") else {
            return;
        };
        scene.unpack("nested-attest", "app");
        let filler = |n: u64| disk.0.join(format!("filler{n}"));
        let made = (0..1000)
            .take_while(|n| fs::File::create(filler(*n)).is_ok())
            .count() as u64;
        (0..free).for_each(|n| fs::remove_file(filler(made - 1 - n)).expect("it goes"));
        let before = snapshot(&scene.app("app"));
        let run = scene.sign("app", &["--platform", "linux/amd64"]);
        if free == WRITES {
            run.ok();
            continue;
        }
        run.exits(3)
            .says(&["registry/app", "No space left on device"]);
        same(&before, &snapshot(&scene.app("app")));
    }
}

#[test]
fn a_private_key_whose_public_key_finds_no_room_is_told() {
    let scene = Scene::new();
    let Some(disk) = SmallDisk::mount(&scene, "size=1m,nr_inodes=60") else {
        return;
    };
    let filler = |n: usize| disk.0.join(format!("filler{n}"));
    let made = (0..1000)
        .take_while(|n| fs::File::create(filler(*n)).is_ok())
        .count();
    // Room for one name: the private key's.
    fs::remove_file(filler(made - 1)).expect("it goes");
    let (key, public) = (disk.0.join("k.prv"), disk.0.join("k.pub"));
    let gen_key = |key: &PathBuf| {
        let mut command = limited(program());
        command.args(["gen-key", "-o"]).arg(key);
        Run::of(command.arg("--public").arg(&public))
    };
    gen_key(&key).exits(3).says(&[
        "public key file",
        "No space left on device",
        "the private key exists now: ",
        &format!(
            "hint: write its public key: ir-sign extract-public -i {} -o FILE",
            key.display()
        ),
    ]);
    assert!(key.exists() && !public.exists());
    // With no room at all nothing is made.
    let other = scene.path("other.prv");
    let run = gen_key(&other).exits(3);
    run.says(&["k.pub: cannot create: No space left on device"]);
    assert!(!other.exists());
}

/// Unless it is caught, the signal that comes with it ends the process.
#[test]
fn a_limit_on_the_size_of_files_is_an_error_that_leaves_nothing_behind() {
    let scene = Scene::with("umoci");
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/buildah.tar");
    let mut extract = scene.sign_args("other", &["-f", archive]);
    extract[0] = "extract-sign-image".to_owned();
    let text = |name: &str| scene.text(name);
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let (vendor, file, out) = (text("vendor"), text("vendor.pub"), text("out"));
    for args in [
        scene.sign_args("app", &[]),
        extract,
        words(&["gen-key", "-o", &out]),
        words(&["extract-public", "-i", &vendor, "-o", &out]),
        words(&["sign", "-k", &vendor, "-f", &file, "-s", &out]),
    ] {
        let before = snapshot(&scene.path("."));
        let mut command = limited("sh");
        command.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\"", program()]);
        let run = Run::of(command.args(&args)).exits(3);
        run.says(&["cannot write", "File too large"]);
        same(&before, &snapshot(&scene.path(".")));
    }
}

/// A user may start it in a folder to which no path leads that they may follow.
#[test]
fn the_place_of_a_file_is_known_without_its_path() {
    if !is_root() {
        return;
    }
    let scene = Scene::with("umoci");
    // Another app, which may be signed with another endorsement, lies elsewhere behind a link.
    scene.unpack("buildah", "elsewhere/linked");
    let inner = scene.path("closed/inner");
    let registry = inner.join("registry");
    fs::create_dir_all(&inner).expect("folders");
    fs::rename(scene.registry(), &registry).expect("renamed");
    let link = || std::os::unix::fs::symlink("elsewhere/linked", registry.join("link"));
    link().expect("a link");
    fs::copy(scene.path("vendor"), registry.join("app/key")).expect("a copy");
    for key in ["ca", "vendor"] {
        fs::copy(scene.path(key), inner.join(key)).expect("a copy");
    }
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/buildah.tar");
    fs::copy(archive, inner.join("new.tar")).expect("a copy");
    let program = scene.copied_program();
    set_mode(&scene.path("."), 0o755);
    harness::tool("chown", ["-R", "65534:65534", &inner.display().to_string()]).ok();
    set_mode(&scene.path("closed"), 0o700);
    let before = snapshot(&inner);
    let run = |words: &str| {
        let mut command = limited("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(&program).args(words.split(' '));
        Run::of(command.current_dir(&inner))
    };
    let refused = run("sign-image -r registry -a app -v vendor -x ca").exits(1);
    refused.says(&["registry/link: is a symbolic link"]);
    fs::remove_file(registry.join("link")).expect("removed");
    let place = "extract-sign-image -r registry -a app -f new.tar -x ca --force";
    let refused = run(&format!("{place} -v registry/app/key")).exits(3);
    refused.says(&["app/key: cannot find the folder of", "denied"]);
    link().expect("a link");
    let refused = run("gen-key -o registry/new --public registry/../registry/new").exits(2);
    refused.says(&["is the same file"]);
    same(&before, &snapshot(&inner));
}

/// At the root of a file system there is a folder that only root can read. An app that somebody has locked away is
/// another thing: it could hold an endorsement.
#[test]
fn roots_lost_and_found_is_no_app_and_a_folder_that_is_locked_away_may_be_one() {
    if !is_root() {
        return;
    }
    for (name, owner, status) in [
        ("lost+found", "0", 0),
        ("lost+found", "1", 0),
        ("lost+found", "65534", 3),
        ("other", "0", 3),
    ] {
        let scene = Scene::with("umoci");
        close(&scene);
        open(&scene);
        let there = scene.registry().join(name);
        fs::create_dir(&there).expect("a folder");
        set_mode(&there, 0o000);
        harness::tool("chown", ["-R", "65534", &scene.text("registry")]).ok();
        harness::tool("chown", [owner, &there.display().to_string()]).ok();
        let [registry, ca, vendor] = ["registry", "ca", "vendor"].map(|name| scene.text(name));
        let args = [
            "sign-image",
            "-r",
            &registry,
            "-a",
            "app",
            "-d",
            "latest",
            "-v",
            &vendor,
            "-x",
            &ca,
        ];
        let run = as_nobody(&scene, &args.map(str::to_owned));
        assert_eq!(run.status, status, "{name}, {owner}: {run:?}");
    }
}
