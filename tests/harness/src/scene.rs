//! A registry with an app, keys that are made once a process, and the commands about images.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::folder::{read, same, set_mode, snapshot, temp_dir, write};
use crate::place::program;
use crate::run::{Run, ir_sign, tool};
use crate::sandbox;

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
        let dir = self.app(app);
        sandbox::unpack(fixture, &dir);
        dir
    }

    /// A copy of the program that everybody can run, and that is there until the scene goes.
    pub fn copied_program(&self) -> String {
        let copy = self.text("program");
        if !self.path("program").exists() {
            // By another process: a file that this one has open for writing, a child of another test has open too.
            tool("cp", [program(), &copy]).ok();
        }
        copy
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

/// Whether a run waits for a lock, as the system says.
pub fn is_at_a_lock(child: &Child) -> bool {
    let locks = fs::read_to_string("/proc/locks").expect("the locks");
    let pid = child.id().to_string();
    let of_it = |line: &str| line.contains("->") && line.split_whitespace().any(|w| w == pid);
    locks.lines().any(of_it)
}

/// Returns when a run waits for a lock.
#[track_caller]
pub fn waits_for_a_lock(child: &Child) {
    let started = Instant::now();
    while !is_at_a_lock(child) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "it never waits"
        );
        thread::yield_now();
    }
}
