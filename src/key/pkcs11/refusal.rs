//! Errors from return values, and their meaning for a session.

use cryptoki::error::RvError;

use super::error::Error;
use super::raw::Refusal;
use super::words::is_pin_error;
use crate::key::pin::PinError;

/// A problem with a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinFault {
    /// It is locked after too many wrong ones.
    Locked,
    /// It has expired.
    Expired,
    /// It is wrong, or the token does not accept it as a PIN.
    Wrong,
}

impl Error {
    /// A call that failed, on `what`.
    pub(super) fn refusal(what: &str) -> impl FnOnce(Refusal) -> Self + '_ {
        move |(function, code)| Self::Call {
            what: what.to_owned(),
            function,
            code,
        }
    }

    /// The problem with a PIN, where the token named one.
    pub const fn pin_fault(&self) -> Option<PinFault> {
        match self.of_pin() {
            Some(RvError::PinLocked) => Some(PinFault::Locked),
            Some(RvError::PinExpired) => Some(PinFault::Expired),
            Some(_) => Some(PinFault::Wrong),
            None => None,
        }
    }

    /// Why there was no PIN, if a missing PIN is the cause.
    pub fn no_pin(&self) -> Option<&PinError> {
        match self {
            Self::NoPin { source, .. } | Self::NoSetupPin { source, .. } => Some(source),
            Self::Unsure { source }
            | Self::BadKey { source, .. }
            | Self::HalfSetUp { source, .. } => source.no_pin(),
            _ => None,
        }
    }

    /// Whether the token gives no more sessions to anybody.
    pub const fn is_out_of_sessions(&self) -> bool {
        matches!(
            self,
            Self::Call {
                code: RvError::SessionCount,
                ..
            }
        )
    }

    /// A token's problem with a PIN, at a login or, on some tokens, at a signature.
    pub(super) const fn of_pin(&self) -> Option<RvError> {
        match self {
            Self::PinSpent { code, .. } => *code,
            Self::Pin { code, .. } | Self::Call { code, .. } if is_pin_error(*code) => Some(*code),
            _ => None,
        }
    }

    /// Whether a logout can cause it: sessions may have died under another thread.
    pub(super) const fn can_be_of_a_logout(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::Keys { .. } | Self::Gone(_))
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
