//! Verifying a transcript, on another machine and without a token: the chain, the signature, the
//! passport, the outputs, each endorsement, and each payload's signatures.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::certificates::record;
use super::error::Error;
use super::layout;
use super::payload::{Signatures, payload_of};
use super::plan::Plan;
use super::rules::Findings;
use super::step::Step;

pub use super::rules::rule;
use super::story;
use super::transcript::{self, Line};
use crate::crypto::p384::signature_from_der;
use crate::crypto::{Digest, HashAlgorithm, P384Key, Signature};
use crate::files;
use crate::key::pkcs11::Passport;
use crate::report::{Check, hold};
use crate::scheme::annotation::Endorsement;

/// The most bytes of an output of a ceremony.
const MAX_OUTPUT: usize = 64 * 1024;

/// A transcript, and the findings.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The plan that it holds, if that is valid.
    pub plan: Option<Plan>,
    /// The root key that signed it, if any.
    pub root: Option<P384Key>,
    /// The checks.
    pub checks: Vec<Check>,
}

impl Verified {
    /// Whether all checks passed, and there was at least one check.
    pub fn holds(&self) -> bool {
        self.root.is_some() && hold(&self.checks)
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

/// The verifier's own knowledge.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// The root key.
    pub root: Option<P384Key>,
    /// The SHA-384 of the program that the ceremony was meant to use.
    pub program: Option<Digest>,
}

/// Verifies a transcript. Finds outputs by their relative paths below `folder`, or else below the plan's folder,
/// derived from the transcript's path.
pub fn verify(path: &Path, folder: Option<&Path>, expected: Expected) -> Result<Verified, Error> {
    let bytes = transcript::read(path)?;
    let mut findings = Findings::default();
    let lines = match transcript::parse(&bytes) {
        Ok((lines, torn)) => {
            let n = lines.len() + 1;
            if torn > 0 {
                findings.fail(rule::CHAIN, n, "", "it is cut off");
            } else if lines.is_empty() {
                findings.fail(rule::CHAIN, n, "", "there is none");
            }
            lines
        }
        Err((line, reason)) => {
            findings.fail(rule::CHAIN, line, "", reason);
            Vec::new()
        }
    };
    findings.pass_unless_failed(rule::CHAIN, format!("{} lines", lines.len()));
    let root = root_of(&lines);
    if lines.is_empty() {
        return Ok(Verified {
            lines,
            plan: None,
            root: None,
            checks: findings.into_checks(),
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
        findings.add(rule::ROOT, 0, root.fingerprint().to_string(), failure);
    }
    if let Some(program) = &expected.program {
        check_program(&lines, program, &mut findings);
    }
    let plan = check_lines(path, &lines, true, &mut findings);
    let named = plan.as_ref().and_then(|plan| plan.outputs().last());
    let folder = folder.map_or_else(
        || layout::folder_of(path, named.map_or("", |output| &output.name)),
        Path::to_owned,
    );
    check_outputs(&lines, &folder, &mut findings);
    Ok(Verified {
        lines,
        plan,
        root,
        checks: findings.into_checks(),
    })
}

/// Compares lines with the plan that the first one holds, and with one another; the plan, where it is one.
fn check_lines(path: &Path, lines: &[Line], closed: bool, findings: &mut Findings) -> Option<Plan> {
    let plan = check_plan(path, lines, findings);
    if let Some(plan) = &plan {
        story::compare(plan, lines, closed, findings);
    }
    findings.pass_unless_failed(rule::PLAN, "line 1");
    if let Some(root) = root_of(lines) {
        check_passport(lines, &root, findings);
        check_endorsements(lines, &root, findings);
        check_payloads(lines, &root, findings);
        if let Some(plan) = &plan {
            record::check(plan, lines, &root, findings);
        }
    }
    plan
}

/// The first fault of a transcript that is not closed: its line, from 1, and the reason.
pub(super) fn first_wrong(path: &Path, lines: &[Line]) -> Option<(usize, String)> {
    let mut findings = Findings::default();
    check_lines(path, lines, false, &mut findings);
    let (line, failed) = findings.first_failure()?;
    let reason = failed.failure().unwrap_or_default();
    Some((line, format!("{}: {reason}", failed.rule)))
}

/// Each run of the ceremony, the first and those that resumed it, names its program.
fn check_program(lines: &[Line], expected: &Digest, findings: &mut Findings) {
    let runs = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| ["start", "resumed"].contains(&line.event()));
    for (n, line) in runs {
        let found = line.value["tool"]["sha384"].as_str().unwrap_or("no digest");
        let failure = (found != expected.hex())
            .then(|| format!("the program was {found}, not {}", expected.hex()));
        findings.add(rule::PROGRAM, n + 1, format!("line {}", n + 1), failure);
    }
}

/// A line's number, from 1.
fn number(line: &Line) -> usize {
    let n = line.value["n"].as_u64().unwrap_or(0);
    usize::try_from(n).unwrap_or(0) + 1
}

fn place(line: &Line) -> String {
    format!("line {}", number(line))
}

fn key_of(value: &Value) -> Option<P384Key> {
    let spki = transcript::bytes_of(value)?;
    P384Key::from_spki(&spki).ok()
}

fn signature_of(value: &Value) -> Option<Signature> {
    let der = transcript::bytes_of(value)?;
    signature_from_der(&der).ok()
}

/// The root key that the transcript is about: the new key, or the key that endorsed.
fn root_of(lines: &[Line]) -> Option<P384Key> {
    let made = |line: &&Line| line.event() == "result" && line.value["step"] == "make-key";
    let line = lines.iter().find(made);
    let line = line.or_else(|| lines.iter().find(|line| line.event() == "root"))?;
    key_of(&line.value["spki"])
}

fn check_signed(lines: &[Line], root: Option<&P384Key>, findings: &mut Findings) {
    let Some(last) = lines.last().filter(|line| line.event() == "signed") else {
        return findings.fail(
            rule::SIGNED,
            lines.len(),
            "",
            "nobody closed the ceremony: the last line is not signed",
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
                "its signature is not valid: somebody changed it, or another key made it".into()
            })
        }
    };
    findings.add(rule::SIGNED, number(last), place(last), failure);
    let earlier = lines[..lines.len() - 1]
        .iter()
        .find(|line| line.event() == "signed");
    if let Some(line) = earlier {
        findings.fail(rule::SIGNED, number(line), "", "lines follow the signature");
    }
}

/// The plan in the first line, where it is one and has its digest.
fn check_plan(path: &Path, lines: &[Line], findings: &mut Findings) -> Option<Plan> {
    let first = lines.first()?;
    let plan = &first.value["plan"];
    let read = match (first.event(), plan["text"].as_str()) {
        ("start", Some(text)) => Plan::parse(text.to_owned(), path)
            .map_err(|reason| format!("its text is not a plan: {reason}")),
        _ => Err("it is not the start of a ceremony".into()),
    };
    match read {
        Ok(read) => {
            if plan["sha384"] != *read.digest {
                let reason = "the plan's text does not have the digest beside it";
                findings.fail(rule::PLAN, 1, "", reason);
            }
            Some(read)
        }
        Err(reason) => {
            findings.fail(rule::PLAN, 1, "", reason);
            None
        }
    }
}

fn check_passport(lines: &[Line], root: &P384Key, findings: &mut Findings) {
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
                let key = &passport.statement()["key"];
                let kept = made.is_none_or(|line| line.value["attributes"] == key["attributes"]);
                let announced = lines
                    .iter()
                    .find(|line| line.event() == "intent" && line.value["step"] == "make-key");
                let named = announced.is_none_or(|line| {
                    line.value["label"] == key["label"] && line.value["id"] == key["id"]
                });
                (!same)
                    .then(|| "it is of another token than the ceremony's".to_owned())
                    .or_else(|| {
                        (!kept).then(|| "its attributes are not those of the new key".to_owned())
                    })
                    .or_else(|| {
                        (!named).then(|| "its label or id is not the announced key's".to_owned())
                    })
            }
        };
        findings.add(rule::PASSPORT, number(line), place(line), failure);
    }
}

/// The results of steps.
fn results(lines: &[Line]) -> impl Iterator<Item = (&Line, Step<'_>)> {
    let results = lines.iter().filter(|line| line.event() == "result");
    results.filter_map(|line| Some((line, Step::of(line.text("step")?)?)))
}

fn check_endorsements(lines: &[Line], root: &P384Key, findings: &mut Findings) {
    for (line, step) in results(lines) {
        let Step::Endorse(_) = step else { continue };
        let vendor = key_of(&line.value["spki"]);
        let signature = signature_of(&line.value["signature"]);
        let failure = match (vendor, signature) {
            (Some(vendor), Some(signature)) => {
                let endorsed = Endorsement::verified(vendor, *root, signature);
                endorsed.is_err().then(|| {
                    "its signature is not by the root key over the vendor's key".to_owned()
                })
            }
            _ => Some("it holds no vendor's key or no signature".to_owned()),
        };
        let name = line.text("vendor").unwrap_or_default();
        findings.add(
            rule::ENDORSED,
            number(line),
            format!("{}, vendor \"{name}\"", place(line)),
            failure,
        );
    }
}

fn check_payloads(lines: &[Line], root: &P384Key, findings: &mut Findings) {
    for (line, step) in results(lines) {
        let Step::Sign(name) = step else { continue };
        let failure = match (payload_of(&line.value), Signatures::of(&line.value)) {
            (Some((bytes, prepared)), Some(signatures)) => {
                let holds = signatures.hold(root, &prepared.message(&bytes));
                (!holds).then(|| {
                    "its signatures are not by the root key over the payload, one for SHA-256 and one for SHA-384"
                        .to_owned()
                })
            }
            _ => Some("it holds no payload or no signatures".to_owned()),
        };
        findings.add(
            rule::PAYLOAD_SIGNED,
            number(line),
            format!("{}, payload {name}", place(line)),
            failure,
        );
    }
}

/// Compares the outputs with their digests, and with their content in the transcript.
fn check_outputs(lines: &[Line], folder: &Path, findings: &mut Findings) {
    for line in lines.iter().filter(|line| line.event() == "output") {
        let name = line.text("file").unwrap_or_default();
        let plain = layout::name("an output", Path::new(name)).is_ok_and(|plain| plain == name);
        let path: PathBuf = folder.join(name);
        let failure = if plain {
            match files::read(&path, MAX_OUTPUT) {
                Err(error) => Some(error.to_string()),
                Ok(bytes) => {
                    let found = Digest::of(HashAlgorithm::Sha384, &bytes).hex();
                    (line.value["sha384"] != found.as_str())
                        .then(|| format!("its SHA-384 is {found}, but the transcript has another"))
                }
            }
        } else {
            Some("its name does not lead to a file in the folder".to_owned())
        };
        let about = format!("{}, {name}", place(line));
        findings.add(rule::OUTPUTS, number(line), about, failure);
    }
}
