//! Transcripts that somebody wrote who has the root key: chained and signed as they have to be, and wrong in
//! one thing. Each rule finds its own.

use std::fs;
use std::path::Path;

use base64ct::{Base64, Encoding};
use ir_sign::ceremony::transcript::{origin, prehash};
use ir_sign::ceremony::verify::{Expected, rule, verify};
use ir_sign::crypto::digest::hex;
use ir_sign::crypto::{Prehash, Signer};
use ir_sign::key::file::FileKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha384};

/// What the root key of these transcripts is.
const ROOT: &[u8] = include_bytes!("data/keys/vendor.prv");
const ROOT_PUBLIC: &[u8] = include_bytes!("data/keys/vendor.pub");
/// The public key that the one with an endorsement is about.
const VENDOR: &[u8] = include_bytes!("data/keys/other.pub");
/// A valid signature, of another key over another.
const FOREIGN: &[u8] = include_bytes!("data/keys/vendor.pub.sig");

fn key(sec1: &[u8]) -> FileKey {
    FileKey::from_sec1(sec1).expect("a private key")
}

fn lines(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).expect("JSON");
    text.lines().map(line).collect()
}

/// A ceremony that made a root key, and one that endorsed a vendor.
fn root() -> Vec<Value> {
    lines(include_str!("../fuzz/seeds/transcript/root"))
}

fn endorse() -> Vec<Value> {
    lines(include_str!("../fuzz/seeds/transcript/endorse"))
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
            let signature = signer.sign(&prehash(&line)).expect("a key file signs");
            line["signature"] = Base64::encode_string(&signature.to_der()).into();
        }
        let text = format!("{line}\n");
        prev = hex(&Sha384::digest(&text));
        out.push_str(&text);
    }
    out
}

/// The rules that fail, each with what it says.
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
    let endorsement = key(ROOT).sign(&Prehash::sha384(VENDOR));
    let endorsement = endorsement.expect("a key file signs").to_der();
    put("vendor-1.pub.sig", &endorsement);
    put("a.transcript", transcript.as_bytes());
    let path: &Path = &folder.path().join("a.transcript");
    let verified = verify(path, folder.path(), Expected::default()).expect("it is read");
    let findings = verified.findings.iter();
    let failed = findings.filter_map(|f| Some((f.rule, f.failure.clone()?)));
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

/// Asserts that a changed transcript fails by one rule alone, which says why.
#[track_caller]
fn fails(mut lines: Vec<Value>, rule: &str, says: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let whole = failures(&sealed(&lines, &key(ROOT)), &lines);
    assert!(whole.is_empty(), "unchanged: {whole:?}");
    change(&mut lines);
    let failed = failures(&sealed(&lines, &key(ROOT)), &lines);
    assert!(!failed.is_empty(), "it holds");
    for (found, reason) in &failed {
        assert_eq!(*found, rule, "{reason}");
    }
    assert!(
        failed.iter().any(|(_, reason)| reason.contains(says)),
        "{failed:?}"
    );
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
        ("confirmed", "make-key", "the step was not confirmed"),
        ("confirmed", "close", "the step was not confirmed"),
        ("intent", "make-key", "the step was not announced"),
        ("intent", "passport", "the step was not announced"),
        ("intent", "close", "closing was not announced"),
    ] {
        fails(root(), rule::ORDER, says, |lines| {
            without(lines, event, step);
        });
    }
    fails(root(), rule::ORDER, "the step was done twice", |lines| {
        twice(lines, "result", "make-key");
    });
    fails(root(), rule::ORDER, "the event is not known", |lines| {
        let mut odd = lines[2].clone();
        odd["event"] = "skipped".into();
        lines.insert(3, odd);
    });
    fails(
        root(),
        rule::ORDER,
        "no key was made and no vendor endorsed",
        |lines| {
            lines.retain(|line| line["event"] != "result" || line["step"] != "passport");
        },
    );
    fails(root(), rule::ORDER, "the ceremony starts twice", |lines| {
        twice(lines, "start", "");
    });
    // What is confirmed and announced afterwards was not.
    fails(root(), rule::ORDER, "the step was not announced", |lines| {
        let at = lines
            .iter()
            .position(|l| l["event"] == "intent")
            .expect("an intent");
        lines.swap(at, at + 1);
    });
}

#[test]
fn a_passport_of_another_token_key_or_attributes_fails() {
    fails(
        root(),
        rule::PASSPORT,
        "it is of another token than the ceremony's",
        |lines| {
            let token = lines.iter_mut().find(|line| line["event"] == "token");
            token.expect("a token")["token"]["serial"] = "another".into();
        },
    );
    let attributes = "its attributes are not those of the key that was made";
    fails(root(), rule::PASSPORT, attributes, |lines| {
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
    fails(
        endorse(),
        rule::ENDORSED,
        "the root key did not sign",
        |lines| {
            find(lines, "result", "endorse:")["signature"] = foreign.into();
        },
    );
    fails(
        endorse(),
        rule::ENDORSED,
        "the root key did not sign",
        |lines| {
            find(lines, "result", "endorse:")["spki"] = Base64::encode_string(ROOT_PUBLIC).into();
        },
    );
    for member in ["spki", "signature"] {
        fails(
            endorse(),
            rule::ENDORSED,
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
        "its name is not that of a file in the folder",
        |lines| {
            find(lines, "output", "output:root-ca.pub")["file"] = "../root-ca.pub".into();
        },
    );
}

#[test]
fn a_transcript_that_another_key_closed_fails() {
    let lines = root();
    let other = key(include_bytes!("data/keys/ca.prv"));
    let failed = failures(&sealed(&lines, &other), &lines);
    let rules: Vec<_> = failed.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, [rule::SIGNED], "{failed:?}");
}
