//! Images in folders: `--local-image`, and the layouts that `cosign save` writes.

use std::process::Command;

use harness::peers::{cosign25, cosign31};

use crate::desk::Desk;

const OFFLINE: &str = "--insecure-ignore-tlog=true --private-infrastructure=true";

/// A layout `saved` that cosign wrote, of a signed image that is attested to.
fn saved(cosign: Command) -> Desk {
    let desk = Desk::new();
    desk.sandbox.write("predicate.json", br#"{"a":"b"}"#);
    for key in ["k", "other"] {
        desk.key(key, "prime256v1");
    }
    desk.run("cosign sign --key k.pem IMAGE").ok();
    desk.run("cosign attest --key k.pem --predicate predicate.json IMAGE")
        .ok();
    desk.peer(cosign, "save --allow-http-registry --dir saved IMAGE")
        .ok();
    desk
}

#[test]
fn layouts_that_cosign_saved_are_verified() {
    for (cosign, peer) in [(cosign25(), cosign25()), (cosign31(), cosign31())] {
        let (Some(cosign), Some(peer)) = (cosign, peer) else {
            continue;
        };
        let desk = saved(cosign);
        let verify = "verify --local-image --key k.pub saved";
        desk.peer(peer, &format!("{verify} {OFFLINE}")).ok();
        desk.run(&format!("cosign {verify}")).ok().says(".sig: ");
        desk.run("cosign verify --key k.pub oci:saved").ok();
        desk.run("cosign verify --local-image --key other.pub saved")
            .exits(1)
            .says("saved");
        let attested = desk
            .run("cosign verify-attestation --local-image=true --key k.pub saved")
            .ok();
        // cosign 3 saves the bundle too.
        assert!(!attested.stdout.is_empty(), "nothing was printed");
        let tree = desk.run("cosign tree oci:saved").ok().stdout;
        assert!(tree.contains("Signatures for an image tag"), "{tree}");
        // Signatures that are brought to a registry are found there by their tag.
        let there = desk.name("back").replace("/app:", "/saved:");
        desk.run(&format!(
            "copy --with-signatures oci:saved docker://{there}"
        ))
        .ok();
        desk.run(&format!("cosign verify --key k.pub {there}")).ok();
    }
}

#[test]
fn bundles_that_cosign_saved_without_an_entry_are_found() {
    let (Some(cosign), Some(peer)) = (cosign31(), cosign31()) else {
        return;
    };
    let desk = Desk::new();
    for key in ["k", "other"] {
        desk.key(key, "prime256v1");
    }
    // cosign looks for the bundles of an image of one platform only.
    let index = desk.sandbox.json("multi/index.json");
    let index = index["manifests"][0]["digest"].as_str().expect("a digest");
    let index = format!("multi/blobs/{}", index.replacen(':', "/", 1));
    let image = desk.sandbox.json(index)["manifests"][0]["digest"].clone();
    let image = desk.at(image.as_str().expect("a digest"));
    desk.run(&format!(
        "cosign sign --key k.pem --new-bundle-format {image}"
    ))
    .ok();
    let save = format!("save --allow-http-registry --dir saved {image}");
    desk.peer(cosign, &save).ok();
    let verify = "verify --local-image --key k.pub saved";
    desk.peer(peer, &format!("{verify} {OFFLINE}")).ok();
    desk.run(&format!("cosign {verify}")).ok().says("bundle: ");
    desk.run("cosign verify --local-image --key other.pub saved")
        .exits(1);
    // Pruning keeps them, and they come along to a registry.
    desk.run("prune oci:saved").ok();
    desk.run(&format!("cosign {verify}")).ok().says("bundle: ");
    let there = desk.name("back").replace("/app:", "/saved:");
    desk.run(&format!(
        "copy --with-signatures oci:saved docker://{there}"
    ))
    .ok();
    desk.run(&format!("cosign verify --key k.pub {there}")).ok();
}

#[test]
fn a_layout_that_cosign_saved_is_signed_again_and_keeps_its_signatures() {
    let Some(cosign) = cosign25() else { return };
    let desk = saved(cosign);
    let sign = "cosign sign --key other.pem --new-bundle-format=false --sign-container-identity a.example/b:1 oci:saved";
    desk.run(sign).ok();
    for key in ["k", "other"] {
        let verify = format!("verify --local-image --key {key}.pub saved");
        desk.run(&format!("cosign {verify}")).ok();
        desk.peer(cosign25().expect("there"), &format!("{verify} {OFFLINE}"))
            .ok();
    }
}

#[test]
fn a_saved_manifest_of_another_image_does_not_count() {
    let Some(cosign) = cosign25() else { return };
    let desk = saved(cosign);
    let path = desk.sandbox.path("saved/index.json");
    let mut index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    let entries = index["manifests"].as_array_mut().expect("a list");
    // Two images: nothing says whose the signatures are.
    let mut second = entries[1].clone();
    second["annotations"]["kind"] = "dev.cosignproject.cosign/image".into();
    entries.push(second);
    let image = entries[0]["digest"].clone();
    std::fs::write(&path, index.to_string()).expect("written");
    desk.run("cosign verify --local-image --key k.pub saved")
        .exits(1)
        .says("holds 3 images");
    desk.run(&format!(
        "cosign verify --key k.pub oci:saved@{}",
        image.as_str().expect("a digest")
    ))
    .exits(1)
    .says("there is no signature");
}

#[test]
fn an_image_without_a_tag_is_the_only_one_once_it_is_signed() {
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    let path = desk.sandbox.path("multi/index.json");
    let mut index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    for entry in index["manifests"].as_array_mut().expect("a list") {
        entry
            .as_object_mut()
            .expect("an entry")
            .remove("annotations");
    }
    std::fs::write(&path, index.to_string()).expect("written");
    desk.run("cosign sign --key k.pem --sign-container-identity a.example/b:1 oci:multi")
        .ok();
    desk.run("cosign verify --key k.pub oci:multi").ok();
    desk.run("cosign verify --local-image --key k.pub multi")
        .ok();
}

#[test]
fn without_the_flag_a_name_is_one_in_a_registry() {
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    for name in ["UPPER/case", "dir:"] {
        desk.sandbox
            .run_with(["cosign", "verify", "--key", "k.pub", name])
            .exits(2)
            .says("invalid value")
            .says("IMAGE");
    }
    desk.run("cosign verify --key k.pub --local-image=maybe x")
        .exits(2);
    desk.run("cosign verify --key k.pub --local-image none")
        .exits(3)
        .says("none");
}

#[test]
fn output_goes_to_a_file_and_replaces_none() {
    let Some(cosign) = cosign25() else { return };
    let desk = saved(cosign);
    for command in [
        "verify --key k.pub",
        "verify-attestation --key k.pub",
        "download signature",
        "download attestation",
        "generate",
    ] {
        let printed = desk.run(&format!("cosign {command} IMAGE")).ok().stdout;
        let to_file = format!("cosign {command} --output-file out IMAGE");
        let run = desk.run(&to_file).ok();
        assert_eq!(run.stdout, "", "{command}");
        assert_eq!(desk.sandbox.read("out"), printed.as_bytes(), "{command}");
        desk.sandbox.write("out", b"mine");
        desk.run(&to_file).exits(1).says("--force");
        desk.run(&format!("{to_file} --force")).ok();
        assert_eq!(desk.sandbox.read("out"), printed.as_bytes(), "{command}");
        std::fs::remove_file(desk.sandbox.path("out")).expect("removed");
    }
}
