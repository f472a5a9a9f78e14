//! Verdicts are values: the checks, their outcomes, and who signed.

mod check;
pub mod rule;
mod verdict;

pub use check::{Check, Outcome, hold};
pub use verdict::{Candidate, Report, Signatory, Trusted, Verdict};
