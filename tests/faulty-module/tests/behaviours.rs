//! The effects of plans, over `SoftHSM`.

use std::ptr::null_mut;

use client::{DIGEST, Module, ask, passes, pin};
use cryptoki_sys::*;

#[path = "client/mod.rs"]
#[allow(dead_code, reason = "each of these programs needs a part of it")]
mod client;

/// A module that has begun with the plan that the parent set.
fn begun() -> Module {
    let module = Module::load();
    assert_eq!(module.initialize(), "CKR_OK");
    module
}

#[test]
fn without_a_plan_nothing_changes() {
    let ran = passes("without_a_plan_nothing_changes", "", || {
        let module = begun();
        let session = module.ready();
        let key = module.key(session);
        let (answer, signature) = module.sign(session, key);
        assert_eq!((&answer[..], signature.len()), ("CKR_OK", 96));
        assert!(module.verify(session, &DIGEST, &signature));
        assert_eq!(module.finalize(), "CKR_OK");
    });
    let Some(ran) = ran else { return };
    let log = &ran.log;
    let numbers: Vec<_> = log.entries.iter().map(|entry| entry.number).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
    assert_eq!(log.entries[0].function, "C_GetFunctionList");
    assert!(log.entries.iter().all(|entry| entry.outcome == "CKR_OK"));
    let login = log
        .attempts()
        .next()
        .and_then(|entry| entry.attempt.clone());
    let login = login.expect("there was a login");
    assert_eq!(
        (&login.user[..], login.pin, login.pin_errors),
        ("CKU_USER", true, 0)
    );
    assert!(login.slot.is_some());
    let path = ran
        .fixture
        .dir
        .path()
        .read_dir()
        .expect("is there")
        .flatten();
    let logs = path.filter(|file| file.file_name().to_string_lossy().ends_with(".log"));
    for log in logs {
        let text = std::fs::read_to_string(log.path()).expect("is text");
        assert!(!text.contains(&ran.fixture.pin()), "the log has the PIN");
    }
}

#[test]
fn answers_at_calls() {
    let plan = "C_Sign@2=after:CKR_DEVICE_ERROR;C_Sign@3=0x80000042;C_SignInit@4+=CKR_HOST_MEMORY";
    let ran = passes("answers_at_calls", plan, || {
        let module = begun();
        let session = module.ready();
        let key = module.key(session);
        for answer in [
            "CKR_OK",
            "CKR_DEVICE_ERROR",
            "0x80000042",
            "CKR_HOST_MEMORY",
        ] {
            assert_eq!(module.sign(session, key).0, answer);
        }
        // Counts go on after a new beginning, and start anew with a new plan.
        module.restart(&std::env::var("FAULTY_MODULE_PLAN").expect("is set"));
        let session = module.ready();
        assert_eq!(
            module.sign(session, module.key(session)).0,
            "CKR_HOST_MEMORY"
        );
        module.restart("C_SignInit@2=CKR_CANCEL");
        let session = module.ready();
        let key = module.key(session);
        assert_eq!(module.sign(session, key).0, "CKR_OK");
        assert_eq!(module.sign(session, key).0, "CKR_CANCEL");
    });
    if let Some(ran) = ran {
        assert_eq!(ran.log.count("C_Initialize"), 3);
    }
}

#[test]
fn a_bad_plan_is_loud() {
    let ran = passes("a_bad_plan_is_loud", "C_Sign=CKR_NOTHING", || {
        assert_eq!(Module::load().initialize(), "CKR_GENERAL_ERROR");
    });
    if let Some(ran) = ran {
        let said = String::from_utf8_lossy(&ran.output.stderr).into_owned();
        assert!(said.contains("C_Sign=CKR_NOTHING"), "{said}");
    }
}

#[test]
fn wrong_signatures() {
    let kinds = "flip other short long empty der zero max lie";
    let rules: Vec<_> = (1..)
        .zip(kinds.split(' '))
        .map(|(nth, kind)| format!("sign@{nth}={kind}"))
        .collect();
    passes("wrong_signatures", &rules.join(";"), || {
        let module = begun();
        let session = module.ready();
        let key = module.key(session);
        let mut other = DIGEST;
        other[0] ^= 1;
        for kind in kinds.split(' ') {
            assert_eq!(module.sign_init(session, key), "CKR_OK");
            if kind == "long" {
                let (answer, count, _) = module.sign_into(session, 96);
                assert_eq!((&answer[..], count), ("CKR_BUFFER_TOO_SMALL", 97));
            }
            let (answer, count, signature) = module.sign_into(session, 200);
            assert_eq!(answer, "CKR_OK", "{kind}");
            let expected = match kind {
                "short" => 95,
                "long" => 97,
                "empty" => 0,
                "der" => usize::from(signature[1]) + 2,
                "lie" => 4096,
                _ => 96,
            };
            assert_eq!(count, expected, "{kind}");
            let good = count == 96 && module.verify(session, &DIGEST, &signature);
            assert!(!good, "{kind}");
            if kind == "other" {
                assert!(module.verify(session, &other, &signature));
            }
        }
        let (_, signature) = module.sign(session, key);
        assert!(
            module.verify(session, &DIGEST, &signature),
            "the plan is over"
        );
    });
}

#[test]
fn attributes() {
    let plan = "attr-missing=CKA_LABEL;attr=CKA_LOCAL:00;attr=CKA_PUBLIC_KEY_INFO:0102";
    passes("attributes", plan, || {
        let module = begun();
        let session = module.ready();
        let key = module.key(session);
        let wanted = [CKA_ID, CKA_LABEL, CKA_LOCAL, CKA_PUBLIC_KEY_INFO, CKA_SIGN];
        let (answer, values) = module.read(session, key, &wanted);
        assert_eq!(answer, "CKR_ATTRIBUTE_TYPE_INVALID");
        let expected = [
            Some(vec![10]),
            None,
            Some(vec![0]),
            Some(vec![1, 2]),
            Some(vec![1]),
        ];
        assert_eq!(values, expected);
        let (answer, values) = module.read(session, key, &[CKA_LOCAL, CKA_ID]);
        assert_eq!(
            (&answer[..], values),
            ("CKR_OK", vec![Some(vec![0]), Some(vec![10])])
        );
        let mut room = [0_u8; 1];
        let mut small = CK_ATTRIBUTE {
            type_: CKA_PUBLIC_KEY_INFO,
            pValue: room.as_mut_ptr().cast(),
            ulValueLen: 1,
        };
        let answer = ask!(module, C_GetAttributeValue(session, key, &raw mut small, 1));
        assert_eq!(answer, "CKR_BUFFER_TOO_SMALL");
        assert_eq!(small.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    });
}

#[test]
fn points() {
    passes("points", "", || {
        let module = begun();
        let point = |plan: &str| {
            module.restart(plan);
            let (_, session) = module.open();
            let key = module.find(session, CKO_PUBLIC_KEY)[0];
            let (answer, values) = module.read(session, key, &[CKA_EC_POINT]);
            assert_eq!(answer, "CKR_OK");
            values[0].clone().expect("has a value")
        };
        let real = point("");
        assert_eq!((real.len(), &real[..3]), (99, &[4, 97, 4][..]));
        assert_eq!(point("point=raw"), real[2..]);
        assert_eq!(point("point=compressed")[3..], real[3..51]);
        for other in ["garbage", "off-curve", "other"] {
            let changed = point(&format!("point={other}"));
            assert!(changed.len() == 99 && changed != real, "{other}");
        }
        assert_eq!(point("point=infinity"), [4, 1, 0]);
        assert!(point("point=empty").is_empty());
    });
}

#[test]
fn objects() {
    passes("objects", "twins", || {
        let module = begun();
        let session = module.ready();
        let twins = module.find(session, CKO_PRIVATE_KEY);
        assert_eq!(twins.len(), 2);
        assert_ne!(twins[0], twins[1]);
        let id = |key| module.read(session, key, &[CKA_ID]);
        assert_eq!(id(twins[0]), id(twins[1]));
        assert_eq!(module.sign(session, twins[1]).0, "CKR_OK");
        assert_eq!(module.find(session, CKO_PUBLIC_KEY).len(), 1);

        for (plan, public, private) in [("no-public-object", 0, 1), ("no-private-object", 1, 0)] {
            module.restart(plan);
            let session = module.ready();
            assert_eq!(module.find(session, CKO_PUBLIC_KEY).len(), public);
            assert_eq!(module.find(session, CKO_PRIVATE_KEY).len(), private);
        }
    });
}

#[test]
fn always_authenticate() {
    let ran = passes("always_authenticate", "always-authenticate", || {
        let module = begun();
        let session = module.ready();
        let key = module.key(session);
        let read = module.read(session, key, &[CKA_ALWAYS_AUTHENTICATE]);
        assert_eq!(read, ("CKR_OK".to_owned(), vec![Some(vec![1])]));
        let own = |pin: &[u8]| module.login(session, CKU_CONTEXT_SPECIFIC, pin);
        let sign = || module.sign_into(session, 200).0;
        assert_eq!(own(&pin()), "CKR_OPERATION_NOT_INITIALIZED");

        assert_eq!(module.sign(session, key).0, "CKR_USER_NOT_LOGGED_IN");
        assert_eq!(module.sign_init(session, key), "CKR_OK");
        assert_eq!(own(&pin()), "CKR_OK");
        let asked = ask!(
            module,
            C_Sign(session, DIGEST.clone().as_mut_ptr(), 48, null_mut(), &mut 0)
        );
        assert_eq!(asked, "CKR_OK", "asking for the length ends nothing");
        assert_eq!(sign(), "CKR_OK");
        assert_eq!(
            module.sign(session, key).0,
            "CKR_USER_NOT_LOGGED_IN",
            "once is not twice"
        );

        for between in ["before the login", "after it"] {
            assert_eq!(module.sign_init(session, key), "CKR_OK");
            if between == "before the login" {
                module.read(session, key, &[CKA_ID]);
            }
            assert_eq!(own(&pin()), "CKR_OK");
            if between == "after it" {
                module.read(session, key, &[CKA_ID]);
            }
            assert_eq!(sign(), "CKR_USER_NOT_LOGGED_IN", "{between}");
        }
        assert_eq!(module.sign_init(session, key), "CKR_OK");
        assert_eq!(own(b"wrong"), "CKR_PIN_INCORRECT");
        assert_eq!(sign(), "CKR_USER_NOT_LOGGED_IN");
    });
    if let Some(ran) = ran {
        let last = ran
            .log
            .attempts()
            .last()
            .and_then(|entry| entry.attempt.clone());
        let last = last.expect("there were logins");
        assert_eq!(
            (&last.user[..], last.pin_errors),
            ("CKU_CONTEXT_SPECIFIC", 1)
        );
        assert_eq!(ran.log.attempts_after_pin_error(), 0);
    }
}

#[test]
fn pin_pad() {
    let ran = passes("pin_pad", "pin-pad;always-authenticate", || {
        let module = begun();
        let (_, info) = module.token_info();
        assert_ne!(info.flags & CKF_PROTECTED_AUTHENTICATION_PATH, 0);
        let (_, session) = module.open();
        assert_eq!(module.login(session, CKU_USER, &pin()), "CKR_ARGUMENTS_BAD");
        let pad = |user| ask!(module, C_Login(session, user, null_mut(), 0));
        assert_eq!(pad(CKU_USER), "CKR_OK");
        assert_eq!(module.sign_init(session, module.key(session)), "CKR_OK");
        assert_eq!(pad(CKU_CONTEXT_SPECIFIC), "CKR_OK");
        assert_eq!(module.sign_into(session, 96).0, "CKR_OK");
    });
    if let Some(ran) = ran {
        let pins: Vec<_> = ran
            .log
            .attempts()
            .filter_map(|e| Some(e.attempt.as_ref()?.pin))
            .collect();
        assert_eq!(pins, [true, false, false]);
    }
}

#[test]
fn removed() {
    for (plan, comes_back) in [("removed@C_Sign@2", false), ("removed-once@C_Sign@2", true)] {
        let ran = passes("removed", plan, || {
            let comes_back = std::env::var("FAULTY_MODULE_PLAN").is_ok_and(|p| p.contains("once"));
            let module = begun();
            let slot = module.slot();
            let session = module.ready();
            let key = module.key(session);
            assert_eq!(module.sign(session, key).0, "CKR_OK");
            assert_eq!(module.sign(session, key).0, "CKR_DEVICE_REMOVED");
            assert_eq!(module.sign(session, key).0, "CKR_DEVICE_REMOVED");
            assert_eq!(module.slots(CK_TRUE).1, 0);
            assert_ne!(module.slots(CK_FALSE).1, 0);
            let mut info = CK_TOKEN_INFO::default();
            let gone = ask!(module, C_GetTokenInfo(slot, &raw mut info));
            assert_eq!(gone, "CKR_TOKEN_NOT_PRESENT");
            assert_eq!(module.initialize(), "CKR_CRYPTOKI_ALREADY_INITIALIZED");
            assert_eq!(module.slots(CK_TRUE).1, 0);

            assert_eq!(module.finalize(), "CKR_OK");
            assert_eq!(module.initialize(), "CKR_OK");
            if comes_back {
                let session = module.ready();
                assert_eq!(module.sign(session, module.key(session)).0, "CKR_OK");
            } else {
                assert_eq!(module.slots(CK_TRUE).1, 0);
            }
        });
        let Some(ran) = ran else { return };
        assert_eq!(ran.log.count("C_Sign"), if comes_back { 3 } else { 2 });
    }
}

#[test]
fn a_session_dies() {
    passes("a_session_dies", "dead-session@C_SignInit@2", || {
        let module = begun();
        let session = module.ready();
        let key = module.key(session);
        assert_eq!(module.sign(session, key).0, "CKR_OK");
        for _ in 0..2 {
            assert_eq!(module.sign(session, key).0, "CKR_SESSION_HANDLE_INVALID");
        }
        let session = module.ready();
        assert_eq!(module.sign(session, module.key(session)).0, "CKR_OK");
    });
}
