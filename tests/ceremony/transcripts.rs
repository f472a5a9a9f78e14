//! Transcripts by somebody who has the root key: with the right chain and signature, but one fault. Each rule finds its
//! own fault.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64ct::{Base64, Encoding};
use harness::hex;
use ir_sign::ceremony::transcript::{origin, prehash};
use ir_sign::ceremony::verify::{Expected, rule, verify};
use ir_sign::crypto::p384::ALGORITHM;
use ir_sign::crypto::{Prehash, Signed};
use ir_sign::key::Signer;
use ir_sign::key::file::FileKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha384};

/// The root key of these transcripts.
const ROOT: &[u8] = include_bytes!("../data/keys/vendor.prv");
const ROOT_PUBLIC: &[u8] = include_bytes!("../data/keys/vendor.pub");
/// The public key that the one with an endorsement is about.
const VENDOR: &[u8] = include_bytes!("../data/keys/other.pub");
/// A valid signature, of another key over another.
const FOREIGN: &[u8] = include_bytes!("../data/keys/vendor.pub.sig");

fn key(sec1: &[u8]) -> FileKey {
    FileKey::from_sec1(sec1).expect("a private key")
}

fn lines(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).expect("JSON");
    text.lines().map(line).collect()
}

/// A ceremony that made a root key, and one that endorsed a vendor.
fn root() -> Vec<Value> {
    lines(include_str!("../../fuzz/seeds/transcript/root"))
}

fn endorse() -> Vec<Value> {
    lines(include_str!("../../fuzz/seeds/transcript/endorse"))
}

/// The lines, numbered, chained and signed.
fn sealed(lines: &[Value], signer: &FileKey) -> String {
    let mut out = String::new();
    let mut prev = origin();
    for (n, line) in lines.iter().enumerate() {
        let mut members = Map::new();
        members.insert("n".into(), n.into());
        members.insert("prev".into(), prev.into());
        let own = line.as_object().expect("an object").clone().into_iter();
        members.extend(own.filter(|(name, _)| {
            !["n", "prev", "signature"].contains(&&**name)
                || name == "signature" && line["event"] != "signed"
        }));
        let mut line = Value::Object(members);
        if line["event"] == "signed" {
            let signature = signer
                .sign(ALGORITHM, Signed::Hashed(&prehash(&line)))
                .expect("a key file signs");
            line["signature"] = Base64::encode_string(&signature.to_bytes()).into();
        }
        let text = format!("{line}\n");
        prev = hex(&Sha384::digest(&text));
        out.push_str(&text);
    }
    out
}

/// The rules that fail, each with its reason.
fn failures(transcript: &str, lines: &[Value]) -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("written");
    };
    put("root-ca.pub", ROOT_PUBLIC);
    let made = root();
    let mut passports = lines.iter().chain(&made);
    let passport = passports.find_map(|line| line["passport"].as_str());
    put("root-ca.passport", passport.expect("a passport").as_bytes());
    let endorsement = key(ROOT).sign(ALGORITHM, Signed::Hashed(&Prehash::sha384(VENDOR)));
    let endorsement = endorsement.expect("a key file signs").to_bytes();
    put("vendor-1.pub.sig", &endorsement);
    put("a.transcript", transcript.as_bytes());
    let path: &Path = &folder.path().join("a.transcript");
    let verified = verify(path, Some(folder.path()), Expected::default()).expect("it is read");
    let checks = verified.checks.iter();
    let failed = checks.filter_map(|check| Some((check.rule, check.failure()?.to_owned())));
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.is_empty(), verified.holds());
    failed
}

/// The line with this event, of this step.
fn find<'a>(lines: &'a mut [Value], event: &str, step: &str) -> &'a mut Value {
    let found = lines.iter_mut().find(|line| {
        line["event"] == event && line["step"].as_str().unwrap_or_default().starts_with(step)
    });
    found.unwrap_or_else(|| panic!("there is no {event} of {step}"))
}

fn without(lines: &mut Vec<Value>, event: &str, step: &str) {
    lines.retain(|line| line["event"] != event || line["step"] != step);
}

fn twice(lines: &mut Vec<Value>, event: &str, step: &str) {
    let at = lines
        .iter()
        .position(|line| line["event"] == event && (step.is_empty() || line["step"] == step))
        .expect("a line");
    lines.insert(at + 1, lines[at].clone());
}

/// Asserts that a changed transcript fails only by one rule, with this reason.
#[track_caller]
fn fails(lines: Vec<Value>, rule: &str, says: &str, change: impl FnOnce(&mut Vec<Value>)) {
    fails_by(lines, &[rule], says, change);
}

/// Asserts that a changed transcript fails by these rules and no others, and that the first of them says why.
#[track_caller]
fn fails_by(
    mut lines: Vec<Value>,
    rules: &[&str],
    says: &str,
    change: impl FnOnce(&mut Vec<Value>),
) {
    let whole = failures(&sealed(&lines, &key(ROOT)), &lines);
    assert!(whole.is_empty(), "unchanged: {whole:?}");
    change(&mut lines);
    let failed = failures(&sealed(&lines, &key(ROOT)), &lines);
    let found: BTreeSet<&str> = failed.iter().map(|(rule, _)| *rule).collect();
    let wanted: BTreeSet<&str> = rules.iter().copied().collect();
    assert_eq!(found, wanted, "{failed:?}");
    assert!(
        failed
            .iter()
            .any(|(rule, reason)| *rule == rules[0] && reason.contains(says)),
        "{failed:?}"
    );
}

/// Changes the plan in the first line, and the digest beside it.
fn replan(lines: &mut [Value], from: &str, to: &str) {
    let text = lines[0]["plan"]["text"].as_str().expect("a text");
    assert!(text.contains(from), "{from}");
    let text = text.replacen(from, to, 1);
    lines[0]["plan"]["sha384"] = hex(&Sha384::digest(&text)).into();
    lines[0]["plan"]["text"] = text.into();
}

#[test]
fn a_plan_that_is_not_the_one_of_its_digest_fails() {
    let digest = "the plan's text does not have the digest beside it";
    fails(root(), rule::PLAN, digest, |lines| {
        let text = lines[0]["plan"]["text"]
            .as_str()
            .expect("a text")
            .to_owned();
        lines[0]["plan"]["text"] = format!("{text}#").into();
    });
    fails(root(), rule::PLAN, digest, |lines| {
        lines[0]["plan"]["sha384"] = "00".repeat(48).into();
    });
}

#[test]
fn steps_out_of_order_fail() {
    for (event, step, says) in [
        ("confirmed", "passport", "people did not confirm the step"),
        ("confirmed", "make-key", "people did not confirm the step"),
        ("confirmed", "close", "people did not confirm the step"),
        ("intent", "make-key", "the run did not announce the step"),
        ("intent", "passport", "the run did not announce the step"),
        ("intent", "close", "the run did not announce the closing"),
    ] {
        fails(root(), rule::ORDER, says, |lines| {
            without(lines, event, step);
        });
    }
    fails(root(), rule::ORDER, "the run did the step twice", |lines| {
        twice(lines, "result", "make-key");
    });
    fails(root(), rule::ORDER, "the run did the step twice", |lines| {
        twice(lines, "output", "output:root-ca.pub");
    });
    for event in ["confirmed", "intent"] {
        fails(root(), rule::ORDER, " twice", |lines| {
            twice(lines, event, "passport");
        });
    }
    fails(root(), rule::ORDER, "describes the token twice", |lines| {
        twice(lines, "token", "");
    });
    fails(root(), rule::ORDER, "the event is unknown", |lines| {
        let mut odd = lines[2].clone();
        odd["event"] = "skipped".into();
        lines.insert(3, odd);
    });
    fails(
        root(),
        rule::ORDER,
        "the run did not do the step",
        |lines| {
            lines.retain(|line| line["event"] != "result" || line["step"] != "passport");
        },
    );
    fails(root(), rule::ORDER, "the ceremony starts twice", |lines| {
        twice(lines, "start", "");
    });
    // A step that is confirmed and announced afterwards was not.
    fails(
        root(),
        rule::ORDER,
        "the run did not announce the step",
        |lines| {
            let at = lines
                .iter()
                .position(|l| l["event"] == "intent")
                .expect("an intent");
            lines.swap(at, at + 1);
        },
    );
}

#[test]
fn a_passport_of_another_token_key_or_attributes_fails() {
    for (member, rules) in [
        ("serial", &[rule::PASSPORT, rule::TOKEN][..]),
        ("model", &[rule::PASSPORT][..]),
    ] {
        let another = "it is of another token than the ceremony's";
        fails_by(root(), rules, another, |lines| {
            let token = lines.iter_mut().find(|line| line["event"] == "token");
            token.expect("a token")["token"][member] = "another".into();
        });
    }
    fails(root(), rule::PASSPORT, "its label or id", |lines| {
        find(lines, "intent", "make-key")["id"] = "00".into();
    });
    let attributes = "its attributes are not those of the new key";
    let rules = [rule::PASSPORT, rule::KEY];
    fails_by(root(), &rules, attributes, |lines| {
        let made = find(lines, "result", "make-key");
        assert_eq!(made["attributes"]["CKA_EXTRACTABLE"], json!(false));
        made["attributes"]["CKA_EXTRACTABLE"] = true.into();
    });
    fails(root(), rule::PASSPORT, "signature", |lines| {
        let result = find(lines, "result", "passport");
        let text = result["passport"].as_str().expect("a text").to_owned();
        let changed = text.replacen("\"CKA_EXTRACTABLE\":false", "\"CKA_EXTRACTABLE\":true", 1);
        assert_ne!(text, changed);
        result["passport"] = changed.clone().into();
        let output = find(lines, "output", "output:root-ca.passport");
        output["sha384"] = hex(&Sha384::digest(&changed)).into();
    });
}

#[test]
fn an_endorsement_that_the_root_key_did_not_make_fails() {
    let foreign = Base64::encode_string(FOREIGN);
    fails_by(
        endorse(),
        &[rule::ENDORSED, rule::OUTPUTS],
        "by the root key",
        |lines| {
            find(lines, "result", "endorse:")["signature"] = foreign.into();
        },
    );
    fails_by(
        endorse(),
        &[rule::ENDORSED, rule::VENDORS, rule::KEY],
        "by the root key",
        |lines| {
            find(lines, "result", "endorse:")["spki"] = Base64::encode_string(ROOT_PUBLIC).into();
        },
    );
    for (member, rules) in [
        ("spki", &[rule::ENDORSED, rule::VENDORS, rule::KEY][..]),
        ("signature", &[rule::ENDORSED, rule::OUTPUTS][..]),
    ] {
        fails_by(
            endorse(),
            rules,
            "no vendor's key or no signature",
            |lines| {
                find(lines, "result", "endorse:")[member] = "bm90aGluZw==".into();
            },
        );
    }
}

#[test]
fn outputs_with_other_digests_or_elsewhere_fail() {
    fails(
        root(),
        rule::OUTPUTS,
        "the transcript has another",
        |lines| {
            find(lines, "output", "output:root-ca.pub")["sha384"] = "00".repeat(48).into();
        },
    );
    fails(
        root(),
        rule::OUTPUTS,
        "it names another file than its step",
        |lines| {
            find(lines, "output", "output:root-ca.pub")["file"] = "../root-ca.pub".into();
        },
    );
}

#[test]
fn a_transcript_that_another_key_closed_fails() {
    let lines = root();
    let other = key(include_bytes!("../data/keys/ca.prv"));
    let failed = failures(&sealed(&lines, &other), &lines);
    let rules: Vec<_> = failed.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, [rule::SIGNED], "{failed:?}");
}

#[test]
fn a_first_line_that_is_not_the_plans_fails() {
    for (member, value, says) in [
        ("title", json!("Another CA"), "its title is not the plan's"),
        ("people", json!([]), "its people are not the plan's"),
        (
            "people",
            json!([{ "name": "Eve", "role": "operator" }]),
            "its people are not the plan's",
        ),
    ] {
        fails(root(), rule::PLAN, says, |lines| lines[0][member] = value);
    }
    fails(root(), rule::PLAN, "for a rehearsal", |lines| {
        lines[0]["rehearsal"] = false.into();
    });
    let rules = [rule::PEOPLE, rule::PLAN];
    fails_by(root(), &rules, "the plan is not for a rehearsal", |lines| {
        replan(lines, "rehearsal = true\n", "");
    });
    fails(root(), rule::PEOPLE, "not for a rehearsal", |lines| {
        replan(lines, "rehearsal = true\n", "");
        lines[0]["rehearsal"] = false.into();
    });
}

#[test]
fn a_transcript_without_a_plan_fails() {
    for (text, says) in [
        ("", "its text is not a plan"),
        ("title = \"Example CA\"", "its text is not a plan"),
        ("\u{0}", "its text is not a plan"),
    ] {
        fails(root(), rule::PLAN, says, |lines| {
            lines[0]["plan"] = json!({
                "sha384": hex(&Sha384::digest(text)),
                "text": text,
            });
        });
    }
    fails(root(), rule::PLAN, "not the start", |lines| {
        lines[0].as_object_mut().expect("members").remove("plan");
    });
    // A plan of the other kind, which is one.
    let other = endorse()[0]["plan"].clone();
    let rules = [rule::ORDER, rule::VENDORS, rule::OUTPUTS];
    fails_by(root(), &rules, "the plan has no such step", |lines| {
        lines[0]["plan"] = other;
    });
}

#[test]
fn another_token_or_key_than_the_plans_fails() {
    for (from, to, rules, says) in [
        (
            "label = \"ROOT\"",
            "label = \"OTHER\"",
            [rule::TOKEN],
            "it is not the plan's token",
        ),
        (
            "serial = \"f3b1883171a1bf25\"",
            "serial = \"0\"",
            [rule::TOKEN],
            "it is not the plan's token",
        ),
        (
            "label = \"root-ca\"",
            "label = \"other\"",
            [rule::KEY],
            "it is not the key of the plan",
        ),
    ] {
        fails_by(root(), &rules, says, |lines| replan(lines, from, to));
    }
    let digest = hex(&Sha384::digest(ROOT_PUBLIC));
    let other = hex(&Sha384::digest(VENDOR));
    fails(
        endorse(),
        rule::KEY,
        "it is not the plan's root key",
        |lines| replan(lines, &digest, &other),
    );
    let sha256 = "its sha256 is not the digest of its spki";
    for event in ["intent", "result"] {
        fails(endorse(), rule::KEY, sha256, |lines| {
            find(lines, event, "endorse:")["sha256"] = "00".repeat(32).into();
        });
    }
    // A passport that the plan does not name.
    let passport = find(&mut root(), "result", "passport")["passport"].clone();
    fails(
        endorse(),
        rule::PASSPORT,
        "it is not the plan's passport",
        |lines| find(lines, "root", "root")["passport"] = passport,
    );
    // A run that went on with another token.
    fails(
        root(),
        rule::TOKEN,
        "it is not the token of the earlier runs",
        |lines| {
            let again = resumed(lines, 3, true);
            lines.insert(3, again);
            lines[3]["token"]["firmware"] = "9.9".into();
            let confirmed = lines[2].clone();
            lines.insert(4, confirmed);
        },
    );
}

/// The line of a run that goes on before line `at`.
fn resumed(lines: &[Value], at: usize, noted: bool) -> Value {
    let mut line = json!({
        "time": lines[at]["time"],
        "event": "resumed",
        "after": at - 1,
        "torn_bytes": 0,
        "tool": lines[0]["tool"],
        "token": lines[1]["token"],
    });
    if noted {
        line["attended"] = false.into();
    }
    line
}

#[test]
fn what_an_interruption_leaves_holds_and_nothing_more() {
    for noted in [true, false] {
        for at in 2..12 {
            let mut lines = root();
            let again = resumed(&lines, at, noted);
            // The resuming run confirms and announces the missing step again.
            let step = lines[at]["step"].clone();
            let begun = lines[at - 1]["event"] == "confirmed" || lines[at - 1]["event"] == "intent";
            let anew: Vec<Value> = lines[..at]
                .iter()
                .filter(|line| begun && line["step"] == step)
                .cloned()
                .map(|mut line| {
                    if line["id"].is_string() {
                        let id = line["id"].clone();
                        line = json!({ "time": line["time"], "event": "intent", "step": step,
                            "id": id, "again": true });
                    }
                    line
                })
                .collect();
            let needs = !anew.is_empty();
            let mut whole = lines.clone();
            whole.splice(at..at, [vec![again.clone()], anew].concat());
            let failed = failures(&sealed(&whole, &key(ROOT)), &whole);
            assert!(failed.is_empty(), "line {at}: {failed:?}");
            lines.insert(at, again);
            let failed = failures(&sealed(&lines, &key(ROOT)), &lines);
            assert_eq!(failed.is_empty(), !needs, "line {at}: {failed:?}");
        }
    }
    // A key that was found, of a run that announced it.
    let mut lines = root();
    let again = resumed(&lines, 4, true);
    lines.insert(4, again);
    find(&mut lines, "result", "make-key")["found_after_interruption"] = true.into();
    let failed = failures(&sealed(&lines, &key(ROOT)), &lines);
    assert!(failed.is_empty(), "{failed:?}");
    fails(
        root(),
        rule::ORDER,
        "the run did not announce the step",
        |lines| {
            find(lines, "result", "make-key")["found_after_interruption"] = true.into();
        },
    );
    fails(root(), rule::ORDER, "it does not continue after", |lines| {
        let mut again = resumed(lines, 3, true);
        again["after"] = 7.into();
        lines.insert(2, again);
    });
    fails(root(), rule::ORDER, "the run had ended", |lines| {
        let time = lines[3]["time"].clone();
        let failed = json!({ "time": time, "event": "failed", "step": "make-key", "error": "x" });
        lines.insert(4, failed);
        let result = lines.remove(5);
        lines.insert(5, result);
    });
}

#[test]
fn confirmations_by_others_than_the_plans_people_fail() {
    let names = json!(["Ann Operator", "Bob Witness"]);
    let attended = || {
        let mut lines = root();
        lines[0]["attended"] = true.into();
        for line in &mut lines {
            if line["event"] == "confirmed" {
                line["people"] = names.clone();
            }
        }
        lines
    };
    for people in [
        json!([]),
        json!(["Ann Operator"]),
        json!(["Bob Witness", "Ann Operator"]),
        json!(["Ann Operator", "Bob Witness", "Eve"]),
        json!(["Ann Operator", "Eve"]),
        json!([["Ann Operator"], ["Bob Witness"]]),
    ] {
        for step in ["make-key", "passport", "close"] {
            let says = "the plan's people did not confirm it";
            let people = people.clone();
            fails_by(attended(), &[rule::PEOPLE], says, |lines| {
                find(lines, "confirmed", step)["people"] = people;
            });
        }
    }
    fails(root(), rule::PEOPLE, "but the line names people", |lines| {
        find(lines, "confirmed", "close")["people"] = names.clone();
    });
    let rules = [rule::SHAPE, rule::PEOPLE];
    fails_by(attended(), &rules, "it has no people", |lines| {
        let line = find(lines, "confirmed", "close");
        line.as_object_mut().expect("members").remove("people");
    });
    fails(
        attended(),
        rule::PEOPLE,
        "none of the plan's people",
        |lines| {
            let time = lines[2]["time"].clone();
            let stopped =
                json!({ "time": time, "event": "stopped", "step": "make-key", "by": "Eve" });
            let mut again = resumed(lines, 3, true);
            again["attended"] = true.into();
            lines.splice(2..2, [stopped, again]);
        },
    );
}

/// The plan of the one with an endorsement, with another vendor.
fn with_vendor(lines: &mut [Value], digest: &str) {
    let vendor = format!(
        "[[vendors]]\nname = \"vendor-2\"\npublic = \"v2.pub\"\nsha384 = \"{digest}\"\n\
         endorsement = \"v2.pub.sig\"\n\n[outputs]"
    );
    replan(lines, "[outputs]", &vendor);
}

#[test]
fn vendors_beyond_the_plan_or_left_out_or_with_anothers_key_fail() {
    let rules = [rule::VENDORS, rule::OUTPUTS, rule::ORDER];
    fails_by(endorse(), &rules, "names no such vendor", |lines| {
        replan(lines, "name = \"vendor-1\"", "name = \"vendor-9\"");
        // The plan's output is there, of a step that is not.
        lines.retain(|line| line["event"] != "output");
    });
    let rules = [rule::VENDORS, rule::OUTPUTS, rule::ORDER];
    fails_by(endorse(), &rules, "did not endorse", |lines| {
        with_vendor(lines, &"00".repeat(48));
    });
    let digest = hex(&Sha384::digest(VENDOR));
    fails(endorse(), rule::VENDORS, "gives for the vendor", |lines| {
        replan(lines, &digest, &hex(&Sha384::digest(ROOT_PUBLIC)));
    });
    fails(
        endorse(),
        rule::VENDORS,
        "it names another vendor than its step",
        |lines| {
            find(lines, "result", "endorse:")["vendor"] = "vendor-2".into();
        },
    );
}

#[test]
fn outputs_beyond_the_plan_left_out_or_of_other_content_fail() {
    fails(
        root(),
        rule::OUTPUTS,
        "the plan names no such output",
        |lines| {
            let mut more = find(lines, "output", "output:root-ca.pub").clone();
            more["step"] = "output:../root-ca.pub".into();
            more["file"] = "../root-ca.pub".into();
            lines.insert(6, more);
        },
    );
    let rules = [rule::OUTPUTS, rule::ORDER];
    for name in ["root-ca.pub", "root-ca.passport"] {
        fails_by(root(), &rules, "did not write", |lines| {
            without(lines, "output", &format!("output:{name}"));
        });
    }
    fails(root(), rule::OUTPUTS, "the result before it", |lines| {
        // The file that is there, under the name of the other.
        let digest = find(lines, "output", "output:root-ca.passport")["sha384"].clone();
        find(lines, "output", "output:root-ca.pub")["sha384"] = digest;
    });
    fails(root(), rule::OUTPUTS, "another file", |lines| {
        find(lines, "output", "output:root-ca.pub")["role"] = "endorsement".into();
    });
}

#[test]
fn lines_with_other_members_than_their_events_fail() {
    let all = [root(), endorse()];
    for (kind, lines) in all.iter().enumerate() {
        for n in 0..lines.len() {
            let which = || all[kind].clone();
            // The signature covers additions to its line as well.
            fails(which(), rule::SHAPE, "unknown member: more", |lines| {
                lines[n]["more"] = "x".into();
            });
        }
    }
    for (n, member, rules) in [
        (0, "plan", &[rule::SHAPE][..]),
        (0, "tool", &[rule::SHAPE][..]),
        (1, "token", &[rule::SHAPE, rule::PASSPORT][..]),
    ] {
        let says = format!("unknown member: {member}.more");
        fails_by(root(), rules, &says, |lines| {
            lines[n][member]["more"] = "x".into();
        });
    }
    fails(endorse(), rule::SHAPE, "its step is not", |lines| {
        find(lines, "root", "root")["step"] = "rootx".into();
    });
    for (member, says) in [
        ("sha384", "its tool.sha384 is not a SHA-384"),
        ("name", "its tool has no name"),
        ("version", "its tool has no name or no version"),
    ] {
        fails(root(), rule::SHAPE, says, |lines| {
            lines[0]["tool"][member] = "".into();
        });
    }
    let says = "it notes an oddity that its attributes do not have: x";
    fails(root(), rule::KEY, says, |lines| {
        find(lines, "result", "make-key")["oddities"] = vec!["x"].into();
    });
    for (n, member) in [(0, "tool"), (3, "id"), (8, "passport"), (9, "role")] {
        let mut lines = root();
        let line = lines[n].as_object_mut().expect("members");
        line.remove(member).expect("it is there");
        let failed = failures(&sealed(&lines, &key(ROOT)), &root());
        assert!(
            failed.iter().any(|(rule, _)| *rule == rule::SHAPE),
            "{n}: {failed:?}"
        );
    }
}

#[test]
fn times_that_go_back_or_are_none_fail() {
    fails(
        root(),
        rule::TIMES,
        "earlier than the time of the line before",
        |lines| {
            lines[5]["time"] = "2026-11-21T09:53:23Z".into();
        },
    );
    for time in [
        "",
        "yesterday",
        "2026-11-21T09:53:24.5Z",
        "2026-11-21 09:53:24Z",
    ] {
        fails(root(), rule::TIMES, "its time is not a time", |lines| {
            lines[5]["time"] = time.into();
        });
    }
}
