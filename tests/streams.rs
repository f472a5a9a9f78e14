//! Standard input, output and error as pipes, files and terminals: who reads them may be gone, or no person.

mod common;

use std::io::pipe;
use std::os::unix::process::ExitStatusExt;

use common::{IR_SIGN, Run, Sandbox};

/// Signals, as signal(7) numbers them.
const SIGPIPE: i32 = 13;

#[test]
fn a_reader_that_has_gone_ends_every_command_quietly_by_sigpipe() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let place = "-r registry -a app";
    sandbox.run("sign -k ca.prv -f ca.pub -s sig").exits(0);
    let sign = format!("sign-image {place} -d latest -v vendor.prv -x ca.prv");
    sandbox.run(&sign).exits(0);
    for command in [
        "--help",
        "--version",
        "help sign",
        "completions bash",
        "completions zsh --json",
        "man pages --json",
        "gen-key -o new.prv --json",
        "extract-public -i ca.prv -o ca.pub --json",
        "sign -k ca.prv -f ca.pub -s sig --json",
        "verify -k ca.pub -f ca.pub -s sig --json",
        "verify -k other.pub -f ca.pub -s sig --json",
        "verify -k ca.pub --json",
        &sign,
        &format!("{sign} --json"),
        &format!("verify-image {place} -c ca.pub"),
        &format!("verify-image {place} -c ca.pub --json"),
        &format!("verify-image {place} -c other.pub --json"),
        &format!("inspect-image {place}"),
        &format!("prune {place} --json"),
        "inspect-image -r nowhere -a app --json",
    ] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let mut program = sandbox.command(IR_SIGN);
        program.args(command.split(' ')).stdout(writer);
        let output = program.output().expect("it runs");
        let told = String::from_utf8(output.stderr).expect("text");
        // A shell tells this as 141.
        assert_eq!(output.status.signal(), Some(SIGPIPE), "{command}: {told}");
        assert!(!told.contains("pipe"), "{command}: {told}");
        assert!(!told.contains("standard output"), "{command}: {told}");
    }
    // As a person meets it.
    let script = "ir-sign completions bash | head -n 1; echo ${PIPESTATUS[0]}";
    let shown = sandbox.shell(&format!("bash -c '{script}'"), "").exits(0);
    assert_eq!(
        (&*shown.stdout, &*shown.stderr),
        ("_ir__sign() {\n141\n", "")
    );
    // Any other reason is told.
    let full = sandbox
        .shell("ir-sign completions bash >/dev/full", "")
        .exits(3);
    full.says("error: cannot write to standard output: No space left on device");
}

#[test]
fn no_file_gets_colours_that_nobody_asked_for() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    for command in [
        "--help",
        "help sign-image",
        "verify --help",
        "verify -k ca.pub",
        "verify -k other.pub -f vendor.pub -s vendor.pub.sig",
        "verify-image -r registry -a app -c ca.pub",
        "inspect-image -r registry -a app",
        "no-such-command",
    ] {
        let mut program = sandbox.command(IR_SIGN);
        // What makes other programs colour files.
        let variables = ["CLICOLOR", "CLICOLOR_FORCE", "CI", "FORCE_COLOR"];
        program.envs(variables.map(|name| (name, "1")));
        program.env("TERM", "xterm").env_remove("NO_COLOR");
        let output = program.args(command.split(' ')).output();
        let run = Run::from(output.expect("it runs"));
        assert!(
            !run.stdout.is_empty() || !run.stderr.is_empty(),
            "{command}"
        );
        let shown = run.stdout + &run.stderr;
        assert!(!shown.contains('\x1b'), "{command}: {shown}");
        let asked = sandbox.run(&format!("{command} --color always"));
        let shown = asked.stdout + &asked.stderr;
        assert!(
            shown.contains('\x1b') || command.starts_with("inspect"),
            "{command}: {shown}"
        );
    }
    // One of them on a terminal gives the other no colours.
    let help = "TERM=xterm script -qec \"ir-sign --help >help\" /dev/null";
    sandbox.shell(help, "").exits(0);
    let wrong = "TERM=xterm script -qec \"ir-sign verify 2>wrong\" /dev/null";
    sandbox.shell(wrong, "").exits(2);
    for file in ["help", "wrong"] {
        assert!(
            sandbox.read(file).contains(&b'I') && !sandbox.read(file).contains(&0x1b),
            "{file}"
        );
    }
}

#[test]
fn an_app_without_an_image_is_told_of_and_no_name_is_asked_for() {
    let sandbox = Sandbox::with_keys();
    sandbox.unpack("umoci", "app");
    let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
    sandbox.write("registry/app/index.json", empty);
    for more in ["", "--all", "--json --all"] {
        let command = format!("verify-image -r registry -a app -c ca.pub {more}");
        let run = sandbox.run(&command).exits(1);
        let run = run.says("error: registry/app: holds no image\nhint: bring one");
        assert!(!run.stderr.contains("named"), "{run:#?}");
    }
    let sign = "sign-image -r registry -a app -v vendor.prv -x ca.prv";
    let run = sandbox.run(sign).exits(1);
    run.says("error: registry/app: holds no image\n");
}
