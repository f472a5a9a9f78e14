//! Certificates beside the keys that they are of.

use harness::tokens::{Fixture, Kind};

use crate::desk::Desk;

/// A desk for each module that keeps certificates.
fn desks() -> impl Iterator<Item = Desk> {
    let kinds = [Kind::SoftHsm, Kind::Kryoptic].into_iter();
    kinds.filter_map(Fixture::of).map(Desk::with)
}

/// A key on the token, and `chain.pem`: its certificate, an intermediate and a root.
fn with_chain(desk: &Desk, of: &str) {
    desk.ir(&format!(
        "gen-key --type {of} --pkcs11-uri {{key}} --public key.pub"
    ))
    .exits(0);
    for command in [
        "ecparam -name secp384r1 -genkey -noout -out root.key",
        "req -x509 -new -key root.key -subj /C=PT/O=Acme/CN=Root -days 99 -out root.pem",
        "ecparam -name secp384r1 -genkey -noout -out middle.key",
        "ec -in middle.key -pubout -out middle.spki",
        "x509 -new -force_pubkey middle.spki -subj /C=PT/O=Acme/CN=Middle -CA root.pem -CAkey root.key -days 99 -out middle.pem",
        "x509 -new -force_pubkey key.pub -subj /C=PT/O=Acme/CN=Leaf -CA middle.pem -CAkey middle.key -days 99 -out leaf.pem",
        "x509 -in leaf.pem -outform DER -out leaf.der",
    ] {
        desk.openssl(command);
    }
    let parts = ["leaf.pem", "middle.pem", "root.pem"].map(|name| desk.read(name));
    desk.write("chain.pem", parts.concat());
    desk.write("orphan.pem", [&parts[0][..], &parts[2]].concat());
    desk.write(
        "reverse.pem",
        [&parts[2][..], &parts[1], &parts[0]].concat(),
    );
}

/// What the token holds, by subject.
fn subjects(desk: &Desk) -> Vec<(String, String)> {
    let listed = desk.ir("token keys {} --json").exits(0).json();
    let all = listed["certificates"].as_array().expect("a list").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let mut all: Vec<_> = all
        .map(|one| (text(&one["subject"]), text(&one["id"])))
        .collect();
    all.sort();
    all
}

#[test]
fn a_chain_is_put_beside_its_key_once() {
    for desk in desks() {
        for of in ["p384", "rsa2048"] {
            let desk = if of == "p384" {
                &desk
            } else {
                &Desk::with(Fixture::of(desk.token.kind).expect("it was there"))
            };
            with_chain(desk, of);
            let put = desk
                .ir("token import-certificate {key} chain.pem")
                .exits(0)
                .says("put certificate on the token: C=PT, O=Acme, CN=Leaf");
            assert_eq!(put.stdout.lines().count(), 3, "{put:#?}");
            assert!(put.stdout.lines().all(|uri| uri.contains("type=cert")));
            let keys = desk.ir("token keys {} --json").exits(0).json();
            let id = keys["keys"][0]["id"].as_str().expect("an id");
            let there = subjects(desk);
            assert_eq!(there.len(), 3, "{there:?}");
            let ids: Vec<_> = there.iter().filter(|(_, other)| other == id).collect();
            let [(subject, _)] = &ids[..] else {
                panic!("one has the key's id: {there:?}");
            };
            assert!(subject.ends_with("CN=Leaf"), "{there:?}");
            // Again, whole or in part: nothing changes.
            for file in ["chain.pem", "leaf.pem", "leaf.der"] {
                desk.ir(&format!("token import-certificate {{key}} {file}"))
                    .exits(0)
                    .says("the certificate was already there: C=PT, O=Acme, CN=Leaf");
            }
            assert_eq!(subjects(desk), there);
            // Another program finds it by the key's id, and sees the same bytes.
            let read = desk
                .token
                .log_in(&["--read-object", "--type", "cert", "--id", id])
                .output()
                .expect("pkcs11-tool runs");
            assert_eq!(read.stdout, desk.read("leaf.der"), "{}", desk.name());
        }
    }
}

#[test]
fn certificates_of_another_key_and_broken_chains_are_refused_and_nothing_is_written() {
    let desk = Desk::new();
    with_chain(&desk, "p256");
    desk.openssl("req -x509 -new -key middle.key -subj /CN=Other -days 9 -out other.pem");
    desk.write("letter", "no certificate");
    let cut = desk.read("leaf.der");
    desk.write("cut.der", &cut[..cut.len() - 1]);
    for (file, status, says) in [
        ("other.pem", 1, "certificate \"CN=Other\" is of another key"),
        ("root.pem", 1, "is of another key"),
        ("reverse.pem", 1, "is of another key"),
        (
            "orphan.pem",
            1,
            "CN=Leaf\" was not issued by \"C=PT, O=Acme, CN=Root\"",
        ),
        (
            "letter",
            1,
            "certificate file letter: it is neither DER nor PEM",
        ),
        (
            "cut.der",
            1,
            "certificate file cut.der: it is not a DER X.509 certificate",
        ),
        ("none.pem", 3, "certificate file none.pem"),
    ] {
        desk.ir(&format!("token import-certificate {{key}} {file}"))
            .exits(status)
            .says(says);
        assert!(subjects(&desk).is_empty());
    }
    desk.ir("token import-certificate {} leaf.pem").exits(2);
    desk.ir("token import-certificate {lost} leaf.pem").exits(3);
    // A second certificate of the key is not put beside the first.
    desk.ir("token import-certificate {key} leaf.pem").exits(0);
    desk.openssl("x509 -new -force_pubkey key.pub -subj /CN=New -CA middle.pem -CAkey middle.key -days 9 -out new.pem");
    desk.ir("token import-certificate {key} new.pem")
        .exits(1)
        .says("the token holds another certificate of its id already: \"C=PT, O=Acme, CN=Leaf\"");
    assert_eq!(subjects(&desk).len(), 1);
}

#[test]
fn a_token_that_refuses_a_certificate_or_changes_it_says_so() {
    let desk = Desk::new();
    with_chain(&desk, "p384");
    for (plan, status, says) in [
        (
            "C_CreateObject=CKR_DEVICE_MEMORY",
            3,
            "C_CreateObject gave CKR_DEVICE_MEMORY",
        ),
        ("sign=flip", 1, "does not verify what the private key signs"),
        (
            "attr=CKA_VALUE:3000",
            1,
            "with other bytes than it was given; it was removed",
        ),
    ] {
        let arguments = "token import-certificate {key} leaf.pem";
        desk.planned(plan, arguments).0.exits(status).says(says);
        assert!(subjects(&desk).is_empty(), "{plan}");
    }
}
