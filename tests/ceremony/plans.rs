//! What is refused before anything is touched.

use crate::room::Room;

/// Runs the plan with one text replaced by another, and expects to be refused, with nothing done.
#[track_caller]
fn refused(room: &Room, plan: &str, from: &str, to: &str, status: i32, says: &str) {
    assert!(plan.contains(from), "{from}");
    room.write("changed.toml", plan.replacen(from, to, 1));
    let before = room.names();
    for command in [
        "check changed.toml PIN",
        "run changed.toml --unattended PIN",
    ] {
        room.ir(&format!("ceremony {command}"))
            .exits(status)
            .says(says);
    }
    assert_eq!(room.names(), before, "{to}");
}

#[test]
fn a_plan_is_strict() {
    let room = Room::new();
    let plan = room.root_plan();
    for (from, to, says) in [
        ("title =", "titel =", "titel"),
        ("title =", "title = \"x\"\ntitle =", "duplicate key"),
        ("title = \"Example CA\"\n", "", "missing field `title`"),
        ("title = \"Example CA\"", "title = \"\"", "title is empty"),
        (
            "title = \"Example CA\"",
            "title = \"a\\nb\"",
            "title has the character U+000A, which people do not see as it is",
        ),
        ("[key]", "pin = \"1234\"\n[key]", "unknown field `pin`"),
        ("rehearsal = true", "rehearsal = \"yes\"", "line 3"),
        (
            "ceremony = \"root-key\"",
            "ceremony = \"root\"",
            "unknown variant `root`",
        ),
        (
            "role = \"operator\"",
            "role = \"witness\"",
            "exactly one operator",
        ),
        (
            "role = \"witness\"",
            "role = \"operator\"",
            "exactly one operator",
        ),
        (
            "role = \"witness\"",
            "role = \"boss\"",
            "unknown variant `boss`",
        ),
        ("public = \"root-ca.pub\"\n", "", "outputs.public"),
        (
            "public = \"root-ca.pub\"",
            "public = \"root.transcript\"",
            "is named twice",
        ),
        (
            "public = \"root-ca.pub\"",
            "public = \"changed.toml\"",
            "is named twice",
        ),
        (
            "[outputs]",
            "[root]\nfile=\"a\"\nsha384=\"b\"\n[outputs]",
            "it makes them",
        ),
        ("serial = ", "serial = 1\n#", "invalid type"),
    ] {
        refused(&room, &plan, from, to, 2, says);
    }
    room.write("changed.toml", b"\xff");
    room.ir("ceremony check changed.toml PIN")
        .exits(2)
        .says("not UTF-8");
    room.write("changed.toml", "x".repeat(100_000));
    room.ir("ceremony check changed.toml PIN")
        .exits(1)
        .says("larger than");
    room.ir("ceremony check absent.toml PIN")
        .exits(3)
        .says("plan absent.toml: cannot open");
}

#[test]
fn a_plan_that_people_read_otherwise_than_the_program_is_refused() {
    let room = Room::new();
    let plan = room.root_plan();
    for (from, to, says) in [
        (
            "Example CA",
            "Example\u{202e}AC",
            "line 2 has the character U+202E",
        ),
        (
            "Example CA",
            "Example\\u202EAC",
            "title has the character U+202E",
        ),
        (
            "Ann Op",
            "Ann\\u200B Op",
            "a person's name has the character U+200B",
        ),
        (
            "= \"root-ca\"",
            "= \"root-ca\\u2060\"",
            "key.label has the character U+2060",
        ),
        (
            "root-ca.pub",
            "root-ca\\u202Ebup.",
            "a file's name has the character U+202E",
        ),
        (
            "root.transcript",
            "root\\u0007",
            "a file's name has the character U+0007",
        ),
        (
            "[token]",
            "# \u{2066}a comment\n[token]",
            "line 5 has the character U+2066",
        ),
        (
            "[token]",
            "# one\rtwo\n[token]",
            "line 5 has the character U+000D",
        ),
    ] {
        refused(&room, &plan, from, to, 2, says);
    }
    // What Windows' editors write is the same plan.
    let windows = format!("\u{feff}{}", plan.replace('\n', "\r\n"));
    room.write("windows.toml", windows);
    room.ir("ceremony check windows.toml PIN").exits(0);
}

#[test]
fn another_token_key_or_output_is_refused_before_anything_is_touched() {
    let room = Room::new();
    let plan = room.root_plan();
    let serial = room.serial();
    refused(&room, &plan, &serial, "0000", 3, "there is no token for");
    refused(
        &room,
        &plan,
        "label = \"test token\"",
        "label = \"other\"",
        3,
        "there is no token for",
    );
    room.write(
        "real.toml",
        plan.replace("rehearsal = true", "rehearsal = false"),
    );
    room.ir("ceremony check real.toml PIN")
        .exits(1)
        .says("it is a program, and the plan is not a rehearsal's");
    for file in ["root-ca.pub", "root-ca.passport"] {
        room.write(file, "there already");
        refused(&room, &plan, "title", "title", 1, "it is there already");
        std::fs::remove_file(room.path(file)).expect("removed");
    }
    room.write("root.transcript", "something else\n");
    refused(
        &room,
        &plan,
        "title",
        "title",
        1,
        "transcript root.transcript: line 1",
    );
    std::fs::remove_file(room.path("root.transcript")).expect("removed");
    room.token.generate("root-ca", "0a");
    refused(
        &room,
        &plan,
        "title",
        "title",
        1,
        "the label is in use already",
    );
}

#[test]
fn other_inputs_and_roots_are_refused_before_anything_is_touched() {
    let room = Room::new();
    room.make_root();
    let plan = room.endorsement_plan();
    let digest = room.sha384("vendor-2.pub");
    let wrong = "0".repeat(96);
    refused(
        &room,
        &plan,
        &digest,
        &wrong,
        1,
        "vendor's public key vendor-2.pub: its SHA-384 is",
    );
    let root_digest = room.sha384("root-ca.pub");
    refused(
        &room,
        &plan,
        &root_digest,
        &wrong,
        1,
        "root's public key root-ca.pub: its SHA-384 is",
    );
    // A file that is no public key, under its right digest.
    room.write("no.key", "not a key");
    let vendor = format!("public = \"vendor-2.pub\"\nsha384 = \"{digest}\"");
    let no_key = format!(
        "public = \"no.key\"\nsha384 = \"{}\"",
        room.sha384("no.key")
    );
    refused(
        &room,
        &plan,
        &vendor,
        &no_key,
        1,
        "vendor's public key no.key: it is not",
    );
    // The vendor's key in the root's place.
    let root_lines = format!("file = \"root-ca.pub\"\nsha384 = \"{root_digest}\"");
    let other = format!(
        "file = \"vendor-1.pub\"\nsha384 = \"{}\"",
        room.sha384("vendor-1.pub")
    );
    refused(
        &room,
        &plan,
        &root_lines,
        &other,
        1,
        "and the plan's root has",
    );
    refused(
        &room,
        &plan,
        "name = \"vendor-2\"",
        "name = \"vendor-1\"",
        2,
        "two vendors named",
    );
    refused(
        &room,
        &plan,
        "vendor-2.pub.sig",
        "vendor-1.pub.sig",
        2,
        "is named twice",
    );
    // A passport that is another key's, and a token that differs from it.
    let (run, _) = {
        room.write("endorse.toml", &plan);
        room.planned(
            "attr=CKA_EXTRACTABLE:01",
            "ceremony run endorse.toml --unattended PIN",
        )
    };
    run.expect("not killed")
        .exits(1)
        .says("CKA_EXTRACTABLE was false and is true");
    assert!(!room.has("endorse.transcript"));
}

#[test]
fn only_a_rehearsal_goes_unattended_and_only_on_software() {
    let room = Room::new();
    room.write(
        "real.toml",
        room.root_plan().replace("rehearsal = true\n", ""),
    );
    room.ir("ceremony run real.toml --unattended PIN")
        .exits(2)
        .says("only a rehearsal can be run unattended");
    assert!(!room.has("root.transcript"));
}
