//! Signatures of files, and attestations to images and files.

use harness::peers::{cosign25, cosign31, python_sigstore};

use crate::desk::Desk;

const OFFLINE: &str = "--insecure-ignore-tlog=true";

#[test]
fn files_are_signed_and_verified_here_and_by_cosign() {
    let desk = Desk::new();
    desk.sandbox.write("file", vec![7; 3_000_000]);
    desk.sandbox.write("other", b"other");
    for curve in ["prime256v1", "secp384r1", "secp521r1"] {
        desk.key(curve, curve);
        let sign = format!(
            "cosign sign-blob --key {curve}.pem --bundle {curve}.bundle --output-signature {curve}.sig file"
        );
        desk.run(&sign).ok();
        for proof in ["--bundle {}.bundle", "--signature {}.sig"] {
            let proof = proof.replace("{}", curve);
            let verify =
                |key: &str, file: &str| format!("verify-blob --key {key}.pub {proof} {file}");
            desk.run(&format!("cosign {}", verify(curve, "file"))).ok();
            desk.run(&format!("cosign {}", verify(curve, "other")))
                .exits(1);
            if let Some(cosign) = cosign31() {
                desk.peer(cosign, &format!("{} {OFFLINE}", verify(curve, "file")))
                    .ok();
            }
        }
        if let Some(cosign) = cosign25() {
            let verify =
                format!("verify-blob --key {curve}.pub --signature {curve}.sig {OFFLINE} file");
            desk.peer(cosign, &verify).ok();
        }
    }
    desk.run("cosign verify-blob --key secp384r1.pub --signature prime256v1.sig file")
        .exits(1);
    desk.run("cosign verify-blob --key secp384r1.pub --bundle file file")
        .exits(1)
        .says("it is no");
}

#[test]
fn keys_of_every_kind_verify_files() {
    let desk = Desk::new();
    desk.sandbox.write("file", b"content of the file");
    desk.other_key("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    desk.other_key("ed", "-algorithm ED25519");
    desk.sandbox
        .openssl("dgst -sha256 -sign rsa.pem -out rsa.sig file");
    desk.sandbox.openssl("dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign rsa.pem -out pss.sig file");
    desk.sandbox
        .openssl("pkeyutl -sign -inkey ed.pem -rawin -in file -out ed.sig");
    for (key, signature) in [("rsa", "rsa"), ("rsa", "pss"), ("ed", "ed")] {
        desk.run(&format!(
            "cosign verify-blob --key {key}.pub --signature {signature}.sig file"
        ))
        .ok();
    }
    desk.run("cosign verify-blob --key ed.pub --signature rsa.sig file")
        .exits(1);
    // cosign does not use SHA-1.
    desk.sandbox
        .openssl("dgst -sha1 -sign rsa.pem -out sha1.sig file");
    desk.run("cosign verify-blob --key rsa.pub --signature sha1.sig file")
        .exits(1);
}

#[test]
fn images_are_attested_to_here_and_by_cosign() {
    let desk = Desk::new();
    desk.sandbox.write(
        "predicate.json",
        br#"{"bomFormat":"CycloneDX","specVersion":"1.5"}"#,
    );
    for curve in ["prime256v1", "secp384r1"] {
        desk.key(curve, curve);
        let attest = format!(
            "cosign attest --key {curve}.pem --type cyclonedx --predicate predicate.json IMAGE"
        );
        desk.run(&attest).ok();
        let verify =
            |kind: &str| format!("verify-attestation --key {curve}.pub --type {kind} IMAGE");
        let run = desk.run(&format!("cosign {}", verify("cyclonedx"))).ok();
        assert!(run.stdout.lines().count() >= 2, "{}", run.stdout);
        for line in run.stdout.lines() {
            let envelope: serde_json::Value = serde_json::from_str(line).expect("an envelope");
            assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
        }
        desk.run(&format!("cosign {}", verify("vuln")))
            .exits(1)
            .says("its predicateType is \"https://cyclonedx.org/bom\"");
        // An attestation is not a signature.
        desk.run(&format!("cosign verify --key {curve}.pub IMAGE"))
            .exits(1);
        for cosign in [cosign25(), cosign31()].into_iter().flatten() {
            let offline = "--insecure-ignore-tlog=true --allow-http-registry";
            desk.peer(cosign, &format!("{} {offline}", verify("cyclonedx")))
                .ok();
        }
    }
    desk.run("cosign download attestation IMAGE").ok();
    let Some(cosign) = cosign25() else { return };
    desk.peer(cosign, "generate-key-pair --output-key-prefix pair")
        .ok();
    let attest = "attest --key pair.key --tlog-upload=false -y --allow-http-registry --type custom --predicate predicate.json IMAGE";
    desk.peer(cosign25().expect("there"), attest).ok();
    desk.run("cosign verify-attestation --key pair.pub IMAGE")
        .ok();
}

#[test]
fn files_are_attested_to() {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    desk.sandbox.write("file", b"file");
    desk.sandbox.write("other", b"other");
    desk.sandbox.write("predicate", b"{}");
    let attest = "cosign attest-blob --key k.pem --type slsaprovenance1 --predicate predicate --bundle b --output-attestation e file";
    desk.run(attest).ok();
    for proof in ["--bundle b", "--signature e"] {
        let verify =
            format!("cosign verify-blob-attestation --key k.pub --type slsaprovenance1 {proof}");
        desk.run(&format!("{verify} file")).ok();
        desk.run(&format!("{verify} other"))
            .exits(1)
            .says("none of its subjects");
    }
    desk.run("cosign verify-blob-attestation --key k.pub --type custom --bundle b file")
        .exits(1);
    desk.sandbox.write("list", b"[]");
    desk.run("cosign attest-blob --key k.pem --type slsaprovenance --predicate list file")
        .exits(1)
        .says("expected a JSON object");
}

/// Python's package verifies envelopes as their specification says: it makes the signed bytes by itself.
#[test]
fn pythons_sigstore_finds_the_signed_bytes() {
    const VERIFY: &str = "import sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sigstore.dsse import Envelope, _verify
key = load_pem_public_key(open(sys.argv[1], 'rb').read())
print(_verify(key, Envelope._from_json(open(sys.argv[2]).read())).decode())
";
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    desk.key("other", "prime256v1");
    desk.sandbox.write("verify.py", VERIFY);
    desk.sandbox.write("file", b"file");
    desk.sandbox
        .write("predicate", br#"{"name":"\u00fcber","list":[1,2]}"#);
    desk.run("cosign attest-blob --key k.pem --type cyclonedx --predicate predicate --output-attestation e file")
        .ok();
    let Some(python) = python_sigstore() else {
        return;
    };
    let run = desk.peer(python, "verify.py k.pub e").ok();
    let statement: serde_json::Value = serde_json::from_str(&run.stdout).expect("a statement");
    assert_eq!(statement["predicate"]["name"], "über");
    let python = python_sigstore().expect("it was there");
    assert_ne!(desk.peer(python, "verify.py other.pub e").status, 0);
}
