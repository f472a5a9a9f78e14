//! What a short run gains at its start: the unwinder inside the program.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        unwinder();
    }
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
