//! Verifying a transcript, on another machine and without a token: the chain, the signature, the
//! passport, the outputs, and each endorsement.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use serde_json::Value;

use super::Error;
use super::transcript::{self, Line};
use crate::crypto::{Digest, HashAlgorithm, Prehash, PublicKey, Signature};
use crate::files;
use crate::key::pkcs11::Passport;

/// No output of a ceremony is longer.
const MAX_OUTPUT: usize = 64 * 1024;

/// One thing that was checked.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// What it was checked on.
    pub about: String,
    /// Why it failed; nothing where it passed.
    pub failure: Option<String>,
}

/// A transcript that was read, with what was found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The root key that signed it, where there is one.
    pub root: Option<PublicKey>,
    /// What was checked.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// Whether everything passed, and there was something.
    pub fn holds(&self) -> bool {
        self.root.is_some()
            && !self.findings.is_empty()
            && self.findings.iter().all(|f| f.failure.is_none())
    }

    /// The first line of an event.
    pub fn line(&self, event: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.event() == event)
    }

    /// The lines of an event.
    pub fn all<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.event() == event)
    }
}

/// The rules of a transcript.
pub mod rule {
    /// Each line holds the SHA-384 of the one before.
    pub const CHAIN: &str = "ceremony.chain";
    /// The last line is signed by the root key.
    pub const SIGNED: &str = "ceremony.signed";
    /// The root key is the one that was expected.
    pub const ROOT: &str = "ceremony.root-expected";
    /// The program is the one that was expected.
    pub const PROGRAM: &str = "ceremony.program-expected";
    /// Each step was confirmed, then intended, then done.
    pub const ORDER: &str = "ceremony.order";
    /// The passport is the root key's and its signature holds.
    pub const PASSPORT: &str = "ceremony.passport";
    /// Each endorsement is the root key's over the vendor's.
    pub const ENDORSED: &str = "ceremony.endorsed";
    /// Each output is there and has its digest.
    pub const OUTPUTS: &str = "ceremony.outputs";
    /// The plan in the transcript has the digest that the transcript gives.
    pub const PLAN: &str = "ceremony.plan";
}

/// What the verifier knows from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// The root key.
    pub root: Option<PublicKey>,
    /// The SHA-384 of the program that the ceremony was to be held with.
    pub program: Option<Digest>,
}

/// Verifies a transcript. Outputs are looked for in `folder`.
pub fn verify(path: &Path, folder: &Path, expected: Expected) -> Result<Verified, Error> {
    let bytes = transcript::read(path)?;
    let mut findings = Findings(Vec::new());
    let lines = match transcript::parse(&bytes) {
        Ok((lines, 0)) if !lines.is_empty() => lines,
        Ok((lines, torn)) => {
            let n = lines.len() + 1;
            findings.fail(
                rule::CHAIN,
                format!("line {n}"),
                if torn > 0 {
                    "it is cut off".into()
                } else {
                    "there is none".into()
                },
            );
            lines
        }
        Err((line, reason)) => {
            findings.fail(rule::CHAIN, format!("line {line}"), reason);
            Vec::new()
        }
    };
    if findings.0.is_empty() {
        findings.pass(rule::CHAIN, format!("{} lines", lines.len()));
    }
    let root = root_of(&lines);
    if lines.is_empty() {
        return Ok(Verified {
            lines,
            root: None,
            findings: findings.0,
        });
    }
    check_signed(&lines, root.as_ref(), &mut findings);
    if let (Some(root), Some(expected)) = (&root, &expected.root) {
        let failure = (root != expected).then(|| {
            format!(
                "it is {}, not {}",
                root.fingerprint(),
                expected.fingerprint()
            )
        });
        findings.add(rule::ROOT, root.fingerprint().to_string(), failure);
    }
    if let Some(program) = &expected.program {
        check_program(&lines, program, &mut findings);
    }
    check_plan(&lines, &mut findings);
    check_order(&lines, &mut findings);
    if let Some(root) = &root {
        check_passport(&lines, root, &mut findings);
        check_endorsements(&lines, root, &mut findings);
    }
    check_outputs(&lines, folder, &mut findings);
    Ok(Verified {
        lines,
        root,
        findings: findings.0,
    })
}

/// Each run of the ceremony, the first and those that went on, names its program.
fn check_program(lines: &[Line], expected: &Digest, findings: &mut Findings) {
    let runs = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| ["start", "resumed"].contains(&line.event()));
    for (n, line) in runs {
        let found = line.value["tool"]["sha384"].as_str().unwrap_or("no digest");
        let failure = (found != expected.hex())
            .then(|| format!("the program was {found}, not {}", expected.hex()));
        findings.add(rule::PROGRAM, format!("line {}", n + 1), failure);
    }
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, rule: &'static str, about: impl Into<String>, failure: Option<String>) {
        self.0.push(Finding {
            rule,
            about: about.into(),
            failure,
        });
    }

    fn pass(&mut self, rule: &'static str, about: impl Into<String>) {
        self.add(rule, about, None);
    }

    fn fail(&mut self, rule: &'static str, about: impl Into<String>, reason: String) {
        self.add(rule, about, Some(reason));
    }
}

fn place(line: &Line) -> String {
    format!("line {}", line.value["n"].as_u64().unwrap_or(0) + 1)
}

fn key_of(value: &Value) -> Option<PublicKey> {
    let spki = Base64::decode_vec(value.as_str()?).ok()?;
    PublicKey::from_spki(&spki).ok()
}

fn signature_of(value: &Value) -> Option<Signature> {
    let der = Base64::decode_vec(value.as_str()?).ok()?;
    Signature::from_der(&der).ok()
}

/// The root key that the transcript is about: the one that was made, or the one that endorsed.
fn root_of(lines: &[Line]) -> Option<PublicKey> {
    let made = |line: &&Line| line.event() == "result" && line.value["step"] == "make-key";
    let line = lines.iter().find(made);
    let line = line.or_else(|| lines.iter().find(|line| line.event() == "root"))?;
    key_of(&line.value["spki"])
}

fn check_signed(lines: &[Line], root: Option<&PublicKey>, findings: &mut Findings) {
    let Some(last) = lines.last().filter(|line| line.event() == "signed") else {
        let last = lines.last().map_or_else(String::new, place);
        return findings.fail(
            rule::SIGNED,
            last,
            "the ceremony was not closed: the last line is not signed".into(),
        );
    };
    let mut unsigned = last.value.clone();
    let signature = unsigned
        .as_object_mut()
        .and_then(|line| line.shift_remove("signature"));
    let signature = signature.as_ref().and_then(signature_of);
    let failure = match (root, signature) {
        (None, _) => Some("the transcript names no root key".to_owned()),
        (_, None) => Some("it holds no signature".to_owned()),
        (Some(root), Some(signature)) => {
            let holds = root.verifies(&transcript::prehash(&unsigned), &signature);
            (!holds).then(|| {
                "its signature does not hold: it was changed, or another key made it".into()
            })
        }
    };
    findings.add(rule::SIGNED, place(last), failure);
    let earlier = lines[..lines.len() - 1]
        .iter()
        .find(|line| line.event() == "signed");
    if let Some(line) = earlier {
        findings.fail(
            rule::SIGNED,
            place(line),
            "lines follow the signature".into(),
        );
    }
}

fn check_plan(lines: &[Line], findings: &mut Findings) {
    let first = &lines[0];
    let plan = &first.value["plan"];
    let failure = match (first.event(), plan["text"].as_str()) {
        ("start", Some(text)) => {
            let digest = Digest::of(HashAlgorithm::Sha384, text.as_bytes()).hex();
            (plan["sha384"] != digest.as_str())
                .then(|| "the plan's text does not have the digest beside it".into())
        }
        _ => Some("it is not the start of a ceremony".into()),
    };
    findings.add(rule::PLAN, place(first), failure);
}

/// Every result of work on the token follows a confirmation and an intent of its step.
fn check_order(lines: &[Line], findings: &mut Findings) {
    let mut confirmed = BTreeSet::new();
    let mut intended = BTreeSet::new();
    let mut done = BTreeSet::new();
    for line in lines {
        let step = line.text("step").unwrap_or_default();
        let failure = match line.event() {
            "confirmed" => {
                confirmed.insert(step);
                None
            }
            "intent" if !confirmed.contains(step) => Some("the step was not confirmed"),
            "intent" => {
                intended.insert(step);
                None
            }
            "result" if !done.insert(step) => Some("the step was done twice"),
            // The one thing that may be there before its ceremony.
            "result" if step.starts_with("endorse:") && line.value["kept"] == true => None,
            "result" if !intended.contains(step) => Some("the step was not announced"),
            "signed" if !intended.contains("close") => Some("closing was not announced"),
            "start" if line.value["n"] != 0 => Some("the ceremony starts twice"),
            "start" | "resumed" | "token" | "root" | "result" | "output" | "failed" | "stopped"
            | "signed" => None,
            _ => Some("the event is not known"),
        };
        if let Some(failure) = failure {
            findings.fail(
                rule::ORDER,
                format!("{} ({step})", place(line)),
                failure.into(),
            );
        }
    }
    let made = done.contains("make-key") && done.contains("passport");
    let endorsed = done.iter().any(|step| step.starts_with("endorse:"));
    let failure = (!made && !endorsed).then(|| "no key was made and no vendor endorsed".into());
    findings.add(rule::ORDER, format!("{} steps", done.len()), failure);
}

fn check_passport(lines: &[Line], root: &PublicKey, findings: &mut Findings) {
    let of_step = |line: &Line| line.event() == "result" && line.value["step"] == "passport";
    let with = lines
        .iter()
        .filter(|line| of_step(line) || line.value["passport"].is_string());
    for line in with {
        let text = line.text("passport").unwrap_or_default();
        let token = lines.iter().find(|line| line.event() == "token");
        let failure = match Passport::parse(text.as_bytes()) {
            Err(error) => Some(error.to_string()),
            Ok(passport) if passport.public_key() != root => Some("it is another key's".to_owned()),
            Ok(passport) => {
                let said = &passport.statement()["token"];
                let same = token.is_some_and(|line| line.value["token"] == *said);
                let made = lines
                    .iter()
                    .find(|line| line.event() == "result" && line.value["step"] == "make-key");
                let attributes = &passport.statement()["key"]["attributes"];
                let kept = made.is_none_or(|line| line.value["attributes"] == *attributes);
                (!same)
                    .then(|| "it is of another token than the ceremony's".to_owned())
                    .or_else(|| {
                        (!kept).then(|| {
                            "its attributes are not those of the key that was made".to_owned()
                        })
                    })
            }
        };
        findings.add(rule::PASSPORT, place(line), failure);
    }
}

fn check_endorsements(lines: &[Line], root: &PublicKey, findings: &mut Findings) {
    let of = |line: &&Line| {
        line.event() == "result" && line.text("step").is_some_and(|s| s.starts_with("endorse:"))
    };
    for line in lines.iter().filter(of) {
        let vendor = key_of(&line.value["spki"]);
        let signature = signature_of(&line.value["signature"]);
        let failure = match (vendor, signature) {
            (Some(vendor), Some(signature)) => {
                let prehash = Prehash::sha384(&vendor.to_spki());
                (!root.verifies(&prehash, &signature))
                    .then(|| "the root key did not sign the vendor's key with it".to_owned())
            }
            _ => Some("it holds no vendor's key or no signature".to_owned()),
        };
        let name = line.text("vendor").unwrap_or_default();
        findings.add(
            rule::ENDORSED,
            format!("{}, vendor \"{name}\"", place(line)),
            failure,
        );
    }
}

/// Compares the outputs with their digests, and with what the transcript itself holds of them.
fn check_outputs(lines: &[Line], folder: &Path, findings: &mut Findings) {
    for line in lines.iter().filter(|line| line.event() == "output") {
        let name = line.text("file").unwrap_or_default();
        let plain = !name.is_empty() && Path::new(name).file_name() == Some(name.as_ref());
        let path: PathBuf = folder.join(name);
        let failure = if plain {
            match files::read(&path, MAX_OUTPUT) {
                Err(error) => Some(error.to_string()),
                Ok(bytes) => {
                    let found = Digest::of(HashAlgorithm::Sha384, &bytes).hex();
                    (line.value["sha384"] != found.as_str())
                        .then(|| format!("its SHA-384 is {found}, and the transcript has another"))
                }
            }
        } else {
            Some("its name is not that of a file in the folder".to_owned())
        };
        findings.add(rule::OUTPUTS, format!("{}, {name}", place(line)), failure);
    }
    if !lines.iter().any(|line| line.event() == "output") {
        findings.fail(
            rule::OUTPUTS,
            "no line",
            "the ceremony wrote nothing".into(),
        );
    }
}
