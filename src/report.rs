//! Verdicts: what was checked, what came out, and who signed.

use crate::crypto::Digest;
use crate::crypto::p384::Fingerprint;

/// The rules of an image, whatever scheme signed it.
pub mod rule {
    /// The manifest's bytes have the digest and size that lead to them.
    pub const MANIFEST_DIGEST: &str = "image.manifest-digest";
    /// The config's bytes have the digest and size that the manifest states.
    pub const CONFIG_DIGEST: &str = "image.config-digest";
    /// Every layer's bytes have the digest and size that the manifest states.
    pub const LAYER_BLOBS: &str = "image.layer-blobs";
    /// Where docker's list of images lies beside `index.json`, both lead to the same images.
    pub const DOCKER_LIST: &str = "image.docker-list";
    /// The config lists exactly the uncompressed digests of the layers, in order.
    pub const DIFF_IDS: &str = "image.diff-ids";
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold, and why.
    Failed(String),
    /// It was not looked at, because a check that it stands on failed.
    Blocked,
    /// It was not looked at, because the user asked for it to be left out.
    LeftOut,
}

/// One rule and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule's id, for example `annotation.vendor-endorsed`.
    pub rule: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

impl Check {
    /// A check that holds.
    pub const fn passed(rule: &'static str) -> Self {
        Self {
            rule,
            outcome: Outcome::Passed,
        }
    }

    /// A check that does not hold.
    pub fn failed(rule: &'static str, reason: impl Into<String>) -> Self {
        Self {
            rule,
            outcome: Outcome::Failed(reason.into()),
        }
    }

    /// Whether it does not hold.
    pub const fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }

    /// Whether its rule is about realms, which may be kept from an image that is trusted.
    pub fn is_of_realms(&self) -> bool {
        self.rule.starts_with("realm.")
    }

    /// A check that was not reached.
    pub const fn blocked(rule: &'static str) -> Self {
        Self {
            rule,
            outcome: Outcome::Blocked,
        }
    }

    /// A check that the user left out.
    pub const fn left_out(rule: &'static str) -> Self {
        Self {
            rule,
            outcome: Outcome::LeftOut,
        }
    }
}

/// One party whose key took part in a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// What it is in the scheme, for example `vendor`.
    pub role: &'static str,
    /// Its public key's fingerprint.
    pub fingerprint: Fingerprint,
}

/// What was found out about one image.
#[derive(Clone, Debug)]
pub struct Report {
    /// The reference it was asked for by.
    pub subject: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// All checks, in the order of the story they tell.
    pub checks: Vec<Check>,
    /// Whose keys took part; only those whose signatures hold.
    pub signatories: Vec<Signatory>,
}

/// A report whose checks hold. There is no other way to come by one than [`Report::decide`].
#[derive(Clone, Debug)]
pub struct Trusted(Report);

impl Trusted {
    /// The report.
    pub const fn report(&self) -> &Report {
        &self.0
    }
}

impl Report {
    /// Trusted when at least one party signed, at least one check passed, and every other one
    /// passed too or was left out at the user's word. A report without checks is never trusted.
    pub fn decide(self) -> Result<Trusted, Self> {
        let holds = |c: &Check| matches!(c.outcome, Outcome::Passed | Outcome::LeftOut);
        let passed = self.checks.iter().any(|c| c.outcome == Outcome::Passed);
        if passed && !self.signatories.is_empty() && self.checks.iter().all(holds) {
            Ok(Trusted(self))
        } else {
            Err(self)
        }
    }

    /// The first check that failed, with its reason.
    pub fn failure(&self) -> Option<(&'static str, &str)> {
        self.checks.iter().find_map(|c| match &c.outcome {
            Outcome::Failed(reason) => Some((c.rule, reason.as_str())),
            _ => None,
        })
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
}
