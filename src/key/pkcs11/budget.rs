//! The PIN budget: one attempt a token, and what this run has done with PINs so far.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::error::RvError;

use super::ending;
use super::identity::Identity;
use crate::key::pin::Pin;

/// What this run has done with PINs.
#[derive(Default)]
pub struct Budget(Mutex<Spent>);

/// The budget, locked for one thread.
#[derive(Default)]
pub struct Spent {
    /// Tokens that failed a login, and how. Such a token gets no other attempt, nor does a token with the same
    /// identity.
    pub(super) failed: HashMap<Identity, (String, Option<RvError>)>,
    /// The token that got the PIN of the command line's source: its number and name. Its identity is not enough:
    /// another token can have the same.
    pub(super) general: Option<(usize, String)>,
    /// PINs that the user asked to keep for the run, by the token's number.
    pub(super) kept: Vec<(usize, Pin)>,
}

impl Budget {
    pub(super) fn locked(&self) -> MutexGuard<'_, Spent> {
        ending::outside(|| self.0.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}
