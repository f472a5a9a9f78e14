//! Making a layout one that the server for realms loads: the part of an edit that leaves out what no server takes,
//! writes docker's names for things as OCI's, and shortens tags.

mod check;
mod fates;
mod plan;
mod root;
mod words;

pub(super) use check::retain_reachable;
pub use check::unserved;
pub(super) use fates::Mend;
pub use words::{ForRealms, Mended};
