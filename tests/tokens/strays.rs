//! Objects that have a key's label or id and are not its.

use std::process::Command;

use crate::desk::Desk;
use harness::tokens::{Fixture, Kind};

#[track_caller]
fn succeeds(mut command: Command) {
    let output = command.output().expect("pkcs11-tool runs");
    assert!(output.status.success(), "{output:?}");
}

/// A public key of another curve, whose private half is gone, and a P-384 key of the same id.
fn with_stray() -> Desk {
    let desk = Desk::new();
    let mut pair = desk
        .token
        .log_in(&["--keypairgen", "--key-type", "EC:prime256v1"]);
    pair.args(["--label", "stray", "--id", "01"]);
    succeeds(pair);
    let lost = ["--delete-object", "--type", "privkey", "--id", "01"];
    succeeds(desk.token.log_in(&lost));
    desk.token.generate("key", "01");
    desk
}

#[test]
fn rule_7_a_public_key_of_another_curve_is_not_the_keys_public_half() {
    let desk = with_stray();
    desk.write("letter", "x");
    desk.ir("extract-public -i {key} -o key.pub").exits(0);
    desk.ir("sign -k {key} -f letter -s s").exits(0);
    assert!(desk.openssl_verifies("key.pub", "s", "letter"));
    // Where nothing else is shown it is named.
    let public = ["--delete-object", "--type", "pubkey", "--label", "key"];
    succeeds(desk.token.log_in(&public));
    desk.ir("sign -k {key} -f letter -s t")
        .exits(3)
        .says("the token does not show its public half; public keys of its id that are none: \"stray\" (its CKA_EC_PARAMS are ");
    desk.ir("sign -k {key} -f letter -s t --public-key key.pub")
        .exits(0);
    // The doctor looks at the other keys all the same.
    desk.make("other-key");
    let run = desk.ir("token doctor {} --login").exits(1);
    assert!(
        run.stdout
            .contains("public keys of its id that are none: \"stray\""),
        "{run:?}"
    );
    assert!(
        run.stdout
            .contains("key \"other-key\" on token \"test token\" signs"),
        "{run:?}"
    );
}

/// Writes a certificate of another key onto the token.
fn write_certificate(desk: &Desk, id: &str, label: &str) {
    let request = "openssl req -x509 -new -key other.prv -keyform DER -subj /CN=other -days 2 -outform DER -out cert.der";
    desk.shell(request, "").exits(0);
    let file = desk.path("cert.der").display().to_string();
    let mut write = desk
        .token
        .log_in(&["--write-object", &file, "--type", "cert"]);
    write.args(["--id", id, "--label", label]);
    succeeds(write);
}

#[test]
fn rule_7_a_public_key_that_is_given_goes_before_a_certificates() {
    let desk = Desk::new();
    desk.token.generate("key", "01");
    desk.ir("extract-public -i {key} -o key.pub").exits(0);
    write_certificate(&desk, "01", "foreign");
    let (run, _) = desk.planned("no-public-object", "extract-public -i {key} -o a.pub");
    run.exits(1)
        .says("does not verify what the private key signs");
    let given = "extract-public -i {key} -o a.pub --public-key other.pub --public-key key.pub";
    let (run, _) = desk.planned("no-public-object", given);
    // The other one is the certificate's: no signature proves it.
    run.exits(0);
    assert_eq!(desk.read("a.pub"), desk.read("key.pub"));
}

#[test]
fn a_label_or_id_that_anything_has_is_in_use() {
    for kind in Kind::ALL {
        // NSS, the TPM and p11-kit's client take no such objects, or behave like the token behind them.
        if !matches!(kind, Kind::SoftHsm | Kind::Kryoptic) {
            continue;
        }
        let Some(token) = Fixture::of(kind) else {
            continue;
        };
        let desk = Desk::with(token);
        write_certificate(&desk, "01", "cert");
        desk.write("data", "x");
        let file = desk.path("data").display().to_string();
        let mut write = desk
            .token
            .log_in(&["--write-object", &file, "--type", "data"]);
        write.args(["--label", "data", "--private"]);
        succeeds(write);
        desk.ir("gen-key --pkcs11-uri {cert}")
            .exits(1)
            .says("the label is in use already: pkcs11:")
            .says("type=cert");
        desk.ir("gen-key --pkcs11-uri {data}")
            .exits(1)
            .says("object=data;type=data");
        let uri = desk.token.uri("free").replace(";object", ";id=%01;object");
        desk.ir_with(["gen-key", "--pkcs11-uri", &uri])
            .exits(1)
            .says("the id is in use already: pkcs11:")
            .says("hint: take another id");
        desk.ir("gen-key --pkcs11-uri {free}").exits(0);
    }
}

/// A key without label and id has no URI of its own to copy, and says so.
#[test]
fn a_key_that_no_uri_names_is_listed_as_such() {
    let desk = Desk::new();
    let pair = desk
        .token
        .log_in(&["--keypairgen", "--key-type", "EC:secp384r1"]);
    succeeds(pair);
    let plan = "attr=CKA_LABEL:;attr=CKA_ID:";
    let (run, _) = desk.planned(plan, "token keys {}");
    let run = run.exits(0).says("no signature has proven them");
    assert!(
        run.stdout.starts_with("a key that no URI can name"),
        "{run:?}"
    );
    let (run, _) = desk.planned(plan, "token keys {} --json");
    assert!(run.exits(0).json()["keys"][0]["uri"].is_null());
}
