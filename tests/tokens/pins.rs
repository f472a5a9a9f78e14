//! Where PINs come from, when they are sent, and that each is tried once.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Stdio;

use faulty_module::log::Log;

use crate::desk::Desk;
use harness::{Run, program};

/// The key's URI without the source of its PIN.
fn bare(desk: &Desk, key: &str) -> String {
    let uri = desk.token.uri(key);
    uri.split_once('?').expect("a query").0.to_owned()
}

#[test]
fn rule_2_a_pin_comes_from_a_file_a_variable_or_a_descriptor() {
    let desk = Desk::new();
    desk.make("key");
    let uri = bare(&desk, "key");
    let pin = desk.token.pin();
    desk.write("plain", &pin);
    desk.write("newline", format!("{pin}\n"));
    desk.write("space", format!("{pin} "));
    desk.write("latin", b"\xe9");
    desk.write("long", vec![b'1'; 5000]);
    let extract = |source: &str| {
        desk.ir_with([
            "extract-public",
            "-i",
            &uri,
            "-o",
            "key.pub",
            "--pin-source",
            source,
        ])
    };
    extract("file:plain").exits(0);
    extract("file:newline").exits(0);
    extract("file:space").exits(3).says("CKR_PIN_INCORRECT");
    extract("file:plain").exits(0);
    extract("file:latin").exits(3).says("it is not UTF-8");
    extract("file:long").exits(3).says("larger than");
    extract("file:absent")
        .exits(3)
        .says("PIN file absent: cannot open");
    extract("env:NO_SUCH_VARIABLE")
        .exits(3)
        .says("there is no environment variable");
    extract("|cat pin")
        .exits(2)
        .says("a command (|...) is never run for a PIN");
    for bad in ["plain", "fd:x", "fd:-1", "env:", "file:", "pass:1234"] {
        let run = extract(bad).exits(2);
        assert!(
            !run.stderr.contains("1234") || bad != "pass:1234",
            "{run:?}"
        );
    }
}

#[test]
fn rule_2_a_uris_own_source_is_a_file() {
    let desk = Desk::new();
    desk.make("key");
    let uri = bare(&desk, "key");
    desk.write("plain", desk.token.pin());
    // With a URI's own, in each of its forms.
    let absolute = desk.path("plain").display().to_string();
    for source in [
        "file:plain",
        &format!("file:{absolute}"),
        &format!("file://{absolute}"),
        &absolute,
    ] {
        let uri = format!("{uri}?pin-source={source}");
        desk.ir_with(["extract-public", "-i", &uri, "-o", "key.pub"])
            .exits(0);
    }
    let uri_with = |source: &str| format!("{uri}?pin-source={source}");
    desk.ir_with(["extract-public", "-i", &uri_with("%7Ccat"), "-o", "key.pub"])
        .exits(2)
        .says("never run");
    desk.ir_with([
        "extract-public",
        "-i",
        &uri_with("env:PIN"),
        "-o",
        "key.pub",
    ])
    .exits(2);
}

#[test]
fn rule_2_a_variable_and_a_descriptor_hold_a_pin() {
    let desk = Desk::new();
    desk.make("key");
    let (uri, pin) = (bare(&desk, "key"), desk.token.pin());
    let mut command = desk.token.command(program());
    command
        .current_dir(desk.root())
        .env("PKCS11_MODULE_PATH", &desk.token.module)
        .env("THE_PIN", &pin)
        .args([
            "extract-public",
            "-i",
            &uri,
            "-o",
            "key.pub",
            "--pin-source",
            "env:THE_PIN",
        ]);
    Run::from(command.output().expect("it runs")).exits(0);
    // Standard input goes by its number and by the name that it has everywhere.
    for source in ["fd:0", "file:-"] {
        let mut command = desk.token.command(program());
        let mut child = command
            .current_dir(desk.root())
            .env("PKCS11_MODULE_PATH", &desk.token.module)
            .args([
                "extract-public",
                "-i",
                &uri,
                "-o",
                "key.pub",
                "--pin-source",
                source,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        assert!(input.as_raw_fd() > 2);
        input
            .write_all(format!("{pin}\n").as_bytes())
            .expect("written");
        drop(input);
        Run::from(child.wait_with_output().expect("it ends")).exits(0);
    }
}

/// The program with `--pin-source fd:3`, where a script sets that up.
fn with_descriptor(desk: &Desk, uri: &str, script: &str) -> Run {
    let program = program();
    let line =
        format!("{script}\nexec {program} extract-public -i '{uri}' -o key.pub --pin-source fd:3");
    let mut command = desk.token.command("bash");
    command
        .current_dir(desk.root())
        .env("PKCS11_MODULE_PATH", &desk.token.module)
        .args(["-c", &line])
        .stdin(Stdio::null());
    Run::from(command.output().expect("it runs"))
}

/// A byte that an editor puts around a PIN is not a part of it, and a text that cannot be a PIN is not sent.
#[test]
fn rule_2_line_endings_and_byte_order_marks_cost_no_try() {
    let desk = Desk::new();
    desk.make("key");
    let uri = bare(&desk, "key");
    let pin = desk.token.pin();
    let arguments = format!("extract-public -i {uri} -o key.pub --pin-source file:source");
    let sixteen: Vec<u8> = pin.bytes().flat_map(|byte| [byte, 0]).collect();
    for (content, refused) in [
        (format!("{pin}\r\n").into_bytes(), None),
        (format!("\u{feff}{pin}").into_bytes(), None),
        (format!("\u{feff}{pin}\n").into_bytes(), None),
        (format!("\u{feff}{pin}\r\n").into_bytes(), None),
        (
            format!("{pin}\r").into_bytes(),
            Some("a line break or a zero byte"),
        ),
        (
            format!("{pin}\n\n").into_bytes(),
            Some("a line break or a zero byte"),
        ),
        (
            format!("{pin}\r\n\r\n").into_bytes(),
            Some("a line break or a zero byte"),
        ),
        (
            format!("# PIN\n{pin}\n").into_bytes(),
            Some("a line break or a zero byte"),
        ),
        (sixteen.clone(), Some("a line break or a zero byte")),
        (
            [b"\xff\xfe", &sixteen[..]].concat(),
            Some("it is not UTF-8"),
        ),
    ] {
        desk.write("source", &content);
        let (run, planned) = desk.planned("", &arguments);
        let log = Log::read(&planned.log).expect("a log");
        match refused {
            None => assert_eq!(
                (run.status, log.count("C_Login")),
                (0, 1),
                "{content:?} {run:?}"
            ),
            Some(says) => {
                run.exits(3).says("file:source holds no PIN").says(says);
                assert_eq!(log.count("C_Login"), 0, "{content:?}");
            }
        }
        std::fs::remove_file(desk.path("source")).expect("it is there");
    }
}

/// An empty file or variable is the empty PIN; an empty descriptor may be one that was read before.
#[test]
fn rule_2_the_empty_pin_is_sent_where_a_file_or_a_variable_holds_it() {
    let desk = Desk::new();
    desk.make("key");
    let uri = bare(&desk, "key");
    desk.write("empty", "");
    desk.write("newline", "\n");
    desk.write("mark", "\u{feff}\r\n");
    for source in ["file:empty", "file:newline", "file:mark"] {
        let arguments = format!("extract-public -i {uri} -o key.pub --pin-source {source}");
        let (run, planned) = desk.planned("", &arguments);
        run.exits(3)
            .says(&format!("it refused the PIN from {source}"));
        let log = Log::read(&planned.log).expect("a log");
        let sent = log
            .attempts()
            .map(|entry| entry.attempt.clone().expect("one").pin);
        assert_eq!(sent.collect::<Vec<_>>(), [true], "{source}");
        // A token whose PIN is the empty one takes it.
        let (run, _) = desk.planned("C_Login=CKR_OK", &arguments);
        assert!(!run.stderr.contains("holds no PIN"), "{source}: {run:?}");
    }
}

#[test]
fn rule_2_a_descriptor_is_read_from_where_it_stands() {
    let desk = Desk::new();
    desk.make("key");
    let uri = bare(&desk, "key");
    let pin = desk.token.pin();
    desk.write("second", format!("not this\n{pin}\n"));
    // A PIN that was read already is not sent.
    with_descriptor(&desk, &uri, "exec 3<second; read -u 3 -r line").exits(0);
    with_descriptor(&desk, &uri, "exec 3<second; cat <&3 >/dev/null")
        .exits(3)
        .says("fd:3 holds no PIN: it is empty");
    // A pipe that does not wait is waited for.
    let slow = "exec 3< <(sleep 0.3; cat second | tail -1); python3 -c 'import os; os.set_blocking(3, False)'";
    with_descriptor(&desk, &uri, slow).exits(0);
    for (script, says) in [
        // The person who runs the tests may have left one open.
        (
            "exec 3<&-",
            "PIN descriptor fd:3: cannot read: Bad file descriptor",
        ),
        (
            "exec 3>written",
            "PIN descriptor fd:3: cannot read: Bad file descriptor",
        ),
        (
            "exec 3<.",
            "PIN descriptor fd:3: cannot read: Is a directory",
        ),
        (
            "head -c 2000 /dev/zero >long; exec 3<long",
            "PIN descriptor fd:3: larger than",
        ),
    ] {
        with_descriptor(&desk, &uri, script).exits(3).says(says);
    }
    for number in ["-1", "4294967296", "0x3", ""] {
        desk.ir(&format!(
            "extract-public -i {uri} -o key.pub --pin-source fd:{number}"
        ))
        .exits(2)
        .says("the forms are file:PATH, env:NAME and fd:NUMBER");
    }
    desk.ir(&format!(
        "extract-public -i {uri} -o key.pub --pin-source fd:4294967295"
    ))
    .exits(3)
    .says("cannot read: Bad file descriptor");
}

#[test]
fn rule_2_a_descriptor_may_be_a_socket_or_a_file_that_is_read_again() {
    let desk = Desk::new();
    desk.make("key");
    let uri = bare(&desk, "key");
    let pin = desk.token.pin();
    let extract = |input: std::os::fd::OwnedFd, plan: &str| {
        let planned = desk.token.planned(plan);
        let run = desk
            .command(program())
            .envs(planned.env.iter().cloned())
            .env("PKCS11_MODULE_PATH", &planned.module)
            .args(["extract-public", "-i", &uri, "-o", "key.pub"])
            .args(["--pin-source", "fd:0"])
            .stdin(input)
            .output();
        Run::from(run.expect("it runs"))
    };
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
    ours.write_all(format!("{pin}\n").as_bytes())
        .expect("written");
    drop(ours);
    extract(theirs.into(), "").exits(0);
    // A key that asks for the PIN at each signature gets it from the same place in the file.
    desk.write("pin", format!("{pin}\n"));
    let file = std::fs::File::open(desk.path("pin")).expect("the file");
    extract(file.into(), "always-authenticate").exits(0);
}

#[test]
fn rule_2_a_pin_in_the_uri_is_refused_with_a_hint_and_never_shown() {
    let desk = Desk::new();
    let uri = bare(&desk, "key");
    for query in ["pin-value=71717171", "pin-value=71717171&pin-source=file:x"] {
        let run = desk
            .ir_with([
                "extract-public",
                "-o",
                "k.pub",
                "-i",
                &format!("{uri}?{query}"),
            ])
            .exits(2)
            .says("pin-value");
        // The argument parser shows what it refuses: not this.
        assert!(!run.stderr.contains("71717171"), "{run:?}");
    }
}

#[test]
fn rule_2_a_refusal_repeats_no_pin_wherever_it_was_typed() {
    let desk = Desk::new();
    let refused = |words: &[&str]| {
        for json in [false, true] {
            let mut words = words.to_vec();
            if json {
                words.push("--json");
            }
            let run = desk.ir_with(&words);
            assert_ne!(run.status, 0, "{words:?}: {run:?}");
            let all = format!("{}{}", run.stdout, run.stderr);
            assert!(!all.contains("13571"), "{words:?}: {run:?}");
            assert!(all.contains("error"), "{words:?}: {run:?}");
        }
    };
    for query in [
        "pin-value=13571",
        "PIN-VALUE=13571",
        "pin-value=x 13571",
        "pin%2Dvalue=13571",
        "pin-value%3D13571",
        "pin-value%3D13571=x",
        "%70in%252dvalue=13571",
        "module-path=a%3Fpin-value%3D13571",
        "pin-source=13571",
        "pin-sourc%65=13571",
        "pin-source=|echo%2013571",
        "pin-source=%7Cecho%2013571",
        "pin-source=pass:13571",
        "pin-source=13571&module-path=/x",
        "pin-source=file:x&pin-value=13571",
    ] {
        let uri = format!("pkcs11:token=ROOT?{query}");
        // The flag's own value, one that is not expected, and in place of what is not a key at all.
        refused(&["sign", "-k", &uri, "-f", "ca.pub", "-s", "z"]);
        refused(&["sign", &uri, "-f", "ca.pub", "-s", "z"]);
        refused(&["sign", "-k", "ca.prv", "-f", &uri, "-s", "z"]);
        refused(&["gen-key", "--pkcs11-uri", &uri]);
        refused(&["token", "keys", &uri]);
        refused(&["token", &uri]);
        refused(&[&uri]);
        refused(&["token", "init", &uri, "--label", &uri]);
        refused(&[
            "sign-image",
            "-r",
            "r",
            "-a",
            &uri,
            "-v",
            "ca.prv",
            "-x",
            "ca.prv",
        ]);
        refused(&[
            "sign-image",
            "-r",
            &uri,
            "-a",
            "a",
            "-v",
            "ca.prv",
            "-x",
            "ca.prv",
        ]);
        refused(&[
            "verify-image",
            "-r",
            "r",
            "-a",
            "a",
            "-c",
            "ca.pub",
            "-d",
            &uri,
        ]);
        refused(&["token", "passport", "pkcs11:", "-o", "x", "--accept", &uri]);
        refused(&["ceremony", "check", &uri]);
    }
    // A wrong separator makes it part of a label, which messages and results show.
    refused(&[
        "gen-key",
        "--pkcs11-uri",
        "pkcs11:object=a&pin-source=13571",
    ]);
    for flag in ["--pin-source", "--so-pin-source", "--new-pin-source"] {
        refused(&["token", "init", "--label", "x", flag, "13571"]);
        refused(&[
            "token",
            "init",
            "--label",
            "x",
            &format!("{flag}=|echo 13571"),
        ]);
    }
    // The message names the sources.
    desk.ir("sign pkcs11:token=ROOT?pin-source=file:a%26b -f x -s y")
        .exits(2)
        .says("pkcs11:token=ROOT?pin-source=file:a%26b' found");
}

#[test]
fn rule_2_without_a_source_and_a_terminal_nothing_is_guessed() {
    let desk = Desk::new();
    desk.make("key");
    let (run, planned) = desk.planned("", "extract-public -i pkcs11:object=key -o k.pub");
    run.exits(3)
        .says("no PIN: name its source with --pin-source");
    let log = Log::read(&planned.log).expect("a log");
    assert_eq!(log.count("C_Login"), 0);
}

#[test]
fn rule_3_the_tokens_flags_are_looked_at_before_a_pin_is_sent() {
    let desk = Desk::new();
    desk.make("key");
    for (flags, says) in [
        ("flags+=CKF_USER_PIN_LOCKED", "the user PIN is locked"),
        (
            "flags+=CKF_USER_PIN_FINAL_TRY",
            "one more wrong PIN locks it for good",
        ),
        (
            "flags+=CKF_USER_PIN_TO_BE_CHANGED",
            "has expired or has to be changed",
        ),
    ] {
        let (run, planned) = desk.planned(flags, "extract-public -i {key} -o k.pub");
        run.exits(3).says(says);
        let log = Log::read(&planned.log).expect("a log");
        assert_eq!(log.count("C_Login"), 0, "{flags}");
    }
    let (run, _) = desk.planned(
        "flags+=CKF_USER_PIN_FINAL_TRY",
        "extract-public -i {key} -o k.pub --allow-final-try",
    );
    run.exits(0);
    let (run, _) = desk.planned(
        "flags+=CKF_USER_PIN_LOCKED",
        "extract-public -i {key} -o k.pub --allow-final-try",
    );
    run.exits(3);
    let (run, _) = desk.planned(
        "flags+=CKF_USER_PIN_COUNT_LOW",
        "extract-public -i {key} -o k.pub",
    );
    run.exits(0)
        .says("a wrong PIN was tried since the last login");
}

#[test]
fn rule_3_a_wrong_pin_is_sent_once_and_its_source_is_named() {
    let desk = Desk::new();
    desk.make("root");
    desk.make("vendor-key");
    desk.write("wrong", "99999999");
    harness::unpack("multi", &desk.path("registry/multi"));
    let uri = bare(&desk, "vendor-key");
    let planned = desk.token.planned("");
    let run = desk
        .command(program())
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args([
            "sign-image",
            "-r",
            "registry",
            "-a",
            "multi",
            "-d",
            "multi",
            "--all-platforms",
        ])
        .args([
            "-v",
            &uri,
            "-x",
            &desk.token.uri("root"),
            "--pin-source",
            "file:wrong",
        ])
        .output()
        .expect("it runs");
    let run = Run::from(run)
        .exits(3)
        .says("refused the PIN from file:wrong (CKR_PIN_INCORRECT)");
    assert!(!run.stderr.contains("99999999"), "{run:?}");
    let log = Log::read(&planned.log).expect("a log");
    assert_eq!(log.count("C_Login"), 1);
}

#[test]
fn rule_3_one_tokens_pin_is_never_sent_to_another() {
    let desk = Desk::new();
    let files = [&desk.token.so_pin_file, &desk.token.pin_file].map(|p| p.display().to_string());
    desk.ir(&format!(
        "token init --label other --so-pin-source file:{} --new-pin-source file:{}",
        files[0], files[1]
    ))
    .exits(0);
    desk.make("vendor-key");
    desk.ir(&format!(
        "gen-key --pkcs11-uri pkcs11:token=other;object=root --pin-source file:{}",
        files[1]
    ))
    .exits(0);
    harness::unpack("umoci", &desk.path("registry/hello"));
    let vendor = bare(&desk, "vendor-key");
    let planned = desk.token.planned("");
    let run = desk
        .command(program())
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["sign-image", "-r", "registry", "-a", "hello", "-v", &vendor])
        .args(["-x", "pkcs11:token=other;object=root"])
        .args(["--pin-source", &format!("file:{}", files[1])])
        .output()
        .expect("it runs");
    Run::from(run)
        .exits(2)
        .says("one token's PIN is never sent to another")
        .says("hint: give each token its own");
    let log = Log::read(&planned.log).expect("a log");
    assert_eq!(log.count("C_Login"), 1);
}

#[test]
fn rule_4_a_pin_pad_gets_no_pin() {
    let desk = Desk::new();
    desk.make("key");
    let planned = desk.token.planned("pin-pad");
    let run = desk
        .command(program())
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["extract-public", "-o", "key.pub", "-i", &bare(&desk, "key")])
        .output()
        .expect("it runs");
    Run::from(run).exits(0).says("enter the PIN on its PIN pad");
}

#[test]
fn always_authenticate_keys_take_a_login_for_each_signature() {
    let desk = Desk::new();
    desk.make("vendor-key");
    desk.ir("endorse -k ca.prv -f vendor-key.pub -s v.sig")
        .exits(0);
    let sign = "sign-image -r registry -a multi -d multi --all-platforms -v {vendor-key} -s v.sig -c ca.pub";
    for more in ["", " --keep-pin", " --jobs 2"] {
        let _ = std::fs::remove_dir_all(desk.path("registry"));
        harness::unpack("multi", &desk.path("registry/multi"));
        let (run, planned) = desk.planned("always-authenticate", &format!("{sign}{more}"));
        assert_eq!(run.exits(0).stdout.lines().count(), 3);
        let log = Log::read(&planned.log).expect("a log");
        // One for the session, one for each image.
        assert_eq!(log.count("C_Login"), 4, "{more}");
        desk.ir("verify-image -r registry -a multi --all -c ca.pub")
            .exits(0);
    }
}
