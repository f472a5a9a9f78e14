//! Certificates and CRLs that a ceremony's root key signs.

pub(super) mod facts;
pub(super) mod members;
pub(super) mod planned;
pub(super) mod record;
mod time;

pub use facts::Fact;
pub use planned::{Issuer, PlannedCertificate, PlannedCrl, PlannedRoot};
