//! Transcripts: as they are, where only a seed holds, and with each line's number, chain and spelling made right and
//! the last line signed with a root key at hand, so that changes get past those. A valid one stops being valid after a
//! change.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use ir_sign::ceremony::diff::diff;
use ir_sign::ceremony::report::{html, markdown};
use ir_sign::ceremony::transcript::{Line, Transcript, origin, parse, prehash};
use ir_sign::ceremony::verify::{Expected, Verified, verify};
use ir_sign::crypto::p384::ALGORITHM;
use ir_sign::crypto::{P384Key, Signed};
use ir_sign::encoding::hex::hex;
use ir_sign::key::Signer;
use ir_sign::key::pkcs11::Passport;
use serde_json::{Map, Value};
use sha2::{Digest, Sha384};
use tempfile::TempDir;

use super::scene::{CA, SIGNER, VENDOR, folder};

/// The files that ceremonies wrote, as the seeds say.
static OUTPUTS: LazyLock<[(&str, Vec<u8>); 3]> = LazyLock::new(|| {
    let seed = str::from_utf8(include_bytes!("../seeds/transcript/root")).expect("text");
    let passport = seed.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        line["passport"].as_str().map(str::to_owned)
    });
    let other = include_bytes!("../../tests/data/keys/other.pub");
    let endorsement = SIGNER
        .sign(ALGORITHM, Signed::Bytes(other))
        .expect("a key file signs");
    [
        ("root-ca.pub", VENDOR.to_vec()),
        (
            "root-ca.passport",
            passport.expect("a passport").into_bytes(),
        ),
        ("vendor-1.pub.sig", endorsement.to_bytes()),
    ]
});

thread_local! {
    static FOLDER: TempDir = {
        let folder = folder();
        for (name, bytes) in &*OUTPUTS {
            fs::write(folder.path().join(name), bytes).expect("written");
        }
        folder
    };
}

pub fn run(bytes: &[u8]) {
    check(bytes);
    if let Some(sealed) = sealed(bytes)
        && sealed != bytes
    {
        check(&sealed);
    }
}

fn check(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let path = folder.path().join("a.transcript");
        fs::write(&path, bytes).expect("written");
        let verified =
            verify(&path, Some(folder.path()), Expected::default()).expect("it can be read");
        let parsed = parse(bytes);
        match &parsed {
            Ok((lines, torn)) => {
                let spelt: Vec<String> = lines.iter().map(|l| format!("{}\n", l.value)).collect();
                assert_eq!(spelt.concat().as_bytes(), &bytes[..bytes.len() - torn]);
                assert_eq!(lines.len(), verified.lines.len());
            }
            Err((line, _)) => assert!(*line > 0 && verified.lines.is_empty()),
        }
        assert_plain_page(&markdown(&verified), &html(&verified));
        if verified.holds() {
            assert_holds(&verified, bytes);
            let at = usize::from(Sha384::digest(bytes)[0]) * 257 % bytes.len();
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            fs::write(&path, &changed).expect("written");
            let changed =
                verify(&path, Some(folder.path()), Expected::default()).expect("it can be read");
            assert!(!changed.holds(), "with another byte {at} it holds too");
            let other = Expected {
                root: P384Key::from_spki(CA).ok(),
                program: None,
            };
            fs::write(&path, bytes).expect("written");
            let other = verify(&path, Some(folder.path()), other).expect("it can be read");
            assert!(!other.holds(), "it holds for whoever expects another root");
        }
        match diff(&path, &path) {
            Ok(found) => assert!(
                found
                    .differences
                    .iter()
                    .all(|what| what.ends_with("a plan is not TOML"))
            ),
            Err(_) => assert!(parsed.is_err()),
        }
        open(&path, bytes, parsed.map(|(_, torn)| torn).ok());
    });
}

/// Asserts that no text of a transcript has a meaning for programs that show its page.
fn assert_plain_page(markdown: &str, html: &str) {
    const TAGS: [&str; 14] = [
        "!doctype html",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "h1",
        "h2",
        "p",
        "pre",
        "table",
        "t",
    ];
    for tag in html.split('<').skip(1) {
        let name = tag.trim_start_matches('/');
        assert!(TAGS.iter().any(|tag| name.starts_with(tag)), "<{tag}");
        let end = tag.find('>').expect("a tag's end");
        let text = &tag[end + 1..];
        assert!(
            name.starts_with("style") || !text.contains(['>', '"']),
            "{text}"
        );
    }
    let line = |c: char| c.is_control() && c != '\n';
    assert!(!html.contains(line) && !markdown.contains(line));
    let mut code_may_follow = false;
    for line in markdown.lines() {
        // In an indented block, which a blank line comes before, nothing means anything (CommonMark, section 4.4).
        if line.starts_with("    ") {
            assert!(code_may_follow, "{line}");
            continue;
        }
        code_may_follow = line.is_empty();
        for (at, c) in line.match_indices(['<', '&', '[', '`']) {
            assert!(line[..at].ends_with('\\'), "a bare {c}");
        }
    }
}

/// The properties of a transcript that holds.
fn assert_holds(verified: &Verified, bytes: &[u8]) {
    assert!(bytes.ends_with(b"\n"));
    let root = verified.root.expect("a root key");
    let (last, earlier) = verified.lines.split_last().expect("lines");
    assert_eq!(last.event(), "signed");
    assert!(earlier.iter().all(|line| line.event() != "signed"));
    assert_eq!(earlier[0].event(), "start");
    let mut prev = origin();
    for (n, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let value: Value = serde_json::from_slice(line).expect("JSON");
        assert_eq!(value["n"], n);
        assert_eq!(value["prev"], prev);
        prev = hex(&Sha384::digest(line));
    }
    let has = |event: &str, step: &str| earlier.iter().any(|line| line_is(line, event, step));
    for line in earlier.iter().filter(|line| line.event() == "result") {
        let step = line.text("step").unwrap_or_default();
        let done = has("confirmed", step) && has("intent", step);
        let kept = step.starts_with("endorse:") && line.value["kept"] == true;
        assert!(done || kept, "{step} of its own");
        if step == "passport" {
            let passport = line.text("passport").expect("a passport");
            let passport = Passport::parse(passport.as_bytes()).expect("a passport");
            assert_eq!(*passport.public_key(), root);
        }
    }
    assert!(has("confirmed", "close") && has("intent", "close"));
    for line in earlier.iter().filter(|line| line.event() == "output") {
        let name = line.text("file").expect("a name");
        let found = OUTPUTS.iter().find(|(known, _)| *known == name);
        let (_, bytes) = found.unwrap_or_else(|| panic!("{name} is not there"));
        assert_eq!(line.value["sha384"], hex(&Sha384::digest(bytes)));
    }
    assert_eq!(root.to_spki(), VENDOR);
}

fn line_is(line: &Line, event: &str, step: &str) -> bool {
    line.event() == event && line.text("step").unwrap_or_default() == step
}

/// Opens it to go on with: a torn end is taken off, all else stays.
fn open(path: &Path, bytes: &[u8], torn: Option<usize>) {
    let opened = Transcript::open(path);
    let now = fs::read(path).expect("bytes");
    match (opened, torn) {
        (Ok((transcript, off)), Some(torn)) => {
            assert_eq!(off, torn);
            assert_eq!(now, bytes[..bytes.len() - torn]);
            drop(transcript);
            let (_, off) = Transcript::open(path).expect("once more");
            assert_eq!(off, 0);
        }
        (Err(_), None) => assert_eq!(now, bytes, "a bad transcript was changed"),
        (opened, torn) => panic!("opened: {:?}, torn: {torn:?}", opened.is_ok()),
    }
}

/// The same lines, numbered, chained, spelt and signed.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut prev = origin();
    for (n, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let read: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let mut value = Map::new();
        value.insert("n".into(), n.into());
        value.insert("prev".into(), prev.into());
        value.extend(
            read.into_iter()
                .filter(|(key, _)| !["n", "prev"].contains(&&**key)),
        );
        let mut value = Value::Object(value);
        if value["event"] == "signed" {
            let members = value.as_object_mut().expect("an object");
            members.shift_remove("signature");
            let signature = SIGNER
                .sign(ALGORITHM, Signed::Hashed(&prehash(&value)))
                .expect("a key file signs");
            value["signature"] = Base64::encode_string(&signature.to_bytes()).into();
        }
        let line = format!("{value}\n").into_bytes();
        prev = hex(&Sha384::digest(&line));
        out.extend(line);
    }
    Some(out)
}
