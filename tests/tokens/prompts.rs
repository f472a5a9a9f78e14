//! Prompts on a real terminal: only those that are needed, naming the token, showing nothing.

use crate::common::{IR_SIGN, Run};
use crate::desk::Desk;
use crate::support::oci::{Maker, with_tag};
use crate::terminal::{self, Answer};

/// What was on the terminal, and what became of the program.
struct Session {
    screen: String,
    run: Run,
    echo: bool,
}

fn session(desk: &Desk, arguments: &[&str], dialogue: &[(&str, &[u8])]) -> Session {
    let mut command = desk.token.command(IR_SIGN);
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
    let script = format!(
        "(sleep 2; kill -TERM $$) >/dev/null 2>&1 & exec {IR_SIGN} extract-public -i 'pkcs11:object=key' -o k.pub"
    );
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["-c", &script]);
    let done = terminal::session(&command, &[("PIN of", Answer::Type(b"12"))]);
    assert!(done.run.is_none_or(|run| run.status == 143) && done.echo);
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
    // Control-Z is no part of it.
    let corrected = format!("nonsense\u{15}word\u{17}\u{1a}{pin}x\u{e9}\u{7f}\u{8}\r");
    session(&desk, &arguments, &[("PIN of", corrected.as_bytes())])
        .run
        .exits(0);
    std::fs::remove_file(desk.path("k.pub")).expect("it was written");
    for (typed, says) in [
        (&b"12\x03"[..], "the prompt was cancelled"),
        (b"12\x1c", "the prompt was cancelled"),
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

/// The SO PIN of a token that is erased exists already; it is refused if it is wrong.
#[test]
fn an_erased_tokens_so_pin_is_asked_for_once() {
    let desk = Desk::new();
    let so = desk.token.so_pin();
    let init = ["token", "init", "--label", "again", "--erase", "test token"];
    let typed: [(&str, &[u8]); 3] = [
        ("SO PIN of token \"test token\": ", &line(&so)),
        ("New user PIN: ", b"12345678\n"),
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

/// While the key of one image waits for its PIN, the layers of the next are hashed, and the bar says so.
#[test]
fn a_prompt_is_not_drawn_over_by_the_bar() {
    let desk = Desk::new();
    for key in ["vendor-key", "root"] {
        desk.make(key);
    }
    desk.ir("endorse -k {root} -f vendor-key.pub -s vendor.sig")
        .exits(0);
    let maker = Maker::new(desk.path("registry/app"));
    let image = |layer: &[u8], tag: &str| with_tag(maker.image("", layer, layer), tag);
    maker.index(&[
        image(b"small", "small"),
        image(&vec![0; 192 << 20], "large"),
    ]);
    // The bar shows after a second.
    let planned = desk.token.planned("always-authenticate;slow=C_Login:1100");
    let script = format!(
        "exec {IR_SIGN} sign-image -r registry -a app -d small -d large \\
         -v 'pkcs11:object=vendor-key' -s vendor.sig -c root.pub 2>/dev/tty"
    );
    let mut command = desk.command("sh");
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .env("TERM", "xterm")
        .args(["-c", &script]);
    let pin = line(&desk.token.pin());
    let wait = |_: &str| {
        std::thread::sleep(std::time::Duration::from_millis(1500));
        Vec::new()
    };
    let prompt = "for a signature of key \"vendor-key\" on token \"test token\": ";
    let done = terminal::session(
        &command,
        &[
            ("PIN of token \"test token\": ", Answer::Type(&pin)),
            (prompt, Answer::Made(wait)),
            ("", Answer::Type(&pin)),
            (prompt, Answer::Type(&pin)),
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
    let desk = Desk::new();
    for key in ["vendor-key", "root"] {
        desk.make(key);
    }
    desk.ir("endorse -k {root} -f vendor-key.pub -s vendor.sig")
        .exits(0);
    let maker = Maker::new(desk.path("registry/app"));
    let image = |layer: &[u8], tag: &str| with_tag(maker.image("", layer, layer), tag);
    maker.index(&[
        image(b"small", "small"),
        image(&vec![0; 96 << 20], "large"),
        image(b"third", "third"),
    ]);
    let planned = desk.token.planned("always-authenticate");
    let mut command = desk.command("timeout");
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["--foreground", "15", IR_SIGN, "sign-image"])
        .args(["-r", "registry", "-a", "app"])
        .args(["-d", "small", "-d", "large", "-d", "third"])
        .args(["-v", "pkcs11:object=vendor-key"])
        .args(["-s", "vendor.sig", "-c", "root.pub"]);
    let pin = line(&desk.token.pin());
    let prompt = "for a signature of key \"vendor-key\" on token \"test token\": ";
    let done = terminal::session(
        &command,
        &[
            ("PIN of token \"test token\": ", Answer::Type(&pin)),
            (prompt, Answer::Type(b"\x03")),
        ],
    );
    done.run
        .expect("it was not killed")
        .exits(3)
        .says("the prompt was cancelled");
    assert_eq!(done.screen.matches("PIN of").count(), 2, "{}", done.screen);
}

/// With `-vv` each image's layers are told in a line of their own, also while the bar is there.
#[test]
fn a_line_that_is_told_is_not_drawn_behind_the_bar() {
    let desk = Desk::new();
    for key in ["vendor-key", "root"] {
        desk.make(key);
    }
    desk.ir("endorse -k {root} -f vendor-key.pub -s vendor.sig")
        .exits(0);
    let maker = Maker::new(desk.path("registry/app"));
    let tags: Vec<String> = (0..30).map(|n| format!("t{n}")).collect();
    let image = |tag: &String| with_tag(maker.image("", tag.as_bytes(), tag.as_bytes()), tag);
    maker.index(&tags.iter().map(image).collect::<Vec<_>>());
    let references = tags.join(" -d ");
    let planned = desk.token.planned("slow=C_Sign:100");
    let script = format!(
        "exec {IR_SIGN} sign-image -r registry -a app -d {references} --verbose --verbose \\
         -v '{}' -s vendor.sig -c root.pub 2>/dev/tty",
        desk.token.uri("vendor-key")
    );
    let mut command = desk.command("sh");
    command
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .env("TERM", "xterm")
        .args(["-c", &script]);
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
