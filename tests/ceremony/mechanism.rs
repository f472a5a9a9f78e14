//! Ceremonies on a token that makes the hash itself.

use faulty_module::log::Log;

use crate::room::{Room, VENDORS};
use harness::tokens::{Fixture, Kind};

const HIDDEN: &str = "mechanisms=CKM_ECDSA_SHA384,CKM_EC_KEY_PAIR_GEN";

fn with_mechanism(plan: &str, mechanism: &str) -> String {
    let key = "[key]\nlabel = \"root-ca\"\n";
    assert!(plan.contains(key));
    plan.replace(key, &format!("{key}mechanism = \"{mechanism}\"\n"))
}

#[test]
fn a_ceremony_signs_by_the_mechanism_of_its_plan() {
    let Some(token) = Fixture::of(Kind::Kryoptic) else {
        return;
    };
    let room = Room::with(token);
    let hidden = |arguments: &str| room.planned(HIDDEN, arguments).0.expect("it ends");
    let without = room.root_plan();
    hidden("ceremony run root.toml --unattended PIN")
        .exits(3)
        .says("it does not offer CKM_ECDSA for signing")
        .says("(in a ceremony: mechanism in the plan's [key])");
    assert!(!room.has("root.transcript"));
    // The run does exactly the reviewed steps.
    hidden("ceremony run root.toml --unattended PIN --mechanism CKM_ECDSA_SHA384")
        .exits(2)
        .says("its key's mechanism is CKM_ECDSA, and --mechanism names CKM_ECDSA_SHA384");
    for wrong in ["CKM_ECDSA_SHA256", "ECDSA", ""] {
        room.write("root.toml", with_mechanism(&without, wrong));
        room.ir("ceremony check root.toml PIN")
            .exits(2)
            .says("expected `CKM_ECDSA` or `CKM_ECDSA_SHA384`");
    }
    room.write("root.toml", with_mechanism(&without, "CKM_ECDSA_SHA384"));
    hidden("ceremony check root.toml PIN").exits(0);
    hidden("ceremony run root.toml --unattended PIN").exits(0);
    room.ir("ceremony verify root.transcript -c root-ca.pub")
        .exits(0);
    // A rehearsal may be on a token that has only the other.
    room.write(
        "real.toml",
        with_mechanism(&without, "CKM_ECDSA_SHA384").replace("rehearsal = true\n", ""),
    );
    room.ir("ceremony rehearsal real.toml again.toml --serial 1234")
        .exits(0);
    let again = String::from_utf8(room.read("again.toml")).expect("text");
    assert!(!again.contains("mechanism"), "{again}");
    let plan = with_mechanism(&room.endorsement_plan(), "CKM_ECDSA_SHA384");
    room.write("endorse.toml", plan);
    hidden("ceremony run endorse.toml --unattended PIN --mechanism CKM_ECDSA_SHA384").exits(0);
    room.ir("ceremony verify endorse.transcript -c root-ca.pub")
        .exits(0);
    for vendor in VENDORS {
        let (public, signature) = (format!("{vendor}.pub"), format!("{vendor}.pub.sig"));
        assert!(room.openssl_verifies("root-ca.pub", &signature, &public));
    }
}

/// The first session can only read, because the run opens it before it knows that it will write. A second session takes
/// a second PIN, but a pipe gives only one.
#[test]
fn a_token_with_one_session_has_its_ceremony_too() {
    let room = Room::new();
    let (run, planned) = room.planned("one-session", "ceremony run root.toml --unattended PIN");
    run.expect("it ends").exits(0);
    let log = Log::read(&planned.log).expect("a log");
    assert_eq!(log.attempts().count(), 1);
    room.ir("ceremony verify root.transcript -c root-ca.pub")
        .exits(0);
}

#[test]
fn payloads_are_not_signed_by_a_token_that_makes_one_of_their_hashes_alone() {
    let room = Room::new();
    room.make_root();
    let plan = room.payloads_plan();
    room.write("payloads.toml", &plan);
    let hidden = |arguments: &str| room.planned(HIDDEN, arguments).0.expect("it ends");
    for command in [
        "check payloads.toml PIN",
        "run payloads.toml --unattended PIN",
    ] {
        hidden(&format!("ceremony {command}"))
            .exits(3)
            .says("it does not offer CKM_ECDSA for signing");
    }
    room.write("payloads.toml", with_mechanism(&plan, "CKM_ECDSA_SHA384"));
    hidden("ceremony check payloads.toml PIN")
        .exits(2)
        .says("it needs a token that offers CKM_ECDSA, and no key.mechanism");
    assert!(!room.has("payloads.transcript"));
}
