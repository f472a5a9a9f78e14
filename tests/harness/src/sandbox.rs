//! A folder to work in, with fixed keys and layouts, in which the program and other commands run.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::place::{data, program};
use crate::run::Run;

/// A folder to work in, which is removed when the test ends. Names are relative to it.
pub struct Sandbox(TempDir);

impl Sandbox {
    /// An empty folder.
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    /// A folder with the fixed keys `ca`, `vendor` and `other` (`.prv`, `.pub`), and the CA's
    /// endorsement of the vendor, `vendor.pub.sig`.
    pub fn with_keys() -> Self {
        let sandbox = Self::new();
        copy_keys(sandbox.root());
        sandbox
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Where a file is.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file that only its owner may read.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        write_private(&self.path(name), bytes.as_ref());
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Whether anything is there, a link that leads nowhere included.
    pub fn has(&self, name: impl AsRef<Path>) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The permission bits of a file.
    pub fn mode(&self, name: impl AsRef<Path>) -> u32 {
        let metadata = fs::metadata(self.path(name)).expect("the file is there");
        metadata.permissions().mode() & 0o7777
    }

    /// The names in the folder, sorted: what a run has left behind.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).expect("the folder is there");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.into_string().expect("a name of UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// A command that starts in the folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root()).stdin(Stdio::null());
        command
    }

    /// Runs the program with arguments that are separated by blanks.
    #[track_caller]
    pub fn run(&self, arguments: &str) -> Run {
        self.run_with(arguments.split_whitespace())
    }

    /// Runs the program.
    #[track_caller]
    pub fn run_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        let mut command = self.command(program());
        let output = command.args(arguments).output().expect("the program runs");
        output.into()
    }

    /// Runs a shell command, in which the program is `ir-sign` and `input` is all that can be
    /// typed: there is no terminal.
    #[track_caller]
    pub fn shell(&self, script: &str, input: &str) -> Run {
        let folder = Path::new(program()).parent().expect("the program's folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
        let mut child = self
            .command("setsid")
            .args(["--wait", "sh", "-c", script])
            .env(
                "PATH",
                std::env::join_paths(folders).expect("a search path"),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("setsid (util-linux) runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A command that does not read may have ended already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("the shell ends").into()
    }

    /// Runs `openssl` with arguments that are separated by blanks, and returns what it prints.
    #[track_caller]
    pub fn openssl(&self, arguments: &str) -> Vec<u8> {
        let output = self
            .command("openssl")
            .args(arguments.split_whitespace())
            .output()
            .expect("openssl runs");
        assert!(
            output.status.success(),
            "openssl {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Whether openssl verifies a file's signature with a public key.
    pub fn openssl_verifies(&self, public: &str, signature: &str, file: &str) -> bool {
        let script = format!(
            "openssl dgst -sha384 -keyform DER -verify '{public}' -signature '{signature}' '{file}'"
        );
        self.shell(&script, "").status == 0
    }

    /// Makes a new key pair `NAME.prv` and `NAME.pub`.
    #[track_caller]
    pub fn gen_key(&self, name: &str) {
        self.run(&format!("gen-key -q -o {name}.prv --public {name}.pub"))
            .exits(0);
    }

    /// Unpacks the layout `tests/data/FIXTURE.tar` as an app of the registry `registry`.
    pub fn unpack(&self, fixture: &str, app: &str) {
        unpack(fixture, &self.path("registry").join(app));
    }

    /// Reads a JSON file.
    #[track_caller]
    pub fn json(&self, name: impl AsRef<Path>) -> Value {
        serde_json::from_slice(&self.read(name)).expect("the file holds JSON")
    }

    /// Reads a JSON blob of an app of the registry `registry`.
    #[track_caller]
    pub fn blob(&self, app: &str, digest: &str) -> Value {
        let (algorithm, hex) = digest.split_once(':').expect("a digest");
        self.json(format!("registry/{app}/blobs/{algorithm}/{hex}"))
    }
}

/// Copies the fixed keys into a folder, readable by their owner only.
pub fn copy_keys(folder: &Path) {
    for entry in fs::read_dir(data("keys")).expect("the fixed keys") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a file's name");
        let bytes = fs::read(&path).expect("a fixed key");
        write_private(&folder.join(name), &bytes);
    }
}

/// Unpacks the layout `tests/data/FIXTURE.tar` into a folder, which is made.
pub fn unpack(fixture: &str, folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    let file = fs::File::open(data(&format!("{fixture}.tar"))).expect("a fixture");
    tar::Archive::new(file).unpack(folder).expect("a layout");
}

fn write_private(path: &Path, bytes: &[u8]) {
    // A fresh file: permissions given at creation have no effect on one that is there.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(bytes));
    written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}
