//! What the program says of itself, and what a short run gains at its start: the unwinder inside the program.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=IR_SIGN_COMMIT={}", commit());
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        unwinder();
    }
}

/// What the program is built from.
const BUILT: [&str; 4] = ["src", "build.rs", "Cargo.toml", "Cargo.lock"];

/// The commit that is built. A copy without git, as an unpacked archive is, is told by `IR_SIGN_COMMIT`.
fn commit() -> String {
    println!("cargo::rerun-if-env-changed=IR_SIGN_COMMIT");
    if let Some(told) = env::var("IR_SIGN_COMMIT")
        .ok()
        .filter(|told| !told.is_empty())
    {
        return told;
    }
    // A repository that only holds a copy of this one somewhere below it has other commits.
    let top = git(&["rev-parse", "--show-toplevel"]);
    let here = env::current_dir().and_then(|here| here.canonicalize());
    let is_own = top.is_some_and(|top| here.is_ok_and(|here| here == Path::new(&top)));
    let Some(commit) = git(&["rev-parse", "HEAD"]).filter(|_| is_own) else {
        return "unknown".into();
    };
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    for path in BUILT {
        println!("cargo::rerun-if-changed={path}");
    }
    let status = [&["status", "--porcelain", "--"], &BUILT[..]].concat();
    match git(&status).as_deref() {
        Some("") => commit,
        _ => format!("{commit} with changes"),
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

fn is(name: &str, value: &str) -> bool {
    env::var(name).is_ok_and(|v| v == value)
}

/// Links the unwinder into the program where the C compiler has it as an archive.
///
/// The shared one, `libgcc_s`, has to be found, mapped and started by every run, which takes a
/// tenth of the time of a short one. Where there is no archive, the shared one is used as ever.
fn unwinder() {
    const ARCHIVE: &str = "libgcc_eh.a";
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    // The compiler that links for this target; another one's archive may be for another machine.
    let linker = match env::var_os("RUSTC_LINKER") {
        Some(linker) => linker,
        None if env::var_os("HOST") == env::var_os("TARGET") => "cc".into(),
        None => return,
    };
    let asked = Command::new(linker)
        .arg(format!("-print-file-name={ARCHIVE}"))
        .output();
    let Ok(answer) = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    else {
        return;
    };
    // A compiler that lacks it says the bare name.
    let archive = Path::new(answer.trim());
    if let Some(folder) = archive.parent()
        && archive.is_absolute()
        && archive.is_file()
    {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
