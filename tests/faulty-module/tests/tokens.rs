//! The effects of plans on slots, tokens and mechanisms, and how they end a process.

use std::os::unix::process::ExitStatusExt;
use std::ptr::null_mut;

use client::{Module, ask, child, passes};
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
fn token_info() {
    let plan = "flags+=CKF_USER_PIN_FINAL_TRY;flags-=CKF_RNG;serial@2=other;bad-clock;nul-padded";
    passes("token_info", plan, || {
        let module = begun();
        let (_, first) = module.token_info();
        assert_eq!(first.flags & CKF_RNG, 0);
        let set = CKF_USER_PIN_FINAL_TRY | CKF_CLOCK_ON_TOKEN;
        assert_eq!(first.flags & set, set);
        assert_eq!(&first.label[..12], b"test token\0\0");
        assert!(first.utcTime.starts_with(b"99:99"));
        let (_, second) = module.token_info();
        assert_ne!(first.serialNumber, second.serialNumber);
        assert_eq!(&second.serialNumber[..7], b"other\0\0");

        module.restart("label=a longer name;unpadded");
        assert!(
            module
                .token_info()
                .1
                .label
                .starts_with(b"a longer name\0####")
        );
    });
}

#[test]
fn slots_and_mechanisms() {
    passes("slots_and_mechanisms", "zero-slots", || {
        let module = begun();
        assert_eq!(module.slots(CK_FALSE), ("CKR_OK".to_owned(), 0, Vec::new()));

        module.restart("slots-buffer-too-small");
        assert_eq!(module.slots(CK_TRUE).0, "CKR_BUFFER_TOO_SMALL");
        let mut count = 0;
        assert_eq!(
            ask!(module, C_GetSlotList(CK_TRUE, null_mut(), &raw mut count)),
            "CKR_OK"
        );
        assert_ne!(count, 0);

        let list = |slot| {
            let (mut list, mut count) = (vec![0; 200], 200);
            let (to, count) = (list.as_mut_ptr(), &raw mut count);
            let answer = ask!(module, C_GetMechanismList(slot, to, count));
            list.retain(|mechanism| *mechanism != 0);
            (answer, list)
        };
        module.restart("mechanisms=CKM_RSA_PKCS,CKM_ECDSA_SHA384");
        assert_eq!(list(module.slot()), ("CKR_OK".to_owned(), vec![1, 0x1045]));
        let session = module.ready();
        assert_eq!(
            module.sign(session, module.key(session)).0,
            "CKR_MECHANISM_INVALID"
        );
        module.restart("mechanisms-buffer-too-small");
        assert_eq!(list(module.slot()).0, "CKR_BUFFER_TOO_SMALL");
    });
}

/// A kill before the call leaves no signature to log, one after it leaves the work done.
#[test]
fn kills() {
    let session = || {
        let module = begun();
        let session = module.ready();
        let key = module.key(session);
        let _ = ask!(module, C_DestroyObject(session, key));
    };
    let Some(clean) = passes("kills", "", session) else {
        return;
    };
    let nth = clean.log.entries.last().expect("calls were made").number;
    for (plan, left) in [("kill", 1), ("kill-after", 0)] {
        let ran = child("kills", &format!("{plan}@{nth}"), || ());
        let ran = ran.expect("the parent gets what came of it");
        assert_eq!(ran.output.status.signal(), Some(9), "{plan}");
        let last = ran.log.entries.last().expect("calls were made");
        assert_eq!(
            (&last.function[..], &last.outcome[..]),
            ("C_DestroyObject", "killed")
        );
        let keys = harness::tokens::Succeed::succeed(
            &mut ran.fixture.log_in(&["-O", "--type", "privkey"]),
        );
        assert_eq!(keys.matches("Private Key").count(), left, "{plan}");
    }
}

#[test]
fn slow_calls_take_their_time() {
    passes("slow_calls_take_their_time", "slow=C_Finalize:200", || {
        let module = begun();
        let began = std::time::Instant::now();
        assert_eq!(module.finalize(), "CKR_OK");
        assert!(began.elapsed().as_millis() >= 200);
    });
}
