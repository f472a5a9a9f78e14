//! How errors are made of what calls return, what they mean for a session, and their words.

use cryptoki::error::RvError;

use super::error::Error;
use super::raw::Refusal;

impl Error {
    /// A call that failed, on `what`.
    pub(super) fn refusal(what: &str) -> impl FnOnce(Refusal) -> Self + '_ {
        move |(function, code)| Self::Call {
            what: what.to_owned(),
            function,
            code,
        }
    }

    /// What a token said of a PIN, at a login or, as some do, when it signs.
    pub const fn of_pin(&self) -> Option<RvError> {
        match self {
            Self::PinSpent { code, .. } => *code,
            Self::Pin { code, .. } | Self::Call { code, .. } if is_pin_error(*code) => Some(*code),
            _ => None,
        }
    }

    /// Whether it can come of a logout: of sessions that died under another thread.
    pub(super) const fn can_be_of_a_logout(&self) -> bool {
        matches!(
            self,
            Self::Call { .. } | Self::Keys { .. } | Self::Gone { .. }
        )
    }

    /// Whether an attribute was not given because of the object or the login, and not because of itself.
    pub(super) const fn is_of_the_object(&self) -> bool {
        matches!(
            self,
            Self::Call {
                code: RvError::ObjectHandleInvalid
                    | RvError::KeyHandleInvalid
                    | RvError::UserNotLoggedIn
                    | RvError::HostMemory
                    | RvError::DeviceMemory
                    | RvError::FunctionCanceled,
                ..
            }
        )
    }

    /// Whether the token has no session left to open, or none that may write beside one that only reads.
    pub(super) const fn is_no_session_left(&self) -> bool {
        matches!(
            self,
            Self::Call {
                code: RvError::SessionCount | RvError::SessionReadOnlyExists,
                ..
            }
        )
    }

    /// Whether the session is gone, and a new start may help.
    pub(super) const fn is_dead_session(&self) -> bool {
        matches!(
            self,
            Self::Call {
                code: RvError::SessionHandleInvalid
                    | RvError::SessionClosed
                    | RvError::DeviceRemoved
                    | RvError::DeviceError
                    | RvError::TokenNotPresent
                    | RvError::CryptokiNotInitialized,
                ..
            }
        )
    }
}

pub(super) const fn is_pin_error(code: RvError) -> bool {
    matches!(
        code,
        RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
    )
}

pub(super) fn count(what: &str, found: &[String]) -> String {
    match found.len() {
        0 => format!("there is no {what}"),
        n => format!("there are {n} {what}s"),
    }
}

pub(super) fn listed(found: &[String], present: &[String]) -> String {
    let items = if found.is_empty() { present } else { found };
    if items.is_empty() {
        return " (there is none at all)".into();
    }
    format!(" (there is {})", items.join("; "))
}

/// Public objects that have the id of a key and are another's.
pub(super) fn in_the_way(others: &[String]) -> String {
    if others.is_empty() {
        return String::new();
    }
    format!(
        "; public keys of its id that are none: {}",
        others.join("; ")
    )
}

pub(super) fn orphan(orphans: &[String]) -> String {
    if orphans.is_empty() {
        return String::new();
    }
    format!(
        "; a public key without its private half is not a key: {}",
        orphans.join("; ")
    )
}

/// The name of a return value as the specification spells it: `CKR_PIN_INCORRECT`.
pub(super) fn code_name(code: &RvError) -> String {
    match code {
        RvError::VendorDefined(value) | RvError::UnknownErrorCode(value) => {
            return format!("the unknown code {value:#x}");
        }
        _ => {}
    }
    let mut name = String::from("CKR");
    for c in format!("{code:?}").chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}
