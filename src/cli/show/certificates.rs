//! Certificates, requests and revocation lists, as text and as JSON.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::crypto::{Digest, HashAlgorithm, PublicKey};
use crate::encoding::hex::hex;
use crate::text::plain;
use crate::x509::{
    Certificate, DistinguishedName, Extensions, Reason, Request, RevocationList, shown_serial,
};

/// A time, in UTC.
fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Lines of a name and a value.
struct Lines(String);

impl Lines {
    fn new(title: &str) -> Self {
        Self(format!("{title}\n"))
    }

    fn add(&mut self, name: &str, value: &str) {
        let value = plain(value);
        let _ = writeln!(self.0, "  {name:<12} {value}");
    }

    fn all(&mut self, name: &str, values: &[impl AsRef<str>]) {
        for value in values {
            self.add(name, value.as_ref());
        }
    }
}

fn critical(text: &str, is_critical: bool) -> String {
    let mark = if is_critical { " (critical)" } else { "" };
    format!("{text}{mark}")
}

fn key_text(key: &PublicKey) -> String {
    format!("{}, {}", key.kind(), key.fingerprint())
}

fn key_json(key: &PublicKey) -> Value {
    json!({
        "kind": key.kind().to_string(),
        "fingerprint": Digest::of(HashAlgorithm::Sha256, key.spki()).hex(),
    })
}

fn name_of(name: &DistinguishedName) -> String {
    if name.is_empty() {
        return "(empty)".to_owned();
    }
    name.to_string()
}

/// A certificate for a person.
pub fn certificate_text(certificate: &Certificate) -> String {
    let mut lines = Lines::new("certificate");
    lines.add("subject", &name_of(certificate.subject()));
    lines.add("issuer", &name_of(certificate.issuer()));
    lines.add("serial", &shown_serial(certificate.serial()));
    lines.add("valid from", &time(certificate.not_before()));
    lines.add("valid until", &time(certificate.not_after()));
    lines.add("key", &key_text(certificate.public_key()));
    lines.add("signature", &algorithm(certificate));
    extensions_text(certificate.extensions(), &mut lines);
    lines.add("fingerprint", &certificate.fingerprint().to_string());
    lines.0
}

fn algorithm(certificate: &Certificate) -> String {
    match certificate.signature_algorithm() {
        Ok(by) => by.to_string(),
        Err(fault) => fault.to_string(),
    }
}

fn extensions_text(extensions: &Extensions, lines: &mut Lines) {
    if let Some(constraints) = extensions.basic_constraints {
        let text = match (constraints.ca, constraints.path_len) {
            (false, _) => "no".to_owned(),
            (true, None) => "yes, with any number of CAs below it".to_owned(),
            (true, Some(most)) => format!("yes, with {most} CAs below it at most"),
        };
        lines.add("CA", &critical(&text, constraints.critical));
    }
    if let Some(usage) = extensions.key_usage {
        let names = usage.names().join(", ");
        lines.add("key usage", &critical(&names, usage.critical));
    }
    if let Some(purposes) = extensions.purposes() {
        lines.add("purposes", &purposes.join(", "));
    }
    let id = |id: &Option<Vec<u8>>| id.as_deref().map(hex);
    lines.all("key id", id(&extensions.subject_key_id).as_slice());
    lines.all("issuer's key", id(&extensions.authority_key_id).as_slice());
    lines.all("crl", &extensions.crl_urls);
    lines.all("ocsp", &extensions.ocsp_urls);
    for (name, is_critical) in extensions.others() {
        lines.add("also", &critical(&name, is_critical));
    }
}

/// A certificate for a program. Fingerprints, serial numbers and identifiers are lower-case hexadecimal.
pub fn certificate_json(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "serial": shown_serial(certificate.serial()),
        "not_before": time(certificate.not_before()),
        "not_after": time(certificate.not_after()),
        "key": key_json(certificate.public_key()),
        "signature_algorithm": algorithm(certificate),
        "extensions": extensions_json(certificate.extensions()),
        "fingerprint": certificate.fingerprint().hex(),
    })
}

fn extensions_json(extensions: &Extensions) -> Value {
    let others = extensions.others().into_iter();
    let others = others.map(|(name, critical)| json!({ "name": name, "critical": critical }));
    json!({
        "basic_constraints": extensions.basic_constraints.map(|constraints| json!({
            "ca": constraints.ca,
            "path_len": constraints.path_len,
            "critical": constraints.critical,
        })),
        "key_usage": extensions.key_usage.map(|usage| json!({
            "names": usage.names(),
            "critical": usage.critical,
        })),
        "extended_key_usage": extensions.purposes(),
        "subject_key_id": extensions.subject_key_id.as_deref().map(hex),
        "authority_key_id": extensions.authority_key_id.as_deref().map(hex),
        "crl_urls": extensions.crl_urls,
        "ocsp_urls": extensions.ocsp_urls,
        "others": others.collect::<Vec<_>>(),
    })
}

/// A request for a person.
pub fn request_text(request: &Request) -> String {
    let mut lines = Lines::new("certificate request, signed by its own key");
    lines.add("subject", &name_of(request.subject()));
    lines.add("key", &key_text(request.public_key()));
    lines.all("asks for", &request.asked_names());
    lines.add("fingerprint", &request.fingerprint().to_string());
    lines.0
}

/// A request for a program.
pub fn request_json(request: &Request) -> Value {
    json!({
        "subject": request.subject().to_string(),
        "key": key_json(request.public_key()),
        "asks_for": request.asked_names(),
        "fingerprint": request.fingerprint().hex(),
    })
}

/// A revocation list for a person.
pub fn list_text(list: &RevocationList) -> String {
    let mut lines = Lines::new("revocation list");
    lines.add("issuer", &name_of(list.issuer()));
    lines.all("number", list.number().map(shown_serial).as_slice());
    lines.add("made at", &time(list.this_update()));
    lines.add("next due at", &time(list.next_update()));
    lines.add(
        "signature",
        &match list.signature_algorithm() {
            Ok(by) => by.to_string(),
            Err(fault) => fault.to_string(),
        },
    );
    let id = list.authority_key_id().map(hex);
    lines.all("issuer's key", id.as_slice());
    for entry in list.entries() {
        let reason = entry.reason.map(|reason| format!(", {reason}"));
        let (serial, since) = (shown_serial(&entry.serial), time(entry.since));
        let text = format!("{serial} since {since}{}", reason.unwrap_or_default());
        lines.add("revoked", &text);
    }
    lines.add("fingerprint", &list.fingerprint().to_string());
    lines.0
}

/// A revocation list for a program.
pub fn list_json(list: &RevocationList) -> Value {
    let entries = list.entries().iter().map(|entry| {
        json!({
            "serial": shown_serial(&entry.serial),
            "since": time(entry.since),
            "reason": entry.reason.map(Reason::name),
        })
    });
    json!({
        "issuer": list.issuer().to_string(),
        "number": list.number().map(shown_serial),
        "this_update": time(list.this_update()),
        "next_update": time(list.next_update()),
        "signature_algorithm": match list.signature_algorithm() {
            Ok(by) => by.to_string(),
            Err(fault) => fault.to_string(),
        },
        "authority_key_id": list.authority_key_id().map(hex),
        "revoked": entries.collect::<Vec<_>>(),
        "fingerprint": list.fingerprint().hex(),
    })
}
