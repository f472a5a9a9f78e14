//! What the process does for the secrets that it holds.

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{IR_SIGN, Sandbox};

/// A run that waits for its key leaves no core, for files or for programs that take them.
#[test]
fn a_process_that_holds_secrets_leaves_no_core() {
    let sandbox = Sandbox::new();
    sandbox.run("gen-key -o key.prv").exits(0);
    let mut child = sandbox
        .command("sh")
        .args([
            "-c",
            "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\"",
            IR_SIGN,
        ])
        .args([
            "sign",
            "-k",
            "key.prv",
            "-f",
            "/dev/stdin",
            "-s",
            "signature",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let limits = format!("/proc/{}/limits", child.id());
    let mut input = child.stdin.take().expect("a pipe");
    // It has the key by the time it takes the first bytes out of a full pipe.
    input.write_all(&vec![0; 1 << 20]).expect("taken");
    let text = std::fs::read_to_string(limits).expect("it is there");
    let core = text
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let values: Vec<&str> = core
        .expect("a limit")
        .split_whitespace()
        .skip(4)
        .take(2)
        .collect();
    assert!(
        values.iter().all(|value| ["0", "1"].contains(value)),
        "{values:?}"
    );
    drop(input);
    assert!(child.wait().expect("it ends").success());
}
