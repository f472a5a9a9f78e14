//! The sections of the page about what the root key signed.

use serde_json::Value;

use super::certificates::facts::{Fact, of_certificate, of_crl};
use super::page::{Block, Kind, digest, heading, table};
use super::payload::payload_of;
use super::step::Step;
use super::transcript::{Line, bytes_of};
use super::verify::Verified;
use crate::crypto::{Digest, HashAlgorithm, P384Key};
use crate::encoding::base64::unbase64;
use crate::encoding::hex::hex;
use crate::x509::Certificate;
use crate::x509::crl::RevocationList;

pub(super) fn fingerprint(key: &P384Key) -> String {
    Digest::of(HashAlgorithm::Sha256, &key.to_spki()).hex()
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "not known to the token".into(),
        other => other.to_string(),
    }
}

pub(super) fn endorsements(verified: &Verified) -> Vec<Block> {
    let of = |line: &&Line| matches!(line.text("step").and_then(Step::of), Some(Step::Endorse(_)));
    let mut blocks = Vec::new();
    for line in verified.all("result").filter(of) {
        let key = line.text("spki").and_then(unbase64);
        let Some(key) = key.and_then(|spki| P384Key::from_spki(&spki).ok()) else {
            continue;
        };
        blocks.push(heading(&format!("Vendor {}", text(&line.value["vendor"]))));
        if line.value["kept"] == true {
            blocks.push(Block::Text("The run kept the existing endorsement.".into()));
        }
        blocks.extend(digest(
            "SHA-256 of the SubjectPublicKeyInfo:",
            &fingerprint(&key),
        ));
    }
    blocks
}

/// The signed payloads, and the content of each.
pub(super) fn payloads(verified: &Verified) -> Vec<Block> {
    let mut blocks = Vec::new();
    for line in verified.all("result") {
        let step = line.text("step").and_then(Step::of);
        let (Some(Step::Sign(name)), Some((_, prepared))) = (step, payload_of(&line.value)) else {
            continue;
        };
        blocks.push(heading(&format!("Payload {name}")));
        if line.value["kept"] == true {
            blocks.push(Block::Text("The run kept the existing signatures.".into()));
        }
        let facts = prepared.facts();
        let rows = facts
            .iter()
            .map(|fact| vec![fact.what.clone(), fact.value.clone()]);
        blocks.push(table(Kind::Facts, &["what", "value"], rows.collect()));
        for fact in facts {
            if let Some(bytes) = fact.digest {
                blocks.extend(digest(
                    &format!("{}, to read aloud:", fact.what),
                    &hex(&bytes),
                ));
            }
        }
    }
    blocks
}

/// The signed certificates and the CRL, and the content of each.
pub(super) fn certificates(verified: &Verified) -> Vec<Block> {
    let mut blocks = Vec::new();
    for line in verified.all("result") {
        let (title, der, facts) = match line.text("step").and_then(Step::of) {
            Some(Step::Certify) => ("Root certificate".to_owned(), "certificate", None),
            Some(Step::Issue(request)) => {
                (format!("Certificate for {request}"), "certificate", None)
            }
            Some(Step::Revoke) => {
                let facts = facts_of_crl(line);
                ("Certificate revocation list".to_owned(), "crl", facts)
            }
            _ => continue,
        };
        let Some(der) = bytes_of(&line.value[der]) else {
            continue;
        };
        let of_certificate = || Certificate::read(&der).ok().map(|c| of_certificate(&c));
        let Some(facts) = facts.or_else(of_certificate) else {
            continue;
        };
        blocks.push(heading(&title));
        let rows = facts
            .iter()
            .map(|fact| vec![fact.what.to_owned(), fact.value.clone()]);
        blocks.push(table(Kind::Facts, &["what", "value"], rows.collect()));
        let fingerprint = Digest::of(HashAlgorithm::Sha256, &der).hex();
        blocks.extend(digest("SHA-256 of its DER encoding:", &fingerprint));
    }
    blocks
}

fn facts_of_crl(line: &Line) -> Option<Vec<Fact>> {
    let list = RevocationList::read(&bytes_of(&line.value["crl"])?).ok()?;
    let previous = bytes_of(&line.value["previous"]);
    let previous = previous.and_then(|bytes| RevocationList::read(&bytes).ok());
    Some(of_crl(&list, previous.as_ref()))
}
