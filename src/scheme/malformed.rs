//! Why bytes are not part of a signature.

use std::fmt::Display;

use crate::encoding::strict;

/// Why bytes do not have the right form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not {} {what}: {reason}", article(what))]
pub struct Malformed {
    /// What they have to be.
    pub what: &'static str,
    /// Why they are not.
    pub reason: String,
}

/// The indefinite article of a noun.
fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    }
}

impl Malformed {
    pub(super) fn new(what: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { what, reason }
    }

    /// The bytes of a signature of Notary Project are not there, or not those that lead to them.
    pub fn unread(reason: impl Into<String>) -> Self {
        Self::new("Notary Project signature", reason)
    }

    /// Why the JSON reader refuses a text.
    pub(super) fn refused(what: &'static str) -> impl Fn(strict::Refusal) -> Self {
        move |refusal| {
            let reason = match refusal {
                strict::Refusal::Invalid(error) => error.to_string(),
                strict::Refusal::Member(name) => format!("it has the member {name:?}"),
                strict::Refusal::Alike { name, known } => {
                    format!("its member {name:?} is {known:?} to some readers")
                }
            };
            Self::new(what, reason)
        }
    }

    /// Why the JSON reader makes no value of a text.
    pub(super) fn json<E: Display>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::new(what, error.to_string())
    }
}
