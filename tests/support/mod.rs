//! What the tests about image layouts share: a registry of their own with keys, the program, and
//! an independent reading of layouts.

#![allow(dead_code)] // Each test file uses a part of it.

pub mod builders;
pub mod oci;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ir-sign");

/// A layout in `tests/data`, and how its images are named.
#[derive(Clone, Copy, Debug)]
pub struct Fixture {
    pub name: &'static str,
    pub tag: &'static str,
    /// Platforms of a multi-platform tag; empty where the tag names one image.
    pub platforms: &'static [&'static str],
}

const fn single(name: &'static str, tag: &'static str) -> Fixture {
    Fixture {
        name,
        tag,
        platforms: &[],
    }
}

pub const FIXTURES: [Fixture; 9] = [
    single("umoci", "latest"),
    single("buildah", "1.0"),
    single("skopeo-zstd", "zstd"),
    Fixture {
        name: "multi",
        tag: "multi",
        platforms: &["linux/amd64", "linux/arm64", "linux/arm/v7"],
    },
    Fixture {
        name: "nested-attest",
        tag: "1.0",
        platforms: &["linux/amd64", "linux/arm64"],
    },
    single("sha512", "sha512"),
    single("wild", "wild"),
    single("docker-save-new", "1.0"),
    single("docker-save-new-dockertypes", "1.0"),
];

impl Fixture {
    /// The flags that choose one image of it.
    pub fn one(&self) -> Vec<&'static str> {
        let mut flags = vec!["-d", self.tag];
        if let Some(platform) = self.platforms.first() {
            flags.extend(["--platform", platform]);
        }
        flags
    }
}

struct KeyBytes(Vec<(&'static str, Vec<u8>)>);

/// Keys are made once a process; every scene has copies.
fn key_bytes() -> &'static KeyBytes {
    static KEYS: OnceLock<KeyBytes> = OnceLock::new();
    KEYS.get_or_init(|| {
        let dir = temp_dir();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for who in ["ca", "vendor", "other-ca", "other-vendor"] {
            let public = at(&format!("{who}.pub"));
            ir_sign(["gen-key", "-o", &at(who), "--public", &public]).ok();
        }
        let (ca, vendor, out) = (at("ca"), at("vendor.pub"), at("vendor.sig"));
        ir_sign(["endorse", "-k", &ca, "-f", &vendor, "-s", &out]).ok();
        let names = [
            "ca",
            "ca.pub",
            "vendor",
            "vendor.pub",
            "other-ca",
            "other-ca.pub",
            "other-vendor",
            "other-vendor.pub",
            "vendor.sig",
        ];
        KeyBytes(names.map(|name| (name, read(at(name)))).into())
    })
}

/// A folder in memory where there is such a place: the tests write much.
pub fn temp_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary folder")
}

pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::write(path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// What a command did.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output();
        Self::ended(output.unwrap_or_else(|e| panic!("{command:?}: {e}")))
    }

    /// What became of a run that has ended.
    pub fn ended(output: Output) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = output;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output in UTF-8");
        let run = Self {
            status: status.code().unwrap_or(-1),
            stdout: text(stdout),
            stderr: text(stderr),
        };
        let fell = matches!(run.status, -1 | 101 | 124 | 134 | 137 | 139);
        assert!(
            !fell,
            "a run panicked, was killed or hung ({status}):\n{}",
            run.stderr
        );
        run
    }

    /// Asserts success.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub fn exits(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout:\n{}stderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Asserts that standard error holds each of these.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "{part:?} is not in:\n{}",
                self.stderr
            );
        }
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

/// A command that is ended when it takes much too long.
pub fn limited(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["-k", "1", "60"])
        .arg(program)
        .env_remove("NO_COLOR");
    command
}

pub fn ir_sign<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    Run::of(limited(PROGRAM).args(args))
}

/// Runs another program, which has to be there and succeed.
#[track_caller]
pub fn tool<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Run {
    let there = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .output()
        .expect("a shell");
    assert!(
        there.status.success(),
        "{program} is not installed, and these tests want it"
    );
    Run::of(limited(program).args(args)).ok()
}

/// A registry and keys in a folder that goes away with it.
pub struct Scene {
    root: TempDir,
}

impl Scene {
    pub fn new() -> Self {
        let root = temp_dir();
        for (name, bytes) in &key_bytes().0 {
            write(root.path().join(name), bytes);
            let private = !name.contains('.');
            let mode = if private { 0o600 } else { 0o644 };
            set_mode(&root.path().join(name), mode);
        }
        fs::create_dir(root.path().join("registry")).expect("a folder");
        Self { root }
    }

    /// With one fixture as app `app`.
    pub fn with(fixture: &str) -> Self {
        let scene = Self::new();
        scene.unpack(fixture, "app");
        scene
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn registry(&self) -> PathBuf {
        self.path("registry")
    }

    pub fn app(&self, app: &str) -> PathBuf {
        self.registry().join(app)
    }

    /// Unpacks a fixture as an app.
    pub fn unpack(&self, fixture: &str, app: &str) -> PathBuf {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let path = data.join(format!("{fixture}.tar"));
        let file = fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let dir = self.app(app);
        tar::Archive::new(file).unpack(&dir).expect("a tar archive");
        dir
    }

    /// Another valid endorsement of the vendor: openssl's signatures are random.
    pub fn another_endorsement(&self, name: &str) -> String {
        let out = self.text(name);
        let (ca, vendor) = (self.text("ca"), self.text("vendor.pub"));
        let sign = ["dgst", "-sha384", "-keyform", "DER", "-sign", &ca];
        tool("openssl", sign.into_iter().chain(["-out", &out, &vendor]));
        out
    }

    fn place(&self, command: &str, app: &str) -> Vec<String> {
        let registry = self.registry().display().to_string();
        let args = [command, "-r", &registry, "-a", app];
        args.map(str::to_owned).into()
    }

    /// `sign-image` with the CA's key, as arguments.
    pub fn sign_args(&self, app: &str, more: &[&str]) -> Vec<String> {
        let mut args = self.place("sign-image", app);
        args.extend(["-v".into(), self.text("vendor")]);
        if !more.iter().any(|a| matches!(*a, "-s" | "-x")) {
            args.extend(["-x".into(), self.text("ca")]);
        }
        args.extend(more.iter().map(ToString::to_string));
        args
    }

    pub fn verify_args(&self, app: &str, more: &[&str]) -> Vec<String> {
        let mut args = self.place("verify-image", app);
        if !more.contains(&"-c") {
            args.extend(["-c".into(), self.text("ca.pub")]);
        }
        args.extend(more.iter().map(ToString::to_string));
        args
    }

    pub fn prune_args(&self, app: &str) -> Vec<String> {
        self.place("prune", app)
    }

    /// Signs with the CA's key unless `more` gives an endorsement.
    pub fn sign(&self, app: &str, more: &[&str]) -> Run {
        ir_sign(self.sign_args(app, more))
    }

    /// Signs with an endorsement from a file.
    pub fn sign_with(&self, app: &str, endorsement: &str, more: &[&str]) -> Run {
        let ca = self.text("ca.pub");
        let mut all = vec!["-s", endorsement, "-c", &ca];
        all.extend(more);
        self.sign(app, &all)
    }

    pub fn verify(&self, app: &str, more: &[&str]) -> Run {
        ir_sign(self.verify_args(app, more))
    }

    pub fn prune(&self, app: &str) -> Run {
        ir_sign(self.prune_args(app))
    }

    /// Asserts that an app is not trusted, that `sign-image` refuses it, both with a word about
    /// each of `parts`, and that it is then as it was.
    #[track_caller]
    pub fn refused(&self, app: &str, more: &[&str], parts: &[&str]) {
        let before = snapshot(&self.registry());
        let verified = self.verify(app, more);
        assert!(
            matches!(verified.status, 1 | 3),
            "verify-image: {verified:?}"
        );
        assert_eq!(verified.stdout, "", "a digest is printed");
        verified.says(parts);
        let signed = self.sign(app, more);
        assert!(matches!(signed.status, 1 | 3), "sign-image: {signed:?}");
        assert_eq!(signed.stdout, "", "a digest is printed");
        signed.says(parts);
        same(&before, &snapshot(&self.registry()));
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, permissions).expect("permissions");
}

/// All that is in a folder: kinds, content, link targets.
pub type Snapshot = BTreeMap<PathBuf, Vec<u8>>;

pub fn snapshot(dir: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let content = if metadata.is_dir() {
                folders.push(path.clone());
                b"folder".to_vec()
            } else if metadata.is_symlink() {
                fs::read_link(&path)
                    .expect("a link")
                    .into_os_string()
                    .into_encoded_bytes()
            } else if !metadata.is_file() || metadata.len() > 64 << 20 {
                format!("{:o} {}", metadata.mode(), metadata.len()).into_bytes()
            } else {
                read(&path)
            };
            let name = path.strip_prefix(dir).expect("it is in there").to_owned();
            all.insert(name, content);
        }
    }
    all
}

/// Asserts that two snapshots are equal, naming what differs.
#[track_caller]
pub fn same(before: &Snapshot, after: &Snapshot) {
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differing: Vec<_> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .collect();
    assert!(differing.is_empty(), "these changed: {differing:?}");
}

/// Returns when a run waits for a lock, as the system says.
#[track_caller]
pub fn waits_for_a_lock(child: &Child) {
    let waiting = || {
        let locks = fs::read_to_string("/proc/locks").expect("the locks");
        let pid = child.id().to_string();
        let of_it = |line: &str| line.contains("->") && line.split_whitespace().any(|w| w == pid);
        locks.lines().any(of_it)
    };
    let started = Instant::now();
    while !waiting() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "it never waits"
        );
        thread::yield_now();
    }
}
