//! The platform guide's workflow, with `ir-sign notation` in the place of `notation`.

use harness::distribution::Distribution;
use harness::unpack;

use crate::desk::{CONFIG, Desk};
use crate::pki::{self, CA, Made, SIGNER};

pub const POLICY: &str = r#"{
    "version": "1.0",
    "trustPolicies": [
        {
            "name": "release",
            "registryScopes": [ "*" ],
            "signatureVerification": { "level" : "strict" },
            "trustStores": [ "ca:acme" ],
            "trustedIdentities": [ "x509.subject: C=PT, ST=Lisboa, O=IR" ]
        }
    ]
}
"#;

/// A root, an intermediate and a leaf as the guide makes them by openssl: RSA-4096, the leaf's key encrypted.
fn rsa_pki(desk: &Desk) {
    let sandbox = &desk.sandbox;
    for name in ["root", "ca", "leaf"] {
        sandbox.openssl(&format!(
            "genrsa -aes256 -passout pass:secret -out {name}.enc.key 4096"
        ));
        sandbox.openssl(&format!(
            "pkey -in {name}.enc.key -passin pass:secret -out {name}.key"
        ));
    }
    let one = |name, issuer, extensions| {
        let subject = format!("/C=PT/ST=Lisboa/O=IR/CN={name}");
        Made {
            name,
            issuer,
            subject: &subject,
            key: "",
            extensions,
            more: "-sha256",
        }
        .make(sandbox);
    };
    one("root", None, CA);
    one("ca", Some("root"), CA);
    one("leaf", Some("ca"), SIGNER);
    pki::chain(sandbox, &["leaf", "ca", "root"], "chain.crt");
    for name in ["root", "ca", "leaf"] {
        std::fs::remove_file(sandbox.path(format!("{name}.key"))).expect("gone");
    }
    sandbox.write("passphrase", "secret\n");
}

/// Puts a key with its chain into the key list as the guide does: by writing the file.
pub fn list_key(desk: &Desk, name: &str, key: &str, chain: &str) {
    let path = |name: &str| desk.sandbox.path(name).display().to_string();
    let list = serde_json::json!({
        "default": name,
        "keys": [{ "name": name, "keyPath": path(key), "certPath": path(chain) }],
    });
    std::fs::create_dir_all(desk.config("")).expect("a folder");
    desk.sandbox
        .write(format!("{CONFIG}/signingkeys.json"), list.to_string());
}

#[test]
fn the_guides_workflow_holds_word_for_word() {
    let desk = Desk::new();
    rsa_pki(&desk);
    list_key(&desk, "release", "leaf.enc.key", "chain.crt");
    desk.run("cert add --type ca --store acme root.crt").ok();
    desk.run("cert ls").ok();
    desk.sandbox.write("trustpolicy.json", POLICY);
    desk.run("policy import trustpolicy.json").ok();
    assert_eq!(
        desk.sandbox.mode(format!("{CONFIG}/trustpolicy.json")),
        0o600
    );
    let registry = Distribution::start(desk.sandbox.root(), "", "");
    unpack("multi", &desk.sandbox.path("multi"));
    let name = format!("{}/team/app:1", registry.host());
    let mut copy = desk.command(["copy", "oci:multi:multi", &format!("docker://{name}")]);
    harness::Run::of(&mut copy).ok();
    for image in [name.as_str(), "oci:multi:multi"] {
        let listed = desk.run(&format!("ls {image}")).ok().stdout;
        assert!(listed.contains("has no associated signature"), "{listed}");
        desk.run(&format!("verify {image}"))
            .exits(1)
            .says("there is no signature");
        let signed = desk
            .run(&format!(
                "sign --signature-format cose --passphrase-source file:passphrase {image}"
            ))
            .ok();
        assert!(signed.stdout.starts_with("sha256:"), "{signed:?}");
        let listed = desk.run(&format!("ls {image}")).ok().stdout;
        assert!(
            listed.contains("└── application/vnd.cncf.notary.signature")
                && listed.lines().count() == 3,
            "{listed}"
        );
        let verified = desk.run(&format!("verify {image}")).ok();
        assert_eq!(verified.stdout, signed.stdout);
        let verified = verified.says("holds until");
        verified.says("signed by C=PT, ST=Lisboa, O=IR, CN=leaf");
        let again =
            format!("sign --signature-format cose --passphrase-source file:passphrase {image}");
        desk.run(&again).ok().says("ir-sign added nothing");
        assert_eq!(desk.run(&format!("ls {image}")).ok().stdout, listed);
        let shown = desk.run(&format!("inspect {image}")).ok().stdout;
        assert!(
            shown.contains("signature algorithm: RSASSA-PSS-SHA-512"),
            "{shown}"
        );
    }
    if let Some(run) = desk.notation(&format!("verify --insecure-registry {name}")) {
        run.ok();
        // notation itself refuses the encrypted key.
        let run = desk.notation(&format!("sign --insecure-registry {name}"));
        assert_ne!(run.expect("notation").status, 0);
    }
}

#[test]
fn a_wrong_passphrase_or_none_leaves_everything_as_it_was() {
    let desk = Desk::new();
    rsa_pki(&desk);
    list_key(&desk, "release", "leaf.enc.key", "chain.crt");
    unpack("multi", &desk.sandbox.path("multi"));
    desk.sandbox.write("wrong", "another\n");
    let before = harness::snapshot(desk.sandbox.root());
    desk.run("sign --passphrase-source file:wrong oci:multi:multi")
        .exits(1)
        .says("wrong passphrase");
    desk.run("sign oci:multi:multi").exits(3).says("passphrase");
    harness::same(&before, &harness::snapshot(desk.sandbox.root()));
}

#[test]
fn policies_are_checked_before_they_count() {
    let desk = Desk::new();
    desk.run("policy show").exits(3).says("hint: ");
    desk.run("verify oci:x").exits(3);
    desk.sandbox.write("good.json", POLICY);
    for (text, why) in [
        ("{}", "version"),
        (r#"{"version":"1.0","trustPolicies":[]}"#, ""),
        (&POLICY.replace("strict", "sturdy"), "sturdy"),
        (&POLICY.replace("ca:acme", "acme"), "acme"),
    ] {
        desk.sandbox.write("bad.json", text);
        desk.run("policy import bad.json").exits(1).says(why);
        assert!(!desk.sandbox.has(format!("{CONFIG}/trustpolicy.json")));
    }
    desk.run("policy import good.json").ok();
    desk.run("policy import good.json").ok();
    assert_eq!(desk.run("policy show").ok().stdout, POLICY);
    if let Some(theirs) = desk.notation("policy show") {
        assert_eq!(theirs.ok().stdout.trim(), POLICY.trim());
    }
    desk.run("policy init")
        .exits(1)
        .says(&["with other content", "--force replaces the trust policy"]);
    desk.run("policy init --force --trust-store ca:acme").ok();
    let written = desk.run("policy show").ok().stdout;
    assert!(written.contains("\"ca:acme\""), "{written}");
    if let Some(theirs) = desk.notation("policy show") {
        assert_eq!(theirs.ok().stdout.trim(), written.trim());
    }
    // The newer name counts where it is there.
    desk.sandbox
        .write(format!("{CONFIG}/trustpolicy.oci.json"), POLICY);
    assert_eq!(desk.run("policy show").ok().stdout, POLICY);
    desk.run("policy init --force").ok();
    assert_eq!(
        desk.sandbox.read(format!("{CONFIG}/trustpolicy.json")),
        written.as_bytes(),
        "the older file stays, for notation 1.3"
    );
}

#[test]
fn every_tag_of_a_layout_is_verified_in_shares_and_line_by_line() {
    let desk = Desk::new();
    rsa_pki(&desk);
    list_key(&desk, "release", "leaf.enc.key", "chain.crt");
    desk.run("cert add --type ca --store acme root.crt").ok();
    desk.sandbox.write("trustpolicy.json", POLICY);
    desk.run("policy import trustpolicy.json").ok();
    unpack("multi", &desk.sandbox.path("multi"));
    let sign = "sign --passphrase-source file:passphrase --all-platforms oci:multi:multi";
    desk.run(sign).ok();
    for (tag, platform) in [("a", "linux/amd64"), ("b", "linux/arm64")] {
        let copy = ["copy", "--platform", platform, "--with-signatures"];
        let to = format!("oci:multi:{tag}");
        let mut copy = desk.command(copy.iter().copied().chain(["oci:multi:multi", &to]));
        harness::Run::of(&mut copy).ok();
    }
    let verify = |more: &str| {
        let run = desk.run(&format!("verify --all --json-lines {more} oci:multi"));
        let parse = |line| serde_json::from_str(line).expect("a line of JSON");
        let mut lines: Vec<serde_json::Value> = run.stdout.lines().map(parse).collect();
        let totals = lines.pop().expect("totals");
        (run, lines, totals["totals"].clone())
    };
    let (run, all, totals) = verify("");
    run.ok();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|line| line["trusted"] == true), "{all:?}");
    assert_eq!(totals["trusted"], 3);
    let shares = ["0/2", "1/2"].map(|shard| {
        let (_, lines, totals) = verify(&format!("--shard {shard}"));
        assert_eq!(totals["in_other_shards"], 3 - lines.len());
        lines.len()
    });
    assert_eq!(shares[0] + shares[1], 3);
    desk.run("verify --all oci:multi:a").exits(2);
    desk.run("verify --all oci:multi")
        .ok()
        .says("3 images: 3 trusted");
}
