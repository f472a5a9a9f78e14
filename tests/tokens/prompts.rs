//! Prompts on a real terminal: only those that are needed, naming the token, showing nothing.

use crate::desk::Desk;
use harness::oci::{Maker, with_tag};
use harness::terminal::{self, Answer};
use harness::{Run, program};

/// The text on the terminal, and the end of the program.
struct Session {
    screen: String,
    run: Run,
    echo: bool,
}

fn session(desk: &Desk, arguments: &[&str], dialogue: &[(&str, &[u8])]) -> Session {
    let mut command = desk.token.command(program());
    command
        .current_dir(desk.root())
        .env("PKCS11_MODULE_PATH", &desk.token.module)
        .args(arguments);
    let dialogue: Vec<_> = dialogue
        .iter()
        .map(|(text, typed)| (*text, Answer::Type(typed)))
        .collect();
    let done = terminal::session(&command, &dialogue);
    Session {
        screen: done.screen,
        run: done.run.expect("it was not killed"),
        echo: done.echo,
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
fn a_signal_at_the_prompt_leaves_a_terminal_that_shows_what_is_typed() {
    let desk = Desk::new();
    desk.make("key");
    let planned = desk.token.planned("");
    let mut command = desk.command("sh");
    let program = program();
    let script = format!(
        "(sleep 2; kill -TERM $$) >/dev/null 2>&1 & exec {program} extract-public -i 'pkcs11:object=key' -o k.pub"
    );
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["-c", &script]);
    let done = terminal::session(&command, &[("PIN of", Answer::Type(b"12"))]);
    done.run.expect("the shell stays").exits(143);
    assert!(done.echo);
    let log = faulty_module::log::Log::read(&planned.log).expect("a log");
    let last = log.entries.last().map(|call| call.function.as_str());
    assert_eq!((last, log.count("C_Login")), (Some("C_Finalize"), 0));
}

#[test]
fn a_typed_pin_can_be_corrected_and_given_up() {
    let desk = Desk::new();
    desk.make("key");
    let pin = desk.token.pin();
    let arguments = ["extract-public", "-i", "pkcs11:object=key", "-o", "k.pub"];
    // Control-Z is not a part of it.
    let corrected = format!("nonsense\u{15}word\u{17}\u{1a}{pin}x\u{e9}\u{7f}\u{8}\r");
    session(&desk, &arguments, &[("PIN of", corrected.as_bytes())])
        .run
        .exits(0);
    std::fs::remove_file(desk.path("k.pub")).expect("it was written");
    for (typed, status, says) in [
        // 128 + the signal that the key is for: SIGINT, SIGQUIT.
        (&b"12\x03"[..], 130, "the prompt was interrupted"),
        (b"12\x1c", 131, "the prompt was interrupted"),
        (b"\x04", 3, "the prompt was cancelled"),
        (b"\n", 3, "no PIN was entered"),
        (&[b'1'; 300], 3, "more than 255 bytes were typed"),
        (b"\xff\n", 3, "it is not UTF-8"),
    ] {
        let ended = session(&desk, &arguments, &[("PIN of", typed)]);
        ended.run.exits(status).says(says);
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
        ("New SO PIN (from 4 to 255 bytes): ", b"87654321\n"),
        ("New SO PIN again: ", b"87654321\n"),
        ("New user PIN (from 4 to 255 bytes): ", b"12345678\n"),
        ("New user PIN again: ", b"12345679\n"),
    ];
    session(&desk, &init, &typed)
        .run
        .exits(3)
        .says("the two PINs do not match");
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

/// A user need not type four PINs to learn that the first was too short.
#[test]
fn a_new_pin_of_a_wrong_length_is_refused_when_it_is_typed() {
    let desk = Desk::new();
    let init = ["token", "init", "--label", "fresh"];
    let ended = session(
        &desk,
        &init,
        &[("New SO PIN (from 4 to 255 bytes): ", b"123\n")],
    );
    assert!(!ended.screen.contains("again"), "{}", ended.screen);
    ended
        .run
        .exits(2)
        .says("the SO PIN must have from 4 to 255 bytes");
    let typed: [(&str, &[u8]); 3] = [
        ("New SO PIN (from 4 to 255 bytes): ", b"87654321\n"),
        ("New SO PIN again: ", b"87654321\n"),
        ("New user PIN (from 4 to 255 bytes): ", b"123\n"),
    ];
    let ended = session(&desk, &init, &typed);
    assert!(!ended.screen.contains("user PIN again"), "{}", ended.screen);
    ended
        .run
        .exits(2)
        .says("the user PIN must have from 4 to 255 bytes");
    let listed = desk.ir("token list").exits(0);
    assert!(!listed.stdout.contains("fresh"), "{listed:?}");
}

/// The SO PIN of a token that is erased already exists; it is refused if it is wrong.
#[test]
fn an_erased_tokens_so_pin_is_asked_for_once() {
    let desk = Desk::new();
    let so = desk.token.so_pin();
    let init = ["token", "init", "--label", "again", "--erase", "test token"];
    let typed: [(&str, &[u8]); 3] = [
        ("SO PIN of token \"test token\": ", &line(&so)),
        ("New user PIN (from 4 to 255 bytes): ", b"12345678\n"),
        ("New user PIN again: ", b"12345678\n"),
    ];
    let done = session(&desk, &init, &typed);
    done.run.exits(0);
    assert_eq!(done.screen.matches("SO PIN").count(), 1, "{}", done.screen);
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
    harness::unpack("umoci", &desk.path("registry/hello"));
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

/// A vendor's and a CA's key on a token, the vendor's endorsement, and an app with images: tags and layers.
fn with_images(images: &[(&str, &[u8])]) -> Desk {
    let desk = Desk::new();
    for key in ["vendor-key", "root"] {
        desk.make(key);
    }
    desk.ir("endorse -k {root} -f vendor-key.pub -s vendor.sig")
        .exits(0);
    let maker = Maker::new(desk.path("registry/app"));
    let entries = images
        .iter()
        .map(|(tag, layer)| with_tag(maker.image("", layer, layer), tag));
    maker.index(&entries.collect::<Vec<_>>());
    desk
}

/// Signs images of that app over the faulting module, with what is told on the terminal.
fn sign_on_terminal(desk: &Desk, plan: &str, key: &str, more: &str) -> std::process::Command {
    let planned = desk.token.planned(plan);
    let program = program();
    let script = format!(
        "exec timeout --foreground 60 {program} sign-image -r registry -a app -v '{key}' \
         -s vendor.sig -c root.pub {more} 2>/dev/tty"
    );
    let mut command = desk.command("sh");
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .env("TERM", "xterm")
        .args(["-c", &script]);
    command
}

/// The end of the prompt for one signature.
const FOR_A_SIGNATURE: &str = "for a signature of key \"vendor-key\" on token \"test token\": ";

/// While the key of one image waits for its PIN, the layers of the next are hashed, and the bar says so.
#[test]
fn a_prompt_is_not_drawn_over_by_the_bar() {
    let desk = with_images(&[("small", b"small"), ("large", &vec![0; 192 << 20])]);
    // The bar shows after a second.
    let plan = "always-authenticate;slow=C_Login:1100";
    let key = "pkcs11:object=vendor-key";
    let command = sign_on_terminal(&desk, plan, key, "-d small -d large");
    let pin = line(&desk.token.pin());
    let wait = |_: &str| {
        std::thread::sleep(std::time::Duration::from_millis(1500));
        Vec::new()
    };
    let done = terminal::session(
        &command,
        &[
            ("PIN of token \"test token\": ", Answer::Type(&pin)),
            (FOR_A_SIGNATURE, Answer::Made(wait)),
            ("", Answer::Type(&pin)),
            (FOR_A_SIGNATURE, Answer::Type(&pin)),
        ],
    );
    done.run.expect("it was not killed").exits(0);
    let screen = &done.screen;
    assert!(screen.contains("layers of"), "{screen:?}");
    for (at, _) in screen.match_indices("PIN of") {
        let before = screen[..at].chars().next_back();
        let behind = screen[at..].split('\n').next().unwrap_or_default();
        assert!(
            before.is_none_or(|c| "\n\rKA".contains(c)) && !behind.contains('\u{1b}'),
            "{before:?} {behind:?}"
        );
    }
}

/// Who gives up on a PIN is not asked for the next: an image whose layers were hashed meanwhile is not signed.
#[test]
fn a_prompt_that_is_given_up_is_the_last() {
    let desk = with_images(&[
        ("small", b"small"),
        ("large", &vec![0; 96 << 20]),
        ("third", b"third"),
    ]);
    let key = "pkcs11:object=vendor-key";
    let images = "-d small -d large -d third";
    let command = sign_on_terminal(&desk, "always-authenticate", key, images);
    let pin = line(&desk.token.pin());
    let done = terminal::session(
        &command,
        &[
            ("PIN of token \"test token\": ", Answer::Type(&pin)),
            (FOR_A_SIGNATURE, Answer::Type(b"\x03")),
        ],
    );
    done.run.expect("it was not killed").exits(130);
    assert!(
        done.screen.contains("the prompt was interrupted"),
        "{}",
        done.screen
    );
    assert_eq!(done.screen.matches("PIN of").count(), 2, "{}", done.screen);
}

/// With `-vv` each image's layers are told in a line of their own, also while the bar is there.
#[test]
fn a_line_that_is_told_is_not_drawn_behind_the_bar() {
    let tags: Vec<String> = (0..30).map(|n| format!("t{n}")).collect();
    let images = tags.iter().map(|tag| (tag.as_str(), tag.as_bytes()));
    let desk = with_images(&images.collect::<Vec<_>>());
    let key = desk.token.uri("vendor-key");
    let more = format!("-d {} --verbose --verbose", tags.join(" -d "));
    let command = sign_on_terminal(&desk, "slow=C_Sign:100", &key, &more);
    let done = terminal::session(&command, &[("layers of t29", Answer::Type(b""))]);
    done.run.expect("it was not killed").exits(0);
    let screen = &done.screen;
    assert!(screen.contains("B/s"), "{screen:?}");
    let told: Vec<_> = screen.match_indices(" ms: layers of").collect();
    assert_eq!(told.len(), tags.len(), "{screen:?}");
    for (at, _) in told {
        let before = screen[..at].trim_end_matches(|c: char| c.is_ascii_digit());
        let before = before.chars().next_back();
        assert!(before.is_none_or(|c| "\n\rKA".contains(c)), "{before:?}");
    }
}
