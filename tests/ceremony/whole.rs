//! The whole story: a root, its vendors, their images, and those who verify.

use std::fs;

use serde_json::json;

use crate::room::{Room, VENDORS};
use harness::tokens::Fixture;

#[test]
fn a_root_endorses_vendors_who_sign_images_that_verify_on_softhsm_and_kryoptic() {
    for token in Fixture::all() {
        let name = token.kind.to_string();
        if !["SoftHSM2", "Kryoptic"].contains(&name.as_str()) {
            continue;
        }
        let room = Room::with(token);
        room.ir("ceremony check root.toml PIN")
            .exits(0)
            .says("everything matches the plan");
        assert!(!room.has("root.transcript"), "a check writes nothing");
        room.make_root();
        room.write("endorse.toml", room.endorsement_plan());
        room.ir("ceremony check endorse.toml PIN").exits(0);
        room.ir("ceremony run endorse.toml --unattended PIN")
            .exits(0);
        for transcript in ["root.transcript", "endorse.transcript"] {
            room.ir(&format!("ceremony verify {transcript} -c root-ca.pub"))
                .exits(0)
                .says("REHEARSAL");
            room.ir(&format!("ceremony report {transcript} -c root-ca.pub"))
                .exits(0);
        }
        for vendor in VENDORS {
            let (public, signature) = (format!("{vendor}.pub"), format!("{vendor}.pub.sig"));
            assert!(
                room.openssl_verifies("root-ca.pub", &signature, &public),
                "{name} {vendor}"
            );
        }
        // The vendor's key moves to a token of its own; the endorsement stays.
        let vendor = Fixture::softhsm();
        let uri = vendor.uri("signing");
        let run = |arguments: &[&str]| {
            let output = vendor
                .command(harness::program())
                .env("PKCS11_MODULE_PATH", &vendor.module)
                .current_dir(room.root())
                .args(arguments)
                .output();
            harness::Run::from(output.expect("it starts")).exits(0)
        };
        run(&[
            "token",
            "import",
            "-k",
            "vendor-1.prv",
            "--pkcs11-uri",
            &uri,
        ]);
        harness::unpack("umoci", &room.path("registry/hello"));
        run(&[
            "sign-image",
            "-r",
            "registry",
            "-a",
            "hello",
            "-v",
            &uri,
            "-s",
            "vendor-1.pub.sig",
            "-c",
            "root-ca.pub",
        ]);
        room.ir("verify-image -r registry -a hello -c root-ca.pub --vendor vendor-1.pub")
            .exits(0);
    }
}

#[test]
fn a_valid_endorsement_is_kept_and_another_file_refused() {
    let room = Room::new();
    room.make_root();
    room.write("endorse.toml", room.endorsement_plan());
    room.endorse("vendor-2.pub", "vendor-2.pub.sig");
    let before = room.read("vendor-2.pub.sig");
    room.write("vendor-3.pub.sig", "something else");
    room.ir("ceremony check endorse.toml PIN")
        .exits(1)
        .says("endorsement vendor-3.pub.sig: it already exists");
    fs::remove_file(room.path("vendor-3.pub.sig")).expect("removed");
    room.ir("ceremony run endorse.toml --unattended PIN")
        .exits(0)
        .says("keeping the existing endorsement");
    assert_eq!(room.read("vendor-2.pub.sig"), before);
    room.ir("ceremony verify endorse.transcript -c root-ca.pub")
        .exits(0);
}

#[test]
fn the_root_transcript_verifies_without_a_token_and_its_report_holds_the_words() {
    let room = Room::new();
    room.make_root();
    let elsewhere = harness::Sandbox::new();
    for file in ["root.transcript", "root-ca.pub", "root-ca.passport"] {
        fs::copy(room.path(file), elsewhere.path(file)).expect("a copy");
    }
    let verified = elsewhere
        .run("ceremony verify root.transcript --json")
        .exits(0)
        .json();
    assert_eq!(verified["holds"], true);
    let quiet = elsewhere.run("ceremony verify root.transcript -q").exits(0);
    assert_eq!(quiet.stderr, "");
    let wrote = elsewhere
        .run("ceremony report root.transcript --json")
        .exits(0)
        .json();
    assert_eq!(
        wrote["pages"],
        json!(["root.transcript.md", "root.transcript.html"])
    );
    let page = String::from_utf8(elsewhere.read("root.transcript.md")).expect("text");
    let html = String::from_utf8(elsewhere.read("root.transcript.html")).expect("text");
    let fingerprint = room.shell("sha256sum root-ca.pub", "").stdout;
    let first = &fingerprint[..4];
    for part in [
        "REHEARSAL",
        "Ann Operator",
        "Bob Witness",
        "signature",
        first,
    ] {
        assert!(page.contains(part), "{part}: {page}");
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(
        html.starts_with("<!doctype html>") && !html.contains("http"),
        "it needs nothing else"
    );
    // A key that is not the expected one.
    elsewhere
        .run("gen-key -o other.prv --public other.pub")
        .exits(0);
    elsewhere
        .run("ceremony verify root.transcript -c other.pub")
        .exits(1)
        .says("ceremony.root-expected");
    // The program that the ceremony was held with, and another one.
    let verify = |program: &str| {
        elsewhere.run_with([
            "ceremony",
            "verify",
            "root.transcript",
            "--program",
            program,
        ])
    };
    verify(harness::program())
        .exits(0)
        .says("ceremony.program-expected");
    verify("root-ca.pub")
        .exits(1)
        .says("ceremony.program-expected: line 1: the program was ");
    verify("nowhere").exits(3).says("nowhere");
    // Outputs that are gone, or changed.
    elsewhere.write("root-ca.passport", "{}");
    elsewhere
        .run("ceremony verify root.transcript")
        .exits(1)
        .says("FAILED ceremony.outputs");
    fs::remove_file(elsewhere.path("root-ca.pub")).expect("removed");
    elsewhere
        .run("ceremony verify root.transcript")
        .exits(1)
        .says("root-ca.pub: cannot open");
    let quiet = elsewhere
        .run("ceremony verify root.transcript -q")
        .exits(1)
        .says("error: FAILED ceremony.outputs: ");
    let all = quiet.stderr.lines().all(|l| l.starts_with("error: FAILED"));
    assert!(all, "{quiet:#?}");
    let refused = elsewhere
        .run("ceremony report root.transcript --force -q --json")
        .exits(1)
        .says("error: FAILED ceremony.outputs: ")
        .says("error: ir-sign writes no report");
    assert_eq!(refused.json()["holds"], false);
}

#[test]
fn a_transcript_is_compared_with_its_rehearsals() {
    let (a, b) = (Room::new(), Room::new());
    a.make_root();
    b.make_root();
    let b_path = b.path("root.transcript").display().to_string();
    a.ir(&format!("ceremony diff root.transcript {b_path}"))
        .exits(0);
    let c = Room::new();
    let plan = c.root_plan().replace("Example CA", "Another CA");
    c.write("root.toml", plan);
    c.make_root();
    let c_path = c.path("root.transcript").display().to_string();
    let run = a
        .ir(&format!("ceremony diff root.transcript {c_path}"))
        .exits(1);
    assert!(
        run.stdout
            .contains("title is \"Example CA\" in one and \"Another CA\""),
        "{run:?}"
    );
    assert!(run.stdout.contains("start: plan: title"), "{run:?}");
    a.write("endorse.toml", a.endorsement_plan());
    a.ir("ceremony run endorse.toml --unattended PIN").exits(0);
    a.ir("ceremony diff root.transcript endorse.transcript")
        .exits(1);
}

/// A root key's signature of a transcript is not one of an endorsement, an image or a passport.
#[test]
fn the_transcripts_signature_is_of_nothing_else() {
    let room = Room::new();
    room.make_root();
    let text = String::from_utf8(room.read("root.transcript")).expect("text");
    let last = text.lines().last().expect("a line");
    let (unsigned, signature) = last.split_once(",\"signature\":\"").expect("a signature");
    let signature = signature.trim_end_matches("\"}");
    room.write("unsigned", format!("{unsigned}}}"));
    room.shell(
        &format!("printf %s '{signature}' | base64 -d > signature"),
        "",
    )
    .exits(0);
    assert!(!room.openssl_verifies("root-ca.pub", "signature", "unsigned"));
    // With what separates it from all else in front, it holds: that is all it is of.
    room.shell(
        "{ printf 'ir-sign ceremony transcript v1\\0'; cat unsigned; } > separated",
        "",
    )
    .exits(0);
    assert!(room.openssl_verifies("root-ca.pub", "signature", "separated"));
}
