//! Odd but sound tokens, with which the program must work.

use super::rules::{SIGN, refused, signs};
use super::scene::{Scene, verifies};

const IMAGE: &str =
    "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -x KEY:ca --jobs 3";

/// The flags of a token are its word, and a PIN whose source is named is tried once all the same.
#[test]
fn a_named_pin_is_sent_where_the_flags_say_that_none_is_wanted_or_set() {
    for plan in [
        "flags-=CKF_LOGIN_REQUIRED",
        "flags-=CKF_USER_PIN_INITIALIZED",
        "flags-=CKF_LOGIN_REQUIRED|CKF_USER_PIN_INITIALIZED",
    ] {
        let ran = signs(plan, SIGN);
        assert_eq!(ran.logins(), ["CKR_OK"], "{plan}: {ran:?}");
        for args in [
            "gen-key --pkcs11-uri KEY:new --public new.pub",
            "token keys KEY:ca",
            "token import -k file.key --pkcs11-uri KEY:new",
        ] {
            let ran = Scene::new().run(plan, args).exits(0);
            assert_eq!(ran.logins(), ["CKR_OK"], "{plan} {args}: {ran:?}");
        }
        // A wrong one is told, and not tried again.
        let scene = Scene::new();
        std::fs::write(scene.path("pin"), "wrong").expect("ours");
        let ran = scene.run(plan, SIGN).exits(3);
        assert_eq!(ran.logins(), ["CKR_PIN_INCORRECT"], "{plan}: {ran:?}");
        ran.says("it refused the PIN from file:pin");
    }
    // The run does not ask for a PIN if the token says that it has none.
    let scene = Scene::new();
    let bare = "sign -k pkcs11:token=test%20token;object=ca -f message -s out";
    let ran = scene.run("flags-=CKF_USER_PIN_INITIALIZED", bare).exits(3);
    assert_eq!(ran.calls("C_Login"), 0);
    ran.says("its user PIN is not set")
        .says("--pin-source file:PATH");
    // A token that needs no login gets none.
    let ran = scene.run("flags-=CKF_LOGIN_REQUIRED", bare).exits(3);
    assert_eq!(ran.calls("C_Login"), 0);
    // One that has no PIN, and needs none, is not a failure.
    let plan = "flags-=CKF_LOGIN_REQUIRED;C_Login=CKR_USER_PIN_NOT_INITIALIZED";
    let ran = scene.run(plan, "token keys TOKEN").exits(0);
    assert_eq!(ran.logins().len(), 1, "{ran:?}");
}

#[test]
fn a_point_in_an_unknown_form_is_passed_over_and_a_signature_proves_the_key() {
    for form in [
        "bit-string",
        "bare",
        "compressed",
        "long-form",
        "garbage",
        "off-curve",
    ] {
        let plan = format!("point={form}");
        refused(&plan, 1, "CKA_EC_POINT").says("--public-key FILE");
        signs(&plan, &format!("{SIGN} --public-key ca.pub"));
        let scene = Scene::new();
        let ran = scene.run(&plan, &format!("{SIGN} --public-key vendor.pub"));
        ran.exits(3).says("none of the public keys that were given");
        assert!(!scene.has("out"));
        scene
            .run(&plan, "extract-public -i KEY:ca -o out --public-key ca.pub")
            .exits(0);
        assert_eq!(scene.read("out"), scene.read("ca.pub"), "{form}");
    }
}

#[test]
fn one_attribute_that_cannot_be_read_is_absent() {
    for code in [
        "CKR_GENERAL_ERROR",
        "CKR_FUNCTION_FAILED",
        "CKR_FUNCTION_NOT_SUPPORTED",
        "0x80000001",
    ] {
        // The reads after the first attributes: each time by itself too.
        for nth in 1..6 {
            let plan = format!("C_GetAttributeValue@{nth}={code}");
            let scene = Scene::new();
            scene.run(&plan, SIGN).exits(0);
            assert!(verifies(&scene, "ca.pub", "message", "out"), "{plan}");
        }
    }
}

/// One session is all that such a token has, for reading and for writing, and for all threads.
#[test]
fn a_token_with_one_session_does_all_that_others_do() {
    for args in [
        SIGN,
        "gen-key --pkcs11-uri KEY:new --public new.pub",
        "token import -k file.key --pkcs11-uri KEY:new",
        "extract-public -i KEY:ca -o out",
        "token passport KEY:ca -o out",
        "token keys TOKEN",
        "token doctor TOKEN --login",
        IMAGE,
    ] {
        let ran = Scene::new().run("one-session", args);
        assert_eq!(ran.status, Some(0), "{args}: {ran:?}");
        assert_eq!(ran.logins(), ["CKR_OK"], "{args}: {ran:?}");
    }
    // Another program's session is not waited for.
    refused("C_OpenSession=CKR_SESSION_COUNT", 3, "CKR_SESSION_COUNT");
    // After an error the session is kept: there is no other.
    let ran = Scene::new().run("one-session;C_Sign@1=CKR_FUNCTION_FAILED", SIGN);
    ran.exits(3).says("C_Sign gave CKR_FUNCTION_FAILED");
}

#[test]
fn a_module_that_cannot_lock_is_called_by_one_thread_at_a_time() {
    for args in [SIGN, IMAGE, "gen-key --pkcs11-uri KEY:new", "token list"] {
        let ran = Scene::new().run("cant-lock;slow=C_Sign:5", args).exits(0);
        assert_eq!(ran.calls("C_Initialize"), 2, "{args}: {ran:?}");
    }
    // Some take no arguments at all.
    let ran = Scene::new().run("C_Initialize@1=CKR_ARGUMENTS_BAD", IMAGE);
    assert_eq!(ran.exits(0).calls("C_Initialize"), 2);
    Scene::new()
        .run("C_Initialize=CKR_CANT_LOCK", SIGN)
        .exits(3)
        .says("C_Initialize gave CKR_CANT_LOCK");
}

#[test]
fn a_signature_is_asked_for_once_without_its_length() {
    for args in [SIGN, IMAGE, "gen-key --pkcs11-uri KEY:new"] {
        Scene::new().run("no-length-query", args).exits(0);
    }
    let ran = Scene::new().run("", SIGN).exits(0);
    assert_eq!(ran.calls("C_Sign"), 1, "{ran:?}");
}

/// A module may print when it likes, when the process ends, and by other programs.
#[test]
fn what_a_module_prints_is_no_part_of_a_result() {
    for args in [
        "sign -k KEY:ca -f message -s out --json",
        "token list --json",
        "token keys TOKEN --json",
        "gen-key --pkcs11-uri KEY:new --json",
        "sign -k KEY:nobody -f message -s out --json",
        "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca --json",
    ] {
        let ran = Scene::new().run("prints", args);
        let told: Result<serde_json::Value, _> = serde_json::from_str(&ran.stdout);
        assert!(told.is_ok(), "{args}: {ran:?}");
        for how in ["at once", "in the end", "another"] {
            let line = format!("faulty-module: {how}");
            assert!(ran.stderr.contains(&line), "{how}, {args}: {ran:?}");
        }
    }
    let ran = Scene::new().run(
        "prints",
        "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca",
    );
    assert!(
        ran.stdout.starts_with("sha256:") && ran.stdout.lines().count() == 1,
        "{ran:?}"
    );
}

/// A result that goes to standard output as a file goes there alone too.
#[test]
fn a_signature_on_standard_output_is_nothing_but_the_signature() {
    let scene = Scene::new();
    let ran = scene
        .planned("prints")
        .args(super::scene::arguments("sign -k KEY:ca -f message -s -"))
        .output()
        .expect("timeout (coreutils) runs");
    assert!(ran.status.success(), "{ran:?}");
    std::fs::write(scene.path("out"), &ran.stdout).expect("written");
    assert!(verifies(&scene, "ca.pub", "message", "out"));
}
