//! Keys of each type that `gen-key` makes in files.

use harness::Sandbox;

use super::private::refused_to_sign;

/// The types, the kinds in words, and how a file that signs annotations is told of them.
const TYPES: [(&str, &str, &str); 5] = [
    ("p256", "EC P-256", "it is a key on prime256v1 (P-256)"),
    ("p521", "EC P-521", "it is a key on secp521r1 (P-521)"),
    ("rsa2048", "RSA 2048", "it is PKCS#8 with a key for RSA"),
    ("rsa3072", "RSA 3072", "it is PKCS#8 with a key for RSA"),
    ("rsa4096", "RSA 4096", "it is PKCS#8 with a key for RSA"),
];

#[test]
fn a_key_of_each_type_is_made_in_a_file_that_openssl_reads() {
    let sandbox = Sandbox::new();
    for (of, kind, _) in TYPES {
        let made = sandbox
            .run(&format!(
                "gen-key --type {of} -o {of}.key --public {of}.pub --json"
            ))
            .exits(0)
            .says("annotations and endorsements take only P-384");
        assert_eq!(made.json()["kind"], kind);
        assert_eq!(sandbox.mode(format!("{of}.key")) & 0o077, 0, "{of}");
        sandbox.openssl(&format!("pkey -inform DER -in {of}.key -check -noout"));
        let public = sandbox.openssl(&format!(
            "pkey -inform DER -in {of}.key -pubout -outform DER"
        ));
        assert_eq!(sandbox.read(format!("{of}.pub")), public, "{of}");
        sandbox
            .run(&format!("extract-public -i {of}.key -o {of}.pub"))
            .exits(0)
            .says("is up to date");
        sandbox
            .run(&format!("fingerprint {of}.key"))
            .exits(0)
            .says(&format!("{of}.key: {kind} private key"));
        sandbox
            .run(&format!("gen-key --type {of} -o {of}.key"))
            .exits(1)
            .says("already exists");
    }
    sandbox.run("gen-key --type p384 -o one.key").exits(0);
    sandbox.run("gen-key -o other.key").exits(0);
    assert_eq!(
        sandbox.read("one.key").len(),
        sandbox.read("other.key").len()
    );
    for wrong in ["rsa1024", "RSA2048", "ed25519", ""] {
        sandbox
            .run_with(["gen-key", "--type", wrong, "-o", "wrong.key"])
            .exits(2);
    }
}

#[test]
fn annotations_and_endorsements_take_no_other_file_than_p384() {
    let sandbox = Sandbox::with_keys();
    for (of, _, says) in TYPES {
        sandbox
            .run(&format!(
                "gen-key --type {of} -o {of}.key --public {of}.pub"
            ))
            .exits(0);
        refused_to_sign(&sandbox, &format!("{of}.key"), 1, says);
        sandbox
            .run(&format!("endorse -k {of}.key -f vendor.pub -s out"))
            .exits(1)
            .says(says);
        sandbox
            .run(&format!("endorse -k ca.prv -f {of}.pub -s out"))
            .exits(1);
        assert!(!sandbox.has("out"));
    }
}

#[test]
fn the_cosign_family_signs_with_a_file_of_each_type() {
    let sandbox = Sandbox::new();
    sandbox.write("letter", "one letter\n");
    for (of, _, _) in TYPES {
        sandbox
            .run(&format!(
                "gen-key --type {of} -o {of}.key --public {of}.pub"
            ))
            .exits(0);
        sandbox
            .run(&format!(
                "cosign sign-blob --key {of}.key --output-signature {of}.sig letter"
            ))
            .exits(0);
        sandbox.openssl(&format!("base64 -d -A -in {of}.sig -out {of}.bin"));
        sandbox.openssl(&format!(
            "dgst -sha256 -verify {of}.pub -keyform DER -signature {of}.bin letter"
        ));
        sandbox
            .run(&format!(
                "cosign verify-blob --key {of}.pub --signature {of}.sig letter"
            ))
            .exits(0);
    }
}
