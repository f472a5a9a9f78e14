//! `softhsm/find-module` and `softhsm/make-token`, as a person uses them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::tokens::{Fixture, Kind, Succeed};

fn script(name: &str) -> Command {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../softhsm");
    Command::new(top.join(name))
}

fn ends(command: &mut Command, status: i32, says: &str) -> Output {
    let output = command.output().expect("the script runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(says), "{said}");
    output
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("is there").permissions().mode() & 0o777
}

/// A directory with a `pkcs11-tool` that writes down its arguments, and where it does.
fn spy(dir: &Path) -> (String, PathBuf) {
    let (tools, args) = (dir.join("tools"), dir.join("arguments"));
    fs::create_dir(&tools).expect("the directory is ours");
    let tool = tools.join("pkcs11-tool");
    let text = "#!/bin/sh\nprintf '%s\\n' \"$@\" >>\"$ARGUMENTS\"\nPATH=${PATH#*:} exec pkcs11-tool \"$@\"\n";
    fs::write(&tool, text).expect("the directory is ours");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let path = std::env::var("PATH").expect("there is a PATH");
    (format!("{}:{path}", tools.display()), args)
}

#[test]
fn a_token_is_made_and_its_pins_are_in_no_arguments() {
    if Fixture::of(Kind::SoftHsm).is_none() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (path, arguments) = spy(dir.path());
    let token = dir.path().join("the token & more");
    let mut make = script("make-token");
    let said = make
        .arg(&token)
        .arg("Röot 1")
        .env("PATH", path)
        .env("ARGUMENTS", &arguments)
        .succeed();
    assert!(said.contains("# pkcs11:token=R%C3%B6ot%201;object=my-key?pin-source=file:"));
    assert!(said.contains("the%20token%20%26%20more/pin\n"), "{said}");

    assert_eq!(mode(&token), 0o700);
    let arguments = fs::read_to_string(&arguments).expect("the spy wrote it");
    assert!(arguments.contains("--init-token"));
    for pin in ["pin", "so-pin"] {
        assert_eq!(mode(&token.join(pin)), 0o600);
        let pin = fs::read_to_string(token.join(pin)).expect("is there");
        assert!(
            !arguments.contains(pin.trim_end()),
            "a PIN is in the arguments"
        );
    }

    let list = format!("{said}\npkcs11-tool --module \"$PKCS11_MODULE_PATH\" --list-token-slots");
    let listed = Command::new("bash").args(["-c", &list]).succeed();
    assert!(
        listed.contains("Röot 1") && listed.contains("PIN initialized"),
        "{listed}"
    );

    ends(
        script("make-token").arg(&token).arg("again"),
        2,
        "is not empty",
    );
}

#[test]
fn pins_can_be_given() {
    if Fixture::of(Kind::SoftHsm).is_none() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (token, pin, so_pin) = (
        dir.path().join("t"),
        dir.path().join("p"),
        dir.path().join("s"),
    );
    fs::write(&pin, "my own pin\n").expect("the directory is ours");
    fs::write(&so_pin, "1").expect("the directory is ours");
    let make = || {
        let mut make = script("make-token");
        make.arg(&token)
            .arg("T")
            .arg("--pin-file")
            .arg(&pin)
            .arg("--so-pin-file")
            .arg(&so_pin);
        make
    };
    ends(&mut make(), 1, "C_InitToken failed");
    assert_eq!(
        token.read_dir().expect("is there").count(),
        0,
        "nothing is left behind"
    );

    fs::write(&so_pin, "87654321").expect("the directory is ours");
    let said = make().succeed();
    assert!(!token.join("pin").exists() && !token.join("so-pin").exists());
    let login =
        format!("{said}\npkcs11-tool --module \"$PKCS11_MODULE_PATH\" --login --pin env:P -O");
    Command::new("bash")
        .args(["-c", &login])
        .env("P", "my own pin")
        .succeed();
}

#[test]
fn wrong_use_is_told() {
    ends(&mut script("make-token"), 2, "a directory and a label");
    ends(
        script("make-token").args(["/nonexistent", ""]),
        2,
        "1 to 32 bytes",
    );
    ends(
        script("make-token").args(["/nonexistent", "x", "--pin-file"]),
        2,
        "needs a file",
    );
    for (dir, label, says) in [
        ("/nonexistent", "x ", "cannot end in a blank"),
        ("/nonexistent/a#b", "x", "a directory with # or ="),
        ("/nonexistent/a=b", "x", "a directory with # or ="),
        ("/nonexistent/a\nb", "x", "a line break"),
    ] {
        ends(script("make-token").args([dir, label]), 2, says);
    }
    ends(script("make-token").arg("--other"), 2, "no option --other");
    ends(script("find-module").arg("x"), 2, "takes no argument");
    ends(
        script("find-module").env("SOFTHSM2_MODULE", "/nonexistent"),
        2,
        "names no file",
    );
    for name in ["make-token", "find-module"] {
        let help = script(name).arg("--help").succeed();
        assert!(help.contains(&format!("  softhsm/{name}")), "{help}");
    }
}
