//! `notarySigned` in policies of both dialects, for an index in a registry.

use harness::Run;
use harness::distribution::Distribution;
use serde_json::{Value, json};

use crate::both_ways::{desk, push};
use crate::desk::{CONFIG, Desk};
use crate::pki::P256;
use crate::workflow::list_key;

fn check(desk: &Desk, name: &str, dialect: &str, more: &str) -> Run {
    let line = format!(
        "policy check docker://{name} --policy ask.json --registries.d none --dialect {dialect} \
         --platform linux/amd64 {more}"
    );
    Run::of(&mut desk.command(line.split_whitespace()))
}

/// A policy that asks for a signature by the trust policy and the stores of the configuration, or of these.
fn ask(desk: &Desk, more: &Value) {
    let config = |name: &str| desk.config(name).display().to_string();
    let mut requirement = json!({
        "type": "notarySigned",
        "trustPolicy": config("trustpolicy.json"),
        "trustStore": config("truststore"),
    });
    for (name, value) in more.as_object().expect("members") {
        requirement[name] = value.clone();
    }
    let policy = json!({ "default": [requirement], "transports": {} });
    desk.sandbox.write("ask.json", policy.to_string());
}

#[test]
fn both_dialects_let_in_what_is_signed_for_them() {
    let desk = desk(P256);
    std::fs::create_dir(desk.sandbox.path("none")).expect("a folder");
    let registry = Distribution::start(desk.sandbox.root(), "", "");
    let name = push(&desk, &registry.host(), "1");
    ask(&desk, &json!({}));
    for dialect in ["containers", "image-rs"] {
        check(&desk, &name, dialect, "")
            .exits(1)
            .says("it asks for a signature, but there is none");
    }
    // To image-rs the index counts, and to containers/image the platform's manifest.
    desk.run(&format!("sign {name}")).ok();
    check(&desk, &name, "image-rs", "").ok().says("trusted");
    check(&desk, &name, "containers", "").exits(1);
    desk.run(&format!(
        "sign --all-platforms --signature-format cose {name}"
    ))
    .ok();
    for dialect in ["containers", "image-rs"] {
        let run = check(&desk, &name, dialect, "").ok();
        run.says("signed by C=PT, ST=Lisboa, O=IR");
    }
    // The statement of another repository, and a store without the root.
    ask(&desk, &json!({ "scope": "registry.example.com/other" }));
    check(&desk, &name, "containers", "").ok();
    let other = json!({
        "version": "1.0",
        "trustPolicies": [{
            "name": "other",
            "registryScopes": ["registry.example.com/other"],
            "signatureVerification": { "level": "strict" },
            "trustStores": ["ca:acme"],
            "trustedIdentities": ["*"],
        }],
    });
    desk.sandbox.write("other.json", other.to_string());
    let path = desk.sandbox.path("other.json").display().to_string();
    ask(&desk, &json!({ "trustPolicy": path }));
    for dialect in ["containers", "image-rs"] {
        check(&desk, &name, dialect, "")
            .exits(1)
            .says("the trust policy has no statement for the repository");
    }
    std::fs::create_dir_all(desk.sandbox.path("empty/x509/ca/acme")).expect("a folder");
    let path = desk.sandbox.path("empty").display().to_string();
    ask(&desk, &json!({ "trustStore": path }));
    for dialect in ["containers", "image-rs"] {
        let run = check(&desk, &name, dialect, "");
        assert!([1, 3].contains(&run.status), "{run:?}");
    }
}

#[test]
fn a_revocation_list_decides_where_a_certificate_names_one() {
    let desk = Desk::new();
    std::fs::create_dir(desk.sandbox.path("none")).expect("a folder");
    let subject = "--subject C=PT,ST=Lisboa,O=IR,CN";
    for line in [
        "gen-key -o root.prv",
        &format!("cert root -k root.prv {subject}=Root --days 99 -o root.crt"),
        "gen-key -o leaf.prv",
        &format!("cert request -k leaf.prv {subject}=Signer -o leaf.csr"),
        "cert issue --request leaf.csr --profile signer --ca-cert root.crt -x root.prv --days 9 \
         --crl-url http://127.0.0.1:9/acme.crl -o leaf.crt --chain chain.crt",
        "cert crl --ca-cert root.crt -x root.prv --days 9 -o good.crl",
        "cert crl --ca-cert root.crt -x root.prv --days 9 --revoke leaf.crt -o bad.crl",
    ] {
        Run::of(&mut desk.command(line.split_whitespace())).ok();
    }
    list_key(&desk, "release", "leaf.prv", "chain.crt");
    desk.run("cert add --type ca --store acme root.crt").ok();
    desk.sandbox.write(
        format!("{CONFIG}/trustpolicy.json"),
        crate::workflow::POLICY,
    );
    harness::unpack("multi", &desk.sandbox.path("multi"));
    let registry = Distribution::start(desk.sandbox.root(), "", "");
    let name = push(&desk, &registry.host(), "1");
    desk.run(&format!("sign --all-platforms {name}")).ok();
    ask(&desk, &json!({}));
    for dialect in ["containers", "image-rs"] {
        check(&desk, &name, dialect, "")
            .exits(1)
            .says("notary.revocation");
        check(&desk, &name, dialect, "--crl good.crl").ok();
        check(&desk, &name, dialect, "--crl bad.crl")
            .exits(1)
            .says("is revoked");
        check(&desk, &name, dialect, "--crl leaf.crt").exits(1);
        check(&desk, &name, dialect, "--crl nowhere").exits(3);
    }
}
