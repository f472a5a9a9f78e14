//! Plans that are refused before the run touches anything.

use std::fmt::Write;

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
            "title has the character U+000A, which people cannot see",
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
            "has the character U+202E",
        ),
        ("root.transcript", "root\\u0007", "has the character U+0007"),
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
    // An editor on Windows writes the same plan.
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
        .says("it is a program, but the plan is not for a rehearsal");
    for file in ["root-ca.pub", "root-ca.passport"] {
        room.write(file, "already exists");
        refused(&room, &plan, "title", "title", 1, "it already exists");
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
    // A file that is not a public key, with its right digest.
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
        "but the plan's root has",
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
        .says("only a rehearsal can run unattended");
    assert!(!room.has("root.transcript"));
}

/// Runs a plan with changed outputs, and expects a refusal before the run asks for the PIN.
#[track_caller]
fn refused_unasked(room: &Room, plan: &str, changes: &[(&str, &str)], status: i32, says: &str) {
    let mut text = plan.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    room.write("changed.toml", text);
    let before = room.names();
    for command in ["check changed.toml", "run changed.toml --unattended"] {
        // There is no PIN at that place: a run that asks for one says so.
        room.ir(&format!("ceremony {command} --pin-source file:/nowhere"))
            .exits(status)
            .says(says);
    }
    assert_eq!(room.names(), before, "{changes:?}");
}

const PUBLIC: &str = "public = \"root-ca.pub\"";
const PASSPORT: &str = "passport = \"root-ca.passport\"";
const TRANSCRIPT: &str = "transcript = \"root.transcript\"";

#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_pin() {
    let room = Room::new();
    let plan = room.root_plan();
    let long = format!("public = \"{}\"", "n".repeat(256));
    let long_page = format!("transcript = \"{}\"", "n".repeat(255));
    let long_label = format!("label = \"{}\"", "n".repeat(13_000));
    for (from, to, status, says) in [
        (PUBLIC, "public = \"\"", 2, "outputs.public is empty"),
        (PUBLIC, "public = \"out/\"", 2, "is a folder's name"),
        (PUBLIC, "public = \".\"", 2, "is a folder's name"),
        (
            PUBLIC,
            "public = \"../root-ca.pub\"",
            2,
            "is outside the plan's folder",
        ),
        (
            PUBLIC,
            "public = \"/tmp/root-ca.pub\"",
            2,
            "is outside the plan's folder",
        ),
        (
            TRANSCRIPT,
            "transcript = \"../t\"",
            2,
            "is outside the plan's folder",
        ),
        (
            PUBLIC,
            "public = \"nowhere/root-ca.pub\"",
            3,
            "hint: make the folder first",
        ),
        (
            PUBLIC,
            "public = \"root.toml/root-ca.pub\"",
            3,
            "Not a directory",
        ),
        (PUBLIC, &long, 3, "File name too long"),
        (TRANSCRIPT, &long_page, 3, "File name too long"),
        (
            "label = \"root-ca\"",
            &long_label,
            2,
            "key.label has 13000 bytes",
        ),
    ] {
        refused_unasked(&room, &plan, &[(from, to)], status, says);
    }
    std::os::unix::fs::symlink("elsewhere", room.path("root-ca.pub")).expect("a link");
    refused_unasked(&room, &plan, &[], 1, "it already exists");
    assert_eq!(room.root_keys(), 0);
}

#[test]
fn two_outputs_that_are_one_file_are_refused_before_the_pin() {
    let room = Room::new();
    let plan = room.root_plan();
    std::fs::create_dir(room.path("out")).expect("a folder");
    std::os::unix::fs::symlink("out", room.path("link")).expect("a link");
    for (public, passport, says) in [
        ("x", "./x", "x is named twice"),
        ("out/x", "out//./x", "out/x is named twice"),
        ("out/x", "link/x", "are the same file"),
        ("x", "X", "differ only in case"),
        ("root.transcript", "x", "root.transcript is named twice"),
        ("./root.transcript", "x", "root.transcript is named twice"),
        ("changed.toml", "x", "changed.toml is named twice"),
        ("./changed.toml", "x", "changed.toml is named twice"),
        (
            "root.transcript.html",
            "x",
            "is the name of the transcript's report",
        ),
    ] {
        let changes = [
            (PUBLIC, &*format!("public = \"{public}\"")),
            (PASSPORT, &*format!("passport = \"{passport}\"")),
        ];
        refused_unasked(&room, &plan, &changes, 2, says);
    }
    // The plan under another name, and a transcript that is another output's file already.
    std::fs::hard_link(room.path("root.toml"), room.path("twin")).expect("a link");
    room.ir("ceremony check root.toml PIN").exits(0);
    room.write("root.toml", plan.replace("root-ca.pub", "twin"));
    room.ir("ceremony check root.toml --pin-source file:/nowhere")
        .exits(1)
        .says("it already exists");
    assert_eq!(room.root_keys(), 0);
}

#[test]
fn an_endorsement_that_is_an_input_or_a_link_is_refused_before_the_pin() {
    let room = Room::new();
    room.make_root();
    let plan = room.endorsement_plan();
    std::fs::create_dir(room.path("out")).expect("a folder");
    std::os::unix::fs::symlink("../out", room.path("out/again")).expect("a link");
    let first = "endorsement = \"vendor-1.pub.sig\"";
    for (to, status, says) in [
        ("./vendor-2.pub", 2, "vendor-2.pub is named twice"),
        ("./root-ca.passport", 2, "root-ca.passport is named twice"),
        ("out/../vendor-2.pub", 2, "is outside the plan's folder"),
        ("nowhere/v", 3, "cannot create"),
    ] {
        let to = format!("endorsement = \"{to}\"");
        refused_unasked(&room, &plan, &[(first, &to)], status, says);
    }
    // A valid endorsement is kept, but not one that is elsewhere, or another vendor's file as well.
    room.write("endorse.toml", &plan);
    room.endorse("vendor-1.pub", "out/kept");
    std::os::unix::fs::symlink("out/kept", room.path("vendor-1.pub.sig")).expect("a link");
    refused_unasked(
        &room,
        &plan,
        &[],
        1,
        "endorsement vendor-1.pub.sig: it already exists",
    );
}

/// Vendors with files of one name, a folder each.
fn two_folders(room: &Room) -> String {
    let mut plan = room.head("endorse-vendors");
    let _ = write!(
        plan,
        "[root]\nfile = \"pub/root-ca.pub\"\nsha384 = \"{}\"\n\n",
        room.sha384("pub/root-ca.pub")
    );
    for n in 1..=2 {
        std::fs::create_dir(room.path(format!("v{n}"))).expect("a folder");
        room.ir(&format!(
            "gen-key -o v{n}/vendor.prv --public v{n}/vendor.pub"
        ))
        .exits(0);
        let _ = write!(
            plan,
            "[[vendors]]\nname = \"V{n}\"\npublic = \"v{n}/vendor.pub\"\nsha384 = \"{}\"\n\
             endorsement = \"./v{n}/vendor.pub.sig\"\n\n",
            room.sha384(&format!("v{n}/vendor.pub"))
        );
    }
    plan + "[outputs]\ntranscript = \"t/endorse.transcript\"\n"
}

#[test]
fn outputs_in_several_folders_are_known_by_the_plans_paths_and_each_is_verified() {
    let room = Room::new();
    for folder in ["pub", "pass", "t"] {
        std::fs::create_dir(room.path(folder)).expect("a folder");
    }
    let plan = room
        .root_plan()
        .replace("root-ca.pub", "pub/root-ca.pub")
        .replace("root-ca.passport", "pass/root-ca.passport");
    room.write("root.toml", plan);
    room.make_root();
    let verify = "ceremony verify root.transcript -c pub/root-ca.pub";
    room.ir(verify).exits(0).says("pass/root-ca.passport");
    room.write("endorse.toml", two_folders(&room));
    room.ir("ceremony run endorse.toml --unattended PIN")
        .exits(0);
    let text = String::from_utf8(room.read("t/endorse.transcript")).expect("text");
    for n in 1..=2 {
        assert!(text.contains(&format!("\"file\":\"v{n}/vendor.pub.sig\"")));
    }
    // From anywhere: the transcript's own place says where the plan's folder is, or --files does.
    let verify = "ceremony verify t/endorse.transcript -c pub/root-ca.pub";
    for arguments in ["", "--files ."] {
        room.ir(&format!("{verify} {arguments}")).exits(0);
    }
    room.ir(&format!("{verify} --files t")).exits(1);
    std::fs::copy(room.path("t/endorse.transcript"), room.path("moved")).expect("a copy");
    room.ir("ceremony verify moved").exits(0);
    // The second is verified as the first is.
    let second = room.read("v2/vendor.pub.sig");
    std::fs::copy(
        room.path("v1/vendor.pub.sig"),
        room.path("v2/vendor.pub.sig"),
    )
    .expect("a copy");
    room.ir(verify)
        .exits(1)
        .says("FAILED ceremony.outputs: line 11, v2/vendor.pub.sig");
    room.write("v2/vendor.pub.sig", second);
    room.ir(verify).exits(0);
    room.ir("ceremony report t/endorse.transcript").exits(0);
    let page = String::from_utf8(room.read("t/endorse.transcript.md")).expect("text");
    assert!(page.contains("v1/vendor.pub.sig") && page.contains("v2/vendor.pub.sig"));
}
