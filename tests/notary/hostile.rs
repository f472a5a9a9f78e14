//! Files that others could put in the place of signatures, or in the way of a run.

use std::fs;
use std::process::Command;

use harness::distribution::Distribution;
use harness::oci::{self, Maker, with_tag};
use harness::{Run, same, snapshot};
use serde_json::{Value, json};

use crate::both_ways::{desk, push};
use crate::desk::{CONFIG, Desk};
use crate::pki::{self, P256, P384};
use crate::workflow::{POLICY, list_key};

const KIND: &str = "application/vnd.cncf.notary.signature";

fn maker(desk: &Desk) -> Maker {
    Maker::new(desk.sandbox.path("multi"))
}

/// The entries of the layout, and its one signature among them.
fn entries(desk: &Desk) -> Vec<Value> {
    oci::entries(&oci::index(&desk.sandbox.path("multi"))).clone()
}

/// A signature's manifest about the image, with this envelope.
fn signature(desk: &Desk, envelope: &[u8]) -> Value {
    let maker = maker(desk);
    let image = oci::tagged(&desk.sandbox.path("multi"), "multi");
    let config = maker.blob(KIND, b"{}");
    let layer = maker.blob("application/jose+json", envelope);
    maker.document(&json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [layer],
        "subject": { "mediaType": image["mediaType"], "digest": image["digest"], "size": image["size"] },
    }))
}

/// Puts these entries behind the image's and before all others.
fn insert(desk: &Desk, new: &[Value]) {
    let mut all = entries(desk);
    let rest = all.split_off(1);
    all.extend(new.iter().cloned());
    all.extend(rest);
    maker(desk).index(&all);
}

#[test]
fn bad_signatures_hide_no_good_one_below_the_limit() {
    let desk = desk(P256);
    desk.run("sign oci:multi:multi").ok();
    let bad: Vec<_> = (0..99)
        .map(|n| signature(&desk, format!("{{\"n\":{n}}}").as_bytes()))
        .collect();
    insert(&desk, &bad);
    desk.run("verify oci:multi:multi").ok();
    insert(&desk, &[signature(&desk, b"one more")]);
    let run = desk.run("verify oci:multi:multi").exits(1);
    run.says("more than 100 signatures");
    desk.run("verify --max-signatures 101 oci:multi:multi").ok();
    desk.run("verify --max-signatures 0 oci:multi:multi")
        .exits(2);
    desk.run("ls --max-signatures 5 oci:multi:multi")
        .exits(1)
        .says("it is not a JWS envelope")
        .says("--max-signatures shows more");
    desk.run("inspect --max-signatures 5 oci:multi:multi")
        .exits(1);
}

/// They need not be signatures.
#[test]
fn manifests_beyond_ten_thousand_that_refer_to_the_image_are_told_of() {
    let desk = desk(P256);
    desk.run("sign oci:multi:multi").ok();
    let maker = maker(&desk);
    let image = oci::tagged(&desk.sandbox.path("multi"), "multi");
    let config = maker.blob("application/vnd.oci.empty.v1+json", b"{}");
    let other = |n: usize| {
        maker.document(&json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/x", "config": config, "layers": [],
            "subject": { "mediaType": image["mediaType"], "digest": image["digest"], "size": image["size"] },
            "annotations": { "n": n.to_string() },
        }))
    };
    insert(&desk, &(0..9_999).map(other).collect::<Vec<_>>());
    desk.run("verify oci:multi:multi").ok();
    insert(&desk, &[other(9_999)]);
    desk.run("verify oci:multi:multi")
        .exits(1)
        .says("1 more manifests refer to the image, and none of them was looked at");
}

#[test]
fn a_listed_signature_of_another_image_is_refused() {
    let desk = desk(P256);
    desk.run("sign oci:multi:multi").ok();
    let registry = Distribution::start(desk.sandbox.root(), "", "");
    let host = registry.host();
    let copy = |from: &str, to: &str| {
        Run::of(&mut desk.command(["copy", from, &format!("docker://{host}/team/app{to}")])).ok();
    };
    // The registry's index of referrers of one image lists the signature of another.
    let index = oci::tagged(&desk.sandbox.path("multi"), "multi");
    let index = oci::parse(&oci::blob(&desk.sandbox.path("multi"), &index));
    let other = index["manifests"][0].clone();
    let listed = entries(&desk)[1].clone();
    let maker = maker(&desk);
    let nested = maker.nested(&[listed]);
    let fallback = other["digest"]
        .as_str()
        .expect("a digest")
        .replace(':', "-");
    let mut all = entries(&desk);
    all.push(with_tag(nested, &fallback));
    all.push(with_tag(other, "other"));
    maker.index(&all);
    copy("oci:multi:other", ":other");
    copy(&format!("oci:multi:{fallback}"), &format!(":{fallback}"));
    let run = desk.run(&format!("verify {host}/team/app:other")).exits(1);
    run.says("there is no signature");
}

/// The registry answers 500 for a manifest whose file somebody changed.
#[test]
fn a_manifest_that_the_registry_does_not_give_hides_no_signature() {
    let desk = desk(P256);
    let registry = Distribution::start(desk.sandbox.root(), "", "");
    let name = push(&desk, &registry.host(), "1");
    let signature = |more: &str| {
        let run = desk.run(&format!("sign {more} {name}")).ok();
        let (_, digest) = run
            .stderr
            .split_once("signature sha256:")
            .expect("a digest");
        let hex = &digest[..64];
        format!(
            "files/docker/registry/v2/blobs/sha256/{}/{hex}/data",
            &hex[..2]
        )
    };
    let (first, second) = (signature("-m n=1"), signature("-m n=2"));
    let verify = || desk.run(&format!("verify {name}"));
    for file in [&first, &second] {
        let whole = desk.sandbox.read(file);
        desk.sandbox.write(file, "{}");
        verify().ok();
        desk.sandbox.write(file, whole);
    }
    // One that the registry does not give may hold.
    desk.sandbox.write(&first, "{}");
    desk.sandbox.write(&second, "{}");
    verify().exits(3);
}

#[test]
fn envelopes_and_manifests_over_the_limits_are_refused() {
    let desk = desk(P256);
    let large = vec![b' '; (32 << 20) + 1];
    insert(&desk, &[signature(&desk, &large)]);
    desk.run("verify oci:multi:multi")
        .exits(1)
        .says("is the most");
    desk.run("sign oci:multi:multi").ok();
    desk.run("verify oci:multi:multi").ok();
}

#[test]
fn pipes_in_the_place_of_files_are_refused_and_not_waited_for() {
    let desk = desk(P256);
    desk.run("sign oci:multi:multi").ok();
    for (path, command, status) in [
        ("leaf.key", "sign -m a=b oci:multi:multi", 3),
        ("chain.crt", "sign -m a=b oci:multi:multi", 3),
        (
            &*format!("{CONFIG}/signingkeys.json"),
            "sign -m a=b oci:multi:multi",
            3,
        ),
        (
            &*format!("{CONFIG}/trustpolicy.json"),
            "verify oci:multi:multi",
            3,
        ),
        (
            &*format!("{CONFIG}/truststore/x509/ca/acme/root.crt"),
            "verify oci:multi:multi",
            3,
        ),
        ("list.crl", "verify --crl list.crl oci:multi:multi", 3),
        ("list.crl", "crl add --url http://x/y list.crl", 3),
        ("policy.json", "policy import --force policy.json", 3),
    ] {
        let path = desk.sandbox.path(path);
        let kept = fs::read(&path).ok();
        let _ = fs::remove_file(&path);
        let made = Command::new("mkfifo")
            .arg(&path)
            .status()
            .expect("mkfifo runs");
        assert!(made.success());
        desk.run(command)
            .exits(status)
            .says("is a pipe or a device");
        fs::remove_file(&path).expect("gone");
        if let Some(bytes) = kept {
            desk.sandbox.write(&path, bytes);
        }
    }
    desk.run("verify oci:multi:multi").ok();
}

#[test]
fn a_chain_that_does_not_fit_signs_nothing() {
    let desk = desk(P256);
    let before = snapshot(&desk.sandbox.path("multi"));
    let other = Desk::new();
    pki::three(&other.sandbox, P384);
    desk.sandbox
        .write("other.crt", other.sandbox.read("chain.crt"));
    pki::chain(&desk.sandbox, &["leaf", "root"], "gap.crt");
    pki::chain(&desk.sandbox, &["leaf", "root", "ca"], "order.crt");
    pki::chain(&desk.sandbox, &["ca", "root"], "none.crt");
    for chain in ["other.crt", "gap.crt", "order.crt", "none.crt"] {
        list_key(&desk, "release", "leaf.key", chain);
        desk.run("sign oci:multi:multi").exits(1);
        same(&before, &snapshot(&desk.sandbox.path("multi")));
    }
    list_key(&desk, "release", "leaf.key", "chain.crt");
    for flags in ["-m io.cncf.notary.x=1", "-m a=1 -m a=2", "-k nobody"] {
        assert_ne!(desk.run(&format!("sign {flags} oci:multi:multi")).status, 0);
        same(&before, &snapshot(&desk.sandbox.path("multi")));
    }
}

#[test]
fn every_refusal_says_why() {
    let desk = desk(P256);
    desk.run("sign oci:multi:multi").ok();
    let verify = |policy: &str| {
        desk.sandbox.write("policy.json", policy);
        desk.run("policy import --force policy.json").ok();
        desk.run("verify oci:multi:multi")
    };
    for (from, to, status, says) in [
        ("O=IR", "O=Other", 1, "is not one of the identities"),
        ("\"*\" ]", "\"local/x\" ]", 1, "no statement"),
        ("ca:acme", "ca:nobody", 3, "ca:nobody"),
        (
            "ca:acme",
            "signingAuthority:acme",
            1,
            "no trust store of the type",
        ),
    ] {
        verify(&POLICY.replace(from, to)).exits(status).says(says);
    }
    verify(&POLICY.replace("O=Other", "O=IR")).ok();
    desk.run("verify -m a=b oci:multi:multi")
        .exits(1)
        .says("a=b");
    desk.run("verify --scope local/x oci:multi:multi").ok();
    let skip = r#"{"version":"1.0","trustPolicies":[{"name":"x","registryScopes":["*"],
        "signatureVerification":{"level":"skip"}}]}"#;
    verify(skip).ok().says("NOT VERIFIED");
    let audit = POLICY.replace("strict", "audit").replace("O=IR", "O=Other");
    verify(&audit).ok().says("is not one of the identities");
    desk.run("verify --scope x/y 127.0.0.1:1/a/b").exits(2);
    desk.run("verify -u me oci:multi:multi")
        .exits(2)
        .says("--authfile");
    desk.run("sign --timestamp-url http://x oci:multi:multi")
        .exits(2)
        .says("timestamps");
}

#[test]
fn an_expired_signature_is_refused() {
    let desk = desk(P256);
    desk.run("sign -e 1s oci:multi:multi").ok();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    desk.run("verify oci:multi:multi")
        .exits(1)
        .says("the signature expired at");
    desk.run("sign -e 1h oci:multi:multi").ok();
    desk.run("verify oci:multi:multi").ok();
    desk.run("sign -e 1h oci:multi:multi")
        .ok()
        .says("ir-sign added nothing");
    desk.run("sign -e 2h oci:multi:multi").ok();
    for wrong in ["0", "-1h", "1", "x", "0.5s"] {
        desk.run(&format!("sign --expiry={wrong} oci:multi:multi"))
            .exits(2);
    }
}
