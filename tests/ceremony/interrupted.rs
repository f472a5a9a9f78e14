//! Ceremonies that were interrupted: what verifying, comparing and the page say of them.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use crate::room::Room;
use harness::program;

const RUN: &str = "ceremony run root.toml --unattended PIN";

/// Leaves so many lines of a transcript, as a run leaves them that was killed.
fn cut(room: &Room, name: &str, lines: usize) {
    let text = String::from_utf8(room.read(name)).expect("text");
    let kept: String = text.split_inclusive('\n').take(lines).collect();
    room.write(name, kept);
}

#[test]
fn verifying_says_what_is_done_and_what_is_missing() {
    let room = Room::new();
    room.make_root();
    let text = room.read("root.transcript");
    let all = text.split_inclusive(|b| *b == b'\n').count();
    let mut before = 0;
    for lines in 1..all {
        room.write("root.transcript", &text);
        cut(&room, "root.transcript", lines);
        let found = room
            .ir("ceremony verify root.transcript --json")
            .exits(1)
            .json();
        let count = |name: &str| found["interrupted"][name].as_array().map_or(0, Vec::len);
        assert_eq!(count("done") + count("missing"), 5, "{lines}: {found}");
        assert!(
            count("done") >= before && count("missing") > 0,
            "{lines}: {found}"
        );
        before = count("done");
    }
    assert_eq!(before, 4);
    room.write("root.transcript", &text);
    cut(&room, "root.transcript", 6);
    fs::remove_file(room.path("root-ca.passport")).expect("removed");
    let found = room
        .ir("ceremony verify root.transcript")
        .exits(1)
        .says("FAILED ceremony.signed")
        .says("  done    the root key is made\n")
        .says("  done    root-ca.pub is written\n")
        .says("  missing its passport is signed\n")
        .says("  missing root-ca.passport is written\n")
        .says("  missing the transcript is signed, which closes the ceremony\n")
        .says("run the same plan again");
    assert!(!found.stderr.contains("no key was made"), "{found:?}");
    room.ir(RUN).exits(0);
    let found = room.ir("ceremony verify root.transcript").exits(0);
    assert!(!found.stderr.contains("missing"), "{found:?}");

    room.write("endorse.toml", room.endorsement_plan());
    room.ir("ceremony run endorse.toml --unattended PIN")
        .exits(0);
    let text = String::from_utf8(room.read("endorse.transcript")).expect("text");
    let first = text
        .lines()
        .position(|line| line.contains("\"step\":\"output:"));
    cut(&room, "endorse.transcript", first.expect("a line") + 1);
    let found = room
        .ir("ceremony verify endorse.transcript --json")
        .exits(1)
        .json();
    let of = |name: &str| found["interrupted"][name].clone();
    assert_eq!(
        of("done"),
        serde_json::json!([
            "vendor \"vendor-1\" is endorsed",
            "vendor-1.pub.sig is written"
        ])
    );
    assert_eq!(of("missing").as_array().map(Vec::len), Some(5), "{found}");
}

/// A ceremony whose token failed once, and that was gone on with by another program.
fn interrupted() -> Room {
    let room = Room::new();
    let (run, _) = room.planned("C_GenerateKeyPair@1=CKR_GENERAL_ERROR", RUN);
    run.expect("not killed").exits(3);
    room
}

/// The program with a few bytes after its end: it does the same, but is another program.
fn other_program(room: &Room) -> String {
    let mut bytes = fs::read(program()).expect("it is there");
    bytes.extend(b"another");
    let path = room.path("other-ir-sign");
    fs::write(&path, bytes).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    path.display().to_string()
}

#[test]
fn transcripts_are_compared_by_step_and_interruptions_are_told_apart() {
    let (a, b) = (Room::new(), interrupted());
    a.make_root();
    b.ir(RUN).exits(0);
    let (a_path, b_path) = (a.path("root.transcript"), b.path("root.transcript"));
    let (a_path, b_path) = (a_path.display(), b_path.display());
    for paths in [format!("{a_path} {b_path}"), format!("{b_path} {a_path}")] {
        let alike = a.ir(&format!("ceremony diff {paths}")).exits(0);
        assert_eq!(alike.stdout, "");
        let apart: Vec<&str> = alike
            .stderr
            .lines()
            .filter(|l| l.starts_with("interruption: "))
            .collect();
        for what in [
            "step make-key failed: ",
            "resumed after an interruption",
            "step make-key, confirmed: again",
            "step make-key, intent: again",
        ] {
            let told = apart.iter().filter(|line| line.contains(what));
            assert_eq!(told.count(), 1, "{what}: {alike:?}");
        }
        assert_eq!(apart.len(), 4, "{alike:?}");
    }
    // The comparison still finds the differences, and nothing else.
    let c = Room::new();
    c.write(
        "root.toml",
        c.root_plan().replace("Example CA", "Another CA"),
    );
    c.make_root();
    let c_path = c.path("root.transcript");
    let run = a
        .ir(&format!("ceremony diff {b_path} {}", c_path.display()))
        .exits(1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "start: title is \"Example CA\" in one and \"Another CA\" in the other",
            "start: plan: title is \"Example CA\" in one and \"Another CA\" in the other",
        ]
    );
    // A transcript that ends early lacks its last steps.
    cut(&b, "root.transcript", 9);
    let run = a.ir(&format!("ceremony diff {a_path} {b_path}")).exits(1);
    assert!(
        run.stdout.contains("step close, confirmed: only "),
        "{run:?}"
    );
    assert!(!run.stdout.contains("make-key"), "{run:?}");
}

#[test]
fn another_program_that_goes_on_is_told_listed_and_a_difference() {
    let room = interrupted();
    let other = other_program(&room);
    let mut command = room.token.command(&other);
    command
        .current_dir(room.root())
        .env("PKCS11_MODULE_PATH", &room.token.module)
        .args(room.words(RUN));
    let output = loop {
        match command.output() {
            // Another test may start a program while this one is written, and hold it open until then.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(20));
            }
            started => break started.expect("it starts"),
        }
    };
    harness::Run::from(output)
        .exits(0)
        .says("another program resumes the ceremony: it was ir-sign ");
    let verified = room.ir("ceremony verify root.transcript").exits(0);
    assert!(
        verified.stderr.contains("2 different programs took part"),
        "{verified:?}"
    );
    room.ir("ceremony report root.transcript").exits(0);
    for page in ["root.transcript.md", "root.transcript.html"] {
        let page = String::from_utf8(room.read(page)).expect("text");
        assert!(page.contains("2 different programs took part"), "{page}");
    }
    let clean = Room::new();
    clean.make_root();
    let path = clean.path("root.transcript");
    let run = room
        .ir(&format!("ceremony diff root.transcript {}", path.display()))
        .exits(1);
    assert!(run.stdout.contains("another program resumed it"), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
}
