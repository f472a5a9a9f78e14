//! Why ir-sign refuses a policy as a whole, and what a user should know about a policy that it takes.

use std::fmt;

use crate::class::Class;
use crate::encoding::located::{Malformed, line};

/// A policy that is refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {reason}", in_member(member))]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The member, as `transports.docker["example.com/app"][0].keyPath`; empty for the whole text.
    pub member: String,
    /// The reason.
    pub reason: String,
}

impl PolicyError {
    /// What it means for the exit status.
    pub const fn class(&self) -> Class {
        Class::Refused
    }
}

fn in_member(member: &str) -> String {
    match member {
        "" => String::new(),
        member => format!(", {member}"),
    }
}

/// A laxity of image-rs that lets more images in than the user may think. It is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1.
    pub line: usize,
    /// The member.
    pub member: String,
    /// The laxity.
    pub laxity: Laxity,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            member,
            laxity,
        } = self;
        write!(f, "line {line}{}: {laxity}", in_member(member))
    }
}

/// What image-rs lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Laxity {
    /// A list without requirements.
    #[error("the list has no requirement, so every image is allowed")]
    EmptyList,
    /// `sigstoreSigned` without `signedIdentity`.
    #[error("no signedIdentity is given, so image-rs does not check the name in a signature")]
    NoIdentity,
    /// A member for a Rekor key.
    #[error("image-rs ignores keys of a transparency log")]
    RekorIgnored,
    /// Two members of one name.
    #[error("the name is there twice, and the last one counts")]
    Twice,
}

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To a member.
    Name(String),
    /// To an item.
    Index(usize),
}

/// A reason, with the place, before the text's lines are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    /// From the inside to the outside.
    steps: Vec<Step>,
    reason: String,
}

impl Fault {
    pub(super) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self {
            at,
            steps: Vec::new(),
            reason: reason.into(),
        }
    }

    /// The same, seen from the value around.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.steps.push(Step::Name(name.to_owned()));
        self
    }

    /// The same, seen from the list around.
    pub(super) fn at_item(mut self, n: usize) -> Self {
        self.steps.push(Step::Index(n));
        self
    }

    pub(super) fn error(self, text: &[u8]) -> PolicyError {
        PolicyError {
            line: line(text, self.at),
            member: member(self.steps.into_iter().rev()),
            reason: self.reason,
        }
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::new(malformed.at, malformed.reason)
    }
}

/// A laxity with its place, before lines are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    at: usize,
    steps: Vec<Step>,
    laxity: Laxity,
}

impl Doubt {
    pub(super) const fn new(at: usize, laxity: Laxity) -> Self {
        Self {
            at,
            steps: Vec::new(),
            laxity,
        }
    }

    /// The same, seen from the value around.
    pub(super) fn inside(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(super) fn warning(self, text: &[u8]) -> Warning {
        Warning {
            line: line(text, self.at),
            member: member(self.steps.into_iter().rev()),
            laxity: self.laxity,
        }
    }
}

/// The path of a member from the outside to the inside.
fn member(steps: impl Iterator<Item = Step>) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Index(n) => path.extend(["[", &n.to_string(), "]"]),
            Step::Name(name) if is_plain(&name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name);
            }
            Step::Name(name) => path.extend(["[", &format!("{name:?}"), "]"]),
        }
    }
    path
}

fn is_plain(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(is_word)
}
