//! The members of one object, taken by name.

use std::borrow::Cow;

use super::error::Fault;
use crate::encoding::located::{Data, Member, Value};

/// The members of an object that the reader has not taken yet.
pub(super) struct Members<'t> {
    at: usize,
    left: Vec<Member<'t>>,
}

impl<'t> Members<'t> {
    /// The members of a value that must be an object.
    pub(super) fn of(value: Value<'t>) -> Result<Self, Fault> {
        match value.data {
            Data::Object(left) => Ok(Self { at: value.at, left }),
            other => Err(wrong(value.at, &other, "an object")),
        }
    }

    /// Where the object starts.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Takes a member. A second one of its name is an error.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<Value<'t>>, Fault> {
        let Some(n) = self.left.iter().position(|member| member.name == name) else {
            return Ok(None);
        };
        let member = self.left.swap_remove(n);
        match self.left.iter().find(|other| other.name == name) {
            None => Ok(Some(member.value)),
            Some(other) => {
                let second = member.at.max(other.at);
                Err(Fault::new(second, "the member is there twice").within(name))
            }
        }
    }

    /// Takes a member that must be there.
    pub(super) fn need(&mut self, name: &str) -> Result<Value<'t>, Fault> {
        let at = self.at;
        let value = self.take(name)?;
        value.ok_or_else(|| Fault::new(at, format!("the member \"{name}\" is missing")))
    }

    /// A remaining member with such a start of its name: its place, and its name.
    pub(super) fn first_with_prefix(&self, prefix: &str) -> Option<(usize, &str)> {
        let is_it = |member: &&Member<'_>| member.name.starts_with(prefix);
        let member = self.left.iter().find(is_it)?;
        Some((member.at, &member.name))
    }

    /// That no member is left.
    pub(super) fn end(self) -> Result<(), Fault> {
        // The first in the file, whatever was taken before.
        match self.left.into_iter().min_by_key(|member| member.at) {
            None => Ok(()),
            Some(member) => {
                let reason = "a policy has no such member here";
                Err(Fault::new(member.at, reason).within(&member.name))
            }
        }
    }
}

/// A value that must be a text.
pub(super) fn text(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    match value.data {
        Data::Text(text) => Ok(text),
        other => Err(wrong(value.at, &other, "a text")),
    }
}

/// A value of the wrong kind.
pub(super) fn wrong(at: usize, found: &Data<'_>, wanted: &str) -> Fault {
    Fault::new(at, format!("there is {} instead of {wanted}", found.kind()))
}
