//! The findings on one image, requirement by requirement.

use crate::class::Class;
use crate::crypto::Digest;
use crate::ops::error::Error;
use crate::trust::Scope;

/// A signature that the run looked at, and whether it meets the requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedAt {
    /// The file, the address or the layer.
    pub name: String,
    /// The signer, or the rule that it breaks and the reason.
    pub outcome: Result<String, (&'static str, String)>,
}

impl LookedAt {
    pub(super) fn not(name: &str, rule: &'static str, reason: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            outcome: Err((rule, reason.into())),
        }
    }
}

/// Whether an image meets a requirement.
#[derive(Debug)]
pub enum Outcome {
    /// It does.
    Met,
    /// It does not, and why.
    NotMet(String),
    /// Nobody can tell.
    Undecided(Box<Error>),
    /// An earlier requirement decided.
    NotReached,
}

impl From<Error> for Outcome {
    /// A place or a key that failed leaves it undecided, and one that is wrong refuses.
    fn from(error: Error) -> Self {
        match error.class() {
            Class::Refused => Self::NotMet(error.to_string()),
            Class::Usage | Class::Undecided => Self::Undecided(error.into()),
        }
    }
}

/// The findings on one requirement.
#[derive(Debug)]
pub struct RequirementReport {
    /// Its type, as the policy names it.
    pub kind: &'static str,
    /// Whether it asks for a signature.
    pub asks: bool,
    /// Whether it is met.
    pub outcome: Outcome,
    /// The signatures that the run looked at.
    pub signatures: Vec<LookedAt>,
    /// Whatever the user should know, although the requirement holds.
    pub warnings: Vec<String>,
}

impl RequirementReport {
    pub(super) const fn new(kind: &'static str, asks: bool, outcome: Outcome) -> Self {
        Self {
            kind,
            asks,
            outcome,
            signatures: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The report on signatures of which one has to hold.
    pub(super) fn one_of(kind: &'static str, signatures: Vec<LookedAt>, others: &str) -> Self {
        let outcome = match &*signatures {
            [] => Outcome::NotMet(format!(
                "it asks for a signature, but there is none{others}"
            )),
            all if all.iter().any(|one| one.outcome.is_ok()) => Outcome::Met,
            _ => Outcome::NotMet("no signature meets it".into()),
        };
        Self {
            signatures,
            ..Self::new(kind, true, outcome)
        }
    }
}

/// The verdict of a policy on an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Each requirement is met, and at least one asks for a signature.
    Trusted,
    /// Each requirement is met, and none asks for a signature.
    Allowed,
    /// A requirement is not met.
    Refused,
    /// It is unknown whether the image meets a requirement.
    Undecided,
}

impl Decision {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Undecided => "undecided",
        }
    }
}

/// The findings on one image.
#[derive(Debug)]
pub struct PolicyReport {
    /// The image, as it was asked for; with the platform, if the name leads to an index.
    pub image: String,
    /// The manifest's digest; the index's where the dialect asks for signatures of that.
    pub digest: Digest,
    /// The scope that counts.
    pub scope: Scope,
    /// Its requirements, in order.
    pub requirements: Vec<RequirementReport>,
    /// Whatever the user should know of the policy itself.
    pub warnings: Vec<String>,
}

impl PolicyReport {
    /// The verdict. Only requirements that are met lead to one of the good ones.
    pub fn decision(&self) -> Decision {
        let all = &self.requirements;
        let is = |wanted: fn(&Outcome) -> bool| all.iter().any(|one| wanted(&one.outcome));
        if all.iter().all(|one| matches!(one.outcome, Outcome::Met)) {
            if all.iter().any(|one| one.asks) {
                Decision::Trusted
            } else {
                Decision::Allowed
            }
        } else if is(|outcome| matches!(outcome, Outcome::Undecided(_)))
            && !is(|outcome| matches!(outcome, Outcome::NotMet(_)))
        {
            Decision::Undecided
        } else {
            Decision::Refused
        }
    }

    /// All warnings: of the policy and of its requirements.
    pub fn all_warnings(&self) -> impl Iterator<Item = &str> {
        let of_requirements = self.requirements.iter().flat_map(|one| &one.warnings);
        self.warnings
            .iter()
            .chain(of_requirements)
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;
    use crate::ops::policy::error::Error as PolicyProblem;

    fn decision(outcomes: Vec<(bool, Outcome)>) -> Decision {
        let requirement =
            |(asks, outcome): (bool, Outcome)| RequirementReport::new("x", asks, outcome);
        PolicyReport {
            image: "oci:x".into(),
            digest: Digest::of(HashAlgorithm::Sha256, b""),
            scope: Scope::Default,
            requirements: outcomes.into_iter().map(requirement).collect(),
            warnings: Vec::new(),
        }
        .decision()
    }

    #[test]
    fn only_requirements_that_are_met_let_an_image_in() {
        let undecided = || {
            let (name, reason) = (String::new(), String::new());
            Outcome::from(Error::from(PolicyProblem::NoKey { name, reason }))
        };
        let no = || Outcome::NotMet("no".into());
        let met = || Outcome::Met;
        assert_eq!(decision(vec![]), Decision::Allowed);
        assert_eq!(decision(vec![(false, met())]), Decision::Allowed);
        let both = vec![(false, met()), (true, met())];
        assert_eq!(decision(both), Decision::Trusted);
        let refused = vec![(true, met()), (true, no()), (true, Outcome::NotReached)];
        assert_eq!(decision(refused), Decision::Refused);
        let lost = vec![
            (false, met()),
            (true, undecided()),
            (true, Outcome::NotReached),
        ];
        assert_eq!(decision(lost), Decision::Undecided);
        assert_eq!(
            decision(vec![(true, Outcome::NotReached)]),
            Decision::Refused
        );
        let wrong = PolicyProblem::BadKey {
            name: String::new(),
            reason: String::new(),
        };
        let outcome = Outcome::from(Error::from(wrong));
        assert!(matches!(outcome, Outcome::NotMet(_)));
    }
}
