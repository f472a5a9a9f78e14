//! Tokens that make the hash themselves, only if the user says so.

use std::fs;

use faulty_module::log::Log;

use crate::desk::Desk;
use harness::tokens::{Fixture, Kind, Planned};
use harness::{Run, program, unpack};

const BY_MESSAGE: &str = "--mechanism CKM_ECDSA_SHA384";
/// All that a module in FIPS mode offers for keys of the kind.
const HIDDEN: &str = "mechanisms=CKM_ECDSA_SHA384,CKM_EC_KEY_PAIR_GEN";
const MOST: usize = 4 << 20;

/// A desk for each module at hand that offers the mechanism.
fn desks() -> impl Iterator<Item = Desk> {
    let kinds = [Kind::Kryoptic, Kind::Nss, Kind::Tpm].into_iter();
    kinds.filter_map(Fixture::of).map(Desk::with)
}

/// The program over the fixture's module, which hides `CKM_ECDSA`.
fn hidden(desk: &Desk, arguments: &str) -> (Run, Planned) {
    desk.planned(HIDDEN, arguments)
}

fn calls(planned: &Planned, name: &str) -> usize {
    Log::read(&planned.log).expect("a log").count(name)
}

#[track_caller]
fn prints(run: &Run, text: &str) {
    assert!(run.stdout.contains(text), "{text:?} is not in {run:#?}");
}

#[test]
fn rule_10_a_token_that_hashes_by_itself_signs_where_the_user_says_so() {
    for desk in desks() {
        let name = desk.name();
        let ir = |arguments: &str| hidden(&desk, &format!("{arguments} {BY_MESSAGE}")).0;
        ir("gen-key --pkcs11-uri {ca} --public root.pub").exits(0);
        ir("gen-key --pkcs11-uri {vendor} --public v.pub").exits(0);
        desk.write("letter", "one letter\n");
        let (run, planned) = hidden(
            &desk,
            &format!("sign -k {{ca}} -f letter -s s {BY_MESSAGE}"),
        );
        run.exits(0);
        assert!(desk.openssl_verifies("root.pub", "s", "letter"), "{name}");
        // The message goes to the token whole: in parts one of the modules signs it wrongly.
        assert_eq!(calls(&planned, "C_Sign"), 1, "{name}");
        assert_eq!(calls(&planned, "C_SignUpdate"), 0, "{name}");
        // A signature that is there is kept, and the key proves itself.
        ir("sign -k {ca} -f letter -s s").exits(0);
        ir("verify -k {ca} -f letter -s s").exits(0);
        ir("endorse -k {ca} -f v.pub -s v.sig").exits(0);
        assert!(
            desk.openssl_verifies("root.pub", "v.sig", "v.pub"),
            "{name}"
        );
        ir("extract-public -i {ca} -o again.pub").exits(0);
        assert_eq!(desk.read("again.pub"), desk.read("root.pub"));
        for (app, vouched) in [("one", "-s v.sig -c root.pub"), ("two", "-x {ca}")] {
            if desk.token.kind == Kind::Tpm && app == "two" {
                continue;
            }
            unpack("umoci", &desk.path(format!("registry/{app}")));
            ir(&format!(
                "sign-image -r registry -a {app} -v {{vendor}} {vouched}"
            ))
            .exits(0);
            desk.ir(&format!("verify-image -r registry -a {app} -c root.pub"))
                .exits(0);
        }
        unpack("multi", &desk.path("registry/multi"));
        ir("sign-image -r registry -a multi -d multi --all-platforms -v {vendor} -s v.sig -c root.pub --jobs 2")
            .exits(0);
        desk.ir("verify-image -r registry -a multi --all -c root.pub")
            .exits(0);
        let told = ir("token doctor {} --login");
        // There is room for one key in a run.
        let told = told.exits(i32::from(desk.token.kind == Kind::Tpm));
        prints(&told, "it offers CKM_ECDSA_SHA384 for signing");
        prints(&told, "key \"ca\" on token \"test token\" signs");
    }
}

#[test]
fn rule_10_a_passport_and_an_import_by_the_same_mechanism() {
    let Some(desk) = Fixture::of(Kind::Kryoptic).map(Desk::with) else {
        return;
    };
    let ir = |arguments: &str| hidden(&desk, &format!("{arguments} {BY_MESSAGE}")).0;
    ir("gen-key --pkcs11-uri {ca} --public root.pub").exits(0);
    ir("token passport {ca} -o ca.pass").exits(0);
    desk.write("letter", "x");
    ir("sign -k {ca} -f letter -s s --require-passport ca.pass").exits(0);
    // It is a passport as any other.
    desk.ir("sign -k {ca} -f letter -s other --require-passport ca.pass")
        .exits(0);
    ir("token import -k vendor.prv --pkcs11-uri {vendor}").exits(0);
    ir("sign -k {vendor} -f letter -s v").exits(0);
    assert!(desk.openssl_verifies("vendor.pub", "v", "letter"));
}

#[test]
fn rule_10_a_token_by_whose_settings_it_only_hashes_by_itself() {
    let Some(token) = Fixture::of(Kind::Kryoptic) else {
        return;
    };
    let conf = token.dir.path().join("kryoptic.conf");
    let text = fs::read_to_string(&conf).expect("the fixture wrote it");
    fs::write(&conf, text + "mechanisms = [\"DENY\", \"CKM_ECDSA\"]\n").expect("written");
    let desk = Desk::with(token);
    desk.write("letter", "x");
    let refused = "it does not offer CKM_ECDSA for signing; it offers ";
    desk.ir("gen-key --pkcs11-uri {key}")
        .exits(3)
        .says(refused)
        .says("hint: --mechanism CKM_ECDSA_SHA384 makes the token hash what it signs");
    desk.ir(&format!(
        "gen-key --pkcs11-uri {{key}} --public key.pub {BY_MESSAGE}"
    ))
    .exits(0);
    desk.ir("sign -k {key} -f letter -s s")
        .exits(3)
        .says(refused);
    assert!(!desk.has("s"));
    let told = desk.ir("token doctor {}").exits(1);
    prints(&told, "it signs with --mechanism CKM_ECDSA_SHA384");
    desk.ir(&format!("sign -k {{key}} -f letter -s s {BY_MESSAGE}"))
        .exits(0);
    assert!(desk.openssl_verifies("key.pub", "s", "letter"));
}

#[test]
fn rule_10_a_message_that_a_token_hashes_is_at_most_four_mebibytes() {
    let Some(desk) = Fixture::of(Kind::Kryoptic).map(Desk::with) else {
        return;
    };
    desk.make("key");
    desk.write("long", vec![7; MOST + 1]);
    desk.write("longest", vec![7; MOST]);
    let (run, planned) = hidden(&desk, &format!("sign -k {{key}} -f long -s s {BY_MESSAGE}"));
    run.exits(1)
        .says("file long is larger than 4194304 bytes, and with CKM_ECDSA_SHA384 the token is given the whole of it")
        .says("hint: use a key whose token offers CKM_ECDSA");
    assert!(!desk.has("s"));
    // It is said before the PIN is sent.
    assert!(!planned.log.exists() || calls(&planned, "C_Login") == 0);
    hidden(
        &desk,
        &format!("sign -k {{key}} -f longest -s s {BY_MESSAGE}"),
    )
    .0
    .exits(0);
    assert!(desk.openssl_verifies("key.pub", "s", "longest"));
    // A hash that is made here is of a file of any length, and so is a file's key.
    desk.ir("sign -k {key} -f long -s l").exits(0);
    desk.ir(&format!("sign -k vendor.prv -f long -s f {BY_MESSAGE}"))
        .exits(0);
}

#[test]
fn rule_10_neither_mechanism_is_tried_for_the_other() {
    let desk = Desk::new();
    desk.make("key");
    desk.write("letter", "x");
    // SoftHSM has only the one.
    let by_message = format!("sign -k {{key}} -f letter -s s {BY_MESSAGE}");
    let (run, planned) = desk.planned("", &by_message);
    run.exits(3)
        .says("it does not offer CKM_ECDSA_SHA384 for signing; it offers ")
        .says("hint: leave --mechanism out");
    assert_eq!(calls(&planned, "C_SignInit"), 0);
    let told = desk.ir(&format!("token doctor {{}} {BY_MESSAGE}")).exits(1);
    prints(&told, "it signs without --mechanism CKM_ECDSA_SHA384");
    // One that says that it has the other, and has not.
    let (run, planned) = hidden(&desk, &by_message);
    run.exits(3).says("C_SignInit gave CKR_MECHANISM_INVALID");
    assert_eq!(calls(&planned, "C_SignInit"), 1);
    // And one that says nothing of it.
    let (run, planned) = hidden(&desk, "sign -k {key} -f letter -s s");
    run.exits(3)
        .says("it does not offer CKM_ECDSA for signing; it offers ")
        .says("hint: --mechanism CKM_ECDSA_SHA384 makes the token hash");
    assert_eq!(calls(&planned, "C_SignInit"), 0);
    assert!(!desk.has("s"));
    for wrong in ["ECDSA", "ckm_ecdsa", "CKM_ECDSA_SHA256", ""] {
        let uri = desk.token.uri("key");
        desk.ir_with([
            "sign",
            "-k",
            &uri,
            "-f",
            "letter",
            "-s",
            "s",
            "--mechanism",
            wrong,
        ])
        .exits(2)
        .says("the mechanisms are CKM_ECDSA and CKM_ECDSA_SHA384");
    }
    desk.ir("sign -k {key} -f letter -s s --mechanism CKM_ECDSA")
        .exits(0);
}

#[test]
fn rule_10_a_bad_signature_of_a_token_that_hashes_never_leaves() {
    let Some(desk) = Fixture::of(Kind::Kryoptic).map(Desk::with) else {
        return;
    };
    desk.make("key");
    desk.write("letter", "x");
    for (plan, says) in [
        (
            "sign=flip",
            "does not verify with its own public key; it was thrown away",
        ),
        (
            "sign=other",
            "does not verify with its own public key; it was thrown away",
        ),
        ("sign=short", "95 bytes, and 96 are right"),
        ("sign=der", "bytes, and 96 are right"),
    ] {
        let arguments = format!("sign -k {{key}} -f letter -s s {BY_MESSAGE}");
        let (run, _) = desk.planned(&format!("{HIDDEN};{plan}"), &arguments);
        run.exits(1).says(says);
        assert!(!desk.has("s"), "{plan}");
    }
    // A session that dies is opened again, and the whole message signed once more.
    let (run, _) = desk.planned(
        &format!("{HIDDEN};C_Sign@1=CKR_DEVICE_REMOVED"),
        &format!("sign -k {{key}} -f letter -s s {BY_MESSAGE}"),
    );
    run.exits(0);
    assert!(desk.openssl_verifies("key.pub", "s", "letter"));
}

/// A login for each signature comes between the two calls of it.
#[test]
fn rule_10_a_key_that_asks_at_each_signature_hashes_by_itself_too() {
    let Some(desk) = Fixture::of(Kind::Kryoptic).map(Desk::with) else {
        return;
    };
    desk.make("key");
    desk.write("letter", "x");
    let uri = desk.token.uri("key");
    let planned = desk.token.planned(&format!("{HIDDEN};always-authenticate"));
    let output = desk
        .command(program())
        .envs(planned.env.iter().cloned())
        .env("PKCS11_MODULE_PATH", &planned.module)
        .args(["sign", "-k", &uri, "-f", "letter", "-s", "s"])
        .args(BY_MESSAGE.split(' '))
        .output()
        .expect("the program starts");
    Run::from(output).exits(0);
    assert!(desk.openssl_verifies("key.pub", "s", "letter"));
}
