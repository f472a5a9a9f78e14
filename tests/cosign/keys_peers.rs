//! Key files between the real cosign and ours, both ways.

use std::process::Command;
use std::time::{Duration, Instant};

use harness::peers::{cosign25, cosign31};
use harness::{Run, Sandbox};

use crate::keys::run;
use crate::keys_hostile::{PASSPHRASE, sealed_by};

/// The two, each where it is there.
fn peers() -> Vec<(&'static str, Command)> {
    let both = [("2.5", cosign25()), ("3.1", cosign31())];
    let there = both.into_iter();
    there
        .filter_map(|(name, peer)| Some((name, peer?)))
        .collect()
}

/// Runs a peer in a folder.
#[track_caller]
fn peer(mut command: Command, sandbox: &Sandbox, passphrase: &str, arguments: &str) -> Run {
    command
        .current_dir(sandbox.root())
        .env("COSIGN_PASSWORD", passphrase)
        .args(arguments.split_whitespace());
    Run::of(&mut command)
}

#[test]
fn ours_reads_what_cosign_makes() {
    for (name, command) in peers() {
        let sandbox = Sandbox::new();
        peer(command, &sandbox, "p\u{e4}ss word", "generate-key-pair").ok();
        let shown = run(&sandbox, "p\u{e4}ss word", "public-key --key cosign.key").ok();
        assert_eq!(
            shown.stdout.as_bytes(),
            sandbox.read("cosign.pub"),
            "{name}"
        );
        run(&sandbox, "pass word", "public-key --key cosign.key")
            .exits(1)
            .says("wrong passphrase");
    }
}

#[test]
fn ours_reads_what_cosign_imports() {
    let sandbox = Sandbox::new();
    for curve in ["prime256v1", "secp384r1", "secp521r1"] {
        // That of 2.5 is broken.
        let Some(command) = cosign31() else { return };
        sandbox.openssl(&format!(
            "ecparam -name {curve} -genkey -noout -out key.pem"
        ));
        let arguments = format!("import-key-pair -y --key key.pem --output-key-prefix {curve}");
        peer(command, &sandbox, "secret", &arguments).ok();
        let shown = run(&sandbox, "secret", &format!("public-key --key {curve}.key")).ok();
        assert_eq!(
            shown.stdout.as_bytes(),
            sandbox.read(format!("{curve}.pub")),
            "{curve}"
        );
    }
}

#[test]
fn cosign_reads_and_signs_with_what_ours_makes_and_imports() {
    for curve in ["p256", "p384", "p521"] {
        let sandbox = Sandbox::new();
        sandbox.write("letter", "a letter\n");
        let arguments = format!("generate-key-pair --curve {curve}");
        run(&sandbox, "secret", &arguments).ok();
        let name = match curve {
            "p256" => "prime256v1",
            "p384" => "secp384r1",
            _ => "secp521r1",
        };
        sandbox.openssl(&format!("ecparam -name {name} -genkey -noout -out key.pem"));
        run(&sandbox, "secret", "import-key-pair --key key.pem").ok();
        for pair in ["cosign", "import-cosign"] {
            for (version, command) in peers() {
                let arguments = format!("public-key --key {pair}.key");
                let shown = peer(command, &sandbox, "secret", &arguments).ok();
                let public = sandbox.read(format!("{pair}.pub"));
                assert_eq!(shown.stdout.as_bytes(), public, "{curve} {version}");
            }
            for (version, command) in peers() {
                let arguments = format!("public-key --key {pair}.key");
                let refused = peer(command, &sandbox, "other", &arguments);
                assert_ne!(refused.status, 0, "{curve} {version}");
            }
            let Some(command) = cosign25() else { continue };
            // This one signs by SHA-256 on each curve.
            let arguments = format!(
                "sign-blob --key {pair}.key --tlog-upload=false -y --output-signature sig.b64 letter"
            );
            peer(command, &sandbox, "secret", &arguments).ok();
            sandbox.openssl("base64 -d -A -in sig.b64 -out sig");
            let verify = format!("dgst -sha256 -verify {pair}.pub -signature sig letter");
            sandbox.openssl(&verify);
        }
    }
}

#[test]
fn each_strength_of_scrypt_is_read_here_and_by_cosign_in_bounded_memory_and_time() {
    let sandbox = Sandbox::new();
    sandbox.openssl("ecparam -name prime256v1 -genkey -noout -out key.pem");
    sandbox.openssl("pkey -in key.pem -pubout -out key.pub");
    sandbox.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der");
    for log_n in [15, 16, 17] {
        let name = format!("{log_n}.key");
        sandbox.write(&name, sealed_by(log_n, &sandbox.read("key.der")));
        let started = Instant::now();
        // scrypt wants 128 r N bytes, which is N KiB. The rest is the program.
        let most = (1 << log_n) + 40_000;
        sandbox.write("pass", PASSPHRASE);
        let script = format!(
            "ulimit -d {most}; ir-sign cosign public-key --key {name} --passphrase-source file:pass"
        );
        let shown = sandbox.shell(&script, "").ok();
        assert!(started.elapsed() < Duration::from_mins(1), "{log_n}");
        assert_eq!(shown.stdout.as_bytes(), sandbox.read("key.pub"));
        for (version, command) in peers() {
            let shown = peer(
                command,
                &sandbox,
                PASSPHRASE,
                &format!("public-key --key {name}"),
            );
            let shown = shown.ok().stdout;
            assert_eq!(
                shown.as_bytes(),
                sandbox.read("key.pub"),
                "{version} {log_n}"
            );
        }
    }
}
