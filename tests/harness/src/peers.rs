//! Programs of newer Debian suites that sign and verify as ours does, as `tests/peers/fetch` brings them.
//!
//! A test without its peer says so and is left out, and fails with `IR_SIGN_REQUIRE_TOKEN=1`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::place::top;
use crate::run::limited;

/// cosign 2.5 of trixie.
pub fn cosign25() -> Option<Command> {
    peer("trixie", "cosign")
}

/// cosign 3.1 of sid, or newer: sid moves.
pub fn cosign31() -> Option<Command> {
    peer("sid", "cosign")
}

/// skopeo 1.18 of trixie.
pub fn skopeo118() -> Option<Command> {
    peer("trixie", "skopeo")
}

/// skopeo 1.22 of sid, or newer: sid moves.
pub fn skopeo122() -> Option<Command> {
    peer("sid", "skopeo")
}

/// notation 1.3 of sid. Its configuration is that of `HOME`, which the caller sets.
pub fn notation() -> Option<Command> {
    let mut command = peer("sid", "notation")?;
    for variable in [
        "NOTATION_CONFIG",
        "NOTATION_LIBEXEC",
        "NOTATION_CACHE",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
    ] {
        command.env_remove(variable);
    }
    Some(command)
}

/// Verifies as sigstore-rs does: an image, a public key in PEM and a signing scheme.
pub fn sigstore_rs() -> Option<Command> {
    let path = top().join("target/sigstore/debug/sigstore-peer");
    if !path.is_file() {
        missing(
            "sigstore-rs",
            "it is not there: tests/sigstore/build builds it",
        );
        return None;
    }
    Some(limited(path))
}

/// Python with its package sigstore.
pub fn python_sigstore() -> Option<Command> {
    python("sigstore-4.5.1")
}

/// Python with its package grpcio, gRPC's own.
pub fn python_grpcio() -> Option<Command> {
    python("grpcio-1.85.3")
}

/// A program of Python's package pkilint, such as `lint_pkix_cert`.
pub fn pkilint(program: &str) -> Option<Command> {
    let mut command = python("pkilint-0.13.3")?;
    let folder = top().join("target/peers/python-pkilint-0.13.3");
    command.arg(folder.join("bin").join(program));
    Some(command)
}

fn python(package: &str) -> Option<Command> {
    let folder = top().join(format!("target/peers/python-{package}"));
    if !folder.is_dir() {
        missing(
            &format!("Python's {package}"),
            "it is not there: tests/peers/python brings it",
        );
        return None;
    }
    let mut command = limited("python3");
    command.env("PYTHONPATH", folder);
    Some(command)
}

/// The version of a suite's package, as Debian numbers it.
pub fn version(suite: &str, package: &str) -> Option<String> {
    let versions = fs::read_to_string(folder(suite).join("versions")).ok()?;
    let mut versions = versions.lines().filter_map(|line| line.split_once(' '));
    let found = versions.find(|(name, _)| *name == package);
    found.map(|(_, version)| version.to_owned())
}

fn folder(suite: &str) -> PathBuf {
    top().join("target/peers").join(suite)
}

/// A command that is ended when it takes much too long, asks nobody, and has a home of its own.
fn peer(suite: &str, program: &str) -> Option<Command> {
    let path = folder(suite).join("bin").join(program);
    let name = format!("{program} of {suite}");
    if !path.is_file() {
        missing(&name, "it is not there: tests/peers/fetch brings it");
        return None;
    }
    if let Some(version) = version(suite, program) {
        say(&format!("PEER: {name} is {version}"));
    }
    let home = folder(suite).join("home");
    fs::create_dir_all(&home).expect("a folder");
    let mut command = limited(path);
    command.env("HOME", home);
    for variable in ["COSIGN_PASSWORD", "COSIGN_REPOSITORY", "REGISTRY_AUTH_FILE"] {
        command.env_remove(variable);
    }
    Some(command)
}

/// Says that a peer is not there, which fails a test where peers are wanted.
fn missing(name: &str, reason: &str) {
    let required = std::env::var_os("IR_SIGN_REQUIRE_TOKEN").is_some_and(|v| v == "1");
    assert!(
        !required,
        "IR_SIGN_REQUIRE_TOKEN=1, but {name} cannot be tested: {reason}"
    );
    say(&format!("SKIPPED: {name}: {reason}"));
}

/// Says something where nothing captures it.
fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
