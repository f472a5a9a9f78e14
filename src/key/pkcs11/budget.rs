//! That a PIN is tried once: what a run has done with PINs so far.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::error::RvError;

use super::ending;
use super::identity::Identity;
use crate::key::pin::Pin;

/// What was done with PINs in this run.
#[derive(Default)]
pub struct Budget(Mutex<Spent>);

/// The same, while one thread looks at it.
#[derive(Default)]
pub struct Spent {
    /// Tokens that failed a login, and how. None gets another attempt, nor does any that says the same
    /// of itself.
    pub(super) failed: HashMap<Identity, (String, Option<RvError>)>,
    /// The token that the source of the command line was used for: its number and name. What it
    /// says of itself is not enough, for another can say the same.
    pub(super) general: Option<(usize, String)>,
    /// PINs that are kept for the run, because the user asked for that, by the token's number.
    pub(super) kept: Vec<(usize, Pin)>,
}

impl Budget {
    pub(super) fn locked(&self) -> MutexGuard<'_, Spent> {
        ending::outside(|| self.0.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}
