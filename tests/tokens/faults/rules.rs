//! The statements of a token that nobody may believe: one test for each rule.

use super::scene::{Ran, Scene, verifies};

pub const SIGN: &str = "sign -k KEY:ca -f message -s out";

/// Runs `sign` with a plan that it has to fail at, and nothing may be written.
#[track_caller]
pub fn refused(plan: &str, status: i32, says: &str) -> Ran {
    let scene = Scene::new();
    let ran = scene.run(plan, SIGN);
    ran.sound(plan);
    assert!(!scene.has("out"), "{plan}: a signature is there: {ran:#?}");
    assert_eq!(ran.log.attempts_after_pin_error(), 0, "{plan}: {ran:#?}");
    ran.exits(status).says(says)
}

/// Runs `sign` with a plan that it has to get over.
#[track_caller]
pub fn signs(plan: &str, args: &str) -> Ran {
    let scene = Scene::new();
    let ran = scene.run(plan, args).exits(0);
    assert!(verifies(&scene, "ca.pub", "message", "out"), "{plan}");
    ran
}

#[test]
fn rule_10_a_bad_signature_never_leaves_the_program() {
    for (kind, status, says) in [
        (
            "flip",
            1,
            "does not verify with its own public key; it was thrown away",
        ),
        (
            "other",
            1,
            "does not verify with its own public key; it was thrown away",
        ),
        ("short", 1, "gave a signature of 95 bytes, and 96 are right"),
        ("long", 1, "gave a signature of 97 bytes, and 96 are right"),
        ("empty", 1, "gave a signature of 0 bytes, and 96 are right"),
        ("der", 1, "gave a signature of 10"),
        ("zero", 1, "a signature whose numbers are out of range"),
        ("max", 1, "a signature whose numbers are out of range"),
    ] {
        let plan = format!("sign={kind}");
        refused(&plan, status, says).says("key \"ca\" on token \"test token\"");
        // An image, a passport or a public key that is to be proven does not either.
        let scene = Scene::new();
        let before = scene.outside();
        for args in [
            "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca",
            "token passport KEY:ca -o out",
            "extract-public -i KEY:ca -o out",
            "endorse -k KEY:ca -f vendor.pub -s out",
        ] {
            let ran = scene.run(&plan, args).exits(status);
            assert!(ran.stderr.contains("key \""), "{args}: {ran:#?}");
            assert_eq!(scene.outside(), before, "{plan}: {args}");
        }
        let ran = scene.run(&plan, "token doctor TOKEN --login").exits(1);
        assert!(
            ran.stdout.contains("do not use this key"),
            "{kind}: {ran:#?}"
        );
        // A key that is new and signs wrongly goes again.
        for args in [
            "gen-key --pkcs11-uri KEY:new --public new.pub",
            "token import -k file.key --pkcs11-uri KEY:new",
        ] {
            scene
                .run(&plan, args)
                .exits(1)
                .says("the new key was removed");
            assert_eq!(
                (scene.labels(), scene.objects()),
                (labels(&["ca", "vendor"]), 4),
                "{args}"
            );
            assert_eq!(scene.outside(), before, "{args}");
        }
    }
}

pub fn labels(labels: &[&str]) -> Vec<String> {
    labels.iter().map(ToString::to_string).collect()
}

/// A module that says it wrote more than there was room for gave no signature.
#[test]
fn rule_10_a_length_beyond_the_room_is_not_believed() {
    for plan in ["sign=lie", "sign=lie;always-authenticate"] {
        refused(plan, 1, "gave a signature of 2048 bytes, and 96 are right");
    }
}

/// The second of two signatures is bad: of what was to be signed, nothing is.
#[test]
fn rule_10_an_image_is_signed_whole_or_not() {
    for plan in [
        "sign@1=flip",
        "sign@2=flip",
        "sign@2=short",
        "C_Sign@2=CKR_FUNCTION_FAILED",
    ] {
        let scene = Scene::new();
        let before = scene.outside();
        let ran = scene.run(
            plan,
            "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca",
        );
        assert!(matches!(ran.status, Some(1 | 3)), "{plan}: {ran:#?}");
        assert_eq!(scene.outside(), before, "{plan}");
    }
}

#[test]
fn rule_9_a_point_is_raw_or_der_and_on_the_curve() {
    signs("point=raw", SIGN);
    for (kind, status, says) in [
        (
            "compressed",
            1,
            "CKA_EC_POINT has 51 bytes, and 97 (raw) or 99 (DER) are right",
        ),
        ("garbage", 1, "CKA_EC_POINT"),
        ("off-curve", 1, "CKA_EC_POINT is not a point on secp384r1"),
        ("infinity", 1, "CKA_EC_POINT has 3 bytes"),
        // A point of the curve, but not this key's: the signature tells.
        ("other", 1, "does not verify"),
    ] {
        refused(&format!("point={kind}"), status, says);
        let scene = Scene::new();
        scene
            .run(&format!("point={kind}"), "extract-public -i KEY:ca -o out")
            .exits(1);
        assert!(!scene.has("out"), "{kind}");
    }
    // An empty one is an absent one, and the token shows no other.
    refused("point=empty", 3, "does not show its public half");
    refused(
        "attr=CKA_EC_PARAMS:06082a8648ce3d030107",
        1,
        "not an EC key on secp384r1",
    );
    refused(
        "attr=CKA_KEY_TYPE:0000000000000000",
        1,
        "not an EC key on secp384r1",
    );
    // CKK_HSS, which the crate does not know: no reason not to tell of the others.
    let unknown = "attr=CKA_KEY_TYPE:4600000000000000";
    refused(unknown, 1, "its CKA_KEY_TYPE is none that is known");
    let ran = Scene::new().run(unknown, "token keys KEY:ca").exits(0);
    assert!(
        ran.stdout.contains("problem: key \"ca\" on token"),
        "{ran:?}"
    );
}

#[test]
fn rule_8_an_attribute_that_is_not_there_counts_as_absent() {
    for name in [
        "CKA_LABEL",
        "CKA_KEY_TYPE",
        "CKA_EC_PARAMS",
        "CKA_ALWAYS_AUTHENTICATE",
        "CKA_PUBLIC_KEY_INFO",
    ] {
        signs(&format!("attr-missing={name}"), SIGN);
    }
    // One without the length of its kind is as good as none.
    for value in ["", "00000000"] {
        signs(&format!("attr=CKA_ALWAYS_AUTHENTICATE:{value}"), SIGN);
        let plan = format!("attr=CKA_LOCAL:{value}");
        let ran = Scene::new().run(&plan, "token keys KEY:ca --json").exits(0);
        assert!(ran.stdout.contains("\"CKA_LOCAL\": null"), "{ran:?}");
    }
    // The public half is found by id, and else where the private object shows it.
    refused(
        "attr-missing=CKA_EC_POINT",
        3,
        "does not show its public half",
    );
    // With the public key in a file it is not a matter.
    signs(
        "attr-missing=CKA_EC_POINT",
        &format!("{SIGN} --public-key ca.pub"),
    );
    signs(
        "no-public-object",
        &format!("{SIGN} --public-key vendor.pub --public-key ca.pub"),
    );
    refused_with(
        "no-public-object",
        &format!("{SIGN} --public-key vendor.pub"),
        3,
        "does not show its public half",
    );
    // A new key that does not say that it never leaves is none.
    let scene = Scene::new();
    for name in ["CKA_SENSITIVE", "CKA_EXTRACTABLE", "CKA_SIGN"] {
        let plan = format!("attr-missing={name}");
        let ran = scene
            .run(&plan, "gen-key --pkcs11-uri KEY:new --public new.pub")
            .exits(1);
        ran.says(&format!("{name}: requested"))
            .says("got nothing; the new key was removed");
        assert_eq!(scene.objects(), 4, "{name}");
    }
    scene
        .run(
            "attr-missing=CKA_NEVER_EXTRACTABLE",
            "token passport KEY:ca -o out",
        )
        .exits(1)
        .says("CKA_NEVER_EXTRACTABLE is nothing, not true");
    assert!(!scene.has("out"));
}

#[track_caller]
pub fn refused_with(plan: &str, args: &str, status: i32, says: &str) -> Ran {
    let scene = Scene::new();
    let before = scene.outside();
    let ran = scene.run(plan, args);
    ran.sound(plan);
    assert_eq!(scene.outside(), before, "{plan}: {args}: {ran:#?}");
    ran.exits(status).says(says)
}

/// Values that no attribute of the kind can have.
#[test]
fn attributes_of_a_wrong_length_are_no_panic() {
    for name in [
        "CKA_LABEL",
        "CKA_ID",
        "CKA_KEY_TYPE",
        "CKA_EC_PARAMS",
        "CKA_EC_POINT",
        "CKA_ALWAYS_AUTHENTICATE",
        "CKA_SENSITIVE",
        "CKA_EXTRACTABLE",
        "CKA_PUBLIC_KEY_INFO",
        "CKA_VALUE",
    ] {
        for value in [
            "",
            "00",
            "ff",
            "0102",
            "03000000000000",
            "0300000000000000",
            "030000000000000000",
        ] {
            let plan = format!("attr={name}:{value}");
            let scene = Scene::new();
            for args in [
                SIGN,
                "token keys TOKEN",
                "token passport KEY:ca -o pass",
                "token doctor TOKEN --login",
                "gen-key --pkcs11-uri KEY:new",
            ] {
                let ran = scene.run(&plan, args);
                ran.sound(&format!("{plan}: {args}"));
                assert!(
                    matches!(ran.status, Some(0 | 1 | 3)),
                    "{plan}: {args}: {ran:#?}"
                );
                if scene.has("out") {
                    assert!(verifies(&scene, "ca.pub", "message", "out"), "{plan}");
                }
            }
        }
    }
}

#[test]
fn rule_6_exactly_one_key_must_match() {
    refused("twins", 3, "there are 2 private keys for").says("object=ca");
    refused("no-private-object", 3, "there is no private key for")
        .says("a public key without its private half is not a key");
}

#[test]
fn rule_10_no_other_mechanism_is_tried() {
    let ran = refused(
        "mechanisms=CKM_RSA_PKCS,CKM_ECDSA_SHA384",
        3,
        "does not offer CKM_ECDSA for signing; it offers CKM_ECDSA_SHA384, CKM_RSA_PKCS",
    );
    assert_eq!((ran.calls("C_SignInit"), ran.calls("C_SignUpdate")), (0, 0));
    refused("mechanisms=", 3, "it offers nothing");
    let scene = Scene::new();
    scene
        .run("mechanisms=CKM_ECDSA", "gen-key --pkcs11-uri KEY:new")
        .exits(3)
        .says("does not offer CKM_EC_KEY_PAIR_GEN");
    assert_eq!(scene.objects(), 4);
    scene.run("mechanisms=CKM_ECDSA", SIGN).exits(0);
}

#[test]
fn rule_5_modules_that_cannot_count_do_not_hang_the_program() {
    refused("zero-slots", 3, "there is no token for").says("there is none at all");
    refused(
        "slots-buffer-too-small",
        3,
        "C_GetSlotList gave CKR_BUFFER_TOO_SMALL",
    );
    refused(
        "mechanisms-buffer-too-small",
        3,
        "C_GetMechanismList gave CKR_BUFFER_TOO_SMALL",
    );
    let scene = Scene::new();
    scene.run("zero-slots", "token list").exits(0);
    scene.run("slots-buffer-too-small", "token list").exits(3);
}

#[test]
fn rule_5_padding_and_clocks_are_no_matter() {
    for plan in ["bad-clock", "nul-padded", "unpadded", "slow=C_Sign:50"] {
        signs(plan, SIGN);
        let scene = Scene::new();
        let ran = scene.run(plan, "token list").exits(0);
        assert!(
            ran.stdout.contains("token \"test token\""),
            "{plan}: {ran:#?}"
        );
        scene.run(plan, "token passport KEY:ca -o pass").exits(0);
        let again = format!("{SIGN} --require-passport pass");
        scene.run("", &again).exits(0);
    }
}

/// A call that fails may have done its work all the same.
#[test]
fn making_keys_says_what_became_of_them() {
    let gen_key = "gen-key --pkcs11-uri KEY:new --public new.pub";
    let import = "token import -k file.key --pkcs11-uri KEY:new";
    for code in [
        "CKR_GENERAL_ERROR",
        "CKR_DEVICE_ERROR",
        "CKR_FUNCTION_CANCELED",
    ] {
        let scene = Scene::new();
        let ran = scene.run(&format!("C_GenerateKeyPair=after:{code}"), gen_key);
        ran.exits(3)
            .says(&format!(
                "C_GenerateKeyPair gave {code}; whether the key was made is not known"
            ))
            .says("token keys");
        assert!(!scene.has("new.pub"));
        // It was: the next run finds it, and makes no second one.
        scene
            .run("", gen_key)
            .exits(1)
            .says("object=new;type=private");
        assert_eq!(scene.labels(), labels(&["ca", "new", "vendor"]));
        scene
            .run("", "extract-public -i KEY:new -o new.pub")
            .exits(0);
        // One that failed outright leaves nothing, and is not a riddle.
        let scene = Scene::new();
        let ran = scene
            .run(&format!("C_GenerateKeyPair={code}"), gen_key)
            .exits(3);
        assert!(!ran.stderr.contains("not known"), "{ran:?}");
        assert_eq!(scene.objects(), 4);
        scene.run("", gen_key).exits(0);

        // Neither half of a key is left when the second one fails.
        for plan in [
            format!("C_CreateObject@2=after:{code}"),
            format!("C_CreateObject@2={code}"),
        ] {
            let scene = Scene::new();
            scene.run(&plan, import).exits(3).says(&format!(
                "C_CreateObject gave {code}; the new key was removed"
            ));
            assert_eq!(scene.objects(), 4, "{plan}");
            scene.run("", import).exits(0);
        }
        // If they cannot be removed either, that is said.
        let scene = Scene::new();
        let plan = format!("C_CreateObject@2={code};C_DestroyObject={code}");
        let ran = scene.run(&plan, import).exits(3);
        ran.says("the new key was not removed")
            .says("remove it with the token's own tools");
        assert_eq!(scene.objects(), 5);
        let scene = Scene::new();
        let plan = format!("sign=flip;C_DestroyObject={code}");
        let ran = scene.run(&plan, gen_key).exits(1);
        ran.says("does not verify")
            .says("the new key was not removed");
        assert_eq!(scene.objects(), 6);
        assert!(!scene.has("new.pub"));
    }
}

#[test]
fn errors_say_which_slot_could_not_be_read() {
    for function in ["C_GetTokenInfo", "C_GetSlotInfo"] {
        let plan = format!("{function}=CKR_DEVICE_MEMORY");
        refused(&plan, 3, &format!("{function} gave CKR_DEVICE_MEMORY")).says("slot ");
        // One slot that cannot be read is no matter where the token is in another.
        let plan = format!("{function}@2=CKR_DEVICE_MEMORY");
        let scene = Scene::new();
        scene.run(&plan, SIGN).exits(0);
    }
    // A token that is to be initialised has no name of its own yet.
    let init = "token init --label fresh --so-pin-source file:so-pin --new-pin-source file:pin";
    let scene = Scene::new();
    scene
        .run("C_InitToken=CKR_DEVICE_ERROR", init)
        .exits(3)
        .says("token \"fresh\" in slot ")
        .says("C_InitToken gave CKR_DEVICE_ERROR");
    let ran = scene.run("C_InitToken=CKR_PIN_INCORRECT", init).exits(3);
    assert_eq!(ran.calls("C_Login"), 0);
    ran.says("it refused the PIN from file:so-pin (CKR_PIN_INCORRECT)");
}

/// A label that is not UTF-8 has no place in a URI.
#[test]
fn a_key_that_no_uri_names_is_listed_with_the_reason() {
    for (label, says) in [
        ("", "it has neither label nor id"),
        ("ff", "its label is not UTF-8, and it has no id"),
    ] {
        let plan = format!("attr=CKA_LABEL:{label};attr-missing=CKA_ID");
        let ran = Scene::new().run(&plan, "token keys TOKEN").exits(0);
        let line = format!("a key that no URI can name: {says}\n");
        assert!(ran.stdout.contains(&line), "{ran:?}");
    }
}
