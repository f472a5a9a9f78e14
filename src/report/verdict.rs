//! The verdict of a report.

use super::check::{Check, Outcome, hold};
use crate::crypto::Digest;
use crate::crypto::p384::Fingerprint;

/// One party whose key took part in a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// Its role in the scheme, for example `vendor`.
    pub role: &'static str,
    /// Its public key's fingerprint.
    pub fingerprint: Fingerprint,
}

/// One signature that was examined.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// Its checks, in order.
    pub checks: Vec<Check>,
    /// The parties whose signatures hold.
    pub signatories: Vec<Signatory>,
}

impl Candidate {
    /// Whether all of it holds.
    pub fn holds(&self) -> bool {
        let passed = |check: &Check| check.outcome == Outcome::Passed;
        !self.signatories.is_empty() && self.checks.iter().all(passed)
    }

    /// The first that holds, or else the first: a requirement is met by one signature, whatever others there are.
    pub fn best(all: Vec<Self>) -> Option<Self> {
        let at = all.iter().position(Self::holds).unwrap_or(0);
        all.into_iter().nth(at)
    }
}

/// The findings on one image.
#[derive(Clone, Debug)]
pub struct Report {
    /// The reference it was asked for by.
    pub subject: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// All checks, in their logical order.
    pub checks: Vec<Check>,
    /// Whose keys took part; only those whose signatures hold.
    pub signatories: Vec<Signatory>,
}

/// A report whose checks hold, of an image that somebody signed. Only [`Report::decide`] makes one.
#[derive(Clone, Debug)]
pub struct Trusted(Report);

impl Trusted {
    /// The report.
    pub const fn report(&self) -> &Report {
        &self.0
    }
}

/// The verdict of a report.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything holds, and somebody signed.
    Trusted(Trusted),
    /// Nothing failed, but nobody signed: enough for a caller who wants no signature.
    Allowed(Report),
    /// Something does not hold, or nothing was checked.
    Refused(Report),
}

impl Verdict {
    /// The report behind it.
    pub const fn report(&self) -> &Report {
        match self {
            Self::Trusted(trusted) => trusted.report(),
            Self::Allowed(report) | Self::Refused(report) => report,
        }
    }

    /// Whether somebody signed and everything holds.
    pub const fn is_trusted(&self) -> bool {
        matches!(self, Self::Trusted(_))
    }
}

impl Report {
    /// Trusted when at least one party signed and the checks [`hold`] without a warning. Without a signature, or with
    /// a warning, it is no more than allowed.
    pub fn decide(self) -> Verdict {
        let warned = |check: &Check| matches!(check.outcome, Outcome::Warned(_));
        if !hold(&self.checks) {
            Verdict::Refused(self)
        } else if self.signatories.is_empty() || self.checks.iter().any(warned) {
            Verdict::Allowed(self)
        } else {
            Verdict::Trusted(Trusted(self))
        }
    }

    /// The first check that failed, with its reason.
    pub fn failure(&self) -> Option<(&'static str, &str)> {
        let mut checks = self.checks.iter();
        checks.find_map(|check| Some((check.rule, check.failure()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn the_first_check_that_failed_is_the_one_to_tell_of() {
        let report = |checks: &[Check]| Report {
            subject: "latest".into(),
            digest: Digest::of(HashAlgorithm::Sha256, b""),
            checks: checks.to_vec(),
            signatories: Vec::new(),
        };
        let [passed, left_out] = [Check::passed("a"), Check::left_out("b")];
        let [first, second] = [Check::failed("c", "no c"), Check::failed("d", "no d")];
        let checks = [passed, left_out, first, Check::blocked("e"), second];
        assert_eq!(report(&checks).failure(), Some(("c", "no c")));
        assert_eq!(report(&checks[..2]).failure(), None);
    }

    #[test]
    fn nothing_but_checks_that_hold_and_a_signature_is_trusted() {
        let decide = |checks: &[Check], signed: bool| {
            let digest = Digest::of(HashAlgorithm::Sha256, b"");
            let fingerprint = Fingerprint::of_spki(b"");
            let signatory = Signatory {
                role: "vendor",
                fingerprint,
            };
            let verdict = Report {
                subject: "latest".into(),
                digest,
                checks: checks.to_vec(),
                signatories: signed.then_some(signatory).into_iter().collect(),
            };
            let verdict = verdict.decide();
            assert_eq!(verdict.report().checks, checks);
            match verdict {
                Verdict::Trusted(_) => "trusted",
                Verdict::Allowed(_) => "allowed",
                Verdict::Refused(_) => "refused",
            }
        };
        let [passed, left_out] = [Check::passed("a"), Check::left_out("b")];
        let [warned, failed] = [Check::warned("c", "mind c"), Check::failed("d", "no d")];
        let blocked = Check::blocked("e");
        for (checks, signed, verdict) in [
            (vec![], true, "refused"),
            (vec![left_out.clone()], true, "refused"),
            (vec![warned.clone()], true, "refused"),
            (vec![passed.clone()], true, "trusted"),
            (vec![passed.clone(), left_out], true, "trusted"),
            (vec![passed.clone()], false, "allowed"),
            (vec![passed.clone(), warned.clone()], true, "allowed"),
            (vec![passed.clone(), warned, failed], true, "refused"),
            (vec![passed, blocked], true, "refused"),
        ] {
            assert_eq!(decide(&checks, signed), verdict, "{checks:?}, {signed}");
        }
    }

    #[test]
    fn the_first_candidate_that_holds_is_the_one() {
        let candidate = |rule, holds| Candidate {
            checks: vec![if holds {
                Check::passed(rule)
            } else {
                Check::failed(rule, "no")
            }],
            signatories: vec![Signatory {
                role: "vendor",
                fingerprint: Fingerprint::of_spki(b""),
            }],
        };
        let best = |all: Vec<Candidate>| Candidate::best(all).map(|one| one.checks[0].rule);
        assert_eq!(best(vec![]), None);
        assert_eq!(
            best(vec![candidate("a", false), candidate("b", false)]),
            Some("a")
        );
        let all = vec![
            candidate("a", false),
            candidate("b", true),
            candidate("c", true),
        ];
        assert_eq!(best(all), Some("b"));
        let unsigned = Candidate {
            signatories: Vec::new(),
            ..candidate("a", true)
        };
        assert_eq!(best(vec![unsigned, candidate("b", true)]), Some("b"));
    }
}
