//! Sessions that die, and tokens that are taken away.

use super::rules::{SIGN, refused};
use super::scene::{Scene, verifies};

/// Another token was plugged in while the program ran.
#[test]
fn sessions_that_die_are_never_continued_on_another_token() {
    for other in [
        "serial@4+=OTHER",
        "label@4+=other",
        "serial@4+=OTHER;label@4+=other",
    ] {
        let plan = format!("removed-once@C_Sign@1;{other}");
        let ran = refused(&plan, 3, "token \"test token\": it is gone");
        assert_eq!(
            ran.logins(),
            ["CKR_OK"],
            "another token was logged in to: {ran:#?}"
        );
        assert_eq!(ran.calls("C_Sign"), 1);
    }
    // From the first look on it is simply not the token that was named.
    let ran = refused("label=other", 3, "there is no token for");
    assert_eq!(ran.calls("C_Login"), 0);
}

/// Takes the token away at each call of `sign`.
#[test]
fn sessions_that_die_are_begun_again_once() {
    let calls = Scene::new().run("", SIGN).exits(0).log;
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    let number = |function| {
        let mut entries = calls.entries.iter();
        entries
            .find(|e| e.function == function)
            .expect("it is called")
            .number
    };
    for entry in &calls.entries {
        let nth = counts.entry(&entry.function).or_default();
        *nth += 1;
        let (function, nth) = (&entry.function, *nth);
        // Before the token was chosen there is nothing to begin again.
        let chosen = entry.number >= number("C_OpenSession");
        let logins = 1 + usize::from(entry.number > number("C_Login"));
        let tidying = matches!(function.as_str(), "C_CloseSession" | "C_Finalize");
        let session = !matches!(
            function.as_str(),
            "C_Initialize"
                | "C_Finalize"
                | "C_GetInfo"
                | "C_GetFunctionList"
                | "C_GetSlotList"
                | "C_GetSlotInfo"
                | "C_GetTokenInfo"
                | "C_OpenSession"
                | "C_GetMechanismList"
                | "C_GetMechanismInfo"
        );
        let login = function == "C_Login";
        for (kind, once) in [
            ("removed", false),
            ("removed-once", true),
            ("dead-session", true),
        ] {
            if kind == "dead-session" && !session {
                continue;
            }
            let plan = format!("{kind}@{function}@{nth}");
            let scene = Scene::new();
            let ran = scene.run(&plan, SIGN);
            ran.sound(&plan);
            let starts = ran.calls("C_Initialize");
            assert!(starts <= 2, "{plan}: {ran:#?}");
            if tidying {
                assert_eq!(ran.status, Some(0), "{plan}: {ran:#?}");
            } else if once && chosen && !login {
                assert_eq!(ran.status, Some(0), "{plan}: {ran:#?}");
                assert_eq!(
                    (starts, ran.calls("C_Login")),
                    (2, logins),
                    "{plan}: {ran:#?}"
                );
            } else if !once || login {
                assert_eq!(ran.status, Some(3), "{plan}: {ran:#?}");
                assert!(ran.calls("C_Login") <= 1, "{plan}: {ran:#?}");
            }
            assert_eq!(scene.has("out"), ran.status == Some(0), "{plan}");
            if scene.has("out") {
                assert!(verifies(&scene, "ca.pub", "message", "out"), "{plan}");
            }
        }
    }
}

/// Several sessions die at once: one of them begins again for all, and logs in once.
#[test]
fn sessions_that_die_together_are_begun_again_once() {
    let image = "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -x KEY:ca";
    let verify = "verify-image -r registry -a multi --all -c ca.pub";
    for jobs in [1, 2, 5] {
        for kind in ["removed-once", "dead-session", "removed"] {
            for call in [
                "C_Sign@1",
                "C_Sign@2",
                "C_SignInit@3",
                "C_Sign@3",
                "C_Sign@4",
            ] {
                let plan = format!("{kind}@{call};slow=C_Sign:5");
                let scene = Scene::new();
                let before = scene.outside();
                let ran = scene.run(&plan, &format!("{image} --jobs {jobs}"));
                ran.sound(&plan);
                let what = format!("{plan}, {jobs} jobs: {ran:?}");
                if kind == "removed" {
                    assert_eq!((ran.status, ran.calls("C_Login")), (Some(3), 1), "{what}");
                    assert_eq!(scene.outside(), before, "{what}");
                } else {
                    assert_eq!((ran.status, ran.calls("C_Login")), (Some(0), 2), "{what}");
                    assert_eq!(ran.calls("C_Initialize"), 2, "{what}");
                    assert_eq!(scene.plainly(verify).status, Some(0), "{what}");
                }
            }
        }
    }
}

/// A token that has one session less than the jobs want.
#[test]
fn a_token_without_a_session_left_says_what_takes_them() {
    let image = "sign-image -r registry -a multi -d multi --all-platforms -v KEY:vendor -x KEY:ca";
    let scene = Scene::new();
    let before = scene.outside();
    let plan = "C_OpenSession=CKR_SESSION_COUNT";
    let ran = scene.run(plan, &format!("{image} --jobs 3"));
    ran.sound(plan);
    ran.exits(3)
        .says("C_OpenSession gave CKR_SESSION_COUNT")
        .says("hint: the token has no session left");
    assert_eq!(scene.outside(), before);
    // Where there is one, all make do with it.
    let plan = "C_OpenSession@2+=CKR_SESSION_COUNT;slow=C_Sign:20";
    let ran = scene.run(plan, &format!("{image} --jobs 3"));
    ran.sound(plan);
    assert_eq!(ran.calls("C_Sign"), 4, "{ran:?}");
    ran.exits(0);
}
