//! Whether a policy lets an image run, and why: the signatures of the image, the keys that the policy names, and where
//! both are found.

mod added;
pub mod check;
mod configuration;
mod endorsed;
mod error;
mod gather;
mod image_rs;
mod instance;
mod keys;
mod layers;
mod notary;
mod report;
pub mod rule;
mod sigstore;
mod simple;
mod subject;

pub use error::Error;
pub use report::{Decision, LookedAt, Outcome, PolicyReport, RequirementReport};
