//! The message: how it is made, packed and signed.

use ir_sign::scheme::simple::{Stored, rule};

use crate::gpg::{FEBRUARY, Gpg, MARCH, PAYLOAD, judge};

/// The kinds of keys that sign, by gpg's names.
const KINDS: [&str; 7] = [
    "rsa2048", "rsa3072", "rsa4096", "nistp256", "nistp384", "nistp521", "ed25519",
];

#[test]
fn signatures_of_every_kind_of_key_are_taken() {
    for kind in KINDS {
        let mut gpg = Gpg::new();
        let key = gpg.key(kind);
        let message = gpg.at(FEBRUARY).sign("");
        let claim = judge(&gpg.export(&[]), &message, MARCH).taken();
        assert_eq!((&claim.key, &claim.primary), (&key, &key), "{kind}");
        assert_eq!(claim.payload.timestamp, Some(12));
        assert_eq!(Stored::of(&message), Ok(Stored::Simple(&message)));
    }
}

#[test]
fn a_hash_of_sha_256_and_more_counts_with_every_kind_of_key() {
    let all = ["SHA256", "SHA384", "SHA512"];
    // gpg makes no hash that is shorter than the numbers of the curve.
    for (kind, hashes) in [
        ("rsa2048", &all[..]),
        ("ed25519", &all),
        ("nistp256", &all),
        ("nistp384", &all[1..]),
        ("nistp521", &all[2..]),
    ] {
        let mut gpg = Gpg::new();
        gpg.key(kind);
        gpg.at(FEBRUARY);
        let ring = gpg.export(&[]);
        for hash in hashes {
            let message = gpg.sign(&format!("--digest-algo {hash}"));
            judge(&ring, &message, MARCH).taken();
        }
    }
}

#[test]
fn kinds_of_keys_and_hashes_that_count_for_nothing_are_refused() {
    for kind in ["rsa1024", "dsa2048", "brainpoolP256r1", "secp256k1"] {
        let mut gpg = Gpg::new();
        gpg.key(kind);
        let message = gpg.at(FEBRUARY).sign("");
        let verdicts = judge(&gpg.export(&[]), &message, MARCH);
        verdicts.taken_by_gpg_alone("it is of a kind that nothing is verified with");
    }
    let mut gpg = Gpg::new();
    gpg.key("rsa2048");
    gpg.at(FEBRUARY);
    for (hash, name) in [
        ("SHA1", "SHA-1"),
        ("SHA224", "SHA-224"),
        ("RIPEMD160", "RIPEMD-160"),
    ] {
        let message = gpg.sign(&format!("--digest-algo {hash}"));
        judge(&gpg.export(&[]), &message, MARCH).taken_by_gpg_alone(name);
    }
}

#[test]
fn packed_and_plain_messages_are_taken() {
    let mut gpg = Gpg::new();
    gpg.key("nistp256");
    gpg.at(FEBRUARY);
    let ring = gpg.export(&[]);
    for packed in [
        "--compress-algo zip",
        "--compress-algo zlib",
        "--compress-level 9",
        "--compress-algo none",
        // Text mode, names and notations are about the message, and no signature covers some of them.
        "--textmode",
        "--set-filename a-file",
        "--sig-notation a@x.example=b",
        "--sig-policy-url https://x.example/policy",
        "--sig-keyserver-url https://x.example/keys",
        "--sender 0@x.example",
        "--disable-signer-uid",
    ] {
        judge(&ring, &gpg.sign(packed), MARCH).taken();
    }
    // gpg has BZIP2 as well; skopeo makes none.
    let message = gpg.sign("--compress-algo bzip2");
    judge(&ring, &message, MARCH).taken_by_gpg_alone("neither by ZIP nor by ZLIB");
}

#[test]
fn a_payload_of_several_lines_is_taken_as_binary_and_as_text() {
    let mut gpg = Gpg::new();
    gpg.key("ed25519");
    gpg.at(FEBRUARY);
    let ring = gpg.export(&[]);
    let text = PAYLOAD.replace(",\"", ",\n  \"") + "\n";
    for arguments in ["", "--textmode", "--compress-algo none --textmode"] {
        let message = gpg.sign_text(arguments, &text);
        let verdicts = judge(&ring, &message, MARCH);
        assert!(verdicts.gpg.is_ok(), "{arguments}");
        let claim = verdicts.ours.expect("lines do no harm");
        assert_eq!(claim.payload.docker_reference, "h.example/r:t");
    }
}

#[test]
fn a_long_payload_is_taken_to_four_mebibytes() {
    let mut gpg = Gpg::new();
    gpg.key("ed25519");
    gpg.at(FEBRUARY);
    let ring = gpg.export(&[]);
    let long = |bytes: usize| {
        let more = format!("\"more\":\"{}\",\"creator\"", "x".repeat(bytes));
        PAYLOAD.replace("\"creator\"", &more)
    };
    for bytes in [200, 9_000, 70_000, 4_000_000] {
        for arguments in ["", "--compress-algo none"] {
            let message = gpg.sign_text(arguments, &long(bytes));
            let verdicts = judge(&ring, &message, MARCH);
            assert!(verdicts.gpg.is_ok());
            verdicts.ours.expect("it is long, and not too long");
        }
    }
    for arguments in ["", "--compress-algo none"] {
        let message = gpg.sign_text(arguments, &long(5_000_000));
        judge(&ring, &message, MARCH).taken_by_gpg_alone("more than 4 MiB");
    }
}

#[test]
fn messages_of_another_form_are_refused() {
    let mut gpg = Gpg::new();
    let (one, two) = (gpg.key("ed25519"), gpg.key("nistp256"));
    gpg.at(FEBRUARY);
    let ring = gpg.export(&[]);
    let plain = gpg.sign("--compress-algo none");
    let packed = gpg.sign("");
    for (message, reason) in [
        (
            gpg.sign(&format!("--local-user {one} --local-user {two}")),
            "it has several signers",
        ),
        (
            gpg.sign("--detach-sign"),
            "a packet of type 2 stands where a one-pass signature must be",
        ),
        (
            gpg.write_out("--store", PAYLOAD),
            "a packet of type 11 stands where a one-pass signature must be",
        ),
        ([&plain[..], &plain].concat(), "more follows the signature"),
        ([&plain[..], &packed].concat(), "more follows the signature"),
        (
            [&plain[..], b"x"].concat(),
            "does not consist of OpenPGP packets",
        ),
        (plain[..plain.len() - 1].to_vec(), "goes on beyond its end"),
        (Vec::new(), "it ends where a one-pass signature must be"),
        (b"garbage".to_vec(), "does not consist of OpenPGP packets"),
        (PAYLOAD.into(), "does not consist of OpenPGP packets"),
    ] {
        judge(&ring, &message, MARCH).refused(rule::FORM, reason);
    }
    // gpg reads these too. containers/image stops at their first byte.
    for arguments in ["--armor", "--clear-sign"] {
        let message = gpg.sign(arguments);
        assert!(Stored::of(&message).is_err(), "{arguments}");
        let verdicts = judge(&ring, &message, MARCH);
        verdicts.taken_by_gpg_alone("does not consist of OpenPGP packets");
    }
}

#[test]
fn bytes_after_compressed_data_are_refused() {
    let mut gpg = Gpg::new();
    gpg.key("ed25519");
    let packed = gpg.at(FEBRUARY).sign("");
    let ring = gpg.export(&[]);
    assert_eq!(packed[0], 0xa3, "to the end of the message");
    for more in [&b"x"[..], &packed, &[0; 64]] {
        let message = [&packed[..], more].concat();
        let verdicts = judge(&ring, &message, MARCH);
        let error = verdicts.ours.expect_err("more follows");
        assert_eq!(error.rule(), rule::FORM, "{error}");
    }
}

#[test]
fn a_signature_of_other_bytes_or_by_another_key_is_refused() {
    let mut gpg = Gpg::new();
    let (one, two) = (gpg.key("ed25519"), gpg.key("ed25519"));
    gpg.at(FEBRUARY);
    let message = gpg.sign(&format!("--compress-algo none --local-user {one}"));
    let rings = [&one, &two].map(|key| gpg.export(&[key]));
    judge(&rings[0], &message, MARCH).taken();
    judge(&rings[1], &message, MARCH).refused(rule::SIGNED, "which is not in the key ring");
    let at = message
        .windows(2)
        .position(|two| two == b"r:")
        .expect("the payload");
    let mut other = message;
    other[at + 2] = b'u';
    judge(&rings[0], &other, MARCH).refused(rule::SIGNED, "is not that of the key");
}

#[test]
fn a_signature_about_something_else_than_a_payload_is_refused() {
    let mut gpg = Gpg::new();
    gpg.key("ed25519");
    gpg.at(FEBRUARY);
    let ring = gpg.export(&[]);
    let without = &PAYLOAD[..PAYLOAD.find(",\"optional\"").expect("a member")];
    for text in [
        "hello".to_owned(),
        String::new(),
        format!("{PAYLOAD}x"),
        format!("{without}}}").replace(
            "atomic container signature",
            "cosign container image signature",
        ),
        PAYLOAD.replace("12", "12.5"),
        PAYLOAD.replace("12", "\"12\""),
        PAYLOAD.replace("{\"identity", "{\"more\":1,\"identity"),
        PAYLOAD.replace("\"type\"", "\"type\":\"x\",\"type\""),
    ] {
        let verdicts = judge(&ring, &gpg.sign_text("", &text), MARCH);
        assert!(verdicts.gpg.is_ok(), "gpg reads no payload");
        for error in [verdicts.ours, verdicts.image_rs] {
            assert_eq!(
                error.expect_err("no payload").rule(),
                rule::PAYLOAD,
                "{text}"
            );
        }
    }
    // `optional` is wanted by gpg's rules, and not by image-rs's.
    for text in [
        format!("{without}}}"),
        format!("{without},\"optional\":null}}"),
    ] {
        let message = gpg.sign_text("", &text);
        let ours = |rules| crate::gpg::ours(&ring, &message, MARCH, rules);
        let error = ours(ir_sign::scheme::simple::Rules::Gpg).expect_err("no object");
        assert_eq!(error.rule(), rule::PAYLOAD);
        ours(ir_sign::scheme::simple::Rules::ImageRs).expect("image-rs does not mind");
    }
}
