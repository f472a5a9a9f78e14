//! README's first screen: the demo, and the message where the tests cannot run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Run, Sandbox, data, program};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scripts")
        .join(name)
}

/// Puts a program of the shell's into the folder `bin`.
fn stand_in(sandbox: &Sandbox, name: &str, text: &str) {
    let bin = sandbox.path("bin");
    fs::create_dir_all(&bin).expect("a folder");
    sandbox.write(bin.join(name), format!("#!/bin/sh\n{text}\n"));
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(bin.join(name), mode).expect("it is ours");
}

/// The demo, of a program that is built already.
fn demo(sandbox: &Sandbox, archive: &Path) -> Command {
    stand_in(sandbox, "cargo", "exit 0");
    let release = sandbox.path("target/release");
    fs::create_dir_all(&release).expect("a folder");
    let _ = symlink(program(), release.join("ir-sign"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(sandbox.path("bin")).chain(std::env::split_paths(&path));
    let mut demo = sandbox.command(script("demo"));
    demo.arg(archive)
        .env("PATH", std::env::join_paths(folders).expect("a path"))
        .env("CARGO_TARGET_DIR", "target");
    demo
}

#[test]
fn the_demo_catches_its_tampering_whatever_else_the_archive_holds() {
    // With blobs that are larger than each layer: attestations, configs, and the manifests themselves.
    for archive in [
        "docker-save-new.tar",
        "docker-save-old.tar",
        "multi.tar",
        "nested-attest.tar",
        "sha512.tar",
        "skopeo-zstd.tar",
        "umoci.tar",
        "wild.tar",
    ] {
        let sandbox = Sandbox::new();
        let run: Run = demo(&sandbox, &data(archive))
            .output()
            .expect("it runs")
            .into();
        let run = run.exits(0);
        let (_, after) = run
            .stdout
            .split_once("Somebody changes one byte of a layer.")
            .expect(archive);
        assert!(after.contains("Caught"), "{archive}: {run:#?}");
        let told = run.stderr.contains("FAILED      image.layer-blobs: ");
        assert!(told, "{archive}: {run:#?}");
    }
}

#[test]
fn the_demo_leaves_nothing_wherever_it_works() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("a b")).expect("a folder");
    for folder in [".", "a b"] {
        let mut demo = demo(&sandbox, &data("umoci.tar"));
        let run: Run = demo.env("TMPDIR", folder).output().expect("it runs").into();
        run.exits(0);
        assert_eq!(sandbox.names(), ["a b", "bin", "target"]);
        let left = fs::read_dir(sandbox.path("a b")).expect("a folder");
        assert_eq!(left.count(), 0);
    }
}

#[test]
fn what_the_tests_need_is_told_where_it_cannot_be_installed() {
    for (user, apt, tried) in [(0, 100, true), (1000, 0, false)] {
        let sandbox = Sandbox::new();
        stand_in(&sandbox, "id", &format!("echo {user}"));
        let log = sandbox.path("log");
        let text = format!("echo \"$@\" >>{}; exit {apt}", log.display());
        stand_in(&sandbox, "apt-get", &text);
        for name in ["bash", "dirname", "sed"] {
            let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
            let found = found.iter().find(|path| path.exists()).expect(name);
            symlink(found, sandbox.path("bin").join(name)).expect("a link");
        }
        let run = |argument: &str| -> Run {
            let mut command = sandbox.command("/usr/bin/env");
            command.arg("bash").arg(script("test")).arg(argument);
            command.env("PATH", sandbox.path("bin"));
            command.output().expect("it runs").into()
        };
        // A user who asks for its help gets nothing installed.
        let help = run("--help").exits(0);
        assert!(help.stdout.contains("scripts/test ["), "{help:#?}");
        assert!(!sandbox.has("log"));
        run("--all-modules")
            .exits(3)
            .says("the tests need these Debian packages; install them and run it again:")
            .says("sudo apt-get install gcc openssl ");
        assert_eq!(sandbox.has("log"), tried);
    }
}

#[test]
fn every_script_refuses_a_flag_that_it_does_not_know_and_does_nothing() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut scripts = Vec::new();
    for folder in ["scripts", "scripts/ceremony", "softhsm", ".ci"] {
        for entry in fs::read_dir(top.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let mode = fs::metadata(&path).expect("it is there").permissions();
            if path.is_file() && mode.mode() & 0o111 != 0 {
                scripts.push(path);
            }
        }
    }
    scripts.extend(
        [
            "tests/data/make",
            "tests/ferro/build",
            "tests/kryoptic/build",
            "tests/sigstore/build",
            "tests/peers/fetch",
            "tests/peers/python",
        ]
        .map(|name| top.join(name)),
    );
    assert!(scripts.len() > 15, "{scripts:?}");
    for script in scripts {
        let sandbox = Sandbox::new();
        // As far as any gets that takes it for something else.
        stand_in(&sandbox, "cargo", "exit 0");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(sandbox.path("bin")).chain(std::env::split_paths(&path));
        let mut command = sandbox.command(&script);
        if script.ends_with("scripts/test") {
            // It asks cargo, which is the one that knows.
            command.env("PATH", path);
        } else {
            command.env("PATH", std::env::join_paths(folders).expect("a path"));
        }
        let run: Run = command.arg("--tokn").output().expect("it runs").into();
        let run = run.exits(2).says("--tokn");
        assert_eq!(run.stdout, "", "{}: {run:#?}", script.display());
        assert_eq!(sandbox.names(), ["bin"], "{}", script.display());
    }
}

#[test]
fn the_demo_is_bold_for_a_person_and_plain_in_a_log() {
    let sandbox = Sandbox::new();
    let log: Run = demo(&sandbox, &data("umoci.tar"))
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .output()
        .expect("it runs")
        .into();
    let log = log.exits(0);
    assert!(!(log.stdout + &log.stderr).contains('\x1b'));
    let demo = demo(&sandbox, &data("umoci.tar"));
    let line = format!(
        "{} {}",
        script("demo").display(),
        data("umoci.tar").display()
    );
    for (color, bold) in [("", true), ("1", false)] {
        let mut screen = sandbox.command("script");
        let variables = demo
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        screen
            .envs(variables)
            .env("TERM", "xterm")
            .env("NO_COLOR", color)
            .args(["-qec", &line, "/dev/null"]);
        let run: Run = screen.output().expect("script runs").into();
        let run = run.exits(0);
        assert_eq!(run.stdout.contains("\x1b[1m1. The CA"), bold, "{run:#?}");
    }
}

const LOG: &str = "\
     Running tests/cli/main.rs (target/debug/deps/cli-0)

running 2 tests
test console::fine ... ok
test console::ignored ... ignored

successes:

---- console::fine stdout ----
said by one that passed

successes:
    console::fine

test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.60s

     Running tests/tokens/main.rs (target/debug/deps/tokens-0)

running 2 tests
test pins::fine ... ok
test pins::wrong ... FAILED

failures:

---- pins::wrong stdout ----

thread 'pins::wrong' (7) panicked at tests/tokens/pins.rs:3:5:
no PIN was sent


failures:
    pins::wrong

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.50s

error: test failed, to rerun pass `--test tokens`
";

#[test]
fn the_totals_count_all_programs_and_say_which_tokens_were_tried() {
    let sandbox = Sandbox::new();
    sandbox.write("log", LOG);
    let totals = |arguments: &[&str]| {
        let mut command = sandbox.command(script("totals"));
        Run::of(command.args(arguments)).exits(0).stdout
    };
    assert_eq!(
        totals(&["log", "tokens of SoftHSM2"]),
        "tests: 2 passed, 1 failed, 1 ignored, in 2 programs and 4 s; tokens of SoftHSM2\n"
    );
    // Of a run that was to build only, there is nothing to say.
    sandbox.write("log", "   Compiling ir-sign\n");
    assert_eq!(totals(&["log"]), "");
}

#[test]
fn a_failed_test_is_shown_with_its_program_and_all_that_it_printed() {
    let sandbox = Sandbox::new();
    let shown = |log: &str| {
        sandbox.write("log", log);
        let mut command = sandbox.command(script("totals"));
        Run::of(command.args(["--failures", "log"])).exits(0).stdout
    };
    let failures = shown(LOG);
    for text in [
        "Running tests/tokens/main.rs",
        "---- pins::wrong stdout ----",
        "panicked at tests/tokens/pins.rs:3:5:\nno PIN was sent\n",
        "error: test failed, to rerun pass `--test tokens`",
    ] {
        assert!(failures.contains(text), "{text} is not in {failures}");
    }
    assert!(
        !failures.contains("passed\n") && !failures.contains("tests/cli"),
        "{failures}"
    );
    let long = LOG.replace("no PIN was sent\n", &"a line\n".repeat(1000));
    assert_eq!(shown(&long).lines().count(), 401);
    assert!(shown(&long).ends_with("more lines)\n"));
}
