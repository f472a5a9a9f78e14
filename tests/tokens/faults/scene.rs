//! A token with keys of which each run gets a copy, and what a run over the faulting module did.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use faulty_module::log::Log;
use tempfile::TempDir;

use harness::tokens::Fixture;
use harness::{program, temp_dir, unpack};

/// Seconds after which a run hangs.
const DEADLINE: &str = "20";

/// All the files of a folder, with their contents.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The shared part of all scenes.
struct Base {
    files: Files,
    module: PathBuf,
}

/// A folder of its own: a copy of the token, its PINs, public keys and a registry.
pub struct Scene {
    dir: TempDir,
    module: &'static Path,
}

/// The end of a run.
pub struct Ran {
    /// The exit status; none for a signal.
    pub status: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub log: Log,
}

/// All that is in a folder. Symbolic links do not occur.
pub fn files(dir: &Path) -> Files {
    let mut all = Files::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("it is in there").to_owned();
                all.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    all
}

fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| {
        let fixture = Fixture::softhsm();
        let at = |name: &str| fixture.dir.path().join(name);
        let run = |args: &[&str]| {
            let output = fixture
                .command(program())
                .args(args)
                .output()
                .expect("the program runs");
            assert!(
                output.status.success(),
                "{args:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let module = fixture.module.to_str().expect("UTF-8");
        for key in ["ca", "vendor"] {
            let public = at(&format!("{key}.pub"));
            run(&[
                "gen-key",
                "--pkcs11-uri",
                &fixture.uri(key),
                "--pkcs11-module",
                module,
                "--public",
                public.to_str().expect("UTF-8"),
            ]);
        }
        let file = at("file.key");
        let file = file.to_str().expect("UTF-8");
        run(&["gen-key", "-o", file, "--public", &format!("{file}.pub")]);
        fs::write(at("message"), "something to sign").expect("written");
        let passport = at("ca.pass");
        run(&[
            "token",
            "passport",
            &fixture.uri("ca"),
            "--pkcs11-module",
            module,
            "-o",
            passport.to_str().expect("UTF-8"),
        ]);
        for (layout, app) in [("umoci", "app"), ("multi", "multi")] {
            unpack(layout, &at("registry").join(app));
        }
        Base {
            files: files(fixture.dir.path()),
            module: fixture.module.clone(),
        }
    })
}

impl Scene {
    pub fn new() -> Self {
        Self::copy(&base().files)
    }

    /// A scene with these files.
    pub fn copy(files: &Files) -> Self {
        let dir = temp_dir();
        for (name, bytes) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600).open(path);
            let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, bytes));
            written.expect("written");
        }
        let template = include_str!("../../../softhsm/softhsm2.conf.in");
        let tokens = dir.path().join("tokens").display().to_string();
        let conf = template.replace("@TOKENS@", &tokens);
        fs::create_dir_all(&tokens).expect("a folder");
        fs::write(dir.path().join("softhsm2.conf"), conf).expect("written");
        Self {
            dir,
            module: &base().module,
        }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// All files but those of the token and of the faulting module.
    pub fn outside(&self) -> Files {
        let mut files = files(self.root());
        files.retain(|name, _| !name.starts_with("tokens") && !name.ends_with("calls.log"));
        files
    }

    /// How many objects are on the token: `SoftHSM` has one file for each.
    pub fn objects(&self) -> usize {
        let files = files(&self.path("tokens"));
        let object = |name: &&PathBuf| {
            name.extension().is_some_and(|e| e == "object")
                && name.file_stem().is_some_and(|stem| stem != "token")
        };
        files.keys().filter(object).count()
    }

    /// A command in this scene's folder, whose environment leads to its token.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root())
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .env_remove("PKCS11_MODULE_PATH")
            .stdin(Stdio::null());
        command
    }

    /// The program with a deadline over the faulting module.
    pub fn planned(&self, plan: &str) -> Command {
        let log = self.path("calls.log");
        let _ = fs::remove_file(&log);
        let mut command = self.command("timeout");
        command
            .args(["-k", "1", DEADLINE, program()])
            .env("PKCS11_MODULE_PATH", faulty_module::library())
            .env("FAULTY_MODULE_REAL", self.module)
            .env("FAULTY_MODULE_PLAN", plan)
            .env("FAULTY_MODULE_LOG", log)
            .env("FAULTY_MODULE_PIN_FILE", self.path("pin"))
            .env("FAULTY_MODULE_SO_PIN_FILE", self.path("so-pin"));
        command
    }

    /// Runs the program with arguments that are separated by blanks (`TOKEN` is the token's URI, without and
    /// `KEY:x` that of a key with the PIN's source).
    #[track_caller]
    pub fn run(&self, plan: &str, args: &str) -> Ran {
        self.finish(self.planned(plan).args(arguments(args)))
    }

    /// Waits for a command over the faulting module.
    #[track_caller]
    pub fn finish(&self, command: &mut Command) -> Ran {
        self.ended(&command.output().expect("timeout (coreutils) runs"))
    }

    /// A finished run over the faulting module.
    pub fn ended(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            status: output.status.code(),
            signal: output.status.signal(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            log: Log::read(&self.path("calls.log")).expect("a log"),
        }
    }

    /// The program over the real module.
    pub fn plain(&self, args: &str) -> Command {
        let mut command = self.command(program());
        command
            .env("PKCS11_MODULE_PATH", self.module)
            .args(arguments(args));
        command
    }

    /// Runs the program over the real module, and returns its status and what it printed.
    #[track_caller]
    pub fn plainly(&self, args: &str) -> Ran {
        let ran = self.finish(&mut self.plain(args));
        Ran {
            log: Log::default(),
            ..ran
        }
    }

    /// The labels of the private keys on the token, by a run without faults.
    #[track_caller]
    pub fn labels(&self) -> Vec<String> {
        let ran = self.plainly("token keys TOKEN --json");
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let listed: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let keys = listed["keys"].as_array().expect("keys");
        let label = |key: &serde_json::Value| key["label"].as_str().expect("text").to_owned();
        let mut labels: Vec<String> = keys.iter().map(label).collect();
        labels.sort();
        labels
    }
}

/// Arguments separated by blanks, with `TOKEN` and `KEY:label` as URIs that have the PIN's source.
pub fn arguments(text: &str) -> Vec<String> {
    let uri = |rest: &str| format!("pkcs11:token=test%20token{rest}?pin-source=file:pin");
    text.split_whitespace()
        .map(|word| match word.split_once(':') {
            Some(("KEY", label)) => uri(&format!(";object={label}")),
            None if word == "TOKEN" => uri(""),
            _ => word.to_owned(),
        })
        .collect()
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "status {:?}, signal {:?}", self.status, self.signal)?;
        writeln!(f, "{}{}", self.stdout, self.stderr)?;
        let calls = self.log.entries.iter();
        let calls = calls.map(|e| format!("{}={}", e.function, e.outcome));
        f.write_str(&calls.collect::<Vec<_>>().join(" "))
    }
}

impl Ran {
    /// Asserts that the run ended by itself, without a panic and in time.
    #[track_caller]
    pub fn sound(&self, what: &str) {
        let fell = self.signal.is_some() || matches!(self.status, Some(101 | 124 | 137));
        assert!(
            !fell && !self.stderr.contains("panicked"),
            "{what}: a panic, a signal or a hang: {self:#?}"
        );
    }

    #[track_caller]
    pub fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in {self:#?}");
        self
    }

    /// The calls of a function.
    pub fn calls(&self, function: &str) -> usize {
        self.log.count(function)
    }

    /// The logins, as their answers.
    pub fn logins(&self) -> Vec<&str> {
        self.log.attempts().map(|e| e.outcome.as_str()).collect()
    }
}

/// Whether a signature file is this key's over this message, by openssl.
#[track_caller]
pub fn verifies(scene: &Scene, public: &str, message: &str, signature: &str) -> bool {
    let mut openssl = scene.command("openssl");
    openssl.args(["dgst", "-sha384", "-keyform", "DER", "-verify", public]);
    openssl.args(["-signature", signature, message]);
    openssl.output().expect("openssl runs").status.success()
}
