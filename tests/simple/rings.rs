//! The ring: armour, several keys, other content, and files that are not rings.

use ir_sign::scheme::simple::{KeyRing, Rules};

use crate::gpg::{FEBRUARY, Gpg, MARCH, judge};

const BOTH: [Rules; 2] = [Rules::Gpg, Rules::ImageRs];

#[test]
fn a_ring_of_several_keys_is_read_with_and_without_armour() {
    let mut gpg = Gpg::new();
    let kinds = ["ed25519", "nistp256", "rsa2048", "dsa2048", "nistp521"];
    let keys = kinds.map(|kind| gpg.key(kind));
    gpg.at(FEBRUARY);
    let rings = [gpg.export(&[]), gpg.write_out("--armor --export", "")];
    for ring in rings {
        for rules in BOTH {
            let read = KeyRing::read(&ring, rules).expect("a ring");
            let mut found: Vec<_> = read.fingerprints().collect();
            let mut all = keys.to_vec();
            found.sort();
            all.sort();
            assert_eq!(found, all);
        }
        for (key, kind) in keys.iter().zip(kinds) {
            if kind != "dsa2048" {
                let message = gpg.sign(&format!("--local-user {key}"));
                assert_eq!(&judge(&ring, &message, MARCH).taken().key, key);
            }
        }
    }
}

#[test]
fn several_armoured_blocks_are_one_ring_of_which_image_rs_sees_the_first() {
    let mut gpg = Gpg::new();
    let (one, two) = (gpg.key("ed25519"), gpg.key("nistp256"));
    gpg.at(FEBRUARY);
    let block = |key: &str| gpg.write_out(&format!("--armor --export {key}"), "");
    let ring = [block(&one), b"some text\n".to_vec(), block(&two)].concat();
    let message = |key: &str| gpg.sign(&format!("--local-user {key}"));
    judge(&ring, &message(&one), MARCH).taken();
    let second = message(&two);
    let verdicts = crate::gpg::ours(&ring, &second, MARCH, Rules::Gpg);
    verdicts.expect("it is in the ring");
    let error = crate::gpg::ours(&ring, &second, MARCH, Rules::ImageRs).expect_err("unseen");
    crate::gpg::says(&error, "which is not in the key ring");
    assert!(crate::gpg::gpg_takes(&ring, &second, MARCH).is_ok());
}

#[test]
fn rings_of_all_kinds_of_export_are_read() {
    let mut gpg = Gpg::new();
    let key = gpg.key("ed25519");
    gpg.subkey(&key, "nistp256", "never");
    gpg.run(&format!("--quick-add-key {key} cv25519 encr never"), "");
    gpg.at(FEBRUARY);
    let message = gpg.sign(&format!("--local-user {key}!"));
    for options in [
        "--export",
        "--export-options export-minimal --export",
        "--export-options export-clean --export",
        "--export-options export-attributes --export",
        "--export-options backup --export",
        "--armor --export",
        "--armor --comment a-comment --emit-version --export",
    ] {
        let ring = gpg.write_out(options, "");
        judge(&ring, &message, MARCH).taken();
    }
}

#[test]
fn bytes_that_are_no_ring_are_refused() {
    let mut gpg = Gpg::new();
    let key = gpg.key("ed25519");
    gpg.at(FEBRUARY);
    let ring = gpg.export(&[]);
    let armoured = String::from_utf8(gpg.write_out("--armor --export", "")).expect("text");
    let message = gpg.sign("");
    let secret = gpg.write_out("--export-secret-keys", "");
    let cases: [(Vec<u8>, &str); 9] = [
        (Vec::new(), "it has no public key"),
        (b"garbage\n".to_vec(), "it has no public key"),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_vec(),
            "expected PGP PUBLIC KEY BLOCK",
        ),
        (secret, "it has a private key"),
        (message.clone(), "has no place in it"),
        (ring[..ring.len() - 1].to_vec(), "goes on beyond its end"),
        (
            [&ring[..], b"x"].concat(),
            "does not consist of OpenPGP packets",
        ),
        (
            armoured.replace("-----END", "----END").into(),
            "its block does not end",
        ),
        (
            armoured.replace("\n=", "\n=A").into(),
            "the checksum of its block is another",
        ),
    ];
    for (bytes, reason) in cases {
        for rules in BOTH {
            let error = KeyRing::read(&bytes, rules).expect_err(reason).to_string();
            assert!(error.contains(reason), "{reason:?} is not in: {error}");
        }
    }
    // gpg's own files are of another form.
    let keybox = gpg.file("pubring.kbx");
    let error = KeyRing::read(&keybox, Rules::Gpg).expect_err("a keybox");
    assert!(error.to_string().contains("gpg --export"), "{error} {key}");
}

#[test]
fn a_ring_beyond_four_mebibytes_is_refused() {
    let gpg = Gpg::new();
    gpg.key("ed25519");
    let ring = gpg.export(&[]);
    let many = |bytes: usize| ring.repeat(bytes / ring.len());
    let read = KeyRing::read(&many(4 << 20), Rules::Gpg).expect("one key, many times");
    assert_eq!(read.fingerprints().count(), 1);
    let error = KeyRing::read(&many((4 << 20) + 2 * ring.len()), Rules::Gpg);
    let error = error.expect_err("it is too long").to_string();
    assert!(error.contains("more than 4 MiB"), "{error}");
}

#[test]
fn a_revocation_in_a_block_of_its_own_counts() {
    let mut gpg = Gpg::new();
    let (one, two) = (gpg.key("ed25519"), gpg.key("nistp256"));
    gpg.at(FEBRUARY);
    let keys = gpg.write_out("--armor --export", "");
    let messages = [&one, &two].map(|key| gpg.sign(&format!("--local-user {key}")));
    let revocation = gpg.file(&format!("openpgp-revocs.d/{one}.rev"));
    let revocation = String::from_utf8(revocation).expect("text");
    let revocation = revocation.replace(":-----BEGIN", "-----BEGIN");
    let with = |keys: &[u8]| [keys, revocation.as_bytes()].concat();
    judge(&keys, &messages[0], MARCH).taken();
    let alone = with(&gpg.write_out(&format!("--armor --export {one}"), ""));
    assert!(crate::gpg::gpg_takes(&alone, &messages[0], MARCH).is_err());
    // gpg takes it for a signature about the last key, where that is another. Here it counts all the same.
    let ring = with(&keys);
    for ring in [&alone, &ring] {
        let error = crate::gpg::ours(ring, &messages[0], MARCH, Rules::Gpg).expect_err("revoked");
        crate::gpg::says(&error, "its key is revoked");
    }
    // It is about the one key alone.
    judge(&ring, &messages[1], MARCH).taken();
}
