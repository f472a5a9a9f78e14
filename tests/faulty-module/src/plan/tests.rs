//! The grammar of plans.

use std::path::Path;

use super::{Plan, Point, Sign, Switch, When};

fn plan(text: &str) -> Plan {
    Plan::parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"))
}

#[test]
fn nothing_changes_nothing() {
    assert_eq!(plan(""), Plan::default());
    assert_eq!(plan(" \n"), Plan::default());
}

#[test]
fn answers() {
    let always = plan("C_Login=CKR_PIN_LOCKED");
    assert_eq!(always.answer("C_Login", 7, false), Some(0xa4));
    assert_eq!(always.answer("C_Sign", 1, false), None);

    let second = plan("C_Sign@2=0x30");
    assert_eq!(second.answer("C_Sign", 1, false), None);
    assert_eq!(second.answer("C_Sign", 2, false), Some(0x30));
    assert_eq!(second.answer("C_Sign", 3, false), None);

    let later = plan("C_Sign@2+=after:CKR_DEVICE_ERROR");
    assert_eq!(later.answer("C_Sign", 1, true), None);
    assert_eq!(later.answer("C_Sign", 9, true), Some(0x30));
    assert_eq!(later.answer("C_Sign", 9, false), None);
}

#[test]
fn the_first_rule_that_holds_wins() {
    let both = plan("C_Sign@1=CKR_DEVICE_REMOVED; C_Sign=CKR_DEVICE_ERROR");
    assert_eq!(both.answer("C_Sign", 1, false), Some(0x32));
    assert_eq!(both.answer("C_Sign", 2, false), Some(0x30));
}

#[test]
fn events() {
    let all = plan("kill@3;kill-after@4;removed-once@C_Sign@2;dead-session@C_SignInit@1");
    assert_eq!((all.kill, all.kill_after), (Some(3), Some(4)));
    assert!(all.comes_back);
    assert_eq!(
        all.removed.map(|place| (place.function, place.call)),
        Some(("C_Sign", 2))
    );
    assert_eq!(all.dead_session.len(), 1);
    assert!(!plan("removed@C_Sign@2").comes_back);
}

#[test]
fn signatures() {
    let all = plan("sign@2=short;sign@4+=der");
    assert_eq!(all.signature(1), None);
    assert_eq!(all.signature(2), Some(Sign::Short));
    assert_eq!(all.signature(5), Some(Sign::Der));
    assert_eq!(plan("sign=flip").sign, [(When::Always, Sign::Flip)]);
}

#[test]
fn attributes_and_switches() {
    let all = plan(
        "point=off-curve;attr-missing=CKA_LOCAL;attr-missing=0x162;attr=CKA_ID:0aFF;attr=CKA_LABEL:;twins",
    );
    assert_eq!(all.point, Some(Point::OffCurve));
    assert!(all.missing.contains(&0x163) && all.missing.contains(&0x162));
    assert_eq!(all.attributes[&0x102], [0x0a, 0xff]);
    assert!(all.attributes[&0x3].is_empty());
    assert!(all.has(Switch::Twins) && !all.has(Switch::PinPad));
}

#[test]
fn token_info() {
    let all = plan(
        "flags+=CKF_USER_PIN_LOCKED|CKF_USER_PIN_FINAL_TRY;flags-=CKF_RNG;label=x y;serial@2=9",
    );
    assert_eq!((all.flags_set, all.flags_cleared), (0x6_0000, 1));
    assert_eq!(all.label, Some((1, "x y".to_owned())));
    assert_eq!(all.serial, Some((2, "9".to_owned())));
}

#[test]
fn mechanisms() {
    assert_eq!(
        plan("mechanisms=CKM_ECDSA,0x1044").mechanisms,
        Some(vec![0x1041, 0x1044])
    );
    assert_eq!(plan("mechanisms=").mechanisms, Some(Vec::new()));
    assert_eq!(plan("slow=C_Sign:20").slow[0].1.as_millis(), 20);
    let held = plan("held@C_SignInit@2=/tmp/go").held.expect("a call");
    assert_eq!((held.0.function, held.0.call), ("C_SignInit", 2));
    assert_eq!(held.1, Path::new("/tmp/go"));
}

#[test]
fn what_is_refused() {
    for text in [
        ";",
        "kill@1;",
        "kill",
        "kill@0",
        "kill@+1",
        "kill@1;kill@2",
        "hang@C_Sign",
        "sign",
        "sign=",
        "sign=bad",
        "sign@=flip",
        "sign@x=flip",
        "sign@2++=flip",
        "C_Sign",
        "C_Sign=",
        "C_Sign=OK",
        "C_Sign=CKR_NOTHING",
        "C_Sign=48",
        "C_Sign@0=CKR_OK",
        "C_Sign=before:CKR_OK",
        "C_Nothing=CKR_OK",
        "c_Sign=CKR_OK",
        "removed@C_Sign",
        "removed@C_Sign@1;removed-once@C_Sign@2",
        "removed@C_Nothing@1",
        "dead-session@C_GetSlotList@1",
        "point=bad",
        "point=raw;point=other",
        "attr=CKA_LOCAL",
        "attr=CKA_LOCAL:0",
        "attr=CKA_LOCAL:é",
        "attr=CKA_LOCAL:00;attr=CKA_LOCAL:01",
        "attr-missing=CKA_NOTHING",
        "twins;twins",
        "twins=1",
        "flags+=CKF_NOTHING",
        "flags=CKF_RNG",
        "serial=12345678901234567",
        "label=a;label=b",
        "mechanisms=CKM_NOTHING",
        "mechanisms=CKM_ECDSA,",
        "slow=C_Sign",
        "held@C_Sign=/tmp/go",
        "held@C_Sign@1=a;held@C_Sign@2=b",
        "slow=C_Sign:x",
        "Twins",
    ] {
        let refused = Plan::parse(text);
        assert!(refused.is_err(), "{text:?} gave {refused:?}");
    }
}

#[test]
fn a_refusal_names_the_rule() {
    let reason = Plan::parse("twins; C_Sign=CKR_NOTHING").expect_err("no such answer");
    assert!(reason.contains("C_Sign=CKR_NOTHING"), "{reason}");
}
