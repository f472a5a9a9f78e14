//! Verdicts are values: what was checked, what came out, and who signed.

mod check;
pub mod rule;
mod verdict;

pub use check::{Check, Outcome, hold};
pub use verdict::{Candidate, Report, Signatory, Trusted, Verdict};
