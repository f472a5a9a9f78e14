//! Keys in files: what is written, what is read, and what a refusal tells its reader to do.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use common::der::{self, ORDER, SECP384R1};
use common::{IR_SIGN, Run, Sandbox, unhex};
use ir_sign::crypto::PublicKey;
use ir_sign::key::file::FileKey;
use proptest::prelude::*;

/// The scalar of a key that the program wrote.
fn scalar_of(key: &[u8]) -> &[u8] {
    &key[8..56]
}

/// The uncompressed point of a public key that the program wrote.
fn point_of(public: &[u8]) -> &[u8] {
    &public[23..]
}

// --- what is written ---------------------------------------------------------------------------

#[test]
fn a_new_key_is_what_openssl_writes() {
    let sandbox = Sandbox::new();
    for n in 0..8 {
        let name = format!("{n}.prv");
        sandbox.run(&format!("gen-key -o {name}")).exits(0);
        let key = sandbox.read(&name);
        assert_eq!(key.len(), 167);
        let again = sandbox.openssl(&format!("ec -inform DER -outform DER -in {name}"));
        assert_eq!(key, again);
    }
}

#[test]
fn a_new_public_key_is_what_openssl_writes() {
    let sandbox = Sandbox::new();
    sandbox.gen_key("new");
    sandbox.run("extract-public -i new.prv -o out.pub").exits(0);
    let public = sandbox.openssl("ec -inform DER -in new.prv -pubout -outform DER");
    assert_eq!(public.len(), 120);
    assert_eq!(sandbox.read("new.pub"), public);
    assert_eq!(sandbox.read("out.pub"), public);
}

#[test]
fn the_fingerprint_is_the_sha256_of_the_public_key() {
    let sandbox = Sandbox::with_keys();
    let told = sandbox.run("extract-public --json -i ca.prv -o ca.pub");
    let sum = sandbox.openssl("dgst -sha256 -r ca.pub");
    let sum = String::from_utf8(sum).expect("text");
    let expected = format!("SHA256:{}", &sum[..64]);
    assert_eq!(told.exits(0).json()["fingerprint"], *expected);
}

#[test]
fn a_private_key_is_for_its_owner_only_whatever_the_umask() {
    let sandbox = Sandbox::new();
    let script = "umask 000; ir-sign gen-key -q -o open.prv --public open.pub";
    sandbox.shell(script, "").exits(0);
    assert_eq!(sandbox.mode("open.prv"), 0o600);
    // The umask decides about what is no secret.
    assert_eq!(sandbox.mode("open.pub"), 0o644);
    let script = "umask 077; ir-sign gen-key -q -o shut.prv --public shut.pub";
    sandbox.shell(script, "").exits(0);
    assert_eq!(sandbox.mode("shut.prv"), 0o600);
    assert_eq!(sandbox.mode("shut.pub"), 0o600);
    // It takes from a private key's too, as documented.
    let script = "umask 277; ir-sign gen-key -q -o fixed.prv";
    sandbox.shell(script, "").exits(0);
    assert_eq!(sandbox.mode("fixed.prv"), 0o400);
}

#[test]
fn two_new_keys_differ() {
    let sandbox = Sandbox::new();
    sandbox.gen_key("a");
    sandbox.gen_key("b");
    assert_ne!(sandbox.read("a.prv"), sandbox.read("b.prv"));
}

#[test]
fn a_private_key_is_never_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.gen_key("a");
    let key = sandbox.read("a.prv");
    sandbox.write("empty", "");
    symlink("a.prv", sandbox.path("link")).expect("a link");
    symlink("nowhere", sandbox.path("dangling")).expect("a link");
    fs::create_dir(sandbox.path("folder")).expect("a folder");
    let names = sandbox.names();
    for there in ["a.prv", "./a.prv", "empty", "link", "dangling", "folder"] {
        for force in ["", "--force"] {
            sandbox
                .run(&format!("gen-key -o {there} {force}"))
                .exits(1)
                .says(&format!("key file {there}: exists already"));
        }
    }
    assert_eq!(sandbox.read("a.prv"), key);
    assert_eq!(sandbox.read("empty"), b"");
    assert_eq!(sandbox.names(), names, "something was left behind");
}

#[test]
fn no_output_is_written_over_a_private_key_forced_or_not() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in other.prv -out sec1.pem");
    sandbox.openssl("pkcs8 -topk8 -nocrypt -inform DER -in other.prv -outform DER -out p8.der");
    sandbox.openssl("pkcs8 -topk8 -inform DER -in other.prv -passout pass:secret -out e.pem");
    sandbox.openssl("genpkey -algorithm ed25519 -out ed.pem");
    sandbox.openssl("ecparam -name prime256v1 -genkey -noout -outform DER -out p256.der");
    // Keys that no command here would take are somebody's all the same.
    sandbox.openssl("genrsa -out rsa.pem 2048");
    sandbox.openssl("rsa -in rsa.pem -traditional -outform DER -out rsa.der");
    sandbox.openssl("dsaparam -out dsa.par 1024");
    sandbox.openssl("gendsa -out dsa8.pem dsa.par");
    sandbox.openssl("pkey -in dsa8.pem -traditional -out dsa.pem");
    sandbox.openssl("req -x509 -new -key rsa.pem -subj /CN=x -days 9 -out bundle.pem");
    let certificate = sandbox.read("bundle.pem");
    sandbox.write(
        "bundle.pem",
        [certificate, sandbox.read("rsa.pem")].concat(),
    );
    for (name, label) in [
        ("ssh", "OPENSSH PRIVATE KEY"),
        ("pgp", "PGP PRIVATE KEY BLOCK"),
    ] {
        sandbox.write(name, format!("-----BEGIN {label}-----\n"));
    }
    sandbox.openssl("asn1parse -noout -in dsa.pem -out dsa.der");
    let names = sandbox.names();
    for there in [
        "other.prv",
        "sec1.pem",
        "p8.der",
        "e.pem",
        "ed.pem",
        "p256.der",
        "rsa.der",
        "dsa.pem",
        "dsa.der",
        "bundle.pem",
        "ssh",
        "pgp",
    ] {
        let before = sandbox.read(there);
        for command in [
            "gen-key -o new.prv --public",
            "extract-public -i ca.prv -o",
            "sign -k ca.prv -f vendor.pub -s",
            "endorse -k ca.prv -f vendor.pub -s",
        ] {
            for force in ["", "--force"] {
                let run = sandbox.run(&format!("{command} {there} {force}")).exits(1);
                run.says(&format!("file {there}: holds a private key"))
                    .says("hint: name another output");
                assert!(sandbox.read(there) == before, "{command} {there}");
            }
        }
    }
    assert_eq!(sandbox.names(), names);
    // Public ones are nobody's secret.
    sandbox
        .run("extract-public -i ca.prv -o other.pub --force")
        .exits(0);
    sandbox.openssl("ec -inform DER -in ca.prv -pubout -out ca.pem");
    sandbox
        .run("extract-public -i ca.prv -o ca.pem --force")
        .exits(0);
}

#[test]
fn where_the_public_key_may_not_go_no_private_key_is_made() {
    let sandbox = Sandbox::new();
    sandbox.write("there", "something");
    fs::create_dir(sandbox.path("folder")).expect("a folder");
    for (public, status) in [
        ("there", 1),
        ("folder", 1),
        ("folder/", 1),
        // No file can be called so, and there is no such folder.
        ("absent/", 3),
        ("absent/.", 3),
        ("absent/new.pub", 3),
        ("new.prv", 2),
        ("./new.prv", 2),
    ] {
        sandbox
            .run(&format!("gen-key -o new.prv --public {public}"))
            .exits(status)
            .says(&format!("public key file {public}: "));
        assert_eq!(sandbox.names(), ["folder", "there"], "after {public}");
    }
    assert_eq!(sandbox.read("there"), b"something");
    sandbox
        .run("gen-key -o new.prv --public there --force")
        .exits(0);
    assert_eq!(sandbox.read("there").len(), 120);
}

#[test]
fn of_runs_that_make_one_key_exactly_one_wins() {
    let sandbox = Sandbox::new();
    let start = || {
        let mut command = sandbox.command(IR_SIGN);
        command.args(["gen-key", "-o", "key.prv", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program runs")
    };
    let children: Vec<_> = std::iter::repeat_with(start).take(12).collect();
    let runs = children
        .into_iter()
        .map(|child| Run::from(child.wait_with_output().expect("the program ends")));
    let (won, lost): (Vec<Run>, Vec<Run>) = runs.partition(|run| run.status == 0);
    assert_eq!(won.len(), 1, "{won:#?}");
    for run in lost {
        run.exits(1).says("key file key.prv: exists already");
    }
    assert_eq!(sandbox.names(), ["key.prv"], "something was left behind");
    let public = sandbox.run("extract-public --json -i key.prv -o key.pub");
    assert_eq!(
        public.exits(0).json()["fingerprint"],
        won[0].json()["fingerprint"],
        "the file holds another key than the winner's"
    );
}

#[test]
fn a_public_key_that_is_right_is_left_alone_and_another_is_not_replaced() {
    let sandbox = Sandbox::with_keys();
    let before = fs::metadata(sandbox.path("ca.pub")).expect("a file");
    sandbox
        .run("extract-public -i ca.prv -o ca.pub")
        .exits(0)
        .says("ca.pub is right already");
    let after = fs::metadata(sandbox.path("ca.pub")).expect("a file");
    assert_eq!(
        after.modified().expect("a time"),
        before.modified().expect("a time")
    );
    let vendor = sandbox.read("vendor.pub");
    sandbox
        .run("extract-public -i ca.prv -o vendor.pub")
        .exits(1)
        .says("public key file vendor.pub: exists already, with other content")
        .says("hint: --force");
    assert_eq!(sandbox.read("vendor.pub"), vendor);
    sandbox
        .run("extract-public -i ca.prv -o vendor.pub --force")
        .exits(0);
    assert_eq!(sandbox.read("vendor.pub"), sandbox.read("ca.pub"));
}

// --- what is read ------------------------------------------------------------------------------

#[test]
fn keys_of_openssl_are_read() {
    let sandbox = Sandbox::new();
    sandbox.openssl("ecparam -name secp384r1 -genkey -noout -outform DER -out o.prv");
    sandbox.run("extract-public -i o.prv -o o.pub").exits(0);
    let public = sandbox.openssl("ec -inform DER -in o.prv -pubout -outform DER");
    assert_eq!(sandbox.read("o.pub"), public);
    sandbox.run("sign -k o.prv -f o.pub -s sig").exits(0);
    sandbox.openssl("dgst -sha384 -verify o.pub -keyform DER -signature sig o.pub");
}

#[test]
fn keys_without_the_public_part_or_with_a_compressed_one_are_read() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in ca.prv -no_public -outform DER -out none.prv");
    sandbox.openssl("ec -inform DER -in ca.prv -conv_form compressed -outform DER -out short.prv");
    for name in ["none.prv", "short.prv"] {
        assert!(sandbox.read(name).len() < 167, "{name}");
        sandbox
            .run(&format!("extract-public -i {name} -o {name}.pub"))
            .exits(0);
        assert_eq!(sandbox.read(format!("{name}.pub")), sandbox.read("ca.pub"));
    }
}

#[test]
fn the_smallest_and_the_largest_scalar_are_read() {
    let mut one = [0; 48];
    one[47] = 1;
    let mut largest = unhex(ORDER);
    largest[47] -= 1;
    for scalar in [&one[..], &largest] {
        let bytes = der::private_key(scalar, Some(SECP384R1), None);
        let key = FileKey::from_sec1(&bytes).expect("a key");
        assert_eq!(scalar_of(&key.to_sec1()), scalar);
    }
}

#[test]
fn a_key_that_others_can_read_is_warned_of() {
    let sandbox = Sandbox::with_keys();
    sandbox
        .shell(
            "chmod 640 ca.prv; ir-sign extract-public -i ca.prv -o ca.pub",
            "",
        )
        .exits(0)
        .says("warning: private key ca.prv can be read or written by others (mode 0640)");
    let quiet = sandbox.run("extract-public -i ca.prv -o ca.pub -q");
    assert_eq!(quiet.exits(0).stderr, "");
    // In whichever command, and both where there are two.
    sandbox.shell("chmod 2604 vendor.prv", "").exits(0);
    sandbox.unpack("umoci", "app");
    fs::copy(common::data("umoci.tar"), sandbox.path("new.tar")).expect("a copy");
    let sign = "-r registry -v vendor.prv";
    for (command, keys) in [
        ("sign -k ca.prv -f ca.pub -s sig", &["ca.prv"][..]),
        (
            "endorse -k ca.prv -f vendor.pub -s vendor.pub.sig",
            &["ca.prv"],
        ),
        (
            &format!("sign-image -a app {sign} -x ca.prv"),
            &["ca.prv", "vendor.prv"],
        ),
        (
            &format!("extract-sign-image -f new.tar {sign} -s vendor.pub.sig -c ca.pub"),
            &["vendor.prv"],
        ),
    ] {
        let run = sandbox.run(command).exits(0);
        for (key, mode) in [("ca.prv", "0640"), ("vendor.prv", "2604")] {
            let warning = format!(
                "warning: private key {key} can be read or written by others (mode {mode}); chmod 600 it"
            );
            let warned = run.stderr.contains(&warning);
            assert_eq!(warned, keys.contains(&key), "{command}: {run:#?}");
        }
    }
}

// --- private keys that are refused -------------------------------------------------------------

const IN_PEM: &str = "it is a private key in PEM, and a private key in DER SEC1 is wanted";

/// Uses `input` as a private key, in each way there is.
#[track_caller]
fn refused(sandbox: &Sandbox, input: &str, status: i32, reason: &str) -> Run {
    sandbox.write("file", "content");
    let names = sandbox.names();
    let signed = sandbox.run_with(["sign", "-k", input, "-f", "file", "-s", "sig"]);
    signed
        .exits(status)
        .says(&format!("error: key file {input}: "))
        .says(reason);
    let run = sandbox.run_with(["extract-public", "-i", input, "-o", "out.pub"]);
    assert_eq!(sandbox.names(), names, "something was written");
    run.exits(status).says(reason)
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
        "extract-public -i c.der -o out.pub",
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
    let run = refused(
        &sandbox,
        "p8.der",
        1,
        "it is PKCS#8, and DER SEC1 is wanted",
    );
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
    let run = refused(&sandbox, "ca.p12", 1, "it is PKCS#12, and a private key");
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
        let run = refused(
            &sandbox,
            "c.der",
            1,
            &format!("it is a key on {name}, and secp384r1 is wanted"),
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
        ("rsa.der", "it is a private key for RSA, and an EC key"),
    ] {
        // Nothing converts these.
        refused(&sandbox, file, 1, reason).says("hint: make a P-384 key: ir-sign gen-key");
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
fn what_is_no_key_file_at_all_is_refused() {
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
    let scalar = ir_sign::encoding::hex::hex(scalar_of(&key));
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
        prop_assert!(PublicKey::from_spki(&bytes).is_err());
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

// --- public keys that are refused --------------------------------------------------------------

/// Uses `input` as a public key, in each way there is.
#[track_caller]
fn public_refused(sandbox: &Sandbox, input: &str, status: i32, reason: &str) -> Run {
    let file = format!("key file {input}: ");
    sandbox
        .run(&format!("endorse -k ca.prv -f {input} -s out.sig"))
        .exits(status)
        .says(&file)
        .says(reason);
    assert!(!sandbox.has("out.sig"));
    sandbox
        .run(&format!(
            "sign-image -r registry -a app -v vendor.prv -s vendor.pub.sig -c {input}"
        ))
        .exits(status)
        .says(&file)
        .says(reason);
    sandbox
        .run(&format!("verify-image -r registry -a app -c {input}"))
        .exits(status)
        .says(&file)
        .says(reason);
    sandbox
        .run(&format!(
            "verify-image -r registry -a app -c ca.pub --vendor {input}"
        ))
        .exits(status)
        .says(&file)
        .says(reason);
    sandbox
        .run(&format!(
            "verify -k {input} -f vendor.pub -s vendor.pub.sig"
        ))
        .exits(status)
        .says(&file)
        .says(reason)
}

/// Executes the hint's command as it was printed, and uses the key that comes of it.
#[track_caller]
fn public_hint_converts(sandbox: &Sandbox, run: &Run) {
    sandbox.shell(&run.hint(), "").exits(0);
    assert_eq!(sandbox.read("key.pub"), sandbox.read("ca.pub"));
    sandbox
        .run("verify -k key.pub -f vendor.pub -s vendor.pub.sig")
        .exits(0);
    fs::remove_file(sandbox.path("key.pub")).expect("removed");
}

#[test]
fn a_pem_public_key_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -pubin -inform DER -in ca.pub -pubout -out pub.pem");
    let run = public_refused(
        &sandbox,
        "pub.pem",
        1,
        "it is a public key in PEM, and a public key in DER is wanted",
    );
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_compressed_point_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl(
        "ec -pubin -inform DER -in ca.pub -pubout -conv_form compressed -outform DER -out c.der",
    );
    let run = public_refused(&sandbox, "c.der", 1, "its point is compressed");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_private_key_in_place_of_a_public_one_is_refused_with_a_command_that_helps() {
    let sandbox = Sandbox::with_keys();
    let run = public_refused(&sandbox, "ca.prv", 1, "it is a private key");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_hybrid_point_is_refused_with_a_command_that_converts_it() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl(
        "ec -pubin -inform DER -in ca.pub -pubout -conv_form hybrid -outform DER -out h.pub",
    );
    let run = public_refused(&sandbox, "h.pub", 1, "its point is in the hybrid form");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn a_private_key_in_any_form_is_no_public_key_and_the_hint_takes_that_out() {
    let sandbox = Sandbox::with_keys();
    for (make, file, typed, reason) in [
        (
            "ec -inform DER -in ca.prv -out",
            "sec1.pem",
            "",
            "a private key in PEM",
        ),
        (
            "pkcs8 -topk8 -nocrypt -inform DER -in ca.prv -out",
            "p8.pem",
            "",
            "a private key in PEM",
        ),
        (
            "pkcs8 -topk8 -inform DER -in ca.prv -passout pass:secret -out",
            "secret p8.pem",
            "secret\n",
            "it is an encrypted private key in PEM",
        ),
        (
            "pkcs8 -topk8 -nocrypt -inform DER -in ca.prv -outform DER -out",
            "p8.der",
            "",
            "it is a private key in PKCS#8, and a public key is wanted",
        ),
        (
            "pkcs8 -topk8 -inform DER -in ca.prv -passout pass:secret -outform DER -out",
            "e8.der",
            "secret\n",
            "it is a private key in PKCS#8, and a public key is wanted",
        ),
        (
            "pkcs8 -topk8 -v1 PBE-SHA1-3DES -inform DER -in ca.prv -passout pass:secret -outform DER -out",
            "e8v1.der",
            "secret\n",
            "it is a private key in PKCS#8, and a public key is wanted",
        ),
    ] {
        sandbox.openssl(&format!("{make} made"));
        fs::rename(sandbox.path("made"), sandbox.path(file)).expect("renamed");
        let arguments = [
            "verify",
            "-k",
            file,
            "-f",
            "vendor.pub",
            "-s",
            "vendor.pub.sig",
        ];
        let run = sandbox.run_with(arguments).exits(1).says(reason);
        sandbox.shell(&run.hint(), typed).exits(0);
        assert_eq!(sandbox.read("key.pub"), sandbox.read("ca.pub"), "{file}");
        fs::remove_file(sandbox.path("key.pub")).expect("removed");
    }
}

#[test]
fn a_certificate_is_no_key_and_the_hint_takes_its_public_key_out() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("ec -inform DER -in ca.prv -out ca.pem");
    sandbox.openssl("req -x509 -new -key ca.pem -subj /CN=CA -days 9 -out crt.pem");
    let run = public_refused(&sandbox, "crt.pem", 1, "it is a certificate in PEM");
    public_hint_converts(&sandbox, &run);
    refused(&sandbox, "crt.pem", 1, "it is a certificate in PEM").says("hint: give the private");
    sandbox.openssl("x509 -in crt.pem -text -out text.pem");
    let run = public_refused(&sandbox, "text.pem", 1, "it is a certificate in PEM");
    public_hint_converts(&sandbox, &run);
}

#[test]
fn no_hint_converts_keys_of_other_algorithms_in_pem() {
    let sandbox = Sandbox::with_keys();
    sandbox.openssl("genrsa -traditional -out rsa.pem 2048");
    sandbox.openssl("pkey -in rsa.pem -out rsa8.pem");
    sandbox.openssl("rsa -in rsa.pem -RSAPublicKey_out -out rsa1.pub.pem");
    sandbox.openssl("rsa -in rsa.pem -pubout -out rsa.pub.pem");
    sandbox.openssl("req -x509 -new -key rsa.pem -subj /CN=CA -days 9 -out rsa.crt.pem");
    sandbox.openssl("genpkey -algorithm ed25519 -out ed.pem");
    sandbox.openssl("pkey -in ed.pem -pubout -out ed.pub.pem");
    sandbox.openssl("pkey -in ed.pem -outform DER -out ed.der");
    for (file, is) in [
        ("rsa.pem", "a private key for RSA"),
        ("rsa8.pem", "a private key for RSA"),
        ("rsa.pub.pem", "a public key for RSA"),
        ("rsa1.pub.pem", "a public key for RSA"),
        ("rsa.crt.pem", "a certificate of a key that is not EC"),
        ("ed.pem", "a private key for Ed25519"),
        ("ed.pub.pem", "a public key for Ed25519"),
    ] {
        let is = format!("it is {is} in PEM, and ");
        public_refused(&sandbox, file, 1, &is).says("hint: give the public key of a P-384 key");
        refused(&sandbox, file, 1, &is).says("hint: make a P-384 key: ir-sign gen-key");
    }
    public_refused(&sandbox, "ed.der", 1, "a private key for Ed25519")
        .says("hint: give the public key of a P-384 key");
    sandbox.write("other.pem", "-----BEGIN X-----\n");
    let run = public_refused(&sandbox, "other.pem", 1, "it is PEM, and");
    assert!(!run.stderr.contains("hint:"), "{run:#?}");
}

#[test]
fn points_that_are_none_are_refused() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    let point = point_of(&public);
    let mut off = point.to_vec();
    off[96] ^= 1;
    let mut hybrid = point.to_vec();
    hybrid[0] = 7 - (hybrid[96] & 1);
    let mut large = point.to_vec();
    large[1..49].fill(0xff);
    let zero = [&[4], &[0; 96][..]].concat();
    let raw = &point[1..];
    for bad in [
        &off[..],
        &hybrid,
        &large,
        &zero,
        raw,
        &point[..96],
        &[0],
        &[],
    ] {
        sandbox.write("bad.pub", der::public_key(SECP384R1, bad));
        public_refused(&sandbox, "bad.pub", 1, "its point is not on the curve");
        assert!(PublicKey::from_point(bad).is_err());
    }
}

#[test]
fn public_keys_of_other_curves_and_algorithms_are_refused() {
    let sandbox = Sandbox::with_keys();
    let another = "hint: give the public key of a P-384 key";
    for curve in ["prime256v1", "secp521r1", "secp256k1", "brainpoolP384r1"] {
        let make = format!("ecparam -name {curve} -genkey -noout -out k.pem");
        sandbox.openssl(&make);
        sandbox.openssl("ec -in k.pem -pubout -outform DER -out k.pub");
        public_refused(&sandbox, "k.pub", 1, curve).says(another);
        sandbox.openssl("ec -in k.pem -outform DER -out k.prv");
        public_refused(&sandbox, "k.prv", 1, "a private key on").says(another);
    }
    sandbox.openssl("genpkey -algorithm ed25519 -out k.pem");
    sandbox.openssl("pkey -in k.pem -pubout -outform DER -out k.pub");
    public_refused(&sandbox, "k.pub", 1, "a key for Ed25519").says(another);
    sandbox.openssl(
        "ec -pubin -inform DER -in ca.pub -pubout -param_enc explicit -outform DER -out k.pub",
    );
    let run = public_refused(&sandbox, "k.pub", 1, "explicit parameters");
    public_hint_converts(&sandbox, &run);
    let public = sandbox.read("ca.pub");
    sandbox.write("k.pub", der::public_key(&[], point_of(&public)));
    public_refused(&sandbox, "k.pub", 1, "without a named curve").says(another);
    sandbox.write("k.pub", der::public_key(&[5, 0], point_of(&public)));
    public_refused(&sandbox, "k.pub", 1, "without a named curve").says(another);
}

#[test]
fn bytes_after_a_public_key_are_refused_with_a_command_that_takes_them_away() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    for more in [&b"\n"[..], b"\0", &public] {
        sandbox.write("long.pub", [&public, more].concat());
        let reason = "bytes follow the DER SubjectPublicKeyInfo";
        let run = public_refused(&sandbox, "long.pub", 1, reason);
        public_hint_converts(&sandbox, &run);
    }
}

#[test]
fn every_other_encoding_of_a_public_key_is_refused() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    let body = &public[2..];
    assert_eq!(public[..2], [0x30, 0x76]);
    let reason = "it is not a DER SubjectPublicKeyInfo";
    for bad in [
        [&[0x30, 0x81, 0x76], body].concat(),
        [&[0x30, 0x82, 0, 0x76], body].concat(),
        [&[0x30, 0x80], body, &[0, 0]].concat(),
        point_of(&public).to_vec(),
        b"hello\n".to_vec(),
        Vec::new(),
    ] {
        sandbox.write("bad.pub", bad);
        public_refused(&sandbox, "bad.pub", 1, reason);
    }
    // BIT STRINGs whose last bits do not count.
    let mut unused = public.clone();
    unused[22] = 1;
    sandbox.write("bad.pub", unused);
    public_refused(&sandbox, "bad.pub", 1, "public key file bad.pub: ");
    public_refused(&sandbox, "absent.pub", 3, "cannot open: No such file");
    public_refused(&sandbox, ".", 3, "cannot read: ");
    public_refused(&sandbox, "/dev/zero", 1, "larger than 16384 bytes");
}

#[test]
fn a_public_key_cut_short_or_with_any_bit_turned_is_not_that_key() {
    let sandbox = Sandbox::with_keys();
    let public = sandbox.read("ca.pub");
    let key = PublicKey::from_spki(&public).expect("the whole key is read");
    assert_eq!(key.to_spki(), public);
    for end in 0..public.len() {
        assert!(PublicKey::from_spki(&public[..end]).is_err(), "{end} bytes");
    }
    for bit in 0..public.len() * 8 {
        let mut turned = public.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        assert!(PublicKey::from_spki(&turned).is_err(), "bit {bit}");
    }
}

// --- where keys cannot come from or go ---------------------------------------------------------

#[test]
fn a_token_uri_or_an_empty_path_is_wrong_usage() {
    let sandbox = Sandbox::with_keys();
    for command in [
        "sign -f ca.pub -s sig -k",
        "endorse -f ca.pub -s sig -k",
        "extract-public -o out.pub -i",
        "gen-key -o",
    ] {
        let mut empty: Vec<&str> = command.split(' ').collect();
        empty.push("");
        sandbox
            .run_with(empty)
            .exits(2)
            .says("an empty path names no key");
    }
    assert!(!sandbox.has("sig") && !sandbox.has("out.pub"));
}

#[test]
fn an_output_that_cannot_be_written_leaves_nothing() {
    let sandbox = Sandbox::with_keys();
    let names = sandbox.names();
    for (command, file) in [
        ("gen-key -o absent/new.prv", "key file absent/new.prv"),
        ("gen-key -o ca.pub/new.prv", "key file ca.pub/new.prv"),
        (
            "extract-public -i ca.prv -o absent/ca.pub",
            "public key file absent/ca.pub",
        ),
        (
            "sign -k ca.prv -f ca.pub -s absent/sig",
            "signature file absent/sig",
        ),
        ("gen-key -o absent/", "key file absent/"),
        (
            "sign -k ca.prv -f ca.pub -s absent/",
            "signature file absent/",
        ),
    ] {
        sandbox
            .run(command)
            .exits(3)
            .says(&format!("error: {file}: cannot "));
        assert_eq!(sandbox.names(), names);
    }
}

#[test]
fn a_full_disk_is_no_success_and_leaves_nothing() {
    let sandbox = Sandbox::with_keys();
    sandbox.write("old.sig", "old");
    let names = sandbox.names();
    for command in [
        "gen-key -o new.prv",
        "extract-public -i ca.prv -o new.pub",
        "sign -k ca.prv -f ca.pub -s new.sig",
        "endorse -k ca.prv -f ca.pub -s old.sig --force",
    ] {
        // No file may grow: each write fails as on a full disk, and the signal that tells of it
        // is ignored.
        let script = format!("trap '' XFSZ; ulimit -f 0; ir-sign {command}");
        sandbox.shell(&script, "").exits(3).says("cannot write: ");
        assert_eq!(sandbox.names(), names, "after {command}");
    }
    assert_eq!(sandbox.read("old.sig"), b"old");
}
