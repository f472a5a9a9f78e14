//! Key pairs, as a person makes and takes them: files, passphrases, prompts.

use std::fs;
use std::process::Command;

use harness::terminal::{self, Answer};
use harness::{Run, Sandbox, data, limited, program};

/// The passphrases of the pairs in `tests/data/cosign`.
pub const PAIRS: [(&str, &str); 5] = [
    ("p256", "ir-sign tests"),
    ("p384", "ir-sign tests"),
    ("p521", "ir-sign tests"),
    ("empty", ""),
    ("lines", "p\u{e4}\n\u{df}\n"),
];

/// A folder with the pairs of `tests/data/cosign`.
pub fn with_pairs() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, _) in PAIRS {
        for ending in ["key", "pub"] {
            let file = format!("{name}.{ending}");
            let bytes = fs::read(data("cosign").join(&file)).expect("a fixture");
            sandbox.write(&file, bytes);
        }
    }
    sandbox
}

/// A command of cosign's in our program, without a terminal.
pub fn cosign(sandbox: &Sandbox, arguments: &str) -> Command {
    // The run cannot ask anybody: `setsid` takes the terminal away.
    let mut command = sandbox.command("setsid");
    command
        .args(["--wait", "timeout", "-k", "1", "60", program(), "cosign"])
        .args(arguments.split_whitespace())
        .env_remove("COSIGN_PASSWORD")
        .env_remove("COSIGN_PKCS11_PIN")
        .env_remove("COSIGN_PKCS11_MODULE_PATH")
        .env_remove("NO_COLOR");
    command
}

/// The same with a passphrase in the environment.
#[track_caller]
pub fn run(sandbox: &Sandbox, passphrase: &str, arguments: &str) -> Run {
    Run::of(cosign(sandbox, arguments).env("COSIGN_PASSWORD", passphrase))
}

#[test]
fn key_files_of_cosign_are_read() {
    let sandbox = with_pairs();
    for (name, passphrase) in PAIRS {
        let public = String::from_utf8(sandbox.read(format!("{name}.pub"))).expect("text");
        let shown = run(
            &sandbox,
            passphrase,
            &format!("public-key --key {name}.key"),
        )
        .ok();
        assert_eq!(shown.stdout, public, "{name}");
    }
}

#[test]
fn a_key_file_that_cosign_named_so_before_2022_is_read_and_line_ends_of_windows_are() {
    let sandbox = with_pairs();
    let text = String::from_utf8(sandbox.read("p256.key")).expect("text");
    sandbox.write("old.key", text.replace("SIGSTORE", "COSIGN"));
    sandbox.write("dos.key", text.replace('\n', "\r\n"));
    for name in ["old", "dos"] {
        let arguments = format!("public-key --key {name}.key --outfile {name}.pub");
        run(&sandbox, "ir-sign tests", &arguments)
            .ok()
            .says(&format!("wrote {name}.pub"));
        assert_eq!(
            sandbox.read(format!("{name}.pub")),
            sandbox.read("p256.pub")
        );
    }
}

#[test]
fn a_pair_is_made_on_each_curve_and_read_again() {
    let sandbox = Sandbox::new();
    for (curve, kind) in [
        ("p256", "EC P-256"),
        ("p384", "EC P-384"),
        ("p521", "EC P-521"),
    ] {
        let arguments = format!("generate-key-pair --curve {curve} --output-key-prefix {curve}");
        let made = run(&sandbox, "secret", &arguments).ok();
        made.says(&[
            &format!("made private key {curve}.key"),
            &format!("wrote its public key {curve}.pub"),
            &format!("{kind}, fingerprint SHA256:"),
        ]);
        assert_eq!(sandbox.mode(format!("{curve}.key")), 0o600);
        let shown = run(&sandbox, "secret", &format!("public-key --key {curve}.key")).ok();
        assert_eq!(
            shown.stdout.as_bytes(),
            sandbox.read(format!("{curve}.pub"))
        );
    }
    run(&sandbox, "secret", "generate-key-pair").ok();
    assert!(sandbox.has("cosign.key") && sandbox.has("cosign.pub"));
    let text = String::from_utf8(sandbox.openssl("pkey -pubin -in cosign.pub -noout -text"));
    assert!(text.expect("text").contains("prime256v1"));
}

#[test]
fn two_pairs_have_nothing_in_common() {
    let sandbox = Sandbox::new();
    for name in ["a", "b"] {
        let arguments = format!("generate-key-pair --output-key-prefix {name}");
        run(&sandbox, "secret", &arguments).ok();
    }
    let lines = |name: &str| {
        let text = String::from_utf8(sandbox.read(name)).expect("text");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (a, b) = (lines("a.key"), lines("b.key"));
    // The salt begins in the second line: "kdf", "params" and "salt" before it are the same.
    assert_eq!(a[..2], b[..2]);
    for (line, other) in a[2..a.len() - 1].iter().zip(&b[2..]) {
        assert_ne!(line, other);
    }
}

#[test]
fn json_tells_of_a_pair() {
    let sandbox = Sandbox::new();
    let made = run(&sandbox, "secret", "generate-key-pair --json")
        .ok()
        .json();
    assert_eq!(made["key"], "cosign.key");
    assert_eq!(made["public"], "cosign.pub");
    assert_eq!(made["kind"], "EC P-256");
    assert!(made["token"].is_null());
    let shown = run(&sandbox, "secret", "public-key --key cosign.key --json")
        .ok()
        .json();
    assert_eq!(shown["fingerprint"], made["fingerprint"]);
    let pem = shown["pem"].as_str().expect("text");
    assert_eq!(pem.as_bytes(), sandbox.read("cosign.pub"));
}

#[test]
fn no_private_key_is_ever_replaced() {
    let sandbox = with_pairs();
    let before = sandbox.read("p256.key");
    let hint = "a private key is never overwritten";
    for arguments in [
        "generate-key-pair --output-key-prefix p256",
        "generate-key-pair --output-key-prefix p256 --force -y",
        "import-key-pair -k p384.key --output-key-prefix p256 --force --yes",
    ] {
        // Without a passphrase: the run refuses before it asks for one.
        Run::of(&mut cosign(&sandbox, arguments))
            .exits(1)
            .says(&["key file p256.key: already exists", hint][..]);
    }
    assert_eq!(sandbox.read("p256.key"), before);
    // As an output of another command it is not replaced either.
    run(
        &sandbox,
        "ir-sign tests",
        "public-key --key p384.key --outfile p256.key --force",
    )
    .exits(1)
    .says("holds a private key, and none is ever overwritten");
    assert_eq!(sandbox.read("p256.key"), before);
}

#[test]
fn a_public_key_file_stays_unless_it_is_forced() {
    let sandbox = with_pairs();
    sandbox.write("new.pub", "something");
    let failed = run(
        &sandbox,
        "secret",
        "generate-key-pair --output-key-prefix new",
    )
    .exits(1);
    failed.says("public key file new.pub: already exists");
    assert!(!sandbox.has("new.key"));
    let arguments = "public-key --key p256.key --outfile new.pub";
    run(&sandbox, "ir-sign tests", arguments)
        .exits(1)
        .says("--force replaces");
    run(&sandbox, "ir-sign tests", &format!("{arguments} --force")).ok();
    run(&sandbox, "ir-sign tests", arguments)
        .ok()
        .says("new.pub is up to date");
    assert_eq!(sandbox.read("new.pub"), sandbox.read("p256.pub"));
    run(
        &sandbox,
        "secret",
        "generate-key-pair --output-key-prefix new --force",
    )
    .ok();
    assert_ne!(sandbox.read("new.pub"), sandbox.read("p256.pub"));
}

#[test]
fn an_import_keeps_the_key_and_changes_the_passphrase() {
    let sandbox = with_pairs();
    sandbox.write("old", "ir-sign tests\n");
    let arguments = "import-key-pair -k p521.key --key-passphrase-source file:old";
    run(&sandbox, "another", arguments)
        .ok()
        .says("wrote import-cosign.key with the private key of p521.key");
    assert_eq!(sandbox.read("import-cosign.pub"), sandbox.read("p521.pub"));
    let shown = run(&sandbox, "another", "public-key --key import-cosign.key").ok();
    assert_eq!(shown.stdout.as_bytes(), sandbox.read("p521.pub"));
    run(
        &sandbox,
        "ir-sign tests",
        "public-key --key import-cosign.key",
    )
    .exits(1)
    .says("wrong passphrase");
    // The public key of another is not replaced, and the private key is not written then.
    let arguments = format!("{arguments} --output-key-prefix p256");
    fs::remove_file(sandbox.path("p256.key")).expect("it was there");
    run(&sandbox, "another", &arguments)
        .exits(1)
        .says("public key file p256.pub: already exists");
    assert!(!sandbox.has("p256.key"));
    // Its own is.
    let arguments = arguments.replace("prefix p256", "prefix p521b");
    sandbox.write("p521b.pub", sandbox.read("p521.pub"));
    run(&sandbox, "another", &arguments)
        .ok()
        .says("p521b.pub is up to date");
}

#[test]
fn a_passphrase_comes_from_where_the_flag_says_first() {
    let sandbox = with_pairs();
    sandbox.write("right", "ir-sign tests\r\n");
    sandbox.write("wrong", "ir-sign test");
    let key = "public-key --key p256.key --passphrase-source";
    run(&sandbox, "wrong", &format!("{key} file:right")).ok();
    run(&sandbox, "ir-sign tests", &format!("{key} file:wrong"))
        .exits(1)
        .says("error: key file p256.key: wrong passphrase");
    let mut command = cosign(&sandbox, &format!("{key} env:MINE"));
    Run::of(command.env("MINE", "ir-sign tests")).ok();
    run(&sandbox, "ir-sign tests", &format!("{key} env:NOT_THERE"))
        .exits(3)
        .says("there is no environment variable NOT_THERE to take the passphrase from");
    run(&sandbox, "ir-sign tests", &format!("{key} file:none"))
        .exits(3)
        .says("key file p256.key: passphrase file none: cannot open");
    sandbox
        .shell(
            "ir-sign cosign public-key --key p256.key --passphrase-source fd:3 3< right",
            "",
        )
        .ok();
    sandbox
        .shell(
            "ir-sign cosign public-key --key p256.key --passphrase-source fd:3 3< /dev/null",
            "",
        )
        .exits(3)
        .says("fd:3 holds no passphrase: it is empty");
    // The run warns of a file that others can read.
    harness::set_mode(&sandbox.path("right"), 0o644);
    run(&sandbox, "", &format!("{key} file:right"))
        .ok()
        .says("warning: passphrase file right can be read or written by others");
}

#[test]
fn a_passphrase_is_never_shown() {
    let sandbox = with_pairs();
    // A person who types it in the place of its source does not read it again.
    let run = run(
        &sandbox,
        "x",
        "public-key --key p256.key --passphrase-source hunter2",
    );
    let run = run.exits(2).says("file:PATH, env:NAME and fd:NUMBER");
    assert!(!run.stderr.contains("hunter2"), "{run:#?}");
}

#[test]
fn without_a_passphrase_or_somebody_to_ask_nothing_is_made() {
    let sandbox = with_pairs();
    for arguments in ["public-key --key p256.key", "generate-key-pair"] {
        Run::of(&mut cosign(&sandbox, arguments)).exits(3).says(
            &[
                "no passphrase: there is no terminal to ask on",
                "hint: --passphrase-source file:PATH, env:NAME or fd:NUMBER, or COSIGN_PASSWORD",
            ][..],
        );
    }
    assert!(!sandbox.has("cosign.key") && !sandbox.has("cosign.pub"));
    // The variable is for the new file's passphrase.
    run(&sandbox, "ir-sign tests", "import-key-pair -k p256.key")
        .exits(3)
        .says("hint: --key-passphrase-source file:PATH, env:NAME or fd:NUMBER");
}

#[test]
fn a_passphrase_is_asked_for_once_and_a_new_one_twice() {
    let sandbox = with_pairs();
    let type_in = |text: &'static str| Answer::Type(text.as_bytes());
    let on_terminal = |arguments: &str, dialogue: &[(&str, Answer<'_>)]| {
        let mut command = sandbox.command(program());
        command.arg("cosign").args(arguments.split_whitespace());
        terminal::session(&command, dialogue)
    };
    let right = [("Passphrase of p256.key: ", type_in("ir-sign tests\n"))];
    let session = on_terminal("public-key --key p256.key", &right);
    assert!(!session.screen.contains("ir-sign tests") && session.echo);
    session.run.expect("it ends").ok();
    let wrong = [("Passphrase of p256.key: ", type_in("no\n"))];
    let session = on_terminal("public-key --key p256.key", &wrong);
    session
        .run
        .expect("it ends")
        .exits(1)
        .says("wrong passphrase");
    let twice = |again| {
        [
            ("New passphrase of cosign.key: ", type_in("one\n")),
            ("New passphrase again: ", type_in(again)),
        ]
    };
    let session = on_terminal("generate-key-pair", &twice("two\n"));
    session
        .run
        .expect("it ends")
        .exits(3)
        .says("no passphrase: the two passphrases do not match");
    assert!(!sandbox.has("cosign.key") && !sandbox.has("cosign.pub"));
    let session = on_terminal("generate-key-pair", &twice("one\n"));
    session.run.expect("it ends").ok();
    run(&sandbox, "one", "public-key --key cosign.key").ok();
    // Ctrl-C is the end, by the signal.
    let interrupted = [("Passphrase of p256.key: ", type_in("\x03"))];
    let session = on_terminal("public-key --key p256.key", &interrupted);
    assert!(session.echo);
    session.run.expect("it ends").exits(130);
}

#[test]
fn an_empty_passphrase_is_one_and_protects_nothing() {
    let sandbox = Sandbox::new();
    run(&sandbox, "", "generate-key-pair")
        .ok()
        .says("warning: cosign.key is encrypted with an empty passphrase, which protects nothing");
    run(&sandbox, "", "public-key --key cosign.key").ok();
    run(&sandbox, "x", "public-key --key cosign.key").exits(1);
}

#[test]
fn flags_of_cosign_that_are_not_followed_say_why() {
    let sandbox = Sandbox::new();
    for (arguments, says) in [
        (
            "generate-key-pair --kms awskms://x",
            "nothing is asked over the network",
        ),
        (
            "public-key --key gcpkms://x/y",
            "nothing is asked over the network",
        ),
        (
            "generate-key-pair --key cosign.key",
            "it does not start with pkcs11:",
        ),
        ("generate-key-pair --curve p224", "p256, p384, p521"),
        ("public-key", "--key"),
    ] {
        run(&sandbox, "x", arguments).exits(2).says(says);
    }
    assert_eq!(sandbox.names(), [""; 0]);
}

#[test]
fn a_key_in_a_folder_that_is_not_there_is_told_before_a_passphrase_is_asked_for() {
    let sandbox = Sandbox::new();
    Run::of(&mut cosign(
        &sandbox,
        "generate-key-pair --output-key-prefix no/where",
    ))
    .exits(3)
    .says("public key file no/where.pub: cannot create");
    let help = Run::of(limited(program()).args(["cosign", "generate-key-pair", "--help"])).ok();
    for text in ["COSIGN_PASSWORD", "COSIGN_PKCS11_PIN", "[default: p256]"] {
        assert!(help.stdout.contains(text), "{text}: {}", help.stdout);
    }
}
