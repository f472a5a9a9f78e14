//! Tokens for tests: each fixture is a fresh token in a directory of its own, with a user PIN and no keys.
//!
//! Nothing here uses the tool itself. A fixture's environment is for the processes that a test starts:
//! most modules read it once, so one test process cannot use two fixtures by itself.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

mod make;
mod servers;

pub use servers::Server;

/// The modules there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SoftHSM2`.
    SoftHsm,
    /// Kryoptic.
    Kryoptic,
    /// The softokn of NSS, behind the faulty module, which hands it its init string.
    Nss,
    /// tpm2-pkcs11 on a swtpm of its own.
    Tpm,
    /// `SoftHSM2` behind the remoting of p11-kit.
    P11Kit,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SoftHsm,
        Self::Kryoptic,
        Self::Nss,
        Self::Tpm,
        Self::P11Kit,
    ];

    /// Whether every run of the tests has this one.
    fn is_always_tested(self) -> bool {
        matches!(self, Self::SoftHsm | Self::Kryoptic)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SoftHsm => "SoftHSM2",
            Self::Kryoptic => "Kryoptic",
            Self::Nss => "NSS softokn",
            Self::Tpm => "tpm2-pkcs11",
            Self::P11Kit => "p11-kit remoting",
        })
    }
}

/// A token that a test can have for itself.
pub struct Fixture {
    /// The PKCS#11 module to load.
    pub module: PathBuf,
    /// The environment in which a process finds this token.
    pub env: Vec<(String, String)>,
    /// The token's label.
    pub label: String,
    /// The user PIN, without a line break.
    pub pin_file: PathBuf,
    /// The security officer's PIN; empty for NSS, which has none.
    pub so_pin_file: PathBuf,
    /// Where all of it is; gone with the fixture.
    pub dir: TempDir,
    /// Which module it is.
    pub kind: Kind,
    server: Option<Server>,
}

/// A fixture behind the faulty module.
pub struct Planned {
    /// The faulty module.
    pub module: PathBuf,
    /// The environment of a process.
    pub env: Vec<(String, String)>,
    /// Where the calls are logged, for `faulty_module::log::Log::read`.
    pub log: PathBuf,
    /// The servers that have to run meanwhile.
    pub server: Option<Server>,
}

impl Fixture {
    /// A token of a kind, with a label. Fails when what it needs is not installed.
    pub fn new(kind: Kind, label: &str) -> Self {
        let made = match kind {
            Kind::SoftHsm => make::softhsm(label),
            Kind::Kryoptic => make::kryoptic(label),
            Kind::Nss => make::nss(label),
            Kind::Tpm => make::tpm(label),
            Kind::P11Kit => make::p11_kit(label),
        };
        made.unwrap_or_else(|reason| panic!("no token of {kind}: {reason}"))
    }

    /// A token of `SoftHSM2`: what most tests want.
    pub fn softhsm() -> Self {
        Self::new(Kind::SoftHsm, "test token")
    }

    /// A token of each kind that is to be tested, made when its turn comes.
    ///
    /// `SoftHSM2` and Kryoptic always, the others with `IR_SIGN_ALL_MODULES=1`. One that is not installed is
    /// skipped loudly, and fails the test with `IR_SIGN_REQUIRE_TOKEN=1`.
    pub fn all() -> impl Iterator<Item = Self> {
        let tested = |kind: &Kind| kind.is_always_tested() || is_set("IR_SIGN_ALL_MODULES");
        let kinds = Kind::ALL.into_iter().filter(tested);
        kinds
            .filter(|kind| is_there(*kind))
            .map(|kind| Self::new(kind, "test token"))
    }

    /// The token of one kind, if it is installed; see [`Fixture::all`].
    pub fn of(kind: Kind) -> Option<Self> {
        let tested = kind.is_always_tested() || is_set("IR_SIGN_ALL_MODULES");
        (tested && is_there(kind)).then(|| Self::new(kind, "test token"))
    }

    /// The user PIN.
    pub fn pin(&self) -> String {
        fs::read_to_string(&self.pin_file).expect("the fixture wrote its PIN")
    }

    /// The security officer's PIN.
    pub fn so_pin(&self) -> String {
        fs::read_to_string(&self.so_pin_file).expect("the fixture wrote its PIN")
    }

    /// The URI of an object, with the PIN's source.
    pub fn uri(&self, object: &str) -> String {
        format!(
            "pkcs11:token={};object={}?pin-source=file:{}",
            escaped(&self.label),
            escaped(object),
            self.pin_file.display()
        )
    }

    /// A command that finds the token by its environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.envs(self.env.iter().cloned());
        command
    }

    /// Makes a P-384 key pair by `pkcs11-tool`; the id is in hexadecimal.
    pub fn generate(&self, object: &str, id: &str) {
        self.log_in(&["--keypairgen", "--key-type", "EC:secp384r1"])
            .args(["--label", object, "--id", id])
            .stdin(Stdio::null())
            .succeed();
    }

    /// Signs a digest by `pkcs11-tool`: r and s of 48 bytes each.
    pub fn sign(&self, id: &str, digest: &[u8]) -> Vec<u8> {
        let (input, output) = (self.file("digest"), self.file("signature"));
        fs::write(&input, digest).expect("the directory is ours");
        self.log_in(&["--sign", "--mechanism", "ECDSA", "--id", id])
            .args(["--signature-format", "rs", "--input-file"])
            .arg(&input)
            .arg("--output-file")
            .arg(&output)
            .succeed();
        fs::read(&output).expect("pkcs11-tool wrote it")
    }

    /// A public key's point, as 97 bytes. `pkcs11-tool` lists it; its export fails for EC in some releases.
    pub fn point(&self, id: &str) -> Vec<u8> {
        let listed = self
            .log_in(&["--list-objects", "--type", "pubkey", "--id", id])
            .succeed();
        let line = listed
            .lines()
            .find_map(|line| line.trim().strip_prefix("EC_POINT:"));
        let digits = line.expect("a key has a point").trim();
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("is hexadecimal");
        let der: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        der.strip_prefix(&[4, 0x61]).unwrap_or(&der).to_vec()
    }

    /// `pkcs11-tool` on this token, logged in. The PIN goes by the environment.
    pub fn log_in(&self, args: &[&str]) -> Command {
        let mut command = self.command("pkcs11-tool");
        command
            .arg("--module")
            .arg(&self.module)
            .args(["--token-label", &self.label])
            .args(["--login", "--pin", "env:FIXTURE_PIN"])
            .env("FIXTURE_PIN", self.pin())
            .args(args);
        command
    }

    /// This token behind the faulty module, with a plan and a log of its own.
    pub fn planned(&self, plan: &str) -> Planned {
        static LOGS: AtomicU64 = AtomicU64::new(1);
        let nth = LOGS.fetch_add(1, Ordering::Relaxed);
        let log = self.file(&format!("calls-{nth}.log"));
        let text = |path: &Path| path.to_str().expect("paths are UTF-8").to_owned();
        let mut env = self.env.clone();
        let mut set = |name: &str, value: String| env.push((name.to_owned(), value));
        if self.kind != Kind::Nss {
            set("FAULTY_MODULE_REAL", text(&self.module));
        }
        set("FAULTY_MODULE_PLAN", plan.to_owned());
        set("FAULTY_MODULE_LOG", text(&log));
        set("FAULTY_MODULE_PIN_FILE", text(&self.pin_file));
        set("FAULTY_MODULE_SO_PIN_FILE", text(&self.so_pin_file));
        Planned {
            module: faulty_module::library(),
            env,
            log,
            server: None,
        }
    }

    /// The same behind p11-kit's remoting, where each client's calls are made by a process of its own.
    pub fn served(&self, plan: &str) -> Planned {
        let mut planned = self.planned(plan);
        let socket = planned.log.with_extension("socket");
        let mut command = Command::new("p11-kit");
        command.envs(planned.env.iter().cloned());
        planned.server = make::serve(command, &planned.module, &self.label, &socket).ok();
        assert!(planned.server.is_some(), "p11-kit serves the faulty module");
        planned.module = make::p11_kit_module().expect("p11-kit is there");
        let address = format!("unix:path={}", socket.display());
        planned.env.push(("P11_KIT_SERVER_ADDRESS".into(), address));
        planned
    }

    /// Takes the token away from every process that has it: for p11-kit and tpm2-pkcs11.
    pub fn unplug(&mut self) {
        self.server
            .as_mut()
            .expect("only a server can be unplugged")
            .stop();
    }

    /// Brings it back after [`Fixture::unplug`]: for p11-kit only, a TPM comes back with another port.
    pub fn replug(&mut self) {
        assert_eq!(self.kind, Kind::P11Kit);
        self.server = Some(make::p11_kit_server(self).expect("the server ran before"));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Commands that must work.
pub trait Succeed {
    /// Runs the command, and fails with what it said when it does not work.
    fn succeed(&mut self) -> String;
}

impl Succeed for Command {
    fn succeed(&mut self) -> String {
        servers::run(self).unwrap_or_else(|reason| panic!("{reason}"))
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "1")
}

/// Whether all is installed that a kind needs; says so where nothing captures it when not.
fn is_there(kind: Kind) -> bool {
    let Err(reason) = make::needs(kind) else {
        return true;
    };
    assert!(
        !is_set("IR_SIGN_REQUIRE_TOKEN"),
        "IR_SIGN_REQUIRE_TOKEN=1, but {kind} cannot be tested: {reason}"
    );
    let line = format!("SKIPPED: {kind}: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// A URI attribute's value.
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
    let mut all = String::new();
    for b in text.bytes() {
        if plain(b) {
            all.push(b.into());
        } else {
            let _ = write!(all, "%{b:02X}");
        }
    }
    all
}
