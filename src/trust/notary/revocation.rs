//! Whether certificates of a chain are revoked, without a network.

use std::time::SystemTime;

use crate::x509::Certificate;

/// What revocation lists say about a certificate.
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
    /// What they say about a certificate of this issuer at this time.
    fn standing(&self, certificate: &Certificate, issuer: &Certificate, at: SystemTime)
    -> Standing;
}

/// No revocation list is at hand.
pub struct NoLists;

impl Revocations for NoLists {
    fn standing(&self, _: &Certificate, _: &Certificate, _: SystemTime) -> Standing {
        Standing::Unknown
    }
}

/// Checks every certificate but the root. Notes tell of those that say nowhere where their status is to be had.
pub(super) fn check(
    chain: &[Certificate],
    lists: &dyn Revocations,
    now: SystemTime,
    notes: &mut Vec<String>,
) -> Result<(), String> {
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
                        "whether certificate \"{subject}\" is revoked was not checked: no revocation list of its issuer is at hand, and this program asks no network"
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
