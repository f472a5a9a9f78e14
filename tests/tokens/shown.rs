//! Public keys that a token shows to all: verifying with them takes no PIN.

use faulty_module::log::Log;

use crate::desk::Desk;

const VERIFY: &str = "verify -f letter -s letter.sig -k";
const UNPROVEN: &str = "is taken as the token shows it without a login, and no signature proves it";

/// A desk with a key on the token, and a letter that it signed.
fn signed(desk: &Desk) {
    desk.make("key");
    desk.write("letter", "x");
    desk.ir("sign -k {key} -f letter -s letter.sig").exits(0);
}

/// The key's URI without the source of its PIN.
fn bare(desk: &Desk) -> String {
    let uri = desk.token.uri("key");
    uri.split_once('?').expect("a query").0.to_owned()
}

/// Puts the public key of a file onto the token, as anyone could who can write there.
fn plant(desk: &Desk, file: &str, id: &str) {
    let written = desk
        .token
        .log_in(&["--write-object"])
        .arg(desk.path(file))
        .args(["--type", "pubkey", "--label", "key", "--id", id])
        .output()
        .expect("pkcs11-tool runs");
    assert!(written.status.success(), "{written:?}");
}

#[test]
fn nobody_is_asked_for_a_pin_to_verify_where_the_token_shows_the_key() {
    for desk in Desk::all() {
        signed(&desk);
        let verify = format!("{VERIFY} {}", bare(&desk));
        let (run, planned) = desk.planned("", &verify);
        run.exits(0).says(&format!(
            "key \"key\" on token \"test token\": its public key {UNPROVEN}; fingerprint "
        ));
        let log = Log::read(&planned.log).expect("a log");
        assert_eq!(log.count("C_Login"), 0, "{}", desk.name());
        assert_eq!(log.count("C_SignInit"), 0, "{}", desk.name());
        // By its id, and as what it is.
        let typed = format!("{verify};type=public");
        desk.ir(&typed).exits(0);
        // The private key is nothing that a token shows to all.
        desk.ir(&format!("{verify};type=private"))
            .exits(3)
            .says("hint: --pin-source");
    }
}

#[test]
fn a_named_pin_source_has_the_key_prove_itself() {
    let desk = Desk::new();
    signed(&desk);
    let (run, planned) = desk.planned("", &format!("{VERIFY} {{key}}"));
    let run = run.exits(0);
    assert!(!run.stderr.contains(UNPROVEN), "{run:?}");
    let log = Log::read(&planned.log).expect("a log");
    assert_eq!(log.count("C_Login"), 1);
    assert_eq!(log.count("C_Sign"), 1);
    let pin = desk.token.pin_file.display();
    let general = format!("{VERIFY} {} --pin-source file:{pin}", bare(&desk));
    let run = desk.ir(&general).exits(0);
    assert!(!run.stderr.contains(UNPROVEN), "{run:?}");
}

#[test]
fn a_pin_is_asked_for_where_the_token_shows_no_public_key() {
    let desk = Desk::new();
    signed(&desk);
    let verify = format!("{VERIFY} {}", bare(&desk));
    for plan in [
        "no-public-object",
        "point=compressed",
        "C_FindObjectsInit@1=CKR_USER_NOT_LOGGED_IN",
    ] {
        let (run, planned) = desk.planned(plan, &verify);
        // There is no user to ask.
        run.exits(3).says("hint: --pin-source file:PATH");
        let log = Log::read(&planned.log).expect("a log");
        assert_eq!(log.count("C_Login"), 0, "{plan}");
    }
    // A failure is none of these.
    let (run, _) = desk.planned("C_FindObjectsInit@1=CKR_FUNCTION_FAILED", &verify);
    run.exits(3)
        .says("C_FindObjectsInit gave CKR_FUNCTION_FAILED");
}

#[test]
fn exactly_one_public_key_is_shown_or_the_private_key_tells() {
    let desk = Desk::new();
    signed(&desk);
    plant(&desk, "vendor.pub", "0a0b");
    let verify = format!("{VERIFY} {}", bare(&desk));
    let run = desk
        .ir(&verify)
        .exits(3)
        .says("there are 2 public keys")
        .says("or name the PIN's source, and the private key decides: --pin-source file:PATH");
    assert!(run.stderr.contains("id=%0A%0B"), "{run:?}");
    desk.ir(&format!("{VERIFY} {{key}}")).exits(0);
    // One without a name of a key is none.
    let token = bare(&desk).replace(";object=key", "");
    desk.ir(&format!("{VERIFY} {token}"))
        .exits(2)
        .says("names no key");
}

/// A person who can write to a token without a login can put a public key in the place of another.
#[test]
fn a_planted_public_key_is_told_as_unproven_and_found_out_with_a_pin() {
    let desk = Desk::new();
    signed(&desk);
    let removed = desk
        .token
        .log_in(&["--delete-object", "--type", "pubkey", "--label", "key"])
        .output()
        .expect("pkcs11-tool runs");
    assert!(removed.status.success(), "{removed:?}");
    let keys = desk.ir("token keys {} --json").exits(0).json();
    let id = keys["keys"][0]["id"].as_str().expect("an id");
    plant(&desk, "vendor.pub", id);
    desk.ir("sign -k vendor.prv -f letter -s planted.sig")
        .exits(0);
    let verify = "verify -f letter -s planted.sig -k";
    let told = desk
        .ir(&format!("{verify} {}", bare(&desk)))
        .exits(0)
        .says(UNPROVEN);
    let by_file = desk.ir(&format!("{verify} vendor.pub")).exits(0);
    assert_eq!(told.stdout, by_file.stdout);
    desk.ir(&format!("{verify} {{key}}"))
        .exits(1)
        .says("does not verify what the private key signs");
}
