//! Signatures of images, made here and by the real programs, and verified by both.

use harness::peers::{cosign25, cosign31, sigstore_rs, skopeo118, skopeo122};

use crate::desk::Desk;

const CURVES: [(&str, usize); 3] = [("prime256v1", 1), ("secp384r1", 2), ("secp521r1", 2)];
const OFFLINE: &str = "--insecure-ignore-tlog=true --allow-http-registry";

#[test]
fn cosign_takes_what_is_signed_on_each_curve() {
    let desk = Desk::new();
    for (curve, hashes) in CURVES {
        desk.key(curve, curve);
        let run = desk
            .run(&format!("cosign sign --key {curve}.pem IMAGE"))
            .ok();
        assert!(run.stdout.starts_with("sha256:"), "{}", run.stdout);
        assert_eq!(
            run.stderr.matches("signed").count(),
            2 * hashes,
            "{}",
            run.stderr
        );
        for cosign in [cosign25(), cosign31()].into_iter().flatten() {
            let verify = format!("verify --key {curve}.pub {OFFLINE} IMAGE");
            desk.peer(cosign, &verify).ok();
        }
        let run = desk
            .run(&format!("cosign verify --key {curve}.pub IMAGE"))
            .ok();
        let list: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!(list.as_array().map(Vec::len), Some(2 * hashes));
    }
    desk.key("other", "prime256v1");
    desk.run("cosign verify --key other.pub IMAGE")
        .exits(1)
        .says("no trusted key made this signature");
}

#[test]
fn skopeo_takes_the_signature_under_sha_256() {
    for skopeo in [skopeo118 as fn() -> _, skopeo122] {
        let desk = Desk::new();
        for (curve, _) in &CURVES[..2] {
            let Some(mut skopeo) = skopeo() else { return };
            desk.key(curve, curve);
            desk.run(&format!("cosign sign -r --key {curve}.pem IMAGE"))
                .ok();
            let policy = serde_json::json!({
                "default": [{ "type": "reject" }],
                "transports": { "docker": { "": [{
                    "type": "sigstoreSigned",
                    "keyPath": desk.sandbox.path(format!("{curve}.pub")),
                }] } },
            });
            desk.sandbox.write("policy.json", policy.to_string());
            std::fs::create_dir_all(desk.sandbox.path("registries.d")).expect("a folder");
            let attachments = "default-docker:\n  use-sigstore-attachments: true\n";
            desk.sandbox.write("registries.d/default.yaml", attachments);
            skopeo.arg("--policy").arg(desk.sandbox.path("policy.json"));
            skopeo
                .arg("--registries.d")
                .arg(desk.sandbox.path("registries.d"));
            let copy = format!("copy --src-tls-verify=false docker://IMAGE dir:{curve}");
            desk.peer(skopeo, &copy).ok();
        }
    }
}

#[test]
fn sigstore_rs_takes_the_signature_under_the_curves_own_hash() {
    let desk = Desk::new();
    for (curve, scheme) in [
        ("prime256v1", "ECDSA_P256_SHA256_ASN1"),
        ("secp384r1", "ECDSA_P384_SHA384_ASN1"),
        ("secp521r1", "ECDSA_P521_SHA512_ASN1"),
    ] {
        let Some(sigstore) = sigstore_rs() else {
            return;
        };
        desk.key(curve, curve);
        let verify = format!("IMAGE {curve}.pub {scheme}");
        // It ends badly where nothing holds.
        let status = desk.peer(sigstore, &verify).status;
        assert_ne!(status, 0, "nobody has signed with it");
        desk.run(&format!("cosign sign --key {curve}.pem IMAGE"))
            .ok();
        desk.peer(sigstore_rs().expect("it was there"), &verify)
            .ok();
    }
}

#[test]
fn signatures_of_cosign_are_verified() {
    let Some(cosign) = cosign25() else { return };
    let desk = Desk::new();
    let pair = "generate-key-pair --output-key-prefix pair";
    desk.peer(cosign, pair).ok();
    let sign = "sign --key pair.key --tlog-upload=false -y --allow-http-registry -a k=v IMAGE";
    desk.peer(cosign25().expect("it was there"), sign).ok();
    let run = desk.run("cosign verify --key pair.pub -a k=v IMAGE").ok();
    assert!(run.stdout.contains(r#""k":"v""#), "{}", run.stdout);
    desk.run("cosign verify --key pair.pub -a k=w IMAGE")
        .exits(1)
        .says("annotation \"k\" is \"v\"; expected \"w\"");
    desk.run("cosign verify --key pair.pub --new-bundle-format IMAGE")
        .exits(1)
        .says("there is no signature");
    let Some(cosign) = cosign31() else { return };
    desk.peer(cosign, "signing-config create --out config.json")
        .ok();
    desk.peer(
        cosign31().expect("there"),
        "trusted-root create --out root.json",
    )
    .ok();
    let sign = "sign --key pair.key --signing-config config.json --trusted-root root.json -y --allow-http-registry IMAGE";
    desk.peer(cosign31().expect("there"), sign).ok();
    desk.run("cosign verify --key pair.pub --new-bundle-format IMAGE")
        .ok()
        .says("bundle: ");
}

#[test]
fn a_signature_that_holds_is_kept_and_those_of_others_stay() {
    let desk = Desk::new();
    desk.key("a", "secp384r1");
    desk.key("b", "prime256v1");
    desk.run("cosign sign --key a.pem IMAGE").ok();
    let run = desk.run("cosign sign --key a.pem IMAGE").ok();
    assert_eq!(run.stderr.matches("kept").count(), 4, "{}", run.stderr);
    desk.run("cosign sign --key b.pem -a stage=test IMAGE").ok();
    for verify in [
        "--key a.pub",
        "--key b.pub",
        "--key b.pub -a stage=test",
        "--key a.pub --key b.pub",
    ] {
        desk.run(&format!("cosign verify {verify} IMAGE")).ok();
    }
    desk.run("cosign verify --key a.pub -a stage=test IMAGE")
        .exits(1);
    // The signer did not say this before.
    let run = desk.run("cosign sign --key b.pem -a stage=done IMAGE").ok();
    assert_eq!(run.stderr.matches("signed").count(), 2, "{}", run.stderr);
    desk.run("cosign verify --key b.pub -a stage=done IMAGE")
        .ok();
}

#[test]
fn bad_signatures_never_hide_a_good_one() {
    let desk = Desk::new();
    desk.key("good", "prime256v1");
    desk.key("bad", "prime256v1");
    desk.run("cosign generate --output-file payload IMAGE").ok();
    desk.run("cosign sign --key bad.pem --payload payload --output-signature one")
        .ok();
    let one = String::from_utf8(desk.sandbox.read("one")).expect("base64");
    let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9');
    let pairs = alphabet
        .clone()
        .flat_map(|a| alphabet.clone().map(move |b| [a, b]));
    // One signature, and 99 that differ from it in the middle.
    let others = pairs.map(|[a, b]| format!("{}{a}{b}{}", &one[..40], &one[42..]));
    let others = others.filter(|other| *other != one).take(99);
    desk.sandbox
        .write("hundred", one.clone() + &others.collect::<String>());
    // Without a key nobody can tell that they are bad.
    desk.run("cosign attach signature --payload payload --signature hundred IMAGE")
        .ok()
        .says("no key verified it");
    desk.run("cosign sign --key bad.pem --new-bundle-format IMAGE")
        .ok();
    desk.run("cosign verify --key good.pub IMAGE").exits(1);
    desk.run("cosign sign --key good.pem IMAGE").ok();
    for form in ["", "--new-bundle-format", "--new-bundle-format=false"] {
        let run = desk
            .run(&format!("cosign verify --key good.pub {form} --json IMAGE"))
            .ok();
        let looked_at = run.json()["images"][0]["looked_at"].as_u64();
        assert_eq!(
            looked_at,
            Some(if form.is_empty() {
                103
            } else if form.ends_with("false") {
                101
            } else {
                2
            })
        );
    }
}

#[test]
fn an_index_is_signed_as_one_or_with_all_that_it_leads_to() {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    let run = desk.run("cosign sign --key k.pem IMAGE").ok();
    assert_eq!(run.stdout.lines().count(), 1);
    let run = desk.run("cosign sign --key k.pem --recursive IMAGE").ok();
    assert!(run.stdout.lines().count() > 2, "{}", run.stdout);
    for digest in run.stdout.lines() {
        let name = desk.at(digest);
        desk.run(&format!("cosign verify --key k.pub {name}")).ok();
    }
}

#[test]
fn images_in_layouts_are_signed_by_a_name_that_is_given() {
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    desk.run("cosign sign --key k.pem oci:multi:multi")
        .exits(2)
        .says("nothing says by which name it is signed")
        .says("--sign-container-identity");
    desk.run("cosign verify --key k.pub oci:multi:multi")
        .exits(1);
    let sign = "cosign sign --key k.pem --sign-container-identity registry.example.com/a/b:1 oci:multi:multi";
    desk.run(sign).ok();
    desk.run("cosign verify --key k.pub oci:multi:multi").ok();
    // Both forms go along to a registry, where cosign finds them.
    desk.run("copy --with-signatures oci:multi:multi docker://IMAGE")
        .ok();
    desk.run("cosign verify --key k.pub IMAGE")
        .ok()
        .says("it was signed as registry.example.com/a/b:1");
    for cosign in [cosign25(), cosign31()].into_iter().flatten() {
        desk.peer(cosign, &format!("verify --key k.pub {OFFLINE} IMAGE"))
            .ok();
    }
    desk.run("copy oci:multi:multi oci-archive:multi.tar:multi")
        .ok();
    desk.run("cosign sign --key k.pem --sign-container-identity a.example/b:1 oci-archive:multi.tar:multi")
        .exits(2)
        .says("nothing is written into an archive");
}

#[test]
fn the_tree_is_drawn_as_cosign_draws_it() {
    let Some(cosign) = cosign31() else { return };
    let desk = Desk::new();
    desk.key("k", "secp384r1");
    desk.run("cosign sign --key k.pem IMAGE").ok();
    let theirs = desk.peer(cosign, "tree --allow-http-registry IMAGE").ok();
    let ours = desk.run("cosign tree IMAGE").ok();
    // cosign draws the branches of one kind in any order.
    let branches = |text: &str| {
        let mut branches: Vec<String> = Vec::new();
        for line in text.trim_end().lines() {
            match branches.last_mut() {
                Some(last) if line.starts_with(' ') => last.extend(["\n", line]),
                _ => branches.push(line.to_owned()),
            }
        }
        branches.sort();
        branches
    };
    assert_eq!(branches(&ours.stdout), branches(&theirs.stdout));
    let tag = desk.run("cosign triangulate IMAGE").ok().stdout;
    assert!(ours.stdout.contains(tag.trim()), "{tag}");
}

#[test]
fn a_layer_that_is_not_there_or_was_changed_does_not_count() {
    let desk = Desk::new();
    desk.key("k", "prime256v1");
    let sign = "cosign sign --key k.pem --new-bundle-format=false --sign-container-identity a.example/b:1 oci:multi:multi";
    desk.run(sign).ok();
    let run = desk.run("cosign tree --json oci:multi:multi").ok();
    let layer = run.json()["artifacts"][0]["layers"][0]
        .as_str()
        .expect("a digest")
        .to_owned();
    let blob = format!("multi/blobs/{}", layer.replace(':', "/"));
    let payload = String::from_utf8(desk.sandbox.read(&blob)).expect("JSON");
    desk.sandbox
        .write(&blob, payload.replace("a.example", "b.example"));
    desk.run("cosign verify --key k.pub oci:multi:multi")
        .exits(1)
        .says("digest mismatch");
    std::fs::remove_file(desk.sandbox.path(&blob)).expect("removed");
    desk.run("cosign verify --key k.pub oci:multi:multi")
        .exits(1);
}
