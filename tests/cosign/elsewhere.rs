//! `COSIGN_REPOSITORY`: signatures in another repository than the image's, for ours and for the real programs.

use std::process::Command;

use harness::Run;
use harness::peers::{cosign25, cosign31};

use crate::desk::Desk;

impl Desk {
    /// Runs the program with the variable set.
    fn with(&self, repository: &str, arguments: &str) -> Run {
        let mut command = self.sandbox.command(harness::program());
        command.env("COSIGN_REPOSITORY", repository);
        let arguments = arguments.replace("IMAGE", &self.name("1"));
        Run::of(command.args(arguments.split_whitespace()))
    }

    /// Another repository of the same registry.
    fn elsewhere(&self) -> String {
        let name = self.name("1");
        name.replace("team/app:1", "signatures/of-apps")
    }

    fn peer_with(&self, mut command: Command, arguments: &str) -> Run {
        command.env("COSIGN_REPOSITORY", self.elsewhere());
        self.peer(command, arguments)
    }
}

#[test]
fn signatures_lie_in_the_repository_that_the_variable_names() {
    let desk = Desk::new();
    let elsewhere = desk.elsewhere();
    desk.key("a", "secp384r1");
    desk.with(&elsewhere, "cosign sign --key a.pem IMAGE").ok();
    let run = desk
        .with(&elsewhere, "cosign verify --key a.pub IMAGE")
        .ok();
    let list: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(4));
    // Beside the image there is nothing.
    desk.run("cosign verify --key a.pub IMAGE")
        .exits(1)
        .says("there is no signature");
    let run = desk.with(&elsewhere, "cosign sign --key a.pem IMAGE").ok();
    assert_eq!(run.stderr.matches("kept").count(), 4, "{}", run.stderr);
    let run = desk.with(&elsewhere, "cosign triangulate IMAGE").ok();
    assert!(run.stdout.starts_with(&format!("{elsewhere}:sha256-")));
    let run = desk.with(&elsewhere, "cosign tree IMAGE").ok();
    assert_eq!(run.stdout.matches(&elsewhere).count(), 3, "{}", run.stdout);
    for (cosign, form) in [(cosign25(), ".sig"), (cosign31(), "bundle")] {
        let Some(cosign) = cosign else { continue };
        let verify = "verify --key a.pub --insecure-ignore-tlog=true --allow-http-registry IMAGE";
        let run = desk.peer_with(cosign, verify);
        assert_eq!(run.status, 0, "{form}: {run:?}");
    }
}

#[test]
fn signatures_that_cosign_put_there_are_found() {
    let (Some(old), Some(new)) = (cosign25(), cosign31()) else {
        return;
    };
    let desk = Desk::new();
    desk.peer(old, "generate-key-pair --output-key-prefix pair")
        .ok();
    let sign = "sign --key pair.key --tlog-upload=false -y --allow-http-registry IMAGE";
    desk.peer_with(cosign25().expect("there"), sign).ok();
    desk.peer(new, "signing-config create --out c.json").ok();
    let root = "trusted-root create --out r.json";
    desk.peer(cosign31().expect("there"), root).ok();
    let sign = "sign --key pair.key --signing-config c.json --trusted-root r.json -y --allow-http-registry IMAGE";
    desk.peer_with(cosign31().expect("there"), sign).ok();
    for form in ["--new-bundle-format=false", "--new-bundle-format=true"] {
        let verify = format!("cosign verify --key pair.pub {form} IMAGE");
        desk.with(&desk.elsewhere(), &verify).ok();
        desk.run(&verify).exits(1);
    }
}

#[test]
fn attestations_and_signatures_from_files_lie_there_too() {
    let desk = Desk::new();
    let elsewhere = desk.elsewhere();
    desk.key("a", "prime256v1");
    desk.sandbox.write("predicate.json", "{}");
    let attest = "cosign attest --key a.pem --type slsaprovenance --predicate predicate.json IMAGE";
    desk.with(&elsewhere, attest).ok();
    let verify = "cosign verify-attestation --key a.pub --type slsaprovenance IMAGE";
    desk.with(&elsewhere, verify).ok();
    desk.run(verify).exits(1);
    let payload = desk.with(&elsewhere, "cosign generate IMAGE").ok();
    desk.sandbox.write("payload.json", payload.stdout);
    desk.run("cosign sign --key a.pem --payload payload.json --output-signature payload.sig")
        .ok();
    let attach =
        "cosign attach signature --payload payload.json --signature payload.sig --key a.pub IMAGE";
    desk.with(&elsewhere, attach).ok();
    desk.with(&elsewhere, "cosign verify --key a.pub IMAGE")
        .ok();
    desk.run("cosign verify --key a.pub IMAGE").exits(1);
}

#[test]
fn a_value_that_is_no_repository_is_wrong_usage_and_layouts_need_none() {
    let desk = Desk::new();
    desk.key("a", "prime256v1");
    for (value, why) in [
        ("h.example/a:1", "a repository has no tag"),
        ("oci:multi", "that is not a repository of a registry"),
        ("h.example/UPPER", "that does not name a repository"),
    ] {
        let run = desk.with(value, "cosign sign --key a.pem IMAGE").exits(2);
        let message = format!("COSIGN_REPOSITORY is \"{value}\", but {why}");
        run.says(&message).says("hint: set it to HOST/REPOSITORY");
    }
    let sign = "cosign sign --key a.pem --sign-container-identity h.example/app:1 oci:multi:multi";
    desk.with(&desk.elsewhere(), sign).ok();
    desk.run("cosign verify --key a.pub oci:multi:multi").ok();
}

#[test]
fn a_size_that_is_none_is_wrong_usage() {
    let desk = Desk::new();
    desk.key("a", "prime256v1");
    let mut command = desk.sandbox.command(harness::program());
    command.env("COSIGN_MAX_ATTACHMENT_SIZE", "much");
    command.args(["cosign", "verify", "--key", "a.pub", &desk.name("1")]);
    Run::of(&mut command)
        .exits(2)
        .says("COSIGN_MAX_ATTACHMENT_SIZE is \"much\", but a size is a number");
}

/// Only where something is written: those media types are read.
#[test]
fn dockers_media_types_are_not_written() {
    let desk = Desk::new();
    desk.key("a", "prime256v1");
    let with = |value: &str, command: &str| {
        let mut run = desk.sandbox.command(harness::program());
        run.env("COSIGN_DOCKER_MEDIA_TYPES", value);
        let command = command.replace("IMAGE", &desk.name("1"));
        Run::of(run.args(command.split_whitespace()))
    };
    let sign = "cosign sign --key a.pem IMAGE";
    with("1", sign)
        .exits(2)
        .says("COSIGN_DOCKER_MEDIA_TYPES is \"1\", but ir-sign writes signatures only with OCI's")
        .says("hint: set it to another value, or unset it");
    with("0", sign).ok();
    with("true", "cosign verify --key a.pub IMAGE").ok();
}

#[test]
fn an_image_beside_its_attachments_is_the_only_one() {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    desk.run("cosign sign --key k.pem -r IMAGE").ok();
    std::fs::create_dir(desk.sandbox.path("signed")).expect("made");
    desk.run("copy --with-signatures docker://IMAGE oci:signed:1")
        .ok();
    desk.sandbox
        .shell("tar -C signed -cf signed.tar .", "")
        .ok();
    for name in ["oci:signed", "oci-archive:signed.tar"] {
        desk.run(&format!("cosign verify --key k.pub {name}")).ok();
        desk.run(&format!("cosign verify --key k.pub {name}:1"))
            .ok();
        let tree = desk.run(&format!("cosign tree {name}:1")).ok().stdout;
        assert!(tree.contains("Signatures for an image tag"), "{tree}");
    }
}

#[test]
fn a_folder_whose_name_leads_to_a_registry_is_pointed_out() {
    let sandbox = harness::Sandbox::new();
    sandbox.openssl("ecparam -name prime256v1 -genkey -noout -out key.pem");
    sandbox.openssl("pkey -in key.pem -pubout -out key.pub");
    harness::unpack("umoci", &sandbox.path("registry/hello"));
    let mut command = sandbox.command(harness::program());
    // No registry answers there, and the name leads nowhere else.
    command.env("HTTPS_PROXY", "http://127.0.0.1:9");
    command.args("cosign verify --retries 0 --key key.pub registry/hello".split(' '));
    Run::of(&mut command)
        .exits(3)
        .says("if the folder registry/hello is meant: oci:registry/hello");
}
