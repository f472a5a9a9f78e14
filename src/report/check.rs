//! One rule, and its outcome.

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It holds, with a warning.
    Warned(String),
    /// It does not hold, and why.
    Failed(String),
    /// It was not checked, because an earlier check that it needs failed.
    Blocked,
    /// It was not checked, because the user left it out.
    LeftOut,
    /// It was not checked, because the user gave nothing to check it with, and what is missing.
    Unchecked(String),
}

/// One rule and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule's id, for example `annotation.vendor-endorsed`.
    pub rule: &'static str,
    /// The part that was checked, where it is not the whole subject of the report.
    pub about: Option<String>,
    /// The outcome.
    pub outcome: Outcome,
}

impl Check {
    /// A check that holds.
    pub const fn passed(rule: &'static str) -> Self {
        Self {
            rule,
            about: None,
            outcome: Outcome::Passed,
        }
    }

    /// A check that does not hold.
    pub fn failed(rule: &'static str, reason: impl Into<String>) -> Self {
        Self {
            rule,
            about: None,
            outcome: Outcome::Failed(reason.into()),
        }
    }

    /// A check that holds, with a warning.
    pub fn warned(rule: &'static str, reason: impl Into<String>) -> Self {
        Self {
            rule,
            about: None,
            outcome: Outcome::Warned(reason.into()),
        }
    }

    /// The same of a part of the report's subject.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self {
            about: Some(about.into()),
            ..self
        }
    }

    /// Why it does not hold.
    pub fn failure(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Failed(reason) => Some(reason),
            Outcome::Passed
            | Outcome::Warned(_)
            | Outcome::Blocked
            | Outcome::LeftOut
            | Outcome::Unchecked(_) => None,
        }
    }

    /// Whether it does not hold.
    pub const fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }

    /// Whether its rule is about realms, which may be unable to get a trusted image.
    pub fn is_of_realms(&self) -> bool {
        self.rule.starts_with("realm.")
    }

    /// A check that was not reached.
    pub const fn blocked(rule: &'static str) -> Self {
        Self {
            rule,
            about: None,
            outcome: Outcome::Blocked,
        }
    }

    /// A check that the user left out.
    pub const fn left_out(rule: &'static str) -> Self {
        Self {
            rule,
            about: None,
            outcome: Outcome::LeftOut,
        }
    }

    /// A check for which something is missing.
    pub fn unchecked(rule: &'static str, missing: impl Into<String>) -> Self {
        Self {
            rule,
            about: None,
            outcome: Outcome::Unchecked(missing.into()),
        }
    }
}

/// Whether at least one check passed, and every other one holds too or was left to the user. An empty list does
/// not hold.
pub fn hold(checks: &[Check]) -> bool {
    let holds = |check: &Check| match check.outcome {
        Outcome::Passed | Outcome::Warned(_) | Outcome::LeftOut | Outcome::Unchecked(_) => true,
        Outcome::Failed(_) | Outcome::Blocked => false,
    };
    checks.iter().any(|check| check.outcome == Outcome::Passed) && checks.iter().all(holds)
}
