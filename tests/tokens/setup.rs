//! Setting tokens up, and bringing keys there.

use crate::desk::Desk;
use harness::tokens::{Fixture, Kind};
use harness::{Run, program};

#[test]
fn a_token_is_set_up_with_pins_from_their_sources() {
    let desk = Desk::new();
    desk.write("so", "87654321\n");
    desk.write("user", "12345678\n");
    let init = "token init --so-pin-source file:so --new-pin-source file:user";
    let made = desk.ir(&format!("{init} --label fresh")).exits(0);
    let uri = made.stdout.trim().to_owned();
    assert!(uri.contains("token=fresh"), "{uri}");
    desk.ir_with([
        "gen-key",
        "--pkcs11-uri",
        &format!("{uri};object=k"),
        "--pin-source",
        "file:user",
    ])
    .exits(0);
    let listed = desk.ir("token list").exits(0);
    assert!(listed.stdout.contains("token \"fresh\""), "{listed:?}");

    for (label, status) in [("", 2), ("a label of more than thirty-two bytes", 2)] {
        desk.ir_with(init.split(' ').chain(["--label", label]))
            .exits(status)
            .says("1 to 32 bytes");
    }
    // PKCS#11 fills labels up with blanks: such a one would not be found again.
    for label in ["abc ", "  "] {
        desk.ir_with(init.split(' ').chain(["--label", label]))
            .exits(2)
            .says("does not end in blanks");
    }
    desk.write("short", "1");
    desk.ir("token init --so-pin-source file:so --new-pin-source file:short --label x")
        .exits(2)
        .says("the user PIN must have from 4 to 255 bytes");
    // A token that does not say how long a PIN may be at most.
    if let Some(token) = Fixture::of(Kind::Kryoptic) {
        let other = Desk::with(token);
        other.write("short", "1");
        let so = other.token.so_pin_file.display().to_string();
        let words = [
            "token",
            "init",
            "--label",
            "x",
            "--erase",
            &other.token.label,
        ];
        let sources = [
            "--so-pin-source",
            &format!("file:{so}"),
            "--new-pin-source",
            "file:short",
        ];
        other
            .ir_with(words.into_iter().chain(sources))
            .exits(2)
            .says("the user PIN must have at least 8 bytes");
    }
    desk.ir("token init --so-pin-source file:absent --new-pin-source file:user --label x")
        .exits(3)
        .says("PIN file absent");
    let listed = desk.ir("token list").exits(0);
    assert!(!listed.stdout.contains("token \"x\""), "{listed:?}");
}

#[test]
fn an_initialised_token_is_erased_only_by_its_label() {
    let desk = Desk::new();
    desk.make("precious");
    desk.write("so", desk.token.so_pin());
    desk.write("user", "12345678");
    let init = "token init --so-pin-source file:so --new-pin-source file:user --label again";
    let token = "pkcs11:token=test%20token";
    desk.ir(&format!("{init} {token}"))
        .exits(1)
        .says("initialising it again destroys all that is on it")
        .says("--erase='test token'");
    desk.ir_with(init.split(' ').chain([token, "--erase", "other"]))
        .exits(2);
    desk.ir("extract-public -i {precious} -o p.pub").exits(0);
    desk.write("wrong-so", "00000000");
    let wrong = init.replace("file:so", "file:wrong-so");
    desk.ir_with(wrong.split(' ').chain(["--erase", "test token"]))
        .exits(3)
        .says("it refused the PIN from file:wrong-so (CKR_PIN_INCORRECT)");
    desk.ir("extract-public -i {precious} -o p.pub").exits(0);
    desk.ir_with(init.split(' ').chain(["--erase", "test token"]))
        .exits(0);
    desk.ir("token keys pkcs11:token=again --pin-source file:user")
        .exits(0)
        .says("there is no private key");
}

/// A person takes a while to type PINs: what was found in the slot need not be there any more.
#[test]
fn a_token_in_the_place_of_another_is_not_erased() {
    let desk = Desk::with(Fixture::new(Kind::SoftHsm, "test"));
    desk.make("precious");
    desk.write("so", desk.token.so_pin());
    desk.write("user", "12345678");
    let init = |plan: &str| {
        let (run, planned) = desk.planned(
            plan,
            "token init --label again --erase test --so-pin-source file:so --new-pin-source file:user",
        );
        let log = faulty_module::log::Log::read(&planned.log).expect("a log");
        (run, log)
    };
    let (_, log) = init("C_InitToken=CKR_FUNCTION_FAILED");
    let calls = log.entries.iter().map(|call| call.function.as_str());
    let before = calls.take_while(|call| *call != "C_InitToken");
    let looks = before.filter(|call| *call == "C_GetTokenInfo").count();
    let (run, log) = init(&format!("serial@{looks}=other"));
    run.exits(3).says("it is gone");
    assert_eq!(log.count("C_InitToken"), 0);
    desk.ir("extract-public -i {precious} -o p.pub").exits(0);
}

#[test]
fn a_uri_and_erase_that_name_different_tokens_are_refused() {
    let desk = Desk::new();
    desk.make("precious");
    let so = desk.token.so_pin_file.display().to_string();
    let user = desk.token.pin_file.display().to_string();
    let init = format!("token init --so-pin-source file:{so} --new-pin-source file:{user} --label");
    desk.ir(&format!("{init} BBB")).exits(0);
    let (run, planned) = desk.planned(
        "",
        &format!("{init} new pkcs11:token=test%20token --erase BBB"),
    );
    run.exits(2)
        .says("the URI names token \"test token\" and --erase token \"BBB\"")
        .says("nothing was erased and no PIN sent");
    // Not so much as a module was loaded.
    assert!(!planned.log.exists());
    desk.ir("extract-public -i {precious} -o p.pub").exits(0);
    // A URI that names it otherwise has to mean the same token.
    let listed = desk.ir("token list --json").exits(0).json();
    let slots = listed["slots"].as_array().expect("a list").clone();
    let slot = |label: &str| {
        let slot = slots.iter().find(|slot| slot["token"]["label"] == label);
        slot.expect("the token")["id"].to_string()
    };
    let serial = |label: &str| {
        let slot = slots.iter().find(|slot| slot["token"]["label"] == label);
        let serial = slot.expect("the token")["token"]["serial"].clone();
        serial.as_str().expect("a serial").to_owned()
    };
    for other in [
        format!("slot-id={}", slot("test token")),
        format!("serial={}", serial("test token")),
    ] {
        desk.ir(&format!("{init} new pkcs11:{other} --erase BBB"))
            .exits(3)
            .says("there is no token for");
    }
    desk.ir("extract-public -i {precious} -o p.pub").exits(0);
    for (was, now, same) in [
        ("BBB", "CCC", format!("token=BBB;serial={}", serial("BBB"))),
        ("CCC", "DDD", format!("slot-id={}", slot("BBB"))),
    ] {
        let again = format!("{init} {now} pkcs11:{same} --erase {was}");
        let made = desk.ir(&again).exits(0);
        assert!(made.stdout.contains(now), "{made:?}");
    }
    desk.ir("extract-public -i {precious} -o p.pub").exits(0);
}

#[test]
fn a_token_that_is_half_set_up_is_said_to_be() {
    let kinds = [Kind::SoftHsm, Kind::Nss];
    for (kind, plan, says) in [
        (
            kinds[0],
            "C_OpenSession=CKR_SESSION_COUNT",
            "CKR_SESSION_COUNT",
        ),
        (kinds[0], "C_Login=CKR_PIN_INCORRECT", "(CKR_PIN_INCORRECT)"),
        (
            kinds[0],
            "C_InitPIN=CKR_FUNCTION_FAILED",
            "CKR_FUNCTION_FAILED",
        ),
        (
            kinds[1],
            "C_InitToken=CKR_OK;C_InitPIN=CKR_FUNCTION_FAILED",
            "gave CKR_",
        ),
    ] {
        let Some(token) = Fixture::of(kind) else {
            continue;
        };
        let desk = Desk::with(token);
        desk.write("so", "87654321");
        desk.write("user", "12345678");
        let label = desk.token.label.clone();
        let planned = desk.token.planned(plan);
        let mut command = desk.command(program());
        command
            .envs(planned.env.iter().cloned())
            .env("PKCS11_MODULE_PATH", &planned.module)
            .args(["token", "init", "--label", "new", "--so-pin-source"])
            .args(["file:so", "--new-pin-source", "file:user"]);
        if kind == Kind::Nss {
            command.args(["--erase", &label]);
        }
        Run::from(command.output().expect("it starts"))
            .exits(3)
            .says(says)
            .says("the token is now initialised under the label \"new\"")
            .says("its user PIN is not set")
            .says("hint: set it up again: ir-sign token init --erase=new --label=new");
    }
    // The last look at it, whose user PIN is set by then.
    let desk = Desk::new();
    desk.write("so", "87654321");
    desk.write("user", "12345678");
    let init = "token init --label new --so-pin-source file:so --new-pin-source file:user";
    let (run, _) = desk.planned("C_GetTokenInfo@6=CKR_DEVICE_ERROR", init);
    run.exits(3)
        .says("C_GetTokenInfo gave CKR_DEVICE_ERROR; the token is now initialised")
        .says("its user PIN is set");
}

#[test]
fn a_token_is_not_set_up_with_what_would_be_passed_over() {
    let desk = Desk::new();
    desk.write("so", "87654321");
    desk.write("user", "12345678");
    let init = "token init --label new --so-pin-source file:so --new-pin-source file:user";
    for (uri, name) in [
        ("pkcs11:object=k", "object"),
        ("pkcs11:id=%01", "id"),
        ("pkcs11:type=private", "type"),
        ("pkcs11:?pin-source=file:user", "pin-source"),
    ] {
        desk.ir(&format!("{init} {uri}"))
            .exits(2)
            .says(&format!("has the attribute \"{name}\""));
    }
    // Nobody to type a PIN: the hints name flags that the command has.
    desk.ir("token init --label new --new-pin-source file:user")
        .exits(3)
        .says("the SO PIN of token \"new\": no PIN")
        .says("hint: --so-pin-source file:PATH");
    desk.ir("token init --label new --so-pin-source file:so")
        .exits(3)
        .says("the user PIN of token \"new\": no PIN")
        .says("hint: --new-pin-source file:PATH");
    // A PIN pad is for the token's own program.
    let (run, planned) = desk.planned("pin-pad", "token init --label new");
    run.exits(3).says("its PINs are typed on its own PIN pad");
    let log = faulty_module::log::Log::read(&planned.log).expect("a log");
    assert_eq!(log.count("C_InitToken"), 0);
    // The label of another token is taken, and said to be no name by itself.
    let words = init.split(' ').map(|word| match word {
        "new" => "test token",
        word => word,
    });
    desk.ir_with(words)
        .exits(0)
        .says("warning: another token has the label \"test token\" too");
}

#[test]
fn a_key_file_is_brought_onto_a_token_and_said_to_have_been_outside() {
    for desk in Desk::all() {
        let name = desk.name();
        let run = desk.ir("token import -k vendor.prv --pkcs11-uri {brought} --json");
        if run.status != 0 {
            // Not every module takes keys; then it says so, and nothing is there.
            assert_eq!(run.status, 3, "{name}: {run:?}");
            assert!(
                run.stderr.contains("C_CreateObject gave CKR_"),
                "{name}: {run:?}"
            );
            let listed = desk.ir("token keys {} --json").exits(0).json();
            assert_eq!(listed["keys"].as_array().map(Vec::len), Some(0), "{name}");
            continue;
        }
        assert!(
            run.stderr.contains("it came from a file"),
            "{name}: {run:?}"
        );
        assert_ne!(
            run.json()["attributes"]["CKA_ALWAYS_SENSITIVE"],
            true,
            "{name}"
        );
        desk.ir("extract-public -i {brought} -o brought.pub")
            .exits(0);
        assert_eq!(desk.read("brought.pub"), desk.read("vendor.pub"), "{name}");
        desk.write("letter", "x");
        desk.ir("sign -k {brought} -f letter -s s").exits(0);
        assert!(desk.openssl_verifies("vendor.pub", "s", "letter"), "{name}");
        desk.ir("token import -k other.prv --pkcs11-uri {brought}")
            .exits(1)
            .says("the label is in use already");
        desk.ir("token import -k vendor.pub --pkcs11-uri {two}")
            .exits(1);
    }
}

#[test]
fn the_doctor_sends_no_pin_unless_asked_and_says_what_is_wrong() {
    let desk = Desk::new();
    desk.make("key");
    let (run, planned) = desk.planned("", "token doctor pkcs11:token=test%20token");
    assert!(run.exits(0).stdout.contains("no PIN was sent"));
    let log = faulty_module::log::Log::read(&planned.log).expect("a log");
    assert_eq!(log.count("C_Login"), 0);
    for (plan, says) in [
        ("flags+=CKF_USER_PIN_LOCKED", "FAIL  the user PIN is locked"),
        ("mechanisms=CKM_RSA_PKCS", "it does not offer CKM_ECDSA"),
    ] {
        let (run, _) = desk.planned(plan, "token doctor pkcs11:token=test%20token");
        assert!(run.stdout.contains(says), "{plan}: {run:?}");
        run.exits(1);
    }
    // One wrong PIN is not a reason not to use it.
    let (run, _) = desk.planned("flags+=CKF_USER_PIN_COUNT_LOW", "token doctor {}");
    assert!(
        run.stdout.contains("odd   a wrong PIN was tried"),
        "{run:?}"
    );
    run.exits(0);
    let doctor = "token doctor --login";
    for (plan, status, says) in [
        ("sign=flip", 1, "FAIL  key \"key\""),
        ("no-public-object", 1, "does not show its public half"),
        ("point=raw", 0, "odd   1 public keys hold a raw point"),
        (
            "attr=CKA_LOCAL:00",
            0,
            "CKA_LOCAL: requested true, got false",
        ),
        (
            "always-authenticate",
            0,
            "it asks for the PIN at each signature",
        ),
        ("bad-clock", 0, "signs; fingerprint"),
        ("nul-padded", 0, "signs; fingerprint"),
    ] {
        let (run, _) = desk.planned(plan, &format!("{doctor} {{key}}"));
        assert!(run.stdout.contains(says), "{plan}: {run:?}");
        run.exits(status);
    }
}

/// Each obstacle that keeps a token from signing is a finding, and the report still has the rest.
#[test]
fn the_doctor_finds_out_and_does_not_give_up() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("wrong", "00000000");
    let token = "pkcs11:token=test%20token";
    let wrong = format!("token doctor {token} --login --pin-source file:wrong");
    for (plan, args, says) in [
        ("", wrong.as_str(), "it refused the PIN from file:wrong"),
        (
            "flags+=CKF_USER_PIN_LOCKED",
            "token doctor {} --login",
            "no PIN was sent: the user PIN is locked",
        ),
        (
            "flags+=CKF_USER_PIN_FINAL_TRY",
            "token doctor {} --login",
            "no PIN was sent: one more wrong PIN",
        ),
        (
            "C_Login=CKR_FUNCTION_FAILED",
            "token doctor {} --login",
            "C_Login gave CKR_FUNCTION_FAILED",
        ),
        ("zero-slots", "token doctor", "there is no slot"),
        (
            "",
            "token doctor {none} --login",
            "there is no private key for",
        ),
        (
            "C_GetAttributeValue@6+=CKR_DEVICE_MEMORY",
            "token doctor {} --login",
            "CKR_DEVICE_MEMORY",
        ),
    ] {
        let (run, _) = desk.planned(plan, args);
        let run = run.exits(1);
        let bad = run
            .stdout
            .lines()
            .any(|line| line.starts_with("FAIL ") && line.contains(says));
        assert!(bad, "{plan}: {run:?}");
        let (run, planned) = desk.planned(plan, &format!("{args} --json"));
        let told = run.exits(1).json();
        assert_eq!(told["fit"], false, "{plan}");
        assert!(
            told["findings"].as_array().is_some_and(|all| all.len() > 1),
            "{plan}: {told}"
        );
        let log = faulty_module::log::Log::read(&planned.log).expect("a log");
        assert!(log.count("C_Login") <= 1, "{plan}");
    }
    // A token that is not initialised has no name, and is found by its slot.
    let listed = desk.ir("token list --json").exits(0).json();
    let mut slots = listed["slots"].as_array().expect("slots").iter();
    let fresh = slots
        .find(|slot| slot["token"]["label"] == "")
        .expect("a fresh one");
    let run = desk
        .ir(&format!("token doctor pkcs11:slot-id={}", fresh["id"]))
        .exits(1);
    assert!(
        run.stdout.contains("FAIL  it is not initialised"),
        "{run:?}"
    );
}

#[test]
fn attributes_of_a_uri_that_say_nothing_to_a_command_are_refused() {
    let desk = Desk::new();
    desk.make("key");
    for args in [
        "token list pkcs11:object=key",
        "token list pkcs11:id=%01",
        "token list pkcs11:type=private",
    ] {
        desk.ir(args).exits(2).says("this command is about a token");
    }
    desk.ir("token list {}")
        .exits(2)
        .says("has the attribute \"pin-source\", and no PIN is sent");
    for kind in ["public", "cert", "secret-key", "data"] {
        for command in ["keys", "doctor --login"] {
            let uri = format!("pkcs11:token=test%20token;type={kind}");
            desk.ir(&format!("token {command} {uri}"))
                .exits(2)
                .says("has a type that is not private");
        }
    }
    // Those that name tokens choose among them.
    let listed = desk
        .ir("token list --json pkcs11:token=test%20token")
        .exits(0)
        .json();
    assert_eq!(listed["slots"].as_array().map(Vec::len), Some(1));
    desk.ir("token list pkcs11:token=nobody")
        .exits(3)
        .says("there is no token for pkcs11:token=nobody");
    let listed = desk
        .ir("token keys {none}")
        .exits(0)
        .says("there is no such private key");
    assert_eq!(listed.stdout, "");
}

#[test]
fn a_list_that_sends_no_pin_takes_no_flags_about_pins() {
    let desk = Desk::new();
    let help = desk.ir("token list --help").exits(0).stdout;
    assert!(help.contains("--pkcs11-module"), "{help}");
    for flag in [
        "--pin-source env:X",
        "--allow-final-try",
        "--keep-pin",
        "--public-key x",
    ] {
        let name = flag.split(' ').next().unwrap_or_default();
        assert!(!help.contains(name), "{help}");
        desk.ir(&format!("token list {flag}"))
            .exits(2)
            .says("unexpected argument");
    }
    let module = desk.token.module.display().to_string();
    desk.ir(&format!("token list --pkcs11-module {module}"))
        .exits(0);
}

/// A token may leave out any of its texts.
#[test]
fn a_token_that_says_nothing_of_itself_is_told_of_in_whole_words() {
    let desk = Desk::new();
    for (plan, says) in [
        (
            "serial=",
            "(SoftHSM project SoftHSM v2, no serial number, firmware ",
        ),
        ("serial=;label=", "token without a label or a serial number"),
        ("", ", serial "),
    ] {
        for command in ["token list", "token doctor"] {
            let (run, _) = desk.planned(plan, command);
            let says = says.trim_start_matches('(');
            if command == "token doctor" || !says.contains("without a label") {
                assert!(run.stdout.contains(says), "{plan}: {run:?}");
            }
            for wrong in ["serial ,", "serial)", " ,", "( "] {
                assert!(!run.stdout.contains(wrong), "{plan}: {run:?}");
            }
        }
    }
}

#[test]
fn no_slots_and_modules_that_would_be_asked_for_ever() {
    let desk = Desk::new();
    let (run, _) = desk.planned("zero-slots", "token list");
    assert!(run.exits(0).stdout.contains("no slots"));
    let (run, _) = desk.planned("zero-slots", "token keys {x}");
    run.exits(3)
        .says("there is no token for")
        .says("there is none at all");
    let (run, _) = desk.planned("slots-buffer-too-small", "token list");
    run.exits(3).says("C_GetSlotList gave CKR_BUFFER_TOO_SMALL");
    let (run, _) = desk.planned("mechanisms-buffer-too-small", "gen-key --pkcs11-uri {x}");
    run.exits(3)
        .says("C_GetMechanismList gave CKR_BUFFER_TOO_SMALL");
}
