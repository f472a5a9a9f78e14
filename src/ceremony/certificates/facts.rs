//! The content of certificates and CRLs, for people to read before they confirm.

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::crypto::{Digest, HashAlgorithm};
use crate::encoding::hex::hex;
use crate::x509::crl::RevocationList;
use crate::x509::{Certificate, Entry};

/// One thing that a certificate or a CRL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub what: &'static str,
    /// Its value.
    pub value: String,
    /// The bytes of a digest that people read aloud.
    pub digest: Option<Vec<u8>>,
}

fn fact(what: &'static str, value: impl Into<String>) -> Fact {
    Fact {
        what,
        value: value.into(),
        digest: None,
    }
}

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

/// The content of a certificate.
pub(in crate::ceremony) fn of_certificate(certificate: &Certificate) -> Vec<Fact> {
    let key = certificate.public_key();
    let digest = Digest::of(HashAlgorithm::Sha256, key.spki());
    let mut facts = vec![
        fact("subject", certificate.subject().to_string()),
        fact("issuer", certificate.issuer().to_string()),
        fact("profile", profile(certificate)),
        fact("key", key.kind().to_string()),
        Fact {
            what: "sha256",
            value: digest.hex(),
            digest: Some(digest.as_bytes().to_vec()),
        },
        fact("serial", hex(certificate.serial())),
        fact("not-before", time(certificate.not_before())),
        fact("not-after", time(certificate.not_after())),
    ];
    let urls = certificate.extensions().crl_urls.iter();
    facts.extend(urls.map(|url| fact("crl-url", url)));
    facts
}

fn profile(certificate: &Certificate) -> String {
    let constraints = certificate.extensions().basic_constraints;
    match constraints.filter(|constraints| constraints.ca) {
        None => "signer: it signs code, and no certificates".into(),
        Some(constraints) => {
            let kind = if certificate.is_self_issued() {
                "root"
            } else {
                "CA"
            };
            let below = match constraints.path_len {
                None => "any number of CAs may follow below it".to_owned(),
                Some(0) => "no CA may follow below it".to_owned(),
                Some(1) => "one CA may follow below it".to_owned(),
                Some(most) => format!("{most} CAs may follow below it"),
            };
            format!("{kind}: {below}")
        }
    }
}

/// The content of a CRL: the certificates that it revokes and the list before it does not, and how many others it
/// keeps.
pub(in crate::ceremony) fn of_crl(
    list: &RevocationList,
    previous: Option<&RevocationList>,
) -> Vec<Fact> {
    let mut facts = vec![fact("issuer", list.issuer().to_string())];
    facts.extend(list.number().map(|number| fact("number", hex(number))));
    facts.push(fact("this-update", time(list.this_update())));
    facts.push(fact("next-update", time(list.next_update())));
    let kept = previous.map_or(&[][..], RevocationList::entries);
    if previous.is_some() {
        let count = format!("{} of the list before", kept.len());
        facts.push(fact("kept", count));
    }
    let is_new = |entry: &&Entry| !kept.iter().any(|old| old.serial == entry.serial);
    let new: Vec<&Entry> = list.entries().iter().filter(is_new).collect();
    if new.is_empty() {
        facts.push(fact("revoked", "nothing more"));
    }
    for entry in new {
        let reason = entry.reason.map(|reason| format!(", {}", reason.name()));
        let serial = hex(&entry.serial);
        let value = format!(
            "serial {serial} at {}{}",
            time(entry.since),
            reason.unwrap_or_default()
        );
        facts.push(fact("revoked", value));
    }
    facts
}

/// The facts as a transcript has them: each name with its value, or with a list of values.
pub(in crate::ceremony) fn says(facts: &[Fact]) -> Value {
    let mut says = Map::new();
    for fact in facts {
        let value = Value::from(fact.value.clone());
        match says.get_mut(fact.what) {
            Some(Value::Array(values)) => values.push(value),
            _ if fact.what == "revoked" => {
                says.insert(fact.what.to_owned(), Value::Array(vec![value]));
            }
            _ => {
                says.insert(fact.what.to_owned(), value);
            }
        }
    }
    Value::Object(says)
}
