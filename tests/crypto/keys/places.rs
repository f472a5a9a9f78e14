//! Places that keys cannot come from or go to.

use harness::Sandbox;

#[test]
fn a_token_uri_or_an_empty_path_is_wrong_usage() {
    let sandbox = Sandbox::with_keys();
    for command in [
        "sign -f ca.pub -s sig -k",
        "endorse -f ca.pub -s sig -k",
        "extract-public -o out.pub -i",
        "gen-key -o",
    ] {
        let mut empty: Vec<&str> = command.split(' ').collect();
        empty.push("");
        sandbox
            .run_with(empty)
            .exits(2)
            .says("an empty path names no key");
    }
    assert!(!sandbox.has("sig") && !sandbox.has("out.pub"));
}

#[test]
fn an_output_that_cannot_be_written_leaves_nothing() {
    let sandbox = Sandbox::with_keys();
    let names = sandbox.names();
    for (command, file) in [
        ("gen-key -o absent/new.prv", "key file absent/new.prv"),
        ("gen-key -o ca.pub/new.prv", "key file ca.pub/new.prv"),
        (
            "extract-public -i ca.prv -o absent/ca.pub",
            "public key file absent/ca.pub",
        ),
        (
            "sign -k ca.prv -f ca.pub -s absent/sig",
            "signature file absent/sig",
        ),
        ("gen-key -o absent/", "key file absent/"),
        (
            "sign -k ca.prv -f ca.pub -s absent/",
            "signature file absent/",
        ),
    ] {
        sandbox
            .run(command)
            .exits(3)
            .says(&format!("error: {file}: cannot "));
        assert_eq!(sandbox.names(), names);
    }
}

#[test]
fn a_full_disk_is_no_success_and_leaves_nothing() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("old.sig", "old");
    let names = sandbox.names();
    for command in [
        "gen-key -o new.prv",
        "extract-public -i ca.prv -o new.pub",
        "sign -k ca.prv -f ca.pub -s new.sig",
        "endorse -k ca.prv -f ca.pub -s old.sig --force",
    ] {
        // No file may grow: each write fails as on a full disk, and the signal that tells of it
        // is ignored.
        let script = format!("trap '' XFSZ; ulimit -f 0; ir-sign {command}");
        sandbox.shell(&script, "").exits(3).says("cannot write: ");
        assert_eq!(sandbox.names(), names, "after {command}");
    }
    assert_eq!(sandbox.read("old.sig"), b"old");
}
