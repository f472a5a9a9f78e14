//! Private keys that are refused, and the hints that convert them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use harness::der::{self, ORDER, SECP384R1};
use harness::{Run, Sandbox, unhex};
use ir_sign::crypto::P384Key;
use ir_sign::key::file::FileKey;
use proptest::prelude::*;

use super::{point_of, scalar_of};

const IN_PEM: &str = "it is a private key in PEM; expected a private key in DER SEC1";

/// Uses `input` as a private key, in each way there is.
#[track_caller]
pub fn refused(sandbox: &Sandbox, input: &str, status: i32, reason: &str) -> Run {
    sandbox.write("file", "content");
    let names = sandbox.names();
    refused_to_sign(sandbox, input, status, reason);
    let run = sandbox.run_with(["extract-public", "-i", input, "-o", "out.pub"]);
    assert_eq!(sandbox.names(), names, "something was written");
    run.exits(status).says(reason)
}

/// Uses `input` as a private key that signs: `extract-public` takes keys of other types too.
#[track_caller]
pub fn refused_to_sign(sandbox: &Sandbox, input: &str, status: i32, reason: &str) -> Run {
    sandbox.write("file", "content");
    let names = sandbox.names();
    let signed = sandbox.run_with(["sign", "-k", input, "-f", "file", "-s", "sig"]);
    assert_eq!(sandbox.names(), names, "something was written");
    signed
        .exits(status)
        .says(&format!("error: key file {input}: "))
        .says(reason)
}

/// Executes the hint's command as it was printed, and signs with the key that comes of it.
#[track_caller]
fn hint_makes_a_key(sandbox: &Sandbox, run: &Run, input: &str) {
    let hint = run.hint();
    sandbox.shell(&hint, input).exits(0);
    sandbox.run("sign -k key.der -f file -s sig").exits(0);
    // A hint must not teach anyone to leave private keys open.
    assert_eq!(sandbox.mode("key.der") & 0o077, 0, "after {hint}");
}

/// The same, and the key has to be the one that was refused.
#[track_caller]
fn hint_converts(sandbox: &Sandbox, run: &Run, input: &str) {
    hint_makes_a_key(sandbox, run, input);
    let same = sandbox.openssl("ec -inform DER -in key.der -pubout -outform DER");
    assert_eq!(same, sandbox.read("ca.pub"));
}

#[test]
fn pem_is_refused_with_a_command_that_converts_it() {
    let awkward = "a key's $(name) & more.pem";
    for name in ["ca.pem", awkward, "-in.pem"] {
        let sandbox = Sandbox::with_keys();
        sandbox.openssl("ec -inform DER -in ca.prv -out sec1.pem");
        fs::rename(sandbox.path("sec1.pem"), sandbox.path(name)).expect("renamed");
        let run = if name.starts_with('-') {
            // The argument parser takes it for a flag unless it is joined to one.
            sandbox.run_with(["extract-public", &format!("-i{name}"), "-o", "out.pub"])
        } else {
            refused(&sandbox, name, 1, IN_PEM)
        };
        sandbox.write("file", "content");
        hint_converts(&sandbox, &run.exits(1), "");
    }
}

#[test]
fn no_hint_overwrites_what_is_there() {
    let sandbox = Sandbox::with_keys();
    let ours = ["key.der", "key-2.der", "key.pub"];
    for name in ours {
        sandbox.write(name, sandbox.read("vendor.prv"));
    }
    sandbox.openssl("ec -inform DER -in ca.prv -out ca.pem");
    sandbox.openssl("ecparam -name prime256v1 -genkey -noout -outform DER -out c.der");
    for command in [
        "extract-public -i ca.pem -o out.pub",
        "sign -k c.der -f ca.pub -s out",
        "verify -k ca.pem -f vendor.pub -s vendor.pub.sig",
        // A private key under the name of a public one.
        "verify -k key.pub -f vendor.pub -s vendor.pub.sig",
    ] {
        let hint = sandbox.run(command).exits(1).hint();
        let openssl = hint.split(", or ").last().expect("a command");
        sandbox.shell(openssl, "").exits(0);
    }
    for name in ours {
        assert_eq!(sandbox.read(name), sandbox.read("vendor.prv"), "{name}");
    }
    for made in ["key-3.der", "key-4.der", "key-2.pub", "key-3.pub"] {
        assert!(sandbox.has(made), "{made}");
    }
}

#[test]
fn pem_pkcs8_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("pkcs8 -topk8 -nocrypt -inform DER -in ca.prv -out p8.pem");
    let run = refused(&sandbox, "p8.pem", 1, IN_PEM);
    hint_converts(&sandbox, &run, "");
}

#[test]
fn encrypted_pem_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("pkcs8 -topk8 -inform DER -in ca.prv -passout pass:secret -out e.pem");
    let run = refused(&sandbox, "e.pem", 1, "an encrypted private key in PEM");
    hint_converts(&sandbox, &run, "secret\n");
}

/// Nothing but the passphrase shows what is inside: that comes before any conversion.
#[test]
fn an_encrypted_key_of_another_algorithm_is_shown_to_be_one_before_it_is_converted() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("genrsa -aes256 -passout pass:secret -out rsa.pem 2048");
    sandbox.openssl("pkey -in rsa.pem -passin pass:secret -out plain.pem");
    sandbox.openssl("pkcs8 -topk8 -in plain.pem -passout pass:secret -outform DER -out rsa.der");
    sandbox.openssl("req -x509 -new -key plain.pem -subj /CN=CA -days 9 -out crt.pem");
    sandbox
        .openssl("pkcs12 -export -inkey plain.pem -in crt.pem -passout pass:secret -out rsa.p12");
    for file in ["rsa.pem", "rsa.der", "rsa.p12"] {
        let run = sandbox
            .run(&format!("sign -k {file} -f ca.pub -s out"))
            .exits(1);
        let hint = run
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "));
        let hint = hint.expect("a hint");
        let first = hint.split('`').nth(1).expect("a command that shows it");
        assert!(hint.starts_with("if it is on secp384r1"), "{hint}");
        let shown = sandbox.shell(first, "secret\n").exits(0);
        assert!(
            shown.stdout.contains("Public-Key: (2048 bit)"),
            "{file}: {shown:?}"
        );
    }
    // The key in the old form says what it is.
    sandbox.openssl("rsa -in plain.pem -aes256 -traditional -passout pass:secret -out old.pem");
    refused(&sandbox, "old.pem", 1, "a private key for RSA in PEM");
}

#[test]
fn a_key_that_is_there_is_told_of_before_a_public_key_that_is() {
    let sandbox = Sandbox::with_keys();
    for more in ["", " --force"] {
        let run = sandbox.run(&format!("gen-key -o ca.prv --public ca.pub{more}"));
        run.exits(1)
            .says("ca.prv")
            .says("a private key is never overwritten");
    }
    sandbox
        .run("gen-key -o new.prv --public ca.pub")
        .exits(1)
        .says("--force replaces the public key file");
    assert!(!sandbox.has("new.prv"));
}

/// Only a private key has to be kept from others.
#[test]
fn no_mode_is_advised_for_a_file_that_is_no_private_key() {
    let sandbox = Sandbox::with_keys();
    let open = Permissions::from_mode(0o644);
    sandbox.write("text", "no key");
    for file in ["ca.pub", "text", "ca.prv"] {
        fs::set_permissions(sandbox.path(file), open.clone()).expect("ours");
        for command in [
            "endorse -f vendor.pub -s out -k",
            "extract-public -o out.pub -i",
        ] {
            let run = sandbox.run(&format!("{command} {file}"));
            let advised = run.stderr.contains("chmod 600");
            assert_eq!(advised, file == "ca.prv", "{command} {file}: {run:?}");
        }
    }
}

#[test]
fn der_pkcs8_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("pkcs8 -topk8 -nocrypt -inform DER -in ca.prv -outform DER -out p8.der");
    let run = refused(&sandbox, "p8.der", 1, "it is PKCS#8; expected DER SEC1");
    hint_converts(&sandbox, &run, "");
}

#[test]
fn encrypted_pkcs8_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl(
        "pkcs8 -topk8 -inform DER -in ca.prv -passout pass:secret -outform DER -out e.der",
    );
    let run = refused(&sandbox, "e.der", 1, "it is an encrypted PKCS#8 key");
    hint_converts(&sandbox, &run, "secret\n");
}

#[test]
fn pkcs12_is_refused_with_a_command_that_takes_the_key_out() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in ca.prv -out ca.pem");
    sandbox.openssl("req -x509 -new -key ca.pem -subj /CN=CA -days 9 -out crt.pem");
    sandbox.openssl("pkcs12 -export -inkey ca.pem -in crt.pem -passout pass:secret -out ca.p12");
    let run = refused(
        &sandbox,
        "ca.p12",
        1,
        "it is PKCS#12; expected a private key",
    );
    hint_converts(&sandbox, &run, "secret\n");
}

#[test]
fn explicit_parameters_are_refused_with_a_command_that_converts_them() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in ca.prv -param_enc explicit -outform DER -out x.der");
    let run = refused(&sandbox, "x.der", 1, "explicit parameters");
    hint_converts(&sandbox, &run, "");
}

#[test]
fn other_curves_are_refused_by_name_with_commands_that_make_a_key() {
    for (curve, name) in [
        ("prime256v1", "prime256v1 (P-256)"),
        ("secp521r1", "secp521r1 (P-521)"),
        ("secp256k1", "secp256k1"),
        ("brainpoolP384r1", "brainpoolP384r1"),
        ("secp224r1", "secp224r1 (P-224)"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.openssl(&format!(
            "ecparam -name {curve} -genkey -noout -outform DER -out c.der"
        ));
        let run = refused_to_sign(
            &sandbox,
            "c.der",
            1,
            &format!("it is a key on {name}; expected secp384r1"),
        );
        let hint = run.hint();
        let (ours, theirs) = hint.split_once(", or ").expect("two commands");
        for command in [ours, theirs] {
            let run = Run {
                status: 1,
                stdout: String::new(),
                stderr: format!("hint: make a key: {command}\n"),
            };
            hint_makes_a_key(&sandbox, &run, "");
            fs::remove_file(sandbox.path("key.der")).expect("removed");
            fs::remove_file(sandbox.path("sig")).expect("removed");
        }
    }
}

#[test]
fn a_key_without_its_curve_is_refused() {
    let sandbox = Sandbox::with_keys();
    let (key, public) = (sandbox.read("ca.prv"), sandbox.read("ca.pub"));
    let point = point_of(&public);
    for point in [None, Some(point)] {
        sandbox.write("bare", der::private_key(scalar_of(&key), None, point));
        let run = refused(&sandbox, "bare", 1, "it does not name its curve");
        assert!(run.hint().contains("gen-key"), "{run:#?}");
    }
}

#[test]
fn a_public_part_of_another_key_is_refused() {
    let sandbox = Sandbox::with_keys();
    let (key, public) = (sandbox.read("ca.prv"), sandbox.read("other.pub"));
    let other = point_of(&public);
    let compressed = [&[2 + (other[96] & 1)], &other[1..49]].concat();
    let mut hybrid = point_of(&sandbox.read("ca.pub")).to_vec();
    hybrid[0] = 6 + (hybrid[96] & 1);
    for point in [other, &compressed, &other[..96], &[0], &[], &hybrid] {
        let bytes = der::private_key(scalar_of(&key), Some(SECP384R1), Some(point));
        assert!(FileKey::from_sec1(&bytes).is_err(), "{point:02x?}");
        sandbox.write("mixed", bytes);
        refused(&sandbox, "mixed", 1, "error: key file mixed: ");
    }
    let bytes = der::private_key(scalar_of(&key), Some(SECP384R1), Some(other));
    sandbox.write("mixed", bytes);
    refused(
        &sandbox,
        "mixed",
        1,
        "its public part does not belong to its private part",
    )
    .says("hint: the file is damaged")
    .says("make a P-384 key: ir-sign gen-key -o key.der");
}

#[test]
fn a_public_part_in_the_hybrid_form_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in ca.prv -conv_form hybrid -outform DER -out h.der");
    let run = refused(&sandbox, "h.der", 1, "is in the hybrid form");
    hint_converts(&sandbox, &run, "");
}

#[test]
fn scalars_out_of_range_are_refused() {
    let order = unhex(ORDER);
    let mut above = order.clone();
    above[47] += 1;
    let long = [&[0], &[7; 48][..]].concat();
    let sandbox = Sandbox::new();
    for scalar in [
        &[0; 48][..],
        &order,
        &above,
        &[0xff; 48],
        &[7; 47],
        &[7],
        &[],
        &long,
    ] {
        let bytes = der::private_key(scalar, Some(SECP384R1), None);
        sandbox.write("bad", &bytes);
        let reason = "its scalar is not a number from 1 to n - 1 in 48 bytes";
        refused(&sandbox, "bad", 1, reason).says("make a P-384 key: ir-sign gen-key -o key.der");
    }
}

#[test]
fn bytes_after_a_key_are_refused() {
    let sandbox = Sandbox::with_keys();
    let key = sandbox.read("ca.prv");
    for more in [&b"\n"[..], b"\0", &key] {
        sandbox.write("long", [&key, more].concat());
        let reason = "bytes follow the DER SEC1 private key";
        let run = refused(&sandbox, "long", 1, reason);
        hint_converts(&sandbox, &run, "");
        for made in ["key.der", "sig"] {
            fs::remove_file(sandbox.path(made)).expect("removed");
        }
    }
}

#[test]
fn a_public_key_is_no_private_key() {
    let sandbox = Sandbox::with_keys();
    let run = refused(&sandbox, "ca.pub", 1, "it is a public key");
    run.says("hint: give the private key");
    sandbox.openssl("ec -pubin -inform DER -in ca.pub -pubout -out pub.pem");
    refused(&sandbox, "pub.pem", 1, "it is a public key in PEM").says("hint: give the private key");
}

#[test]
fn keys_of_other_algorithms_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.openssl("genpkey -algorithm ed25519 -outform DER -out ed.der");
    for (name, algorithm) in [
        ("rsa8", "rsa"),
        ("p256", "ec -pkeyopt ec_paramgen_curve:P-256"),
    ] {
        sandbox.openssl(&format!("genpkey -algorithm {algorithm} -out k.pem"));
        sandbox.openssl(&format!(
            "pkcs8 -topk8 -nocrypt -in k.pem -outform DER -out {name}.der"
        ));
    }
    sandbox.openssl("genrsa -traditional -out rsa.pem 1024");
    sandbox.openssl("rsa -in rsa.pem -traditional -outform DER -out rsa.der");
    for (file, reason) in [
        ("ed.der", "it is PKCS#8 with a key for Ed25519"),
        ("rsa8.der", "it is PKCS#8 with a key for RSA"),
        ("p256.der", "it is a key on prime256v1 (P-256)"),
        ("rsa.der", "it is a private key for RSA; expected an EC key"),
    ] {
        // Nothing converts these.
        refused_to_sign(&sandbox, file, 1, reason).says("hint: make a P-384 key: ir-sign gen-key");
    }
}

#[test]
fn a_key_cut_short_anywhere_is_refused() {
    let sandbox = Sandbox::with_keys();
    let key = sandbox.read("ca.prv");
    FileKey::from_sec1(&key).expect("the whole key is read");
    for end in 0..key.len() {
        assert!(FileKey::from_sec1(&key[..end]).is_err(), "{end} bytes");
    }
    for end in [0, 1, 2, 3, 60, 166] {
        sandbox.write("cut", &key[..end]);
        refused(&sandbox, "cut", 1, "it is not a DER SEC1 private key");
    }
}

#[test]
fn a_key_with_any_bit_turned_is_refused_or_another_key() {
    let sandbox = Sandbox::with_keys();
    let key = sandbox.read("ca.prv");
    for bit in 0..key.len() * 8 {
        let mut turned = key.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        assert!(FileKey::from_sec1(&turned).is_err(), "bit {bit}");
    }
}

#[test]
fn lengths_in_ber_are_refused() {
    let sandbox = Sandbox::with_keys();
    let key = sandbox.read("ca.prv");
    let body = &key[3..];
    assert_eq!(key[..3], [0x30, 0x81, 0xa4]);
    let indefinite = [&[0x30, 0x80], body, &[0, 0]].concat();
    let long = [&[0x30, 0x82, 0, 0xa4], body].concat();
    for bytes in [indefinite, long] {
        sandbox.write("ber", bytes);
        refused(&sandbox, "ber", 1, "it is not a DER SEC1 private key");
    }
}

#[test]
fn other_files_are_not_taken_for_a_key() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("text", "hello\n");
    refused(&sandbox, "text", 1, "it is not a DER SEC1 private key");
    refused(&sandbox, "absent", 3, "cannot open: No such file");
    refused(&sandbox, ".", 3, "cannot read: ");
    let file = fs::File::create(sandbox.path("sparse")).expect("a file");
    file.set_len(1 << 30).expect("a length");
    refused(&sandbox, "sparse", 1, "larger than 16384 bytes");
    refused(&sandbox, "/dev/zero", 1, "larger than 16384 bytes");
    refused(&sandbox, "/dev/null", 1, "it is not a DER SEC1 private key");
}

#[test]
fn a_refusal_does_not_print_the_key() {
    let sandbox = Sandbox::with_keys();
    let key = sandbox.read("ca.prv");
    let scalar = harness::hex(scalar_of(&key));
    sandbox.openssl("ec -inform DER -in ca.prv -out ca.pem");
    let text = sandbox.read("ca.pem");
    let text = std::str::from_utf8(&text).expect("text");
    sandbox.write("cut", &key[..166]);
    sandbox.write("long", [&key, &b"x"[..]].concat());
    for bad in ["ca.pem", "cut", "long"] {
        let run = sandbox.run(&format!("extract-public --json --verbose -i {bad} -o out"));
        let run = run.exits(1);
        let told = run.stdout + &run.stderr;
        assert!(!told.contains(&scalar[..16]), "{told}");
        assert!(!text.lines().any(|line| told.contains(line)), "{told}");
    }
}

proptest! {
    #[test]
    fn random_bytes_are_no_key(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(FileKey::from_sec1(&bytes).is_err());
        prop_assert!(P384Key::from_spki(&bytes).is_err());
    }

    #[test]
    fn every_scalar_below_the_order_reads_back(scalar in proptest::collection::vec(any::<u8>(), 48)) {
        prop_assume!(scalar < unhex(ORDER) && scalar.iter().any(|b| *b != 0));
        let bytes = der::private_key(&scalar, Some(SECP384R1), None);
        let written = FileKey::from_sec1(&bytes).expect("a key").to_sec1();
        prop_assert_eq!(written.len(), 167);
        prop_assert_eq!(scalar_of(&written), &scalar[..]);
        let again = FileKey::from_sec1(&written).expect("a key").to_sec1();
        prop_assert_eq!(&again[..], &written[..]);
    }

    #[test]
    fn a_key_with_any_byte_changed_is_refused(at in 0..167_usize, change in 1..=255_u8) {
        let scalar = [0x42; 48];
        let bytes = der::private_key(&scalar, Some(SECP384R1), None);
        let mut written = FileKey::from_sec1(&bytes).expect("a key").to_sec1();
        written[at] ^= change;
        prop_assert!(FileKey::from_sec1(&written).is_err());
    }
}
