//! The checks before a ceremony touches anything.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::error::Error;
use super::plan::Plan;
use super::transcript::{Line, Transcript};
use super::work::Work;
use super::{places, software, verify};
use crate::crypto::p384::signature_from_der;
use crate::crypto::{Digest, HashAlgorithm, P384Key, Signature};
use crate::encoding::base64::base64;
use crate::encoding::hex::unhex;
use crate::files;
use crate::key::pkcs11::{self, Described, NewKey, attributes_json};
use crate::key::uri::TokenUri;
use crate::key::{KeyRef, KeyRing};
use crate::scheme::annotation::Endorsement;

/// The most bytes of a signature file.
const MAX_SIGNATURE: usize = 4 * 1024;

/// The result of the checks.
pub struct Checked {
    /// The work, with its inputs.
    pub work: Work,
    /// The token.
    pub token: Described,
    /// The token, as a transcript records it.
    pub(super) facts: Value,
    /// The key that an earlier run made, as the token has it now.
    pub(super) made: Option<NewKey>,
}

/// Checks the plan's inputs, outputs, token and key. Logs in to the token; writes nothing.
pub fn check(plan: &Plan, ring: &KeyRing) -> Result<Checked, Error> {
    let (work, begun) = files_of(plan)?;
    let mut uri = plan.uri();
    uri.object = None;
    // If a token allows one session, it has to serve for all work: another one would need another PIN.
    if work.root().is_none() {
        ring.tokens().will_write(&uri)?;
    }
    let token = ring.tokens().describe(&uri)?;
    check_kind_of_token(plan, &token)?;
    let facts = facts(&token);
    let lines = begun.unwrap_or_default();
    check_same_token(plan, &lines, &facts)?;
    let mut made = None;
    match work.root() {
        // Once the intent is written the key may be there.
        None if find(&lines, "intent", "make-key").is_some() => {
            made = noted_key(plan, ring, &lines)?;
        }
        None => ring.tokens().check_label_free(&plan.uri())?,
        Some(root) => {
            let signer = ring.signer(&KeyRef::Token(Box::new(plan.uri())))?;
            ring.check_passports()?;
            if signer.public_key() != root {
                return Err(Error::OtherRoot {
                    found: signer.public_key().fingerprint(),
                    wanted: root.fingerprint(),
                });
            }
        }
    }
    Ok(Checked {
        work,
        token,
        facts,
        made,
    })
}

/// A token, as a transcript records it.
fn facts(described: &Described) -> Value {
    let token = &described.token;
    json!({
        "label": token.label,
        "manufacturer": token.manufacturer,
        "model": token.model,
        "serial": token.serial,
        "hardware": format!("{}.{}", described.hardware.0, described.hardware.1),
        "firmware": format!("{}.{}", token.firmware.0, token.firmware.1),
    })
}

/// Refuses another token than the transcript's.
pub(super) fn check_same_token(plan: &Plan, lines: &[Line], now: &Value) -> Result<(), Error> {
    let then = lines.iter().find(|line| line.event() == "token");
    let then = then.map(|line| &line.value["token"]);
    match then.filter(|then| *then != now) {
        None => Ok(()),
        Some(then) => Err(Error::Changed {
            path: plan.transcript(),
            what: "the token",
            then: then.to_string(),
            now: now.to_string(),
        }),
    }
}

/// Finds the key that the transcript announced, if the token has it, and proves it. If the transcript says that the
/// key was made, the token must have the same key: a transcript without a signature proves nothing.
fn noted_key(plan: &Plan, ring: &KeyRing, lines: &[Line]) -> Result<Option<NewKey>, Error> {
    let changed = |what, then: &str, now: String| Error::Changed {
        path: plan.transcript(),
        what,
        then: then.to_owned(),
        now,
    };
    let intent = find(lines, "intent", "make-key");
    let uri = TokenUri {
        id: intent.and_then(|line| unhex(line.text("id")?)),
        ..plan.uri()
    };
    let key = ring.tokens().existing(&uri)?;
    let Some(noted) = find(lines, "result", "make-key") else {
        // Half of it may exist, but nothing else with its name.
        if key.is_none()
            && let Err(error) = ring.tokens().check_label_free(&uri)
            && !matches!(error, pkcs11::Error::InUse { orphans: true, .. })
        {
            return Err(error.into());
        }
        return Ok(key);
    };
    let then = noted.text("sha256").unwrap_or_default();
    let Some(key) = key else {
        let now = "not on the token".to_owned();
        return Err(changed("the root key", then, now));
    };
    let spki = key.p384().to_spki();
    if noted.text("spki") != Some(&*base64(&spki)) {
        let now = Digest::of(HashAlgorithm::Sha256, &spki).hex();
        return Err(changed("the root key", then, now));
    }
    let (attributes, now) = (&noted.value["attributes"], attributes_json(&key.facts));
    if *attributes != now || noted.value["oddities"] != json!(key.oddities) {
        let what = "the root key's attributes";
        return Err(changed(what, &attributes.to_string(), now.to_string()));
    }
    Ok(Some(key))
}

/// The same for only the files, without the token.
pub fn check_files(plan: &Plan) -> Result<Work, Error> {
    plan.passport()?;
    files_of(plan).map(|(work, _)| work)
}

/// The work, and the lines of an earlier run.
fn files_of(plan: &Plan) -> Result<(Work, Option<Vec<Line>>), Error> {
    let work = plan.work()?;
    let begun = begun(plan)?;
    check_outputs(plan, &work, begun.is_some())?;
    places::check(plan)?;
    Ok((work, begun))
}

fn find<'a>(lines: &'a [Line], event: &str, step: &str) -> Option<&'a Line> {
    lines
        .iter()
        .find(|line| line.event() == event && line.value["step"] == step)
}

/// The lines of an unfinished ceremony by this plan.
fn begun(plan: &Plan) -> Result<Option<Vec<Line>>, Error> {
    let path = plan.transcript();
    match path.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let bytes = super::transcript::read(&path)?;
    let (lines, _) =
        super::transcript::parse(&bytes).map_err(|(line, reason)| Error::Transcript {
            path: path.clone(),
            line,
            reason,
        })?;
    check_begun(plan, &lines, &path)?;
    Ok((!lines.is_empty()).then_some(lines))
}

/// Refuses lines that no run can continue.
pub(super) fn check_begun(plan: &Plan, lines: &[Line], path: &Path) -> Result<(), Error> {
    let Some(first) = lines.first() else {
        return Ok(());
    };
    let then = first.value["plan"]["sha384"].as_str().unwrap_or_default();
    if first.event() != "start" || then != plan.digest {
        return Err(Error::OtherPlan {
            path: path.to_owned(),
            then: then.to_owned(),
            now: plan.digest.clone(),
        });
    }
    if lines.last().is_some_and(|line| line.event() == "signed") {
        // The run that closed it may have been killed before its last line was durable.
        files::sync_existing(path).map_err(Error::file("transcript"))?;
        return Err(Error::Complete {
            path: path.to_owned(),
        });
    }
    let then = lines.last().and_then(|line| line.text("time"));
    let now = SystemTime::now();
    if let Some(then) = then.filter(|then| humantime::parse_rfc3339(then).is_ok_and(|t| t > now)) {
        return Err(Error::Clock {
            path: path.to_owned(),
            then: then.to_owned(),
            now: humantime::format_rfc3339_seconds(now).to_string(),
        });
    }
    // Without a signature the transcript is an ordinary file.
    match verify::first_wrong(path, lines) {
        None => Ok(()),
        Some((line, reason)) => Err(Error::Transcript {
            path: path.to_owned(),
            line,
            reason,
        }),
    }
}

/// Does the same for a transcript that is open.
pub(super) fn check_open(plan: &Plan, transcript: &Transcript) -> Result<(), Error> {
    check_begun(plan, &transcript.lines, &plan.transcript())
}

fn check_outputs(plan: &Plan, work: &Work, begun: bool) -> Result<(), Error> {
    // The step of an output compares a file that an earlier run wrote.
    if begun {
        return Ok(());
    }
    let absent = |role, path: &Path| {
        let there = path.symlink_metadata().is_ok();
        let path = path.to_owned();
        if there {
            return Err(Error::Exists { role, path });
        }
        Ok(())
    };
    match work {
        // This run keeps none of these: another run makes another key, certificate or CRL.
        Work::RootKey { .. }
        | Work::RootCertificate { .. }
        | Work::IssueCertificates { .. }
        | Work::Revoke { .. } => {
            let outputs = plan.outputs().iter();
            for output in outputs.filter(|output| output.role != "transcript") {
                absent(output.role, &plan.place(output))?;
            }
        }
        Work::EndorseVendors { root, vendors } => {
            for vendor in vendors {
                if endorsement_there(&vendor.endorsement, root, &vendor.key)?.is_none() {
                    absent("endorsement", &vendor.endorsement)?;
                }
            }
        }
        Work::SignPayloads { root, payloads } => {
            for payload in payloads {
                if payload.signed_there(root)?.is_none() {
                    absent("signatures", &payload.signature)?;
                }
            }
        }
    }
    // An empty transcript is from a run that ended before its first line.
    let transcript = plan.transcript();
    match transcript.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => absent("transcript", &transcript),
        _ => Ok(()),
    }
}

/// The valid endorsement that already exists at its path.
pub(super) fn endorsement_there(
    path: &Path,
    root: &P384Key,
    vendor: &P384Key,
) -> Result<Option<Signature>, Error> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let bytes = files::read(path, MAX_SIGNATURE).map_err(Error::file("endorsement"))?;
    let signature = signature_from_der(&bytes).ok();
    let endorsed =
        signature.and_then(|signature| Endorsement::verified(*vendor, *root, signature).ok());
    Ok(endorsed.map(|endorsed| endorsed.signature().clone()))
}

/// Refuses a software token in a ceremony, and hardware in a rehearsal.
fn check_kind_of_token(plan: &Plan, described: &Described) -> Result<(), Error> {
    let token = &described.token;
    let is_program = software::is_program(&token.manufacturer, &token.model);
    let refuse = |reason| {
        Err(Error::Software {
            token: token.label.clone(),
            reason,
        })
    };
    if plan.is_rehearsal() {
        if !is_program && described.in_hardware_slot {
            return refuse("it is hardware, but the plan is for a rehearsal");
        }
        return Ok(());
    }
    if is_program {
        return refuse("it is a program, but the plan is not for a rehearsal (rehearsal = true)");
    }
    if !described.in_hardware_slot && !plan.token().hardware_without_flag {
        return refuse(
            "its slot does not say that it is hardware; if you know that it is, \
             the plan has to say token.hardware-without-flag = true",
        );
    }
    Ok(())
}
