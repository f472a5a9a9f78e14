//! Keys that are read, and those that draw a warning.

use std::fs;

use harness::der::{self, ORDER, SECP384R1};
use harness::{Sandbox, unhex};
use ir_sign::key::file::FileKey;

use super::scalar_of;

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
    fs::copy(harness::data("umoci.tar"), sandbox.path("new.tar")).expect("a copy");
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
