//! Prompts on a real terminal: only those that are needed, naming the token, showing nothing.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::common::{IR_SIGN, Run};
use crate::desk::Desk;

/// What was on the terminal, and what became of the program.
struct Session {
    screen: String,
    run: Run,
    /// Whether the terminal shows what is typed, after the program ended.
    echo: bool,
}

/// Runs the program with a terminal of its own; for each prompt in turn, waits for the text and
/// types the answer.
fn session(desk: &Desk, arguments: &[&str], dialogue: &[(&str, &[u8])]) -> Session {
    let mut master =
        File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal"));
    grantpt(&master).expect("granted");
    unlockpt(&master).expect("unlocked");
    let name = ptsname(&master, Vec::new()).expect("a name");
    let slave = File::options()
        .read(true)
        .write(true)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag"))
        .open(name.to_str().expect("text"))
        .expect("the other end");
    let mut child = desk
        .token
        .command("setsid")
        .current_dir(desk.root())
        .env("PKCS11_MODULE_PATH", &desk.token.module)
        .args(["--ctty", "--wait", IR_SIGN])
        .args(arguments)
        .stdin(slave.try_clone().expect("a copy"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    rustix::io::ioctl_fionbio(&master, true).expect("not blocking");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut screen = Vec::new();
    let mut looked = 0;
    for (text, answer) in dialogue {
        let found = |screen: &[u8], from: usize| {
            let screen = String::from_utf8_lossy(&screen[from..]).into_owned();
            screen.find(text).map(|at| from + at + text.len())
        };
        loop {
            let _ = master.read_to_end(&mut screen);
            if let Some(at) = found(&screen, looked) {
                looked = at;
                break;
            }
            assert!(
                Instant::now() < deadline && child.try_wait().expect("asked").is_none(),
                "no {text:?} on the screen: {}",
                String::from_utf8_lossy(&screen)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        master.write_all(answer).expect("typed");
    }
    let run = Run::from(child.wait_with_output().expect("it ends"));
    let _ = master.read_to_end(&mut screen);
    let modes = tcgetattr(&slave).expect("a terminal").local_modes;
    Session {
        screen: String::from_utf8_lossy(&screen).into_owned(),
        run,
        echo: modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG),
    }
}

fn line(pin: &str) -> Vec<u8> {
    format!("{pin}\n").into_bytes()
}

#[test]
fn a_prompt_names_the_token_shows_nothing_and_is_asked_once() {
    let desk = Desk::new();
    desk.make("key");
    let pin = desk.token.pin();
    let arguments = ["extract-public", "-i", "pkcs11:object=key", "-o", "k.pub"];
    let prompt = "PIN of token \"test token\": ";
    let done = session(&desk, &arguments, &[(prompt, &line(&pin))]);
    done.run.exits(0);
    assert!(!done.screen.contains(&pin), "{}", done.screen);
    assert_eq!(done.screen.matches("PIN of").count(), 1, "{}", done.screen);
    assert!(done.echo);

    let wrong = session(&desk, &arguments, &[(prompt, b"99999999\n")]);
    wrong
        .run
        .exits(3)
        .says("refused the PIN from the prompt (CKR_PIN_INCORRECT)");
    assert_eq!(
        wrong.screen.matches("PIN of").count(),
        1,
        "{}",
        wrong.screen
    );
}

#[test]
fn a_typed_pin_can_be_corrected_and_given_up() {
    let desk = Desk::new();
    desk.make("key");
    let pin = desk.token.pin();
    let arguments = ["extract-public", "-i", "pkcs11:object=key", "-o", "k.pub"];
    let corrected = format!("nonsense\u{15}{pin}x\u{e9}\u{7f}\u{8}\r");
    session(&desk, &arguments, &[("PIN of", corrected.as_bytes())])
        .run
        .exits(0);
    std::fs::remove_file(desk.path("k.pub")).expect("it was written");
    for (typed, says) in [
        (&b"12\x03"[..], "the prompt was cancelled"),
        (b"\x04", "the prompt was cancelled"),
        (b"\n", "holds no PIN: it is empty"),
        (&[b'1'; 300], "more than 255 bytes were typed"),
        (b"\xff\n", "it is not UTF-8"),
    ] {
        let ended = session(&desk, &arguments, &[("PIN of", typed)]);
        ended.run.exits(3).says(says);
        assert!(ended.echo, "{says}");
        assert!(!desk.has("k.pub"));
    }
}

#[test]
fn no_prompt_where_there_is_a_source() {
    let desk = Desk::new();
    desk.make("key");
    let uri = desk.token.uri("key");
    let done = session(&desk, &["extract-public", "-i", &uri, "-o", "k.pub"], &[]);
    done.run.exits(0);
    assert_eq!(done.screen, "");
    let listed = session(&desk, &["token", "list"], &[]);
    listed.run.exits(0);
    assert_eq!(listed.screen, "");
}

#[test]
fn a_new_tokens_pins_are_asked_for_twice() {
    let desk = Desk::new();
    let init = ["token", "init", "--label", "fresh"];
    let typed: [(&str, &[u8]); 4] = [
        ("New SO PIN: ", b"87654321\n"),
        ("New SO PIN again: ", b"87654321\n"),
        ("New user PIN: ", b"12345678\n"),
        ("New user PIN again: ", b"12345679\n"),
    ];
    session(&desk, &init, &typed)
        .run
        .exits(3)
        .says("the two entries are not the same");
    let listed = desk.ir("token list").exits(0);
    assert!(!listed.stdout.contains("fresh"), "{listed:?}");
    let mut right = typed;
    right[3].1 = b"12345678\n";
    let done = session(&desk, &init, &right);
    done.run.exits(0);
    assert!(!done.screen.contains("12345678"), "{}", done.screen);
    desk.write("pin", "12345678");
    desk.ir("gen-key --pkcs11-uri pkcs11:token=fresh;object=k --pin-source file:pin")
        .exits(0);
}

#[test]
fn each_token_is_asked_for_its_own_pin() {
    let desk = Desk::new();
    desk.make("vendor-key");
    desk.write("other-so", "87654321");
    desk.write("other-pin", "11223344");
    desk.ir(
        "token init --label other --so-pin-source file:other-so --new-pin-source file:other-pin",
    )
    .exits(0);
    desk.ir("gen-key --pkcs11-uri pkcs11:token=other;object=root --pin-source file:other-pin")
        .exits(0);
    crate::common::unpack("umoci", &desk.path("registry/hello"));
    let arguments = [
        "sign-image",
        "-r",
        "registry",
        "-a",
        "hello",
        "-v",
        "pkcs11:token=test%20token;object=vendor-key",
        "-x",
        "pkcs11:token=other;object=root",
    ];
    let dialogue: [(&str, &[u8]); 2] = [
        ("PIN of token \"test token\": ", &line(&desk.token.pin())),
        ("PIN of token \"other\": ", b"11223344\n"),
    ];
    let done = session(&desk, &arguments, &dialogue);
    done.run.exits(0);
    assert_eq!(done.screen.matches("PIN of").count(), 2, "{}", done.screen);
}
