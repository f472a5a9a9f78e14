//! The work of a plan, in words.

use std::path::Path;

use crate::ceremony::payload::PlannedPayload;
use crate::ceremony::work::Work;
use crate::ceremony::{PlannedCertificate, PlannedCrl};

/// A line for each thing that a ceremony does, and those of what it signs.
pub(super) fn lines_of(work: &Work) -> Vec<String> {
    match work {
        Work::RootKey { public, passport } => vec![make_root(public, passport)],
        Work::EndorseVendors { vendors, .. } => vendors
            .iter()
            .map(|vendor| {
                format!(
                    "endorse vendor \"{}\" ({}), and write {}",
                    vendor.name,
                    vendor.key.fingerprint(),
                    vendor.endorsement.display()
                )
            })
            .collect(),
        Work::SignPayloads { payloads, .. } => payloads.iter().flat_map(payload_lines).collect(),
        Work::RootCertificate {
            public,
            passport,
            certificate,
        } => vec![
            make_root(public, passport),
            format!(
                "sign the root's own certificate, of {}, valid from {} to {}, and write {}",
                certificate.subject(),
                certificate.not_before(),
                certificate.not_after(),
                certificate.certificate.display()
            ),
        ],
        Work::IssueCertificates { certificates, .. } => {
            certificates.iter().flat_map(certificate_lines).collect()
        }
        Work::Revoke { crl, .. } => crl_lines(crl),
    }
}

fn make_root(public: &Path, passport: &Path) -> String {
    format!(
        "make the root key, and write {} and {}",
        public.display(),
        passport.display()
    )
}

/// A payload of a plan, and what it says.
fn payload_lines(payload: &PlannedPayload) -> Vec<String> {
    let (name, to) = (&payload.name, payload.signature.display());
    let facts = payload.prepared.facts().into_iter();
    let facts = facts.map(|fact| format!("  {}: {}", fact.what, fact.value));
    let first = format!("sign payload {name}, and write {to}; it says");
    [first].into_iter().chain(facts).collect()
}

/// A certificate of a plan, and what it will say.
fn certificate_lines(planned: &PlannedCertificate) -> Vec<String> {
    let (name, to) = (&planned.name, planned.certificate.display());
    let first = format!("sign a certificate for request {name}, and write {to}; it says");
    let facts = planned.facts.iter();
    let facts = facts.map(|fact| format!("  {}: {}", fact.what, fact.value));
    [first].into_iter().chain(facts).collect()
}

fn crl_lines(planned: &PlannedCrl) -> Vec<String> {
    let first = format!("sign a CRL, and write {}; it says", planned.crl.display());
    let facts = planned.facts.iter();
    let facts = facts.map(|fact| format!("  {}: {}", fact.what, fact.value));
    [first].into_iter().chain(facts).collect()
}
