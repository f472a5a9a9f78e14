//! What the tests of policies share: the world of the cases, runs of ir-sign and of skopeo, and many at once.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use harness::policy::{Case, World};
use harness::{Run, limited, program, temp_dir};

/// How many runs are under way at once: they wait for each other's processors, and for servers.
const AT_ONCE: usize = 6;

/// The world, which all tests of this program share.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::start)
}

/// Does something to all items, some at a time, and returns the complaints.
pub fn complaints<T: Sync>(items: &[T], work: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(complaint) = work(item) {
                        found.lock().expect("no test fell").push(complaint);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no test fell");
    found.sort();
    found
}

/// The folder of a case's configuration.
fn lookasides(case: &Case) -> String {
    world().text(&format!("rd/{}", case.lookasides))
}

/// Writes a case's policy into a folder, and returns where it is.
fn policy(case: &Case, folder: &Path) -> String {
    if let Some(at) = &case.policy_at {
        return at.clone();
    }
    let path = folder.join("policy.json");
    let bytes = match (&case.policy, &case.policy_base64) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(text)) => unbase64(text),
        (None, None) => panic!("{} has no policy", case.id),
    };
    fs::write(&path, bytes).expect("it is written");
    path.display().to_string()
}

/// Reads base64.
pub fn unbase64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = alphabet.iter().position(|known| *known == byte);
        bits = bits << 6 | u32::try_from(value.expect("base64")).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("eight bits"));
        }
    }
    bytes
}

/// Puts the run behind the proxy that knows every host.
fn behind_proxy(command: &mut Command) {
    let proxy = format!("http://{}", world().registry());
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(name, &proxy);
    }
}

/// Runs another command of a case, and returns its status and the bytes that it prints.
pub fn command(case: &Case) -> (i32, Vec<u8>, String) {
    let output = limited(program()).args(&case.command).output();
    let output = output.expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), output.stdout, stderr)
}

/// Asks ir-sign.
pub fn ir_sign(case: &Case, more: &[&str]) -> Run {
    let folder = temp_dir();
    let mut command = limited(program());
    command
        .current_dir(folder.path())
        .env("HOME", folder.path());
    command.args(["policy", "check", &case.image, "--policy"]);
    command.arg(policy(case, folder.path()));
    command.args([
        "--dialect",
        &case.dialect,
        "--registries.d",
        &lookasides(case),
    ]);
    command.args(&case.flags).args(more);
    if case.proxy {
        behind_proxy(&mut command);
        command.arg("--allow-http");
    }
    Run::of(&mut command)
}

/// Asks skopeo, by copying the image.
pub fn skopeo(mut command: Command, case: &Case) -> Run {
    let folder = temp_dir();
    command
        .current_dir(folder.path())
        .env("HOME", folder.path());
    command.arg("--policy").arg(policy(case, folder.path()));
    command.args(["--registries.d", &lookasides(case), "copy", "-q"]);
    command.args([
        "--src-tls-verify=false",
        "--retry-times",
        "0",
        "--override-arch",
        "amd64",
    ]);
    command.arg(&case.image);
    command.arg(format!("dir:{}", folder.path().join("copy").display()));
    if case.proxy {
        behind_proxy(&mut command);
    }
    Run::of(&mut command)
}
