//! Whether certificates of a chain are revoked, without a network.

use std::time::SystemTime;

use crate::encoding::time;
use crate::x509::{Certificate, RevocationList, Status};

/// The status of a certificate by revocation lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A list of its issuer covers it, and it is not on it.
    Good,
    /// It is on a list of its issuer.
    Revoked(String),
    /// A list of its issuer cannot be used, and why.
    Unusable(String),
    /// There is no list of its issuer.
    Unknown,
}

/// Revocation lists at hand.
pub trait Revocations {
    /// The status of a certificate of this issuer at this time.
    fn standing(&self, certificate: &Certificate, issuer: &Certificate, at: SystemTime)
    -> Standing;

    /// The issuers of lists that concern no certificate of a chain.
    fn foreign(&self, chain: &[Certificate]) -> Vec<String>;
}

/// Revocation lists that the user gave. Those of other issuers than the certificate's say nothing about it.
pub struct Lists<'a>(pub &'a [RevocationList]);

impl Revocations for Lists<'_> {
    /// A list counts if its issuer signed it and no newer one was due. If one counts, it decides. Otherwise the report
    /// names the first that does not count.
    fn standing(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: SystemTime,
    ) -> Standing {
        let of_issuer = |list: &&RevocationList| list.issuer() == issuer.subject();
        let mut standing = Standing::Unknown;
        for list in self.0.iter().filter(of_issuer) {
            let counts = list.check_issuer(issuer).and_then(|()| list.check_time(at));
            if let Err(fault) = counts {
                if standing == Standing::Unknown {
                    standing = Standing::Unusable(fault.to_string());
                }
                continue;
            }
            match list.status(certificate.serial()) {
                Status::NotRevoked => standing = Standing::Good,
                Status::Held(entry) | Status::Revoked(entry) => {
                    let reason = entry.reason.map(|reason| format!(", {reason}"));
                    let since = time::write(entry.since);
                    return Standing::Revoked(format!(
                        "since {since}{}",
                        reason.unwrap_or_default()
                    ));
                }
            }
        }
        standing
    }

    fn foreign(&self, chain: &[Certificate]) -> Vec<String> {
        let issuers = chain.get(1..).unwrap_or_default();
        let is_foreign = |list: &&RevocationList| {
            let mut issuers = issuers.iter();
            !issuers.any(|issuer| issuer.subject() == list.issuer())
        };
        let lists = self.0.iter().filter(is_foreign);
        lists.map(|list| list.issuer().to_string()).collect()
    }
}

/// Checks every certificate but the root. Notes tell of those that say nowhere where their status is to be had.
pub(super) fn check(
    chain: &[Certificate],
    lists: &dyn Revocations,
    now: SystemTime,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    for issuer in lists.foreign(chain) {
        notes.push(format!(
            "the revocation list of \"{issuer}\" says nothing about this signature: that CA issued none of its certificates"
        ));
    }
    for pair in chain.windows(2) {
        let [certificate, issuer] = pair else {
            continue;
        };
        let subject = certificate.subject();
        match lists.standing(certificate, issuer, now) {
            Standing::Good => {}
            Standing::Revoked(when) => {
                return Err(format!("certificate \"{subject}\" is revoked ({when})"));
            }
            Standing::Unusable(reason) => {
                return Err(format!(
                    "the revocation list for certificate \"{subject}\": {reason}"
                ));
            }
            Standing::Unknown => {
                let extensions = certificate.extensions();
                if extensions.has_crl_points || !extensions.ocsp_urls.is_empty() {
                    return Err(format!(
                        "ir-sign did not check whether certificate \"{subject}\" is revoked: it has no revocation list of the issuer, and asks no network"
                    ));
                }
                notes.push(format!(
                    "certificate \"{subject}\" names no revocation list and no OCSP responder"
                ));
            }
        }
    }
    Ok(())
}
