//! Ceremonies: a CA makes its root key, or endorses vendors or signs payloads with it, once, before witnesses, by a plan that people
//! reviewed before, and can prove it afterwards.

mod certificates;
pub mod check;
mod details;
pub mod diff;
mod error;
mod items;
mod kinds;
pub mod layout;
pub mod listing;
mod members;
mod page;
pub mod payload;
mod places;
pub mod plan;
pub mod programs;
pub mod progress;
pub mod rehearsal;
pub mod report;
mod report_signed;
mod rules;
pub mod run;
mod shape;
mod software;
mod step;
mod steps;
mod steps_certificates;
mod story;
pub mod transcript;
pub mod verify;
mod words;
pub mod work;

pub use certificates::{Fact, Issuer, PlannedCertificate, PlannedCrl, PlannedRoot};
pub use error::Error;
pub use words::{groups, words};
