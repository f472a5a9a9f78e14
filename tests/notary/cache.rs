//! Revocation lists for real notation: it takes them from its cache, where `notation crl add` puts them.

use std::path::Path;

use harness::{Run, unpack};

use crate::desk::Desk;
use crate::workflow::{POLICY, list_key};

/// An address at which nobody answers.
const URL: &str = "http://127.0.0.1:9/acme.crl";

#[track_caller]
fn own(desk: &Desk, line: &str) {
    Run::of(&mut desk.command(line.split_whitespace())).ok();
}

/// The files in notation's cache of lists.
fn cached(desk: &Desk) -> Vec<String> {
    let names = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    };
    names(&desk.sandbox.path("home/.cache/notation/crl"))
}

#[test]
fn notation_takes_lists_from_its_cache_until_one_revokes_the_signer() {
    let desk = Desk::new();
    let subject = "--subject C=PT,ST=Lisboa,O=IR,CN";
    for line in [
        "gen-key -o root.prv",
        &format!("cert root -k root.prv {subject}=Root --days 99 -o root.crt"),
        "gen-key -o leaf.prv",
        &format!("cert request -k leaf.prv {subject}=Signer -o leaf.csr"),
        &format!(
            "cert issue --request leaf.csr --profile signer --ca-cert root.crt -x root.prv --days 9 \
             --crl-url {URL} -o leaf.crt --chain chain.crt"
        ),
        "cert crl --ca-cert root.crt -x root.prv --days 9 -o 1.crl",
        "cert crl --ca-cert root.crt -x root.prv --days 9 --previous 1.crl --revoke leaf.crt=keyCompromise -o 2.crl",
        "gen-key -o other.prv",
        &format!("cert root -k other.prv {subject}=Elsewhere --days 99 -o other.crt"),
        "cert crl --ca-cert other.crt -x other.prv --days 9 -o other.crl",
    ] {
        own(&desk, line);
    }
    list_key(&desk, "release", "leaf.prv", "chain.crt");
    desk.run("cert add --type ca --store acme root.crt").ok();
    desk.sandbox.write("policy.json", POLICY);
    desk.run("policy import policy.json").ok();
    unpack("multi", &desk.sandbox.path("multi"));
    desk.run("sign oci:multi:multi").ok();
    let theirs = || {
        let mut command = desk.at_home(harness::peers::notation()?);
        command
            .env("NOTATION_EXPERIMENTAL", "1")
            .current_dir(desk.sandbox.root())
            .args("verify -v --oci-layout --scope local/app multi:multi".split(' '));
        Some(Run::of(&mut command))
    };
    let ours = |list: &str| desk.run(&format!("verify {list} oci:multi:multi"));

    // Nobody answers at the address that the certificate names.
    ours("").exits(1).says("notary.revocation");
    if let Some(run) = theirs() {
        assert_ne!(run.status, 0, "{run:?}");
    }
    // The address comes from the certificates of the key list.
    desk.run("crl add 1.crl").ok();
    assert_eq!(cached(&desk).len(), 1);
    ours("--crl other.crl").exits(1);
    ours("--crl 1.crl --crl other.crl")
        .ok()
        .says("CN=Elsewhere\" says nothing about this signature");
    if let Some(run) = theirs() {
        run.ok();
    }
    desk.run(&format!("crl add --url {URL} 2.crl")).ok();
    assert_eq!(cached(&desk).len(), 1);
    ours("--crl 2.crl").exits(1).says("is revoked");
    if let Some(run) = theirs() {
        assert_ne!(run.status, 0, "{run:?}");
        run.says("revoked");
    }
}
