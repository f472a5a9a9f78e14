//! Keys of each kind on tokens: made there, shown, proven, and used by the families.

use harness::tokens::Kind;

use crate::desk::Desk;

/// The types of keys, and the kinds in words.
const TYPES: [(&str, &str); 6] = [
    ("p256", "EC P-256"),
    ("p384", "EC P-384"),
    ("p521", "EC P-521"),
    ("rsa2048", "RSA 2048"),
    ("rsa3072", "RSA 3072"),
    ("rsa4096", "RSA 4096"),
];

/// A desk for each module that makes keys of each kind.
fn desks() -> impl Iterator<Item = Desk> {
    let kinds = [Kind::SoftHsm, Kind::Kryoptic].into_iter();
    kinds
        .filter_map(harness::tokens::Fixture::of)
        .map(Desk::with)
}

#[test]
fn a_key_of_each_type_is_made_shown_and_proven() {
    for desk in desks() {
        let name = desk.name();
        for (of, kind) in TYPES {
            let made = desk
                .ir(&format!(
                    "gen-key --type {of} --pkcs11-uri {{{of}}} --public {of}.pub"
                ))
                .exits(0);
            let warned = made
                .stderr
                .contains("annotations and endorsements take only P-384");
            assert_eq!(warned, of != "p384", "{name}: {made:#?}");
            let text = desk.openssl(&format!(
                "pkey -pubin -in {of}.pub -inform DER -noout -text"
            ));
            let bits = of.trim_start_matches(char::is_alphabetic);
            assert!(
                String::from_utf8(text)
                    .expect("text")
                    .contains(&format!("({bits} bit)")),
                "{name} {of}"
            );
            // Its own signature proves it.
            desk.ir(&format!("extract-public -i {{{of}}} -o {of}-again.pub"))
                .exits(0);
            assert_eq!(
                desk.read(format!("{of}.pub")),
                desk.read(format!("{of}-again.pub"))
            );
            desk.ir(&format!("fingerprint {of}.pub"))
                .exits(0)
                .says(kind);
        }
        let listed = desk.ir("token keys {} --json").exits(0).json();
        let keys = listed["keys"].as_array().expect("a list");
        for (of, kind) in TYPES {
            let key = keys.iter().find(|key| key["label"] == of).expect("listed");
            assert_eq!(key["kind"], kind, "{name}");
            for (attribute, value) in [
                ("CKA_SENSITIVE", true),
                ("CKA_EXTRACTABLE", false),
                ("CKA_SIGN", true),
                ("CKA_SIGN_RECOVER", false),
                ("CKA_DECRYPT", false),
                ("CKA_UNWRAP", false),
            ] {
                assert_eq!(
                    key["attributes"][attribute], value,
                    "{name} {of} {attribute}"
                );
            }
        }
        let doctor = desk.ir("token doctor {} --login").exits(0);
        for (_, kind) in TYPES {
            assert!(
                doctor.stdout.contains(&format!(", {kind}\n")),
                "{doctor:#?}"
            );
        }
    }
}

#[test]
fn annotations_and_endorsements_take_no_other_key_than_p384() {
    let desk = Desk::new();
    desk.ir("gen-key --pkcs11-uri {ca}").exits(0);
    for (of, says) in [
        (
            "p256",
            "it is not an EC key on secp384r1 (its CKA_EC_PARAMS are prime256v1 (P-256))",
        ),
        ("p521", "it is not an EC key on secp384r1"),
        (
            "rsa2048",
            "it is not an EC key on secp384r1 (its CKA_KEY_TYPE is",
        ),
    ] {
        desk.ir(&format!("gen-key --type {of} --pkcs11-uri {{{of}}}"))
            .exits(0);
        std::fs::create_dir(desk.path(of)).expect("a folder");
        harness::unpack("umoci", &desk.path(format!("{of}/app")));
        for arguments in [
            format!("sign -k {{{of}}} -f ca.pub -s out"),
            format!("endorse -k {{{of}}} -f ca.pub -s out"),
            format!("sign-image -r {of} -a app -v {{{of}}} -x {{ca}}"),
            format!("sign-image -r {of} -a app -v {{ca}} -x {{{of}}}"),
            format!("token passport {{{of}}} -o out"),
        ] {
            desk.ir(&arguments).exits(1).says(says);
        }
        assert!(!desk.has("out"));
    }
}

#[test]
fn the_cosign_family_signs_with_an_rsa_key_of_a_token() {
    for desk in desks() {
        desk.ir("gen-key --type rsa3072 --pkcs11-uri {key} --public key.pub")
            .exits(0);
        desk.write("letter", "one letter\n");
        desk.ir("cosign sign-blob --key {key} --output-signature sig letter")
            .exits(0);
        desk.openssl("base64 -d -A -in sig -out sig.bin");
        desk.openssl("dgst -sha256 -verify key.pub -keyform DER -signature sig.bin letter");
        desk.ir("cosign verify-blob --key key.pub --signature sig letter")
            .exits(0);
        desk.ir("cosign public-key --key {key} --outfile again.pem")
            .exits(0);
        desk.openssl("pkey -pubin -in again.pem -outform DER -out again.pub");
        assert_eq!(desk.read("again.pub"), desk.read("key.pub"));
    }
}

/// What a bad signature of an RSA key says, of a key of 256 bytes.
#[test]
fn rule_10_a_bad_signature_of_an_rsa_key_never_leaves_the_program() {
    let desk = Desk::new();
    desk.ir("gen-key --type rsa2048 --pkcs11-uri {key} --public key.pub")
        .exits(0);
    desk.write("letter", "one letter\n");
    let thrown = "does not verify with its own public key; it was thrown away";
    for (bad, says) in [
        ("flip", thrown),
        ("other", thrown),
        ("zero", thrown),
        ("max", thrown),
        ("short", "gave a signature of 255 bytes, and 256 are right"),
        ("long", "gave a signature of 257 bytes, and 256 are right"),
        ("empty", "gave a signature of 0 bytes, and 256 are right"),
        ("lie", "gave a signature of 2048 bytes, and 256 are right"),
    ] {
        let plan = format!("sign={bad}");
        let arguments = "cosign sign-blob --key {key} --output-signature out letter";
        desk.planned(&plan, arguments).0.exits(1).says(says);
        // The proof of a public half signs by RSA-PSS.
        let says = says.replace(thrown, "does not verify what the private key signs");
        let (run, _) = desk.planned(&plan, "extract-public -i {key} -o out");
        run.exits(1).says(&*says);
        let (run, _) = desk.planned(&plan, "gen-key --type rsa2048 --pkcs11-uri {new}");
        run.exits(1).says("the new key was removed");
        assert!(!desk.has("out"), "{bad}");
    }
    let listed = desk.ir("token keys {} --json").exits(0).json();
    assert_eq!(listed["keys"].as_array().expect("a list").len(), 1);
}

#[test]
fn rule_10_a_token_without_a_mechanism_of_rsa_is_refused_with_what_it_offers() {
    let desk = Desk::new();
    desk.ir("gen-key --type rsa2048 --pkcs11-uri {key} --public key.pub")
        .exits(0);
    desk.write("letter", "one letter\n");
    let sign = "cosign sign-blob --key {key} --output-signature out letter";
    let extract = "extract-public -i {key} -o out";
    let make = "gen-key --type rsa2048 --pkcs11-uri {new}";
    for (offers, arguments, missing) in [
        (
            "CKM_ECDSA,CKM_RSA_PKCS_PSS",
            sign,
            "CKM_RSA_PKCS for signing",
        ),
        (
            "CKM_ECDSA,CKM_RSA_PKCS",
            extract,
            "CKM_RSA_PKCS_PSS for signing",
        ),
        (
            "CKM_ECDSA,CKM_RSA_PKCS",
            make,
            "CKM_RSA_PKCS_PSS for signing",
        ),
        (
            "CKM_RSA_PKCS,CKM_RSA_PKCS_PSS",
            make,
            "CKM_RSA_PKCS_KEY_PAIR_GEN for making keys",
        ),
    ] {
        let (run, _) = desk.planned(&format!("mechanisms={offers}"), arguments);
        run.exits(3)
            .says(&format!("it does not offer {missing}; it offers CKM_"));
        assert!(!desk.has("out"), "{arguments}");
    }
    // A token without ECDSA is one for RSA keys all the same.
    let plan = "mechanisms=CKM_RSA_PKCS,CKM_RSA_PKCS_PSS";
    desk.planned(plan, sign).0.exits(0);
    desk.planned(plan, "extract-public -i {key} -o again.pub")
        .0
        .exits(0);
    assert_eq!(desk.read("again.pub"), desk.read("key.pub"));
}

#[test]
fn an_rsa_key_that_asks_for_the_pin_at_each_signature_gets_it() {
    let desk = Desk::new();
    desk.ir("gen-key --type rsa2048 --pkcs11-uri {key} --public key.pub")
        .exits(0);
    desk.write("letter", "one letter\n");
    let arguments = "cosign sign-blob --key {key} --output-signature out letter";
    desk.planned("always-authenticate", arguments).0.exits(0);
    desk.openssl("base64 -d -A -in out -out out.bin");
    desk.openssl("dgst -sha256 -verify key.pub -keyform DER -signature out.bin letter");
}

#[test]
fn an_rsa_key_that_another_program_made_is_found() {
    for desk in desks() {
        for (bits, id) in [("2048", "51"), ("1024", "52")] {
            let label = format!("theirs{bits}");
            let mut command = desk.token.log_in(&[
                "--keypairgen",
                "--key-type",
                &format!("rsa:{bits}"),
                "--label",
                &label,
                "--id",
                id,
            ]);
            let made = command.output().expect("pkcs11-tool runs");
            if !made.status.success() {
                // The module makes no key that is so short.
                assert_eq!(bits, "1024", "{made:?}");
                continue;
            }
            let run = desk.ir(&format!("extract-public -i {{{label}}} -o {label}.pub"));
            if bits == "2048" {
                run.exits(0);
            } else {
                run.exits(1).says("its RSA modulus has 1024 bits");
            }
        }
    }
}
