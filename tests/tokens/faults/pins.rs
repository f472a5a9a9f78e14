//! PINs: when one is sent, how often, and when not.

use super::rules::{SIGN, refused, refused_with, signs};
use super::scene::{Ran, Scene, verifies};

/// PIV's slot 9c and the like: `C_SignInit`, login, `C_Sign`, and nothing between.
#[test]
fn always_authenticate_asks_for_the_pin_at_each_signature() {
    let context = |ran: &Ran| {
        let user = |e: &&faulty_module::log::Entry| {
            e.attempt
                .as_ref()
                .is_some_and(|a| a.user == "CKU_CONTEXT_SPECIFIC" && a.pin)
        };
        ran.log.attempts().filter(user).count()
    };
    let ran = signs("always-authenticate", SIGN);
    assert_eq!((context(&ran), ran.calls("C_Login")), (1, 2), "{ran:#?}");
    let entries: Vec<&str> = ran
        .log
        .entries
        .iter()
        .map(|e| e.function.as_str())
        .collect();
    let at = entries
        .iter()
        .position(|f| *f == "C_SignInit")
        .expect("it signed");
    assert_eq!(entries[at..at + 3], ["C_SignInit", "C_Login", "C_Sign"]);
    let image = "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca";
    for keep in ["", " --keep-pin", " --keep-pin --jobs 2"] {
        let scene = Scene::new();
        let ran = scene
            .run("always-authenticate", &format!("{image}{keep}"))
            .exits(0);
        assert_eq!(
            (context(&ran), ran.calls("C_Sign")),
            (2, 2),
            "{keep}: {ran:#?}"
        );
        let verify = scene.plainly("verify-image -r registry -a app -d latest -c ca.pub");
        assert_eq!(verify.status, Some(0), "{verify:?}");
    }
    // A PIN that can be read only once serves one login, unless it is kept.
    for (keep, status) in [("", 3), ("--keep-pin", 0)] {
        let scene = Scene::new();
        let pin = scene.read("pin");
        let mut command = scene.command("sh");
        let planned = scene.planned("always-authenticate");
        for (name, value) in planned.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let script = format!(
            "printf %s \"$THE_PIN\" | {} sign -k 'pkcs11:token=test%20token;object=ca' -f message -s out --pin-source fd:0 {keep}",
            harness::program()
        );
        command
            .args(["-c", &script])
            .env("THE_PIN", String::from_utf8(pin).expect("digits"));
        let ran = scene.finish(&mut command).exits(status);
        assert_eq!(scene.has("out"), status == 0, "{ran:#?}");
        assert_eq!(ran.log.attempts_after_pin_error(), 0);
        if status == 3 {
            ran.says("fd:0 holds no PIN: it is empty")
                .says("--keep-pin");
        }
    }
}

#[test]
fn rule_3_a_wrong_pin_is_sent_once() {
    // For the login, and for a signature; the token has two keys, the image wants both.
    let image = "sign-image -r registry -a app -d latest -v KEY:vendor -x KEY:ca";
    for (args, jobs) in [
        (SIGN, ""),
        (image, ""),
        (image, " --jobs 2"),
        ("token keys TOKEN", ""),
    ] {
        let scene = Scene::new();
        std::fs::write(scene.path("wrong"), "000000").expect("written");
        let args = args.replace("KEY:ca", "pkcs11:token=test%20token;object=ca");
        let args = args.replace("KEY:vendor", "pkcs11:token=test%20token;object=vendor");
        let args = args.replace("TOKEN", "pkcs11:token=test%20token");
        let before = scene.outside();
        let ran = scene
            .run("", &format!("{args}{jobs} --pin-source file:wrong"))
            .exits(3);
        assert_eq!(ran.logins(), ["CKR_PIN_INCORRECT"], "{args}");
        assert_eq!(scene.outside(), before);
        ran.says("token \"test token\": it refused the PIN from file:wrong (CKR_PIN_INCORRECT); no other attempt is made");
    }
    for code in [
        "CKR_PIN_INCORRECT",
        "CKR_PIN_LOCKED",
        "CKR_DEVICE_ERROR",
        "CKR_SESSION_HANDLE_INVALID",
    ] {
        for jobs in ["", " --jobs 2", " --keep-pin"] {
            // The login is good and the one for the first signature is not.
            let plan = format!("always-authenticate;C_Login@2={code}");
            let scene = Scene::new();
            let before = scene.outside();
            let ran = scene.run(&plan, &format!("{image}{jobs}")).exits(3);
            assert_eq!(ran.logins(), ["CKR_OK", code], "{jobs}");
            assert_eq!(scene.outside(), before);
            ran.says(code);
        }
    }
}

/// Some tokens look at the PIN only when they sign.
#[test]
fn rule_3_a_pin_error_of_a_signature_is_the_last_attempt_too() {
    let image = "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -x KEY:ca";
    for (code, hint) in [
        ("CKR_PIN_INCORRECT", "check the PIN before another run"),
        ("CKR_PIN_LOCKED", "unlock it"),
        ("CKR_PIN_EXPIRED", "change it"),
    ] {
        // The CA's signature is good; those of the images wait for one another.
        let plan = format!("always-authenticate;slow=C_Sign:50;C_Sign@2+=after:{code}");
        let scene = Scene::new();
        let before = scene.outside();
        let ran = scene.run(&plan, image).exits(3);
        assert_eq!(ran.logins(), ["CKR_OK"; 3], "{code}: {ran:?}");
        assert_eq!(scene.outside(), before);
        ran.says(&format!("C_Sign gave {code}")).says(hint);
    }
}

/// The token that was found in the slot is not there any more when the PIN is to be sent.
#[test]
fn rule_3_a_token_in_the_place_of_another_gets_no_pin() {
    let plan = "always-authenticate";
    let undisturbed = signs(plan, SIGN);
    assert_eq!(undisturbed.calls("C_Login"), 2);
    for login in 0..2 {
        let calls = undisturbed
            .log
            .entries
            .iter()
            .map(|call| call.function.as_str());
        let logins = calls
            .clone()
            .enumerate()
            .filter(|(_, call)| *call == "C_Login");
        let (at, _) = logins.clone().nth(login).expect("it logged in twice");
        let looks = calls.take(at).filter(|call| *call == "C_GetTokenInfo");
        let looks = looks.count();
        for other in ["serial", "label"] {
            let plan = format!("{plan};{other}@{looks}=other");
            let scene = Scene::new();
            let ran = scene.run(&plan, SIGN).exits(3);
            assert_eq!(ran.calls("C_Login"), login, "{plan}: {ran:?}");
            ran.says("token \"test token\": it is gone");
        }
    }
}

/// Several sessions sign at once with keys that ask for the PIN each time.
#[test]
fn rule_3_a_wrong_pin_is_sent_once_by_all_sessions() {
    let image = "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -x KEY:ca";
    let verify = "verify-image -r registry -a multi --all -c ca.pub";
    for jobs in ["", " --jobs 2", " --jobs 4", " --jobs 4 --keep-pin"] {
        let args = format!("{image}{jobs}");
        let scene = Scene::new();
        let ran = scene.run("always-authenticate", &args).exits(0);
        // Three images and one endorsement.
        assert_eq!(
            (ran.calls("C_Sign"), ran.calls("C_Login")),
            (4, 5),
            "{jobs}: {ran:?}"
        );
        assert_eq!(scene.plainly(verify).status, Some(0));
        for code in ["CKR_PIN_INCORRECT", "CKR_PIN_LOCKED", "CKR_FUNCTION_FAILED"] {
            // The login and the CA's are good, those for the images come at once.
            let plan = format!("always-authenticate;slow=C_Login:30;C_Login@3+={code}");
            let scene = Scene::new();
            let before = scene.outside();
            let ran = scene.run(&plan, &args).exits(3);
            assert_eq!(ran.logins(), ["CKR_OK", "CKR_OK", code], "{jobs}: {ran:?}");
            assert_eq!(scene.outside(), before, "{jobs}");
            ran.says(code);
        }
    }
}

#[test]
fn rule_2_a_pin_pad_gets_no_pin() {
    let scene = Scene::new();
    let uri = "pkcs11:token=test%20token;object=ca";
    let ran = scene.run(
        "pin-pad;flags+=CKF_PROTECTED_AUTHENTICATION_PATH",
        &format!("sign -k {uri} -f message -s out"),
    );
    let ran = ran
        .exits(0)
        .says("token \"test token\": enter the PIN on its PIN pad");
    let given: Vec<bool> = ran
        .log
        .attempts()
        .filter_map(|e| e.attempt.as_ref().map(|a| a.pin))
        .collect();
    assert_eq!(given, [false]);
    assert!(verifies(&scene, "ca.pub", "message", "out"));
    // And at each signature, where the key asks for that.
    let ran = scene.run(
        "pin-pad;flags+=CKF_PROTECTED_AUTHENTICATION_PATH;always-authenticate",
        &format!("sign -k {uri} -f message -s out2"),
    );
    let ran = ran.exits(0);
    let given: Vec<bool> = ran
        .log
        .attempts()
        .filter_map(|e| e.attempt.as_ref().map(|a| a.pin))
        .collect();
    assert_eq!(given, [false, false]);
}

/// The run heeds the token's flags before it sends a PIN.
#[test]
fn rule_3_the_flags_come_before_the_pin() {
    for (plan, says) in [
        (
            "flags+=CKF_USER_PIN_LOCKED",
            "no PIN was sent: the user PIN is locked",
        ),
        (
            "flags+=CKF_USER_PIN_TO_BE_CHANGED",
            "no PIN was sent: the user PIN has expired or has to be changed",
        ),
        (
            "flags+=CKF_USER_PIN_FINAL_TRY",
            "no PIN was sent: one more wrong PIN locks it for good",
        ),
    ] {
        for args in [SIGN, "token keys TOKEN", "gen-key --pkcs11-uri KEY:new"] {
            let scene = Scene::new();
            let ran = scene.run(plan, args);
            assert_eq!(ran.calls("C_Login"), 0, "{args}: {ran:#?}");
            ran.exits(3).says(says);
            assert!(!scene.has("out"));
        }
    }
    refused("flags-=CKF_TOKEN_INITIALIZED", 3, "there is no token for").says("(not initialised)");
    refused("flags+=CKF_USER_PIN_FINAL_TRY", 3, "--allow-final-try");
    let ran = signs(
        "flags+=CKF_USER_PIN_FINAL_TRY",
        &format!("{SIGN} --allow-final-try"),
    );
    assert_eq!(ran.logins(), ["CKR_OK"]);
    for (code, hint) in [
        ("LOCKED", "unlock it with the token's own tools"),
        ("EXPIRED", "change it with the token's own tools"),
    ] {
        refused(
            &format!("C_Login=CKR_PIN_{code}"),
            3,
            &format!("hint: {hint}"),
        );
    }
    // A user cannot insist on a locked PIN.
    let locked = "flags+=CKF_USER_PIN_LOCKED|CKF_USER_PIN_FINAL_TRY";
    let ran = refused_with(
        locked,
        &format!("{SIGN} --allow-final-try"),
        3,
        "the user PIN is locked",
    );
    assert_eq!(ran.calls("C_Login"), 0);
    let ran = signs("flags+=CKF_USER_PIN_COUNT_LOW", SIGN);
    ran.says("warning: token \"test token\": a wrong PIN was tried since the last login");
    let ran = signs("flags+=CKF_USER_PIN_COUNT_LOW", &format!("{SIGN} -q"));
    assert_eq!(ran.stderr, "");
    // The security officer's, before a token is erased.
    let erase = "token init --label new --erase test%20token --so-pin-source file:so-pin --new-pin-source file:pin";
    for (flag, says) in [
        ("LOCKED", "the SO PIN is locked"),
        ("FINAL_TRY", "one more wrong SO PIN locks it for good"),
    ] {
        let scene = Scene::new();
        let mut args = super::scene::arguments(erase);
        args[5] = "test token".into();
        let ran = scene
            .finish(
                scene
                    .planned(&format!("flags+=CKF_SO_PIN_{flag}"))
                    .args(&args),
            )
            .exits(3)
            .says(says);
        assert_eq!((ran.calls("C_InitToken"), ran.calls("C_Login")), (0, 0));
        assert_eq!(scene.objects(), 4);
    }
}

/// A mistake that has nothing to do with the token costs no attempt, and nobody types a PIN for it.
#[test]
fn rule_3_no_pin_is_sent_before_what_the_user_named_is_there() {
    let keys = "-v KEY:vendor -x KEY:ca";
    let scene = Scene::new();
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/umoci.tar");
    std::fs::write(scene.path("other"), "not a signature").expect("written");
    std::fs::write(scene.path("folder.tar"), "").expect("written");
    for (args, says) in [
        (format!("sign-image -r nowhere -a app {keys}"), "nowhere"),
        (
            format!("sign-image -r registry -a none {keys}"),
            "registry/none",
        ),
        (
            format!("sign-image -r registry -a app -d none {keys}"),
            "none",
        ),
        (
            format!("sign-image -r registry -a multi -d multi {keys}"),
            "--platform",
        ),
        (
            "sign-image -r registry -a app -d latest -v KEY:vendor -s none.sig -c ca.pub".into(),
            "none.sig",
        ),
        (
            "sign-image -r registry -a app -d latest -v KEY:vendor -s other -c ca.pub".into(),
            "other",
        ),
        (
            "sign-image -r registry -a app -d latest -v KEY:vendor -s other -c none.pub".into(),
            "none.pub",
        ),
        (
            format!("extract-sign-image -r registry -f none.tar {keys}"),
            "none.tar",
        ),
        (
            format!("extract-sign-image -r registry -f folder.tar {keys}"),
            "folder.tar",
        ),
        (
            format!("extract-sign-image -r nowhere -f folder.tar {keys}"),
            "nowhere",
        ),
        (
            format!("extract-sign-image -r registry -f {archive} -v KEY:vendor -s other -c ca.pub"),
            "other",
        ),
        ("sign -k KEY:ca -f none -s out".into(), "none"),
        (
            "sign -k KEY:ca -f message -s other".into(),
            "already exists, with other content",
        ),
        (
            "sign -k KEY:ca -f message -s registry".into(),
            "not a regular file",
        ),
        ("endorse -k KEY:ca -f message -s out".into(), "message"),
        (
            "extract-public -i KEY:ca -o none/out".into(),
            "none/out: cannot create",
        ),
        (
            "extract-public -i KEY:ca -o registry".into(),
            "not a regular file",
        ),
        (
            "token passport KEY:ca -o none/out".into(),
            "none/out: cannot create",
        ),
        (
            "token passport KEY:ca -o other".into(),
            "--force replaces the passport",
        ),
        ("verify -k KEY:ca -f message -s none.sig".into(), "none.sig"),
        ("verify -k KEY:ca -f none -s message".into(), "message"),
        (
            "verify-image -r registry -a none -c KEY:ca".into(),
            "registry/none",
        ),
        (
            "verify-image -r registry -a app -d none -c KEY:ca".into(),
            "none",
        ),
        (
            "verify-image -r registry -a app -c KEY:ca --vendor none.pub".into(),
            "none.pub",
        ),
    ] {
        let before = scene.outside();
        let ran = scene.run("", &args);
        assert!(matches!(ran.status, Some(1 | 3)), "{args}: {ran:?}");
        assert_eq!(ran.logins(), [""; 0], "{args}");
        assert_eq!(scene.outside(), before, "{args}");
        ran.says(says);
    }
}

#[test]
fn no_signature_is_asked_for_that_could_not_be_written() {
    let scene = Scene::new();
    scene
        .plainly("sign -k KEY:vendor -f message -s foreign")
        .exits(0);
    let ran = scene
        .run("", "sign -k KEY:ca -f message -s foreign")
        .exits(1);
    assert_eq!(ran.calls("C_Sign"), 0, "{ran:?}");
    ran.says("already exists, with other content");
}
