//! Certificates verified, without a network.

use std::path::PathBuf;
use std::time::SystemTime;

use super::{input, rule};
use crate::ops::error::Error;
use crate::report::{Check, Report, Signatory, Verdict};
use crate::x509::chain::{self, Purpose};
use crate::x509::{Certificate, ChainFault, RevocationList, Status, path};

/// Verifies a certificate.
#[derive(Clone, Debug)]
pub struct VerifyCertificate {
    /// The file with the certificate, and maybe its chain.
    pub file: PathBuf,
    /// Files with trusted certificates.
    pub trusted: Vec<PathBuf>,
    /// Files with certificates that may stand between.
    pub untrusted: Vec<PathBuf>,
    /// Files with revocation lists.
    pub lists: Vec<PathBuf>,
    /// The time; now, if the user says nothing.
    pub at: Option<SystemTime>,
    /// The use that the certificate must allow.
    pub purpose: Purpose,
}

impl VerifyCertificate {
    /// Reads all files and decides.
    pub fn run(&self) -> Result<Verdict, Error> {
        let of_file = input::certificates("certificate", &self.file)?;
        let all = |role, paths: &[PathBuf]| -> Result<Vec<Certificate>, Error> {
            let all = paths.iter().map(|path| input::certificates(role, path));
            Ok(all.collect::<Result<Vec<_>, _>>()?.concat())
        };
        let trusted = all("trusted certificate", &self.trusted)?;
        let untrusted = all("untrusted certificate", &self.untrusted)?;
        let lists = self.lists.iter();
        let lists = lists.map(|path| input::list("revocation list", path));
        let lists = lists.collect::<Result<Vec<_>, _>>()?;
        let given = Given {
            trusted: &trusted,
            lists: &lists,
            at: self.at.unwrap_or_else(SystemTime::now),
            purpose: self.purpose,
        };
        let pool = [&of_file[1..], &untrusted, &trusted].concat();
        Ok(decide(&of_file[0], &pool, &given))
    }
}

/// The conditions that a certificate must meet.
struct Given<'a> {
    trusted: &'a [Certificate],
    lists: &'a [RevocationList],
    at: SystemTime,
    purpose: Purpose,
}

fn decide(leaf: &Certificate, pool: &[Certificate], given: &Given<'_>) -> Verdict {
    let path = path::build(leaf, pool, given.trusted);
    let mut checks = of_path(&path, given.purpose);
    let is_whole = checks.iter().all(|check| !check.has_failed());
    let anchor = path.iter().find(|one| given.trusted.contains(one));
    if is_whole {
        checks.push(match chain::check_validity(&path, given.at) {
            Ok(()) => Check::passed(rule::VALIDITY),
            Err(fault) => Check::failed(rule::VALIDITY, fault.to_string()),
        });
        checks.push(match anchor {
            Some(_) => Check::passed(rule::TRUSTED),
            None => Check::failed(
                rule::TRUSTED,
                "none of its chain is among the certificates that are trusted",
            ),
        });
        checks.push(revocation(&path, given));
    } else {
        let blocked = [rule::VALIDITY, rule::TRUSTED, rule::REVOCATION];
        checks.extend(blocked.map(Check::blocked));
    }
    let signatory = anchor.filter(|_| checks.iter().all(|check| !check.has_failed()));
    let signatory = signatory.map(|anchor| Signatory {
        role: "ca",
        fingerprint: anchor.public_key().fingerprint(),
    });
    Report {
        subject: leaf.subject().to_string(),
        digest: leaf.fingerprint(),
        checks,
        signatories: signatory.into_iter().collect(),
    }
    .decide()
}

/// Path, signatures and profile. Each needs the ones before it.
fn of_path(path: &[Certificate], purpose: Purpose) -> Vec<Check> {
    let rules = [rule::PATH, rule::SIGNATURES, rule::PROFILE];
    let Err(fault) = chain::check_for(path, purpose) else {
        return rules.map(Check::passed).to_vec();
    };
    let failed = match fault {
        ChainFault::Empty
        | ChainFault::Order { .. }
        | ChainFault::RootInside(_)
        | ChainFault::NoRoot { .. } => 0,
        ChainFault::Signature { .. } | ChainFault::Algorithm { .. } => 1,
        ChainFault::Profile { .. } | ChainFault::NotYet { .. } | ChainFault::Expired { .. } => 2,
    };
    let checks = rules.iter().enumerate().map(|(at, rule)| match at {
        // A signature is looked at before the end of the path is.
        1 if failed == 0 => Check::blocked(rule),
        at if at < failed => Check::passed(rule),
        at if at == failed => Check::failed(rule, fault.to_string()),
        _ => Check::blocked(rule),
    });
    checks.collect()
}

/// Holds the path against the lists. Each list has to be of an issuer in the path, and speak for the time.
fn revocation(path: &[Certificate], given: &Given<'_>) -> Check {
    if given.lists.is_empty() {
        return Check::unchecked(rule::REVOCATION, "no revocation list was given");
    }
    match revoked(path, given) {
        Ok(()) => Check::passed(rule::REVOCATION),
        Err(reason) => Check::failed(rule::REVOCATION, reason),
    }
}

fn revoked(path: &[Certificate], given: &Given<'_>) -> Result<(), String> {
    let issuers = path.get(1..).filter(|issuers| !issuers.is_empty());
    let issuers = issuers.unwrap_or(path);
    let mut covered = false;
    for list in given.lists {
        let name = || format!("the list of \"{}\"", list.issuer());
        let named = |reason: String| format!("{}: {reason}", name());
        let of = issuers.iter().position(|ca| ca.subject() == list.issuer());
        let Some(at) = of else {
            return Err(format!("{} is of no issuer in the chain", name()));
        };
        let checked = list.check_issuer(&issuers[at]);
        checked.map_err(|fault| named(fault.to_string()))?;
        let checked = list.check_time(given.at);
        checked.map_err(|fault| named(fault.to_string()))?;
        covered |= at == 0;
        let issued = path.iter().filter(|one| one.issuer() == list.issuer());
        for certificate in issued {
            let state = match list.status(certificate.serial()) {
                Status::NotRevoked => continue,
                Status::Held(entry) => ("is on hold", entry),
                Status::Revoked(entry) => ("is revoked", entry),
            };
            let (state, entry) = state;
            let since = humantime::format_rfc3339_seconds(entry.since);
            let reason = entry.reason.map(|reason| format!(" ({reason})"));
            return Err(format!(
                "certificate \"{}\" {state} since {since}{}",
                certificate.subject(),
                reason.unwrap_or_default()
            ));
        }
    }
    if covered {
        Ok(())
    } else {
        Err(format!(
            "no list of \"{}\", which issued the certificate, was given",
            issuers[0].subject()
        ))
    }
}
