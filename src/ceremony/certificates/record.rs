//! Comparing the certificates and the CRL in a transcript with its plan: drafted again, they are the same bytes.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;

use super::facts::{Fact, says};
use super::planned::{
    Issuer, PlannedCertificate, PlannedCrl, PlannedRoot, Wrong, all_bytes, facts_of,
};
use crate::ceremony::plan::Plan;
use crate::ceremony::rules::{Findings, rule};
use crate::ceremony::step::Step;
use crate::ceremony::transcript::{Line, bytes_of};
use crate::crypto::{P384Key, PublicKey};
use crate::encoding::pem_text;
use crate::x509::crl::RevocationList;
use crate::x509::{Certificate, Draft, Serial, certificate, crl};

/// The file of the certificate in a member.
pub(in crate::ceremony) fn certificate_file(member: &Value) -> Option<Vec<u8>> {
    let der = bytes_of(member)?;
    Some(pem_text::write(certificate::PEM_LABEL, &der).into_bytes())
}

/// The file of the CRL in a member.
pub(in crate::ceremony) fn crl_file(member: &Value) -> Option<Vec<u8>> {
    let der = bytes_of(member)?;
    Some(pem_text::write(crl::PEM_LABEL, &der).into_bytes())
}

/// The CA that a transcript's line about the root holds.
fn issuer_of(lines: &[Line]) -> Option<Issuer> {
    let line = lines.iter().find(|line| line.event() == "root")?;
    Issuer::read(bytes_of(&line.value["certificate"])?).ok()
}

/// Checks each announced and each signed certificate or CRL against the plan and the inputs beside it, and each
/// signature.
pub(in crate::ceremony) fn check(
    plan: &Plan,
    lines: &[Line],
    root: &P384Key,
    findings: &mut Findings,
) {
    let again = Again {
        plan,
        root,
        issuer: issuer_of(lines),
    };
    for line in lines {
        let is_result = line.event() == "result";
        let step = line.text("step").and_then(Step::of);
        let Some(step @ (Step::Certify | Step::Issue(_) | Step::Revoke)) = step else {
            continue;
        };
        if !is_result && line.event() != "intent" {
            continue;
        }
        let n = line.value["n"]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok());
        let n = n.unwrap_or(0) + 1;
        let about = format!("line {n}, {step}");
        let same = if is_result {
            again.signed(&step, line)
        } else {
            again.announced(&step, line)
        };
        findings.add(rule::CERTIFICATES, n, about.clone(), same.err());
        if is_result {
            let failure = again.check_signed(&step, &line.value).err();
            findings.add(rule::CERTIFICATE_SIGNED, n, about, failure);
        }
    }
}

/// Drafts again the bytes that the plan has signed.
struct Again<'a> {
    plan: &'a Plan,
    root: &'a P384Key,
    issuer: Option<Issuer>,
}

impl Again<'_> {
    /// An announced draft is the plan's, and the people saw its true content.
    fn announced(&self, step: &Step<'_>, line: &Line) -> Result<(), Wrong> {
        let serial = line.value["says"]["serial"].as_str();
        let serial = serial.map(Serial::from_hex).transpose();
        let serial = serial.map_err(|error| error.to_string())?;
        let (draft, facts) = self.draft(step, line, serial)?;
        if bytes_of(&line.value["tbs"]).as_deref() != Some(draft.message()) {
            return Err("it announces other bytes than the plan and its inputs give".into());
        }
        check_shown(&facts, &line.value)
    }

    /// Signed bytes are the plan's, and the people saw their true content.
    fn signed(&self, step: &Step<'_>, line: &Line) -> Result<(), Wrong> {
        let (message, serial) = if *step == Step::Revoke {
            (list_in(&line.value)?.tbs().to_vec(), None)
        } else {
            let certificate = certificate_in(&line.value)?;
            let serial = Serial::from_bytes(certificate.serial());
            let serial = serial.map_err(|error| error.to_string())?;
            (certificate.tbs().to_vec(), Some(serial))
        };
        let (draft, facts) = self.draft(step, line, serial)?;
        if message != draft.message() {
            return Err("it is not what the plan and its inputs give".into());
        }
        check_shown(&facts, &line.value)
    }

    fn check_signed(&self, step: &Step<'_>, value: &Value) -> Result<(), Wrong> {
        let root = PublicKey::from(*self.root);
        let is_signed = if *step == Step::Revoke {
            list_in(value)?.is_signed_by(&root)
        } else {
            certificate_in(value)?.is_signed_by(&root)
        };
        let unsigned = || "its signature is not the root key's".to_owned();
        is_signed.then_some(()).ok_or_else(unsigned)
    }

    fn draft(
        &self,
        step: &Step<'_>,
        line: &Line,
        serial: Option<Serial>,
    ) -> Result<(Draft, Vec<Fact>), Wrong> {
        let at = line
            .text("time")
            .and_then(|time| humantime::parse_rfc3339(time).ok());
        let at = at.ok_or("its time is not a time")?;
        if matches!(step, Step::Revoke) {
            let planned = self.crl(&line.value)?;
            let draft = planned.draft(self.issuer()?, at)?;
            let facts = planned.facts_of(&draft)?;
            return Ok((draft, facts));
        }
        let serial = serial.ok_or("it names no serial number")?;
        let draft = if let Step::Issue(request) = step {
            self.issued(request, &line.value, serial, at)?
        } else {
            let terms = self.plan.members.certificate.as_ref();
            let terms = terms.ok_or("the plan has no root's certificate")?;
            PlannedRoot::of(terms, PathBuf::new())?.draft(self.root, serial)?
        };
        let facts = facts_of(&draft)?;
        Ok((draft, facts))
    }

    fn issuer(&self) -> Result<&Issuer, Wrong> {
        let issuer = self.issuer.as_ref();
        issuer.ok_or_else(|| "the transcript holds no certificate of the root key".into())
    }

    fn issued(
        &self,
        request: &str,
        value: &Value,
        serial: Serial,
        at: SystemTime,
    ) -> Result<Draft, Wrong> {
        let mut all = self.plan.members.certificates.iter();
        let planned = all.find(|planned| planned.request.to_string_lossy() == request);
        let planned = planned.ok_or("the plan names no such request")?;
        let bytes = bytes_of(&value["request"]).ok_or("it holds no request")?;
        let planned = PlannedCertificate::read(planned, PathBuf::new(), bytes)?;
        planned.draft(self.issuer()?, serial, at)
    }

    fn crl(&self, value: &Value) -> Result<PlannedCrl, Wrong> {
        let members = &self.plan.members;
        let crl = members.crl.as_ref().ok_or("the plan has no CRL")?;
        let previous = match &value["previous"] {
            Value::Null => None,
            text => Some(bytes_of(text).ok_or("its previous CRL is not base64")?),
        };
        let revoked =
            all_bytes(&value["revoked"]).ok_or("its revoked certificates are not base64")?;
        let of = (crl, &*members.revocations);
        PlannedCrl::read(of, PathBuf::new(), self.issuer()?, previous, revoked)
    }
}

fn check_shown(facts: &[Fact], value: &Value) -> Result<(), Wrong> {
    if says(facts) == value["says"] {
        Ok(())
    } else {
        Err("it says something else than the run showed".into())
    }
}

fn certificate_in(value: &Value) -> Result<Certificate, Wrong> {
    let der = bytes_of(&value["certificate"]).ok_or("it holds no certificate")?;
    Certificate::read(&der).map_err(|error| error.to_string())
}

fn list_in(value: &Value) -> Result<RevocationList, Wrong> {
    let der = bytes_of(&value["crl"]).ok_or("it holds no CRL")?;
    RevocationList::read(&der).map_err(|error| error.to_string())
}
