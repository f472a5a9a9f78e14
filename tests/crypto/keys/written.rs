//! New keys: their files, the permissions of these, and the files that ir-sign never overwrites.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use harness::{Run, Sandbox, program};

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
    // The umask decides about what is not a secret.
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
                .says(&format!("key file {there}: already exists"));
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
fn no_private_key_is_made_if_the_public_key_cannot_be_written() {
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
        let mut command = sandbox.command(program());
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
        run.exits(1).says("key file key.prv: already exists");
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
        .says("ca.pub is up to date");
    let after = fs::metadata(sandbox.path("ca.pub")).expect("a file");
    assert_eq!(
        after.modified().expect("a time"),
        before.modified().expect("a time")
    );
    let vendor = sandbox.read("vendor.pub");
    sandbox
        .run("extract-public -i ca.prv -o vendor.pub")
        .exits(1)
        .says("public key file vendor.pub: already exists, with other content")
        .says("hint: --force");
    assert_eq!(sandbox.read("vendor.pub"), vendor);
    sandbox
        .run("extract-public -i ca.prv -o vendor.pub --force")
        .exits(0);
    assert_eq!(sandbox.read("vendor.pub"), sandbox.read("ca.pub"));
}
