//! Images with encrypted layers: signed, verified, tampered with.

use std::fs;
use std::path::PathBuf;

use harness::oci::{base64, blob_path, manifest, replace_manifest};
use harness::{Run, Sandbox};
use serde_json::json;

use super::sealing::{KID, PROVIDER, PUBOPTS, Seal, Wrap, encrypt, unpack_one};

const KEK: [u8; 32] = [0x51; 32];

/// An app whose layers are encrypted for the key in the file `kek`.
fn sealed(wrap: Wrap, change: &dyn Fn(&mut Seal)) -> Sandbox {
    let sandbox = Sandbox::with_keys();
    unpack_one(&sandbox, "app");
    sandbox.write("kek", KEK);
    encrypt(&layout(&sandbox), "latest", wrap, KEK, change);
    sandbox
}

fn layout(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("registry/app")
}

fn sign(sandbox: &Sandbox, more: &str) -> Run {
    sandbox.run(&format!(
        "sign-image -r registry -a app -v vendor.prv -x ca.prv {more}"
    ))
}

fn verify(sandbox: &Sandbox, more: &str) -> Run {
    sandbox.run(&format!("verify-image -r registry -a app -c ca.pub {more}"))
}

#[test]
fn an_encrypted_image_is_signed_and_verified_down_to_its_diff_ids() {
    for wrap in [Wrap::Gcm, Wrap::Ctr] {
        let sandbox = sealed(wrap, &|_| {});
        sign(&sandbox, "--decryption-key kek").exits(0);
        let run = verify(&sandbox, "--decryption-key kek").exits(0);
        run.says("passed      image.diff-ids");
        assert!(
            manifest(&layout(&sandbox), "latest", None)["layers"][0]["annotations"][PROVIDER]
                .is_string(),
            "signing keeps the layers' annotations"
        );
    }
}

#[test]
fn without_a_key_the_content_is_not_checked_and_the_report_says_so() {
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    sign(&sandbox, "")
        .exits(1)
        .says("[image.diff-ids]")
        .says("--allow-encrypted");
    sign(&sandbox, "--allow-encrypted")
        .exits(0)
        .says("is not checked");
    let run = verify(&sandbox, "").exits(0);
    run.says("not checked image.diff-ids: layer 1")
        .says("no decryption key")
        .says("trusted, except for what was not checked");
    let run = verify(&sandbox, "--json").exits(0);
    let checks = run.json()["images"][0]["checks"].clone();
    let checks = checks.as_array().expect("checks").clone();
    let of_content = checks
        .iter()
        .find(|check| check["rule"] == "image.diff-ids");
    assert_eq!(of_content.expect("the rule")["outcome"], "unchecked");
}

#[test]
fn a_key_that_does_not_fit_refuses() {
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    sandbox.write("other", [0x52; 32]);
    sign(&sandbox, "--decryption-key other")
        .exits(1)
        .says("[image.diff-ids]")
        .says(KID);
    sign(&sandbox, "--decryption-key other --allow-encrypted").exits(1);
    sign(&sandbox, "--decryption-key kek").exits(0);
    let run = verify(&sandbox, "--decryption-key other").exits(1);
    run.says("FAILED      image.diff-ids")
        .says("none of the decryption keys (1) opens it");
    verify(&sandbox, "--decryption-key other --decryption-key kek").exits(0);
    let ctr = sealed(Wrap::Ctr, &|_| {});
    ctr.write("other", [0x52; 32]);
    sign(&ctr, "--decryption-key other").exits(1);
    sign(&ctr, "--decryption-key other --decryption-key kek").exits(0);
}

#[test]
fn a_layer_or_annotation_that_was_changed_is_refused() {
    let flipped = |seal: &mut Seal| *seal.ciphertext.last_mut().expect("bytes") ^= 1;
    let cut = |seal: &mut Seal| seal.ciphertext.truncate(10);
    let no_hmac = |seal: &mut Seal| {
        seal.options
            .as_object_mut()
            .expect("an object")
            .remove("hmac");
    };
    let null_hmac = |seal: &mut Seal| seal.options["hmac"] = json!(null);
    let short_hmac = |seal: &mut Seal| seal.options["hmac"] = json!(base64(&[0; 31]));
    let wrong_hmac = |seal: &mut Seal| seal.options["hmac"] = json!(base64(&[0; 32]));
    let cipher = |seal: &mut Seal| seal.options["cipher"] = json!("AES_256_CTR");
    let nonce = |seal: &mut Seal| {
        seal.secret["cipheroptions"]["nonce"] = json!(base64(&[1; 16]));
    };
    let short_nonce = |seal: &mut Seal| {
        seal.secret["cipheroptions"]["nonce"] = json!(base64(&[0x2a; 12]));
    };
    let symkey = |seal: &mut Seal| seal.secret["symkey"] = json!(base64(&[1; 32]));
    let short_symkey = |seal: &mut Seal| seal.secret["symkey"] = json!(base64(&[0x17; 16]));
    let no_secret = |seal: &mut Seal| seal.secret = json!([]);
    let wrap_type = |seal: &mut Seal| seal.packet["wrap_type"] = json!("A128GCM");
    let other_type = |seal: &mut Seal| seal.packet["wrap_type"] = json!("A256CTR");
    let iv = |seal: &mut Seal| seal.packet["iv"] = json!(base64(&[8; 12]));
    let no_packet = |seal: &mut Seal| seal.annotations[PROVIDER] = json!("e30=");
    let no_base64 = |seal: &mut Seal| seal.annotations[PROVIDER] = json!("!");
    let empty = |seal: &mut Seal| seal.annotations[PROVIDER] = json!("");
    let no_provider = |seal: &mut Seal| seal.annotations[PROVIDER] = json!(null);
    let no_options = |seal: &mut Seal| seal.annotations[PUBOPTS] = json!(null);
    let bad_options = |seal: &mut Seal| seal.annotations[PUBOPTS] = json!("W10=");
    let list = |seal: &mut Seal| {
        let hmac = seal.options["hmac"].clone();
        seal.options = json!(["AES_256_CTR_HMAC_SHA256", hmac]);
    };
    let case = |seal: &mut Seal| seal.options["HMAC"] = json!(base64(&[0; 32]));
    let jwe = |seal: &mut Seal| {
        seal.annotations[PROVIDER] = json!(null);
        seal.annotations["org.opencontainers.image.enc.keys.jwe"] = json!("e30=");
    };
    #[expect(clippy::type_complexity, reason = "a table")]
    let changes: [(&str, &dyn Fn(&mut Seal), &str); 24] = [
        ("a bit of the ciphertext", &flipped, "its HMAC differs"),
        ("the end of the ciphertext", &cut, "its HMAC differs"),
        ("no HMAC", &no_hmac, "has no HMAC"),
        ("a null HMAC", &null_hmac, "has no HMAC"),
        ("a short HMAC", &short_hmac, "an HMAC that is not 32 bytes"),
        ("a wrong HMAC", &wrong_hmac, "its HMAC differs"),
        ("another cipher", &cipher, "names another cipher"),
        ("another nonce", &nonce, "layer 1"),
        (
            "a short nonce",
            &short_nonce,
            "a nonce that is not 16 bytes",
        ),
        ("another key", &symkey, "its HMAC differs"),
        (
            "a short key",
            &short_symkey,
            "a symkey that is not 32 bytes",
        ),
        (
            "another content of the packet",
            &no_secret,
            "is not a key of a layer",
        ),
        (
            "another wrap_type",
            &wrap_type,
            "neither A256GCM nor A256CTR",
        ),
        ("the other wrap_type", &other_type, "iv has a wrong length"),
        ("another iv", &iv, "none of the decryption keys"),
        ("an empty packet", &no_packet, "holds no packet"),
        ("no base64", &no_base64, "is not base64"),
        ("an empty annotation", &empty, "holds no packet"),
        ("no packet", &no_provider, "has no annotation"),
        ("no options", &no_options, "has no annotation"),
        ("other options", &bad_options, "holds no options"),
        ("options in a list", &list, "holds no options"),
        ("options in capitals", &case, "holds no options"),
        ("a key wrapped otherwise", &jwe, "only jwe"),
    ];
    for (what, change, said) in changes {
        let sandbox = sealed(Wrap::Gcm, change);
        let before = harness::snapshot(&layout(&sandbox));
        let run = sign(&sandbox, "--decryption-key kek");
        assert!(run.stderr.contains(said), "{what}: {}", run.stderr);
        run.exits(1).says("[image.diff-ids]");
        harness::same(&before, &harness::snapshot(&layout(&sandbox)));
        // Somebody signed it without looking.
        sign(&sandbox, "--allow-encrypted").exits(0);
        verify(&sandbox, "--decryption-key kek")
            .exits(1)
            .says("FAILED      image.diff-ids");
    }
}

#[test]
fn content_that_the_config_does_not_list_is_refused_though_it_decrypts() {
    let sandbox = sealed(Wrap::Gcm, &|seal| {
        let mut other = Seal::new(seal.wrap, seal.kek, b"other content");
        std::mem::swap(seal, &mut other);
    });
    sign(&sandbox, "--decryption-key kek")
        .exits(1)
        .says("does not unpack");
}

#[test]
fn a_signed_image_whose_layers_are_swapped_for_encrypted_ones_is_not_wholly_trusted() {
    let sandbox = Sandbox::with_keys();
    unpack_one(&sandbox, "app");
    sandbox.write("kek", KEK);
    sign(&sandbox, "").exits(0);
    encrypt(&layout(&sandbox), "latest", Wrap::Gcm, KEK, &|seal| {
        let mut other = Seal::new(seal.wrap, seal.kek, b"evil");
        std::mem::swap(seal, &mut other);
    });
    verify(&sandbox, "--decryption-key kek").exits(1);
    let run = verify(&sandbox, "").exits(0);
    run.says("not checked image.diff-ids")
        .says("trusted, except for what was not checked");
}

#[test]
fn keys_come_from_a_file_of_several_and_from_a_broker() {
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    let several = json!({ "default/other/test": base64(&[3; 32]), KID: base64(&KEK) });
    sandbox.write("aa-offline_fs_kbc-keys.json", several.to_string());
    sandbox.write(
        "resources.json",
        json!({ "default/image-key/test": base64(&KEK) }).to_string(),
    );
    sign(&sandbox, "--decryption-key aa-offline_fs_kbc-keys.json").exits(0);
    verify(&sandbox, "--decryption-key aa-offline_fs_kbc-keys.json").exits(0);
    let by_broker = format!("--decryption-key {KID} --kbs resources.json");
    verify(&sandbox, &by_broker)
        .exits(0)
        .says("passed      image.diff-ids");
    verify(
        &sandbox,
        &format!("--decryption-key {KID} --kbs absent.json"),
    )
    .exits(3);
    verify(
        &sandbox,
        "--decryption-key kbs:///default/none/test --kbs resources.json",
    )
    .exits(3);
}

#[test]
fn bytes_that_are_no_key_are_refused_before_any_work_and_not_repeated() {
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    for (text, status) in [
        (String::new(), 1),
        ("SECRET".repeat(5), 1),
        ("SECRETS!".repeat(8), 1),
        ("{}".into(), 1),
        (json!({ "a": base64(b"SECRET") }).to_string(), 1),
        (json!({ "a": "SECRET" }).to_string(), 1),
        (json!({ "a": 7 }).to_string(), 1),
    ] {
        sandbox.write("key", &text);
        let run = verify(&sandbox, "--decryption-key key").exits(status);
        run.says("decryption key file key");
        let run = verify(&sandbox, "--decryption-key key");
        assert!(!run.stderr.contains("SECRET") && !run.stderr.contains("U0VDUkVU"));
    }
    verify(&sandbox, "--decryption-key absent").exits(3);
    verify(&sandbox, "--decryption-key -").exits(2);
    verify(&sandbox, "--decryption-key kbs:///a/b").exits(2);
    verify(&sandbox, "--decryption-key https://x/y").exits(2);
}

#[test]
fn of_several_packets_one_that_a_key_opens_is_enough() {
    let sandbox = sealed(Wrap::Gcm, &|seal| {
        let right = base64(seal.packet().to_string().as_bytes());
        let other = Seal::new(Wrap::Gcm, [0x77; 32], b"");
        let other = base64(other.packet().to_string().as_bytes());
        seal.annotations[PROVIDER] = json!(format!("{other},{right}"));
        // The name of a key provider does not matter.
        let name = "org.opencontainers.image.enc.keys.provider.another";
        seal.annotations[name] = json!(other);
    });
    sign(&sandbox, "--decryption-key kek").exits(0);
    verify(&sandbox, "--decryption-key kek").exits(0);
}

#[test]
fn a_packet_of_newer_agents_opens() {
    let sandbox = sealed(Wrap::Gcm, &|seal| {
        seal.packet["version"] = json!("0.1.0");
        seal.packet["provider"] = json!("kbs");
        seal.packet["provider_settings"] = json!({});
        seal.packet["annotations"] = json!({});
        seal.packet["kid"] = json!("/default/image-key/test");
    });
    sign(&sandbox, "--decryption-key kek").exits(0);
}

#[test]
fn one_layer_in_two_images_is_opened_by_the_annotations_of_each() {
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    sign(&sandbox, "--decryption-key kek").exits(0);
    // The same ciphertext, and options that are wrong, in a second image that is signed too.
    let registry = sandbox.path("registry");
    let copy = format!("cp -r {0}/app {0}/second", registry.display());
    sandbox.shell(&copy, "").exits(0);
    replace_manifest(&registry.join("second"), "latest", |manifest| {
        let wrong = json!({ "cipher": "AES_256_CTR_HMAC_SHA256", "hmac": base64(&[0; 32]) });
        let wrong = base64(wrong.to_string().as_bytes());
        manifest["layers"][0]["annotations"][PUBOPTS] = json!(wrong);
    });
    let both = "verify-image oci:registry/app oci:registry/second -c ca.pub --decryption-key kek";
    sandbox.run(both).exits(1).says("its HMAC differs");
}

#[test]
fn a_blob_that_is_not_the_one_in_the_manifest_fails_its_own_rule() {
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    sign(&sandbox, "--decryption-key kek").exits(0);
    let layout = layout(&sandbox);
    let digest = manifest(&layout, "latest", None)["layers"][0]["digest"].clone();
    let path = blob_path(&layout, digest.as_str().expect("a digest"));
    let mut bytes = fs::read(&path).expect("a blob");
    bytes[0] ^= 1;
    fs::write(&path, bytes).expect("written");
    let run = verify(&sandbox, "--decryption-key kek").exits(1);
    run.says("FAILED      image.layer-blobs")
        .says("not checked image.diff-ids");
}

/// Asks a policy about the app, with more flags.
fn policy_check(sandbox: &Sandbox, requirement: &str, more: &str) -> Run {
    sandbox.write("policy.json", format!("{{\"default\":[{requirement}]}}"));
    sandbox.run(&format!(
        "policy check oci:registry/app:latest --policy policy.json {more}"
    ))
}

#[test]
fn a_policy_that_is_met_wants_the_content_too_where_there_is_a_key() {
    let anything = r#"{"type":"insecureAcceptAnything"}"#;
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    sandbox.write("other", [0x52; 32]);
    policy_check(&sandbox, anything, "")
        .exits(0)
        .says("allowed")
        .says("it has encrypted layers, and without --decryption-key ir-sign did not compare them");
    policy_check(&sandbox, anything, "--decryption-key kek")
        .exits(0)
        .says("met         layers")
        .says("allowed");
    policy_check(&sandbox, anything, "--decryption-key other")
        .exits(1)
        .says("NOT met     layers: ")
        .says("[image.diff-ids]");
    policy_check(&sandbox, r#"{"type":"reject"}"#, "--decryption-key kek")
        .exits(1)
        .says("not reached layers");
    policy_check(&sandbox, anything, "--decryption-key nowhere").exits(3);
    let swapped = sealed(Wrap::Gcm, &|seal| seal.ciphertext[0] ^= 1);
    policy_check(&swapped, anything, "--decryption-key kek")
        .exits(1)
        .says("its HMAC differs");
}

#[test]
fn endorsed_by_is_met_by_the_vendors_that_the_policy_names() {
    let sandbox = sealed(Wrap::Gcm, &|_| {});
    sign(&sandbox, "--decryption-key kek").exits(0);
    let path = |name: &str| sandbox.path(name).display().to_string();
    let endorsed = |ca: &str, more: &str| {
        let ca = path(ca);
        format!("{{\"type\":\"endorsedBy\",\"caKeyPath\":\"{ca}\"{more}}}")
    };
    let of = |vendor: &str| format!(",\"vendors\":[\"{}\"]", path(vendor));
    let key = "--decryption-key kek";
    policy_check(&sandbox, &endorsed("ca.pub", ""), key)
        .exits(0)
        .says("signed by vendor SHA256:")
        .says("trusted");
    policy_check(&sandbox, &endorsed("ca.pub", &of("vendor.pub")), key).exits(0);
    policy_check(&sandbox, &endorsed("ca.pub", &of("ca.pub")), key)
        .exits(1)
        .says("[annotation.vendor-pinned]");
    policy_check(&sandbox, &endorsed("vendor.pub", ""), key)
        .exits(1)
        .says("refused");
}
