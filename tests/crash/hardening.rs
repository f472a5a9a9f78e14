//! How the process guards the secrets that it holds and the files that it makes.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use harness::{Run, Scene, limited, program, tool};

/// A run that has a private key and waits for the rest of its input.
struct Waiting {
    child: Child,
    input: fs::File,
}

impl Waiting {
    /// Signs what comes through a named pipe; a shell does `first`.
    fn signing(scene: &Scene, first: &str) -> Self {
        let script = format!("{first}; exec \"$0\" \"$@\"");
        let pipe = scene.path("pipe");
        tool("mkfifo", ["-m", "666", &scene.text("pipe")]);
        let child = Command::new("sh")
            .args(["-c", &script, program(), "sign", "-f", &scene.text("pipe")])
            .arg("-k")
            .args([scene.path("vendor"), "-s".into(), scene.path("signature")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut input = fs::OpenOptions::new()
            .write(true)
            .open(pipe)
            .expect("it is opened for reading");
        // It has the key by the time it takes the first bytes out of a full pipe.
        input.write_all(&vec![0; 1 << 20]).expect("taken");
        Self { child, input }
    }

    fn proc(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("it is there")
    }

    fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// A run that waits for its input leaves no core, for files or for programs that take them.
#[test]
fn a_process_that_holds_secrets_leaves_no_core() {
    let scene = Scene::new();
    let run = Waiting::signing(&scene, "ulimit -c unlimited 2>/dev/null");
    let text = run.proc("limits");
    let core = text
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let values: Vec<&str> = core
        .expect("a limit")
        .split_whitespace()
        .skip(4)
        .take(2)
        .collect();
    assert!(
        values.iter().all(|value| ["0", "1"].contains(value)),
        "{values:?}"
    );
    run.end();
}

/// A limit of none, which is usual, stops no program that takes cores through a pipe: the process has to
/// be one that gives none. The system shows that by whom it gives the process's entries to.
#[test]
fn a_process_that_holds_secrets_gives_no_core_to_a_program_either() {
    let scene = Scene::new();
    // The system's own user has these entries in any case.
    let user = if rustix::process::geteuid().is_root() {
        tool("chown", ["-R", "65534:65534", &scene.text("")]);
        "exec setpriv --reuid 65534 --regid 65534 --clear-groups"
    } else {
        "exec env"
    };
    let run = Waiting::signing(&scene, &format!("ulimit -c 0; {user} \"$0\" \"$@\""));
    let owner = |name: &str| {
        let path = format!("/proc/{}/{name}", run.child.id());
        fs::metadata(path).expect("it is there").uid()
    };
    assert_eq!(owner("environ"), 0);
    run.end();
}

/// The scalar's page, the file's, and the stack that the arithmetic uses.
#[test]
fn memory_that_holds_secrets_is_locked() {
    let scene = Scene::new();
    let run = Waiting::signing(&scene, ":");
    let status = run.proc("status");
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
    let kilobytes = locked.and_then(|rest| rest.split_whitespace().next());
    let kilobytes: u64 = kilobytes.and_then(|n| n.parse().ok()).expect("a number");
    assert!(kilobytes >= 96 + 8, "{kilobytes} kB");
    run.end();
}

/// For the files that a module makes, too.
#[test]
fn no_umask_is_wider_than_it_should_be() {
    for (given, kept) in [("0000", "0022"), ("0002", "0022"), ("0077", "0077")] {
        let scene = Scene::new();
        let run = Waiting::signing(&scene, &format!("umask {given}"));
        let status = run.proc("status");
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        assert_eq!(umask.map(str::trim), Some(kept));
        run.end();
    }
}

/// Runs the program as somebody to whom limits apply.
fn as_nobody(scene: &Scene, first: &str, args: &[String]) -> Run {
    let program = scene.copied_program();
    let is_root = rustix::process::geteuid().is_root();
    let mut command = limited(if is_root { "setpriv" } else { "env" });
    if is_root {
        tool(
            "chown",
            [
                OsStr::new("-R"),
                OsStr::new("65534"),
                scene.path(".").as_os_str(),
            ],
        );
        command.args(["--reuid=65534", "--clear-groups"]);
        // Root's privileges would lock memory beyond any limit.
        command.args(["--inh-caps=-all", "--bounding-set=-all"]);
    }
    let script = format!("{first}; exec \"$0\" \"$@\"");
    Run::of(command.args(["sh", "-c", &script]).arg(program).args(args))
}

#[test]
fn memory_that_cannot_be_locked_is_told() {
    let scene = Scene::with("umoci");
    let args = scene.sign_args("app", &["-d", "latest"]);
    let run = as_nobody(&scene, "ulimit -l 0", &args).ok();
    run.says(&[
        "warning:",
        "may have reached swap: Operation not permitted",
        "ulimit -l",
    ]);
    let args = scene.verify_args("app", &["-d", "latest"]);
    let run = as_nobody(&scene, "ulimit -l 0", &args).ok();
    // It holds no secret.
    assert!(!run.stderr.contains("not locked"), "{}", run.stderr);
}

/// Everything below a folder that the bits of `mask` are set for.
fn with_bits(folder: &Path, mask: u32, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let metadata = entry.metadata().expect("metadata");
        let mode = metadata.permissions().mode();
        if mode & mask != 0 {
            found.push(format!("{:o} {}", mode, entry.path().display()));
        }
        if metadata.is_dir() {
            with_bits(&entry.path(), mask, found);
        }
    }
}

#[test]
fn no_umask_lets_others_write_what_is_made() {
    // The permissions of files, and of private keys.
    for (umask, of_files) in [("0000", 0o022), ("0022", 0o022), ("0077", 0o077)] {
        let scene = Scene::new();
        let folder = scene.text("made");
        fs::create_dir(&folder).expect("a folder");
        let shell = |args: &[String]| {
            let script = format!("umask {umask}; exec \"$0\" \"$@\"");
            let mut command = limited("sh");
            Run::of(command.args(["-c", &script, program()]).args(args)).ok();
        };
        let words = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        shell(&words(format!(
            "gen-key -o {folder}/key --public {folder}/key.pub"
        )));
        shell(&words(format!(
            "sign -k {folder}/key -f {folder}/key.pub -s {folder}/key.pub.sig"
        )));
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/docker-save-new.tar");
        let how = scene.sign_args("app", &[]);
        let how = how.iter().skip(1).map(|word| match word.as_str() {
            registry if registry == scene.text("registry") => folder.clone(),
            other => other.to_owned(),
        });
        let mut extract = words(format!("extract-sign-image -f {}", archive.display()));
        extract.extend(how);
        shell(&extract);
        let mut found = Vec::new();
        with_bits(Path::new(&folder), of_files, &mut found);
        let key = fs::metadata(format!("{folder}/key")).expect("a key");
        assert_eq!(key.permissions().mode() & 0o7777, 0o600);
        assert!(found.is_empty(), "umask {umask}: {found:?}");
        assert!(Path::new(&folder).join("app/index.json").exists());
    }
}

/// Below the registry, ir-sign looks up each name in the folder that it opened before, and follows no link. So a link
/// that somebody puts in anywhere, at any moment, leads nowhere.
#[test]
fn no_path_below_the_registry_is_followed() {
    let scene = Scene::with("nested-attest");
    let one = ["--platform", "linux/amd64"];
    let archive = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/docker-save-new.tar"
    );
    let extract = |more: &[&str]| {
        let mut args = scene.sign_args("new", &["-f", archive]);
        args[0] = "extract-sign-image".into();
        args.extend(more.iter().map(ToString::to_string));
        args
    };
    let mut inspect = scene.prune_args("app");
    inspect[0] = "inspect-image".into();
    let runs = [
        scene.sign_args("app", &one),
        scene.verify_args("app", &one),
        inspect,
        scene.prune_args("app"),
        extract(&[]),
        extract(&["--force"]),
    ];
    for args in runs {
        let log = scene.text("calls");
        let mut command = limited("strace");
        command.args(["-f", "-qq", "-o", &log, "-e", "trace=%file", program()]);
        Run::of(command.args(&args)).ok();
        let calls = fs::read_to_string(&log).expect("a log");
        let registry = format!("\"{}\"", scene.text("registry"));
        let below: Vec<&str> = calls
            .lines()
            .skip_while(|line| !line.contains(&registry))
            .skip(1)
            .filter(|line| !line.contains("\"/") && !line.contains("resumed"))
            .filter(|line| !line.contains("+++") && !line.contains("---"))
            .collect();
        let opens = below.iter().filter(|line| line.contains("openat(")).count();
        assert!(opens > 8, "{calls}");
        for line in below {
            // The numbers of folders; whatever else a call has, it is one name in one folder.
            let name = line.split('"').nth(1).unwrap_or_default();
            assert!(!line.contains("AT_FDCWD") && !name.contains('/'), "{line}");
            let follows = line.contains("openat(") && !line.contains("O_NOFOLLOW");
            // Not a name, but the folder itself once more, to be synced or locked by itself.
            assert!(!follows || name == ".", "{line}");
        }
        // The run does not reach the registry by another name either.
        let paths = calls.matches(&registry[..registry.len() - 1]).count();
        assert_eq!(
            paths,
            1 + calls.matches("execve(").count().min(1),
            "{calls}"
        );
    }
}
