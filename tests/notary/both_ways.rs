//! Real notation verifies our signatures, and ir-sign verifies its signatures.

use harness::distribution::Distribution;
use harness::ferro::Ferro;
use harness::{Run, unpack};

use crate::desk::Desk;
use crate::pki::{self, P256, P384, P521, RSA};
use crate::workflow::{POLICY, list_key};

/// A desk with a PKI, a key in the list, a trust store and a policy, and the image `multi` in a layout.
pub fn desk(key: &str) -> Desk {
    let desk = Desk::new();
    pki::three(&desk.sandbox, key);
    list_key(&desk, "release", "leaf.key", "chain.crt");
    desk.run("cert add --type ca --store acme root.crt").ok();
    desk.sandbox.write("policy.json", POLICY);
    desk.run("policy import policy.json").ok();
    unpack("multi", &desk.sandbox.path("multi"));
    desk
}

/// Puts the image into a registry.
pub fn push(desk: &Desk, host: &str, tag: &str) -> String {
    let name = format!("{host}/team/app:{tag}");
    let mut copy = desk.command(["copy", "oci:multi:multi", &format!("docker://{name}")]);
    Run::of(&mut copy).ok();
    name
}

/// Signs in each format and form, and lets notation verify each by itself.
fn theirs_takes_ours(desk: &Desk, name: &str) {
    for format in ["jws", "cose"] {
        for form in ["legacy", "artifact-type"] {
            let flags = format!(
                "--signature-format {format} --signature-manifest {form} -m a=b -m form={form}"
            );
            desk.run(&format!("sign {flags} {name}")).ok();
            desk.run(&format!("verify -m a=b -m form={form} {name}"))
                .ok();
            let theirs = desk.notation(&format!(
                "verify --insecure-registry -m a=b -m form={form} {name}"
            ));
            let Some(theirs) = theirs else { return };
            theirs.ok();
        }
    }
    let theirs = desk.notation(&format!("ls --insecure-registry {name}"));
    let ours = desk.run(&format!("ls {name}")).ok().stdout;
    let digests = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("    "));
        let mut all: Vec<_> = lines
            .map(|line| line.trim_start_matches(['├', '└', '─', ' ']).to_owned())
            .collect();
        all.sort();
        all
    };
    let theirs = theirs.expect("notation").ok().stdout;
    assert_eq!(digests(&ours), digests(&theirs));
    let theirs = desk.notation(&format!("inspect --insecure-registry -o json {name}"));
    let theirs: serde_json::Value =
        serde_json::from_str(&theirs.expect("notation").ok().stdout).expect("JSON");
    let ours: serde_json::Value =
        serde_json::from_str(&desk.run(&format!("inspect -o json {name}")).ok().stdout)
            .expect("JSON");
    let all = |value: &serde_json::Value, name: &str| {
        let mut all = value[name].as_array().expect("a list").clone();
        all.sort_by_key(|one| one["digest"].to_string());
        all
    };
    let (theirs, ours) = (all(&theirs, "Signatures"), all(&ours, "signatures"));
    assert_eq!(theirs.len(), ours.len());
    for (theirs, ours) in theirs.iter().zip(&ours) {
        for member in [
            "mediaType",
            "digest",
            "signatureAlgorithm",
            "userDefinedAttributes",
            "signedArtifact",
        ] {
            assert_eq!(theirs[member], ours[member], "{member}");
        }
        let fingerprints = |value: &serde_json::Value| -> Vec<String> {
            let all = value["certificates"].as_array().expect("a list").iter();
            all.map(|one| one["SHA256Fingerprint"].to_string())
                .collect()
        };
        assert_eq!(fingerprints(theirs), fingerprints(ours));
        assert_eq!(
            theirs["signedAttributes"]["signingScheme"],
            ours["signedAttributes"]["signingScheme"]
        );
    }
}

/// notation signs in each format, and each is verified here by itself.
fn ours_takes_theirs(desk: &Desk, name: &str) {
    for format in ["jws", "cose"] {
        for tag in ["", "--force-referrers-tag=false"] {
            let theirs = desk.notation(&format!(
                "sign --insecure-registry --signature-format {format} -m by=notation{tag} -m format={format} {tag} {name}"
            ));
            let Some(theirs) = theirs else { return };
            theirs.ok();
            desk.run(&format!(
                "verify -m by=notation{tag} -m format={format} {name}"
            ))
            .ok();
        }
    }
}

#[test]
fn keys_of_every_kind_are_taken_both_ways() {
    for key in [P256, P384, P521, RSA] {
        let desk = desk(key);
        let registry = Distribution::start(desk.sandbox.root(), "", "");
        let name = push(&desk, &registry.host(), "1");
        theirs_takes_ours(&desk, &name);
        let name = push(&desk, &registry.host(), "2");
        ours_takes_theirs(&desk, &name);
    }
}

#[test]
fn a_registry_with_the_referrers_api_is_no_other() {
    let Some(registry) = Ferro::start() else {
        return;
    };
    let desk = desk(P384);
    let name = push(&desk, &registry.host(), "1");
    theirs_takes_ours(&desk, &name);
    ours_takes_theirs(&desk, &name);
}

#[test]
fn layouts_are_taken_both_ways() {
    let desk = desk(P384);
    let theirs = |arguments: &str| {
        let mut command = desk.at_home(harness::peers::notation()?);
        command
            .env("NOTATION_EXPERIMENTAL", "1")
            .current_dir(desk.sandbox.root())
            .args(arguments.split_whitespace());
        Some(Run::of(&mut command))
    };
    for format in ["jws", "cose"] {
        desk.run(&format!(
            "sign --signature-format {format} -m of={format} oci:multi:multi"
        ))
        .ok();
        desk.run(&format!("verify -m of={format} --oci-layout multi:multi"))
            .ok();
        let Some(run) = theirs(&format!(
            "verify --oci-layout --scope local/app -m of={format} multi:multi"
        )) else {
            continue;
        };
        run.ok();
        theirs(&format!(
            "sign --oci-layout --signature-format {format} -m by={format} multi:multi"
        ))
        .expect("notation")
        .ok();
        desk.run(&format!("verify -m by={format} oci:multi:multi"))
            .ok();
    }
    desk.run("sign --signature-manifest artifact-type -m new=1 oci:multi:multi")
        .ok();
    desk.run("verify -m new=1 oci:multi:multi").ok();
}

#[test]
fn every_platform_is_signed_if_asked_for() {
    let desk = desk(P256);
    let signed = desk.run("sign --all-platforms oci:multi:multi").ok().stdout;
    assert_eq!(
        signed.lines().count(),
        4,
        "the index and its three images: {signed}"
    );
    for digest in signed.lines() {
        desk.run(&format!("verify oci:multi@{digest}")).ok();
    }
    desk.run("sign --all-platforms oci:multi:multi")
        .ok()
        .says("ir-sign added nothing");
}
