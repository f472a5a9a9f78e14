//! The part of an edit that makes a layout fit for the server for realms: it leaves out content that the server
//! refuses, turns docker's media types into OCI's, and shortens tags.

mod check;
mod fates;
mod plan;
mod root;
mod words;

pub(super) use check::retain_reachable;
pub use check::unserved;
pub(super) use fates::Mend;
pub use words::{ForRealms, Mended};
