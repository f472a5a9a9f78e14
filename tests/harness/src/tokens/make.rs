//! How each kind of token is made.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::servers::{Server, run};
use super::{Fixture, Kind};
use crate::place::top;

type Made = Result<Fixture, String>;

/// Where Debian and others put shared libraries.
const LIBRARIES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
];

fn library(names: &[&str], package: &str) -> Result<PathBuf, String> {
    let paths = LIBRARIES
        .iter()
        .flat_map(|dir| names.iter().map(|name| Path::new(dir).join(name)));
    let mut there = paths.filter(|path| path.is_file());
    there
        .next()
        .ok_or_else(|| format!("there is no {} (package {package})", names[0]))
}

fn softhsm_module() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("SOFTHSM2_MODULE") {
        return Ok(path.into());
    }
    let names = [
        "softhsm/libsofthsm2.so",
        "pkcs11/libsofthsm2.so",
        "libsofthsm2.so",
    ];
    library(&names, "softhsm2")
}

fn kryoptic_module() -> Result<PathBuf, String> {
    let built = top().join("target/kryoptic/release/libkryoptic_fixture.so");
    let missing = "tests/kryoptic/build has not built it";
    built
        .is_file()
        .then_some(built)
        .ok_or_else(|| missing.to_owned())
}

fn nss_module() -> Result<PathBuf, String> {
    library(&["libsoftokn3.so", "nss/libsoftokn3.so"], "libnss3")
}

fn tpm_module() -> Result<PathBuf, String> {
    let names = ["pkcs11/libtpm2_pkcs11.so", "libtpm2_pkcs11.so.1"];
    library(&names, "libtpm2-pkcs11-1")
}

pub fn p11_kit_module() -> Result<PathBuf, String> {
    library(&["pkcs11/p11-kit-client.so"], "p11-kit-modules")
}

fn program(name: &str, package: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    there
        .then_some(())
        .ok_or_else(|| format!("there is no {name} (package {package})"))
}

/// The missing part of a kind, if a part is missing.
pub fn needs(kind: Kind) -> Result<(), String> {
    program("pkcs11-tool", "opensc")?;
    match kind {
        Kind::SoftHsm => softhsm_module().map(drop),
        Kind::Kryoptic => kryoptic_module().map(drop),
        Kind::Nss => {
            program("certutil", "libnss3-tools")?;
            nss_module().map(drop)
        }
        Kind::Tpm => {
            program("swtpm", "swtpm")?;
            tpm_module().map(drop)
        }
        Kind::P11Kit => {
            program("p11-kit", "p11-kit")?;
            softhsm_module()?;
            p11_kit_module().map(drop)
        }
    }
}

/// A directory in memory where there is one: tokens sync every write, which a disk takes its time for.
fn directory() -> Result<TempDir, String> {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::Builder::new().prefix("token-").tempdir_in(memory)
    } else {
        tempfile::Builder::new().prefix("token-").tempdir()
    };
    made.map_err(|error| format!("a temporary directory: {error}"))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Ten random digits.
fn random_pin() -> Result<String, String> {
    let mut bytes = [0; 8];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(format!(
        "{:010}",
        u64::from_ne_bytes(bytes) % 10_000_000_000
    ))
}

/// A fixture with its directory and PINs, and no token yet.
fn prepare(kind: Kind, module: PathBuf, label: &str) -> Made {
    let dir = directory()?;
    let (pin_file, so_pin_file) = (dir.path().join("pin"), dir.path().join("so-pin"));
    for file in [&pin_file, &so_pin_file] {
        // The program warns of PIN files that others can read.
        write(file, "")?;
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(file, mode).map_err(|error| error.to_string())?;
        write(file, &random_pin()?)?;
    }
    Ok(Fixture {
        module,
        env: Vec::new(),
        label: label.to_owned(),
        pin_file,
        so_pin_file,
        dir,
        kind,
        server: None,
    })
}

impl Fixture {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((name.to_owned(), value.into()));
    }

    fn path(&self, name: &str) -> String {
        let path = self.dir.path().join(name);
        path.to_str().expect("temporary paths are UTF-8").to_owned()
    }

    fn make_dir(&self, name: &str) -> Result<String, String> {
        let path = self.path(name);
        fs::create_dir(&path).map_err(|error| format!("{path}: {error}"))?;
        Ok(path)
    }

    /// Initialises the token and its user PIN by `pkcs11-tool`, with the PINs in the environment.
    fn initialise(self) -> Made {
        let tool = || {
            let mut command: Command = self.command("pkcs11-tool");
            command
                .env("FIXTURE_PIN", self.pin())
                .env("FIXTURE_SO_PIN", self.so_pin())
                .arg("--module")
                .arg(&self.module)
                .args(["--so-pin", "env:FIXTURE_SO_PIN"]);
            command
        };
        run(tool().args(["--init-token", "--slot-index", "0", "--label", &self.label]))?;
        run(tool()
            .args([
                "--token-label",
                &self.label,
                "--login",
                "--login-type",
                "so",
            ])
            .args(["--init-pin", "--new-pin", "env:FIXTURE_PIN"]))?;
        Ok(self)
    }
}

/// As `softhsm/make-token`, in a third of its time.
pub fn softhsm(label: &str) -> Made {
    let mut made = prepare(Kind::SoftHsm, softhsm_module()?, label)?;
    let tokens = made.make_dir("tokens")?;
    let conf = made.path("softhsm2.conf");
    let template = include_str!("../../../../softhsm/softhsm2.conf.in");
    write(Path::new(&conf), &template.replace("@TOKENS@", &tokens))?;
    made.set("SOFTHSM2_CONF", conf);
    made.initialise()
}

pub fn kryoptic(label: &str) -> Made {
    let mut made = prepare(Kind::Kryoptic, kryoptic_module()?, label)?;
    let conf = made.path("kryoptic.conf");
    let database = made.path("token.sql");
    let slot = format!("[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{database}\"\n");
    write(Path::new(&conf), &slot)?;
    made.set("KRYOPTIC_CONF", conf);
    made.initialise()
}

/// NSS takes its directory from a string that a program hands to `C_Initialize`. There is no other way in for a
/// program that knows nothing of NSS but a module in front of it: p11-kit heeds no settings of root's own.
pub fn nss(label: &str) -> Made {
    let mut made = prepare(Kind::Nss, faulty_module::library(), label)?;
    // NSS has no security officer; the one who makes the database sets the PIN.
    write(&made.so_pin_file, "")?;
    let database = format!("sql:{}", made.make_dir("nss")?);
    let mut certutil = Command::new("certutil");
    certutil
        .args(["-N", "-d", &database, "-f"])
        .arg(&made.pin_file);
    // The fewest rounds, as the PIN is not a secret; NSS counts ten thousand by itself.
    run(certutil.env("NSS_MAX_MP_PBE_ITERATION_COUNT", "1"))?;
    let nss = nss_module()?;
    made.set(
        "FAULTY_MODULE_REAL",
        nss.to_str().expect("library paths are UTF-8"),
    );
    made.set(
        "FAULTY_MODULE_RESERVED",
        format!("configdir='{database}' certPrefix='' keyPrefix='' secmod='' flags= dbTokenDescription='{label}'"),
    );
    made.set("NSS_MAX_MP_PBE_ITERATION_COUNT", "1");
    Ok(made)
}

pub fn tpm(label: &str) -> Made {
    let mut made = prepare(Kind::Tpm, tpm_module()?, label)?;
    let (store, state) = (made.make_dir("store")?, made.make_dir("tpm")?);
    let pid = made.path("swtpm.pid");
    let mut last = String::new();
    // Another process may take a port between our look at it and swtpm's.
    for _ in 0..20 {
        let Some(port) = two_free_ports() else {
            continue;
        };
        let mut command = Command::new("swtpm");
        command
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={state}")])
            .args([
                "--server",
                &format!("type=tcp,bindaddr=127.0.0.1,port={port}"),
            ])
            .args([
                "--ctrl",
                &format!("type=tcp,bindaddr=127.0.0.1,port={}", port + 1),
            ])
            .args(["--pid", &format!("file={pid}")]);
        // It writes this file after it has both ports.
        let ready = || fs::metadata(&pid).is_ok_and(|file| file.len() > 0);
        match Server::start(&mut command, ready) {
            Ok(server) => {
                made.server = Some(server);
                made.set("TPM2_PKCS11_STORE", store);
                made.set(
                    "TPM2_PKCS11_TCTI",
                    format!("swtpm:host=127.0.0.1,port={port}"),
                );
                // Its complaint about a store that is new is not news.
                made.set("TPM2_PKCS11_LOG_LEVEL", "0");
                return made.initialise();
            }
            Err(reason) => last = reason,
        }
    }
    Err(format!("swtpm does not start: {last}"))
}

/// The first of two ports that follow each other and that nobody has, as swtpm's clients want them.
fn two_free_ports() -> Option<u16> {
    let first = TcpListener::bind(("127.0.0.1", 0)).ok()?;
    let port = first.local_addr().ok()?.port();
    TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
    Some(port)
}

pub fn p11_kit(label: &str) -> Made {
    let mut made = softhsm(label)?;
    made.kind = Kind::P11Kit;
    made.server = Some(p11_kit_server(&made)?);
    made.module = p11_kit_module()?;
    let address = format!("unix:path={}", made.path("p11-kit"));
    made.set("P11_KIT_SERVER_ADDRESS", address);
    Ok(made)
}

/// A server for the fixture's token; clients find it by its socket.
pub fn p11_kit_server(made: &Fixture) -> Result<Server, String> {
    let socket = made.path("p11-kit");
    let module = softhsm_module()?;
    serve(
        made.command("p11-kit"),
        &module,
        &made.label,
        Path::new(&socket),
    )
}

/// A server for a module's token.
pub fn serve(
    mut p11_kit: Command,
    module: &Path,
    label: &str,
    socket: &Path,
) -> Result<Server, String> {
    let _ = fs::remove_file(socket);
    p11_kit
        .args(["server", "--foreground", "--name"])
        .arg(socket)
        .arg("--provider")
        .arg(module)
        .arg(format!("pkcs11:token={}", super::escaped(label)));
    Server::start(&mut p11_kit, || socket.exists())
}
