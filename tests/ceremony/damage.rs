//! Transcripts that were changed, tokens that fail, and runs that are killed: at every line, call
//! and write that there is.

use std::fs;
use std::path::Path;

use faulty_module::log::Log;
use ir_sign::ceremony::verify::{Expected, verify};

use crate::room::{Room, VENDORS};

const RUN: &str = "ceremony run root.toml --unattended PIN";
const RUN_ENDORSE: &str = "ceremony run endorse.toml --unattended PIN";

/// Every how many points one is tried: all with `IR_SIGN_THOROUGH=1`.
fn every(usually: usize) -> usize {
    let thorough = std::env::var_os("IR_SIGN_THOROUGH").is_some_and(|v| v == "1");
    if thorough { 1 } else { usually }
}

fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let path = folder.join("changed.transcript");
    fs::write(&path, bytes).expect("written");
    verify(&path, Some(folder), Expected::default()).is_ok_and(|found| found.holds())
}

#[test]
fn every_changed_byte_of_a_transcript_is_refused() {
    let room = Room::new();
    room.make_root();
    room.write("endorse.toml", room.endorsement_plan());
    room.ir(RUN_ENDORSE).exits(0);
    let mut tried = 0;
    for (name, step) in [
        ("root.transcript", every(1)),
        ("endorse.transcript", every(1)),
    ] {
        let bytes = room.read(name);
        assert!(holds(room.root(), &bytes), "{name}");
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= if at % 2 == 0 { 1 } else { 0x20 };
            assert!(!holds(room.root(), &changed), "{name}: byte {at}");
            tried += 1;
        }
        for at in (0..bytes.len()).step_by(97) {
            assert!(!holds(room.root(), &bytes[..at]), "{name}: cut at {at}");
        }
        // Lines left out, doubled and swapped.
        let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        for n in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(n);
            assert!(
                !holds(room.root(), &fewer.concat()),
                "{name}: without line {n}"
            );
            let mut more = lines.clone();
            more.insert(n, lines[n]);
            assert!(
                !holds(room.root(), &more.concat()),
                "{name}: line {n} twice"
            );
            if n > 0 {
                let mut other = lines.clone();
                other.swap(n, n - 1);
                assert!(
                    !holds(room.root(), &other.concat()),
                    "{name}: lines {n} swapped"
                );
            }
        }
    }
    println!("tried: changed bytes of transcripts: {tried}");
}

#[test]
fn a_changed_line_is_named() {
    let room = Room::new();
    room.make_root();
    let text = String::from_utf8(room.read("root.transcript")).expect("text");
    room.write(
        "root.transcript",
        text.replacen("\"step\":\"make-key\"", "\"step\":\"make-kex\"", 1),
    );
    room.ir("ceremony verify root.transcript")
        .exits(1)
        .says("FAILED ceremony.chain: line 4: somebody changed line 3 or this one");
    // No run goes on with this transcript either.
    let cut: Vec<&str> = text.split_inclusive('\n').take(5).collect();
    let cut = cut.concat();
    room.write("root.transcript", cut.replacen("Ann", "Eve", 1));
    room.ir(RUN)
        .exits(1)
        .says("transcript root.transcript: line 2");
}

/// The state after a run that failed or was killed, and another that goes on with it.
fn settle(room: &Room, what: &str) {
    let again = room.ir(RUN);
    if again.status != 0 {
        // It had been done before the end came.
        assert!(
            again.stderr.contains("this ceremony is complete"),
            "{what}: {again:?}"
        );
    }
    room.ir("ceremony verify root.transcript -c root-ca.pub")
        .exits(0);
    assert_eq!(room.root_keys(), 1, "{what}");
    let names = room.names();
    let wanted = [
        "root-ca.passport",
        "root-ca.pub",
        "root.toml",
        "root.transcript",
    ];
    let extra: Vec<_> = names
        .iter()
        .filter(|name| !wanted.contains(&name.as_str()) && !is_left_over(name))
        .collect();
    assert!(extra.is_empty(), "{what}: {extra:?}");
}

/// A temporary file of a killed run.
fn is_left_over(name: &str) -> bool {
    name.starts_with('.') && name.strip_suffix(".tmp").is_some()
}

#[test]
fn a_root_ceremony_killed_at_any_pkcs11_call_is_gone_on_with() {
    let room = Room::new();
    let (run, planned) = room.planned("", RUN);
    run.expect("not killed").exits(0);
    let calls = Log::read(&planned.log).expect("a log").entries.len();
    assert!(calls > 40, "{calls}");
    let points: Vec<usize> = (2..=calls).step_by(every(13)).collect();
    for kill in ["kill", "kill-after"] {
        for n in &points {
            let room = Room::new();
            let (run, _) = room.planned(&format!("{kill}@{n}"), RUN);
            assert!(run.is_none(), "{kill}@{n} of {calls} did not kill it");
            settle(&room, &format!("{kill}@{n}"));
        }
    }
    println!(
        "tried: kills of a root ceremony at PKCS#11 calls: {}",
        2 * points.len()
    );
}

#[test]
fn a_root_ceremony_whose_token_fails_at_any_call_is_gone_on_with() {
    let room = Room::new();
    let (run, planned) = room.planned("", RUN);
    run.expect("not killed").exits(0);
    let log = Log::read(&planned.log).expect("a log");
    let mut counts = std::collections::BTreeMap::new();
    let mut tried = 0;
    for (n, entry) in log.entries.iter().enumerate() {
        let count: &mut usize = counts.entry(entry.function.clone()).or_default();
        *count += 1;
        if n % every(17) != 0 || ["C_Finalize", "C_CloseSession"].contains(&entry.function.as_str())
        {
            continue;
        }
        for code in ["CKR_GENERAL_ERROR", "after:CKR_DEVICE_ERROR"] {
            let fault = format!("{}@{count}={code}", entry.function);
            let room = Room::new();
            let (run, _) = room.planned(&fault, RUN);
            let run = run.expect("not killed");
            assert!([0, 1, 3].contains(&run.status), "{fault}: {run:?}");
            assert!(!run.stderr.contains("panicked"), "{fault}: {run:?}");
            settle(&room, &fault);
            tried += 1;
        }
    }
    println!("tried: faults of the token in a root ceremony: {tried}");
}

#[test]
fn a_root_ceremony_killed_at_any_write_of_its_transcript_is_gone_on_with() {
    let mut tried = 0;
    for call in ["write", "fsync"] {
        for n in 1.. {
            let room = Room::new();
            let transcript = room.path("root.transcript").display().to_string();
            fs::write(&transcript, "").expect("written");
            let status = room
                .token
                .command("strace")
                .current_dir(room.root())
                .env("PKCS11_MODULE_PATH", &room.token.module)
                .args(["-f", "-qq", "-o", "/dev/null", "-P", &transcript])
                .arg(format!("--inject={call}:signal=KILL:when={n}"))
                .arg(harness::program())
                .args(room.words(RUN))
                .output()
                .expect("strace runs");
            if status.status.success() {
                break;
            }
            settle(&room, &format!("{call} {n}"));
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
    println!("tried: kills of a ceremony at writes of its transcript: {tried}");
}

#[test]
fn an_endorsement_ceremony_killed_at_any_signature_loses_none() {
    for n in 1..=4 {
        for kill in ["kill", "kill-after"] {
            let room = Room::new();
            room.make_root();
            room.write("endorse.toml", room.endorsement_plan());
            let (run, planned) = room.planned("", "ceremony check endorse.toml PIN");
            run.expect("not killed").exits(0);
            let before = Log::read(&planned.log).expect("a log").entries.len();
            // The signatures come after the calls of a check. A run without faults finds the number of the call.
            let (run, planned) =
                room.planned(&format!("C_Sign@{n}=CKR_GENERAL_ERROR"), RUN_ENDORSE);
            run.expect("not killed").exits(3);
            let calls = Log::read(&planned.log).expect("a log").entries;
            let at = calls
                .iter()
                .rposition(|e| e.function == "C_Sign")
                .expect("it signs")
                + 1;
            assert!(at > before / 2);
            let kept: Vec<Option<Vec<u8>>> = signatures(&room);
            let (run, _) = room.planned(&format!("{kill}@{at}"), RUN_ENDORSE);
            drop(run);
            let done = room.ir(RUN_ENDORSE);
            assert!(
                done.status == 0 || done.stderr.contains("is complete"),
                "{done:?}"
            );
            for (before, after) in kept.iter().zip(signatures(&room)) {
                assert!(before.is_none() || *before == after, "{kill} {n}");
            }
            room.ir("ceremony verify endorse.transcript -c root-ca.pub")
                .exits(0);
            for vendor in VENDORS {
                let (public, signature) = (format!("{vendor}.pub"), format!("{vendor}.pub.sig"));
                assert!(
                    room.openssl_verifies("root-ca.pub", &signature, &public),
                    "{vendor}"
                );
            }
        }
    }
}

fn signatures(room: &Room) -> Vec<Option<Vec<u8>>> {
    VENDORS
        .iter()
        .map(|vendor| fs::read(room.path(format!("{vendor}.pub.sig"))).ok())
        .collect()
}

/// A half key, as `SoftHSM` leaves one behind when it is killed inside the call.
#[test]
fn a_key_of_which_only_the_public_half_was_made_is_made_again() {
    let room = Room::new();
    let (run, planned) = room.planned("C_GenerateKeyPair@1=CKR_GENERAL_ERROR", RUN);
    run.expect("not killed")
        .exits(3)
        .says("C_GenerateKeyPair gave CKR_GENERAL_ERROR");
    drop(planned);
    let text = String::from_utf8(room.read("root.transcript")).expect("text");
    let intent = text
        .lines()
        .find(|line| line.contains("\"event\":\"intent\""))
        .expect("it is noted");
    let intent: serde_json::Value = serde_json::from_str(intent).expect("JSON");
    let id = intent["id"].as_str().expect("an id");
    room.token.generate("root-ca", id);
    let deleted = room
        .token
        .log_in(&["--delete-object", "--type", "privkey", "--id", id])
        .output()
        .expect("pkcs11-tool runs");
    assert!(deleted.status.success(), "{deleted:?}");
    room.ir(RUN).exits(0).says("removed 1 halves of it");
    room.ir("ceremony verify root.transcript -c root-ca.pub")
        .exits(0);
    assert_eq!(room.root_keys(), 1);
}

/// The first lines of a root transcript, changed and chained again, as a resuming run finds them.
fn cut(room: &Room, lines: usize, change: impl Fn(&mut Vec<serde_json::Value>)) {
    use sha2::{Digest, Sha384};
    let text = String::from_utf8(room.read("root.transcript")).expect("text");
    let line = |line| serde_json::from_str(line).expect("JSON");
    let mut all: Vec<serde_json::Value> = text.lines().take(lines).map(line).collect();
    change(&mut all);
    let mut out = String::new();
    let mut prev = "0".repeat(96);
    for line in &mut all {
        line["prev"] = prev.into();
        let text = format!("{line}\n");
        prev = harness::hex(&Sha384::digest(&text));
        out.push_str(&text);
    }
    room.write("root.transcript", out);
}

/// Nothing protects a transcript before it is signed: somebody may have written another key, id, name or time into it.
#[test]
fn on_resume_the_token_is_asked_before_the_transcript_is_believed() {
    use base64ct::{Base64, Encoding};
    let room = Room::new();
    room.make_root();
    let whole = room.read("root.transcript");
    let right = room.read("root-ca.pub");
    room.ir("gen-key -o evil.prv --public evil.pub").exits(0);
    let evil = room.read("evil.pub");
    let sha256 = room.shell("sha256sum evil.pub", "").stdout[..64].to_owned();
    let spki = Base64::encode_string(&evil);
    let refused = |lines, says: &str, change: &dyn Fn(&mut Vec<serde_json::Value>)| {
        for name in ["root-ca.pub", "root-ca.passport"] {
            let _ = fs::remove_file(room.path(name));
        }
        room.write("root.transcript", &whole);
        cut(&room, lines, change);
        let (before, names) = (room.read("root.transcript"), room.names());
        for command in ["run root.toml --unattended PIN", "check root.toml PIN"] {
            let run = room.ir(&format!("ceremony {command}")).exits(1).says(says);
            assert!(!run.stderr.contains("fingerprint of"), "{run:?}");
            assert!(run.stderr.contains("hint: "), "{run:?}");
        }
        assert_eq!(room.read("root.transcript"), before, "it was written to");
        assert_eq!(room.names(), names);
    };
    let made = |lines: &mut Vec<serde_json::Value>| {
        lines[4]["spki"] = spki.clone().into();
        lines[4]["sha256"] = sha256.clone().into();
    };
    refused(5, "the root key was", &made);
    refused(6, "ceremony.outputs", &made);
    refused(6, "the root key was", &|lines| {
        made(lines);
        lines[5]["sha384"] = room.sha384("evil.pub").into();
    });
    refused(5, "and is now not on the token", &|lines| {
        lines[3]["id"] = "0a".into();
    });
    refused(5, "the root key's attributes was", &|lines| {
        lines[4]["attributes"]["CKA_MODIFIABLE"] = serde_json::Value::Null;
    });
    refused(5, "ceremony.key", &|lines| {
        lines[4]["attributes"]["CKA_EXTRACTABLE"] = true.into();
    });
    refused(9, "ceremony.passport", &|lines| {
        let text = lines[8]["passport"].as_str().expect("a text");
        lines[8]["passport"] = text.replacen("false", "true", 1).into();
    });
    refused(5, "the token was", &|lines| {
        lines[1]["token"]["model"] = "another".into();
    });
    refused(5, "ceremony.token", &|lines| {
        lines[1]["token"]["serial"] = "another".into();
    });
    refused(5, "ceremony.plan", &|lines| {
        lines[0]["title"] = "Another CA".into();
    });
    refused(5, "ceremony.people", &|lines| {
        lines[2]["people"] = serde_json::json!(["Eve"]);
    });
    refused(5, "but this machine's clock says", &|lines| {
        lines[4]["time"] = "2999-01-01T00:00:00Z".into();
    });
    // If the transcript only announces the key, the run looks for it on the token, and makes no other.
    refused(4, "the label is in use already", &|lines| {
        lines[3]["id"] = "0a".into();
    });
    assert_eq!(room.root_keys(), 1);
    // As it was, it is gone on with.
    for lines in [4, 5, 6, 9] {
        room.write("root.transcript", &whole);
        let _ = fs::remove_file(room.path("root-ca.pub"));
        let _ = fs::remove_file(room.path("root-ca.passport"));
        cut(&room, lines, |_| ());
        room.ir(RUN).exits(0);
        room.ir("ceremony verify root.transcript -c root-ca.pub")
            .exits(0);
        assert_eq!(room.read("root-ca.pub"), right);
    }
    assert_eq!(room.root_keys(), 1);
}

#[test]
fn two_runs_of_one_plan_do_not_meet() {
    let room = Room::new();
    let path = room.path("root.transcript");
    fs::write(&path, "").expect("written");
    let held = fs::File::open(&path).expect("open");
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    room.ir(RUN).exits(3).says("another run is writing it");
    drop(held);
    room.ir(RUN).exits(0);
}
