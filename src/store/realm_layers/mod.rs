//! A model of how realms unpack an image. It reads bytes that ir-sign checks anyway.
//!
//! A `Watch` reads a layer's tar archive while ir-sign hashes it, and keeps its `Members` in few bytes. The `Model`
//! unpacks the members of all layers, the lowest first, but only their names. If it cannot follow something, that is a
//! finding too.

mod config;
mod faults;
mod members;
mod model;
mod tree;
mod watch;

pub use config::check_config;
pub(super) use faults::Faults;
pub(super) use members::{Budget, Members};
pub(super) use model::Model;
pub use model::check_layers;
pub(super) use watch::Watch;

#[cfg(test)]
mod tests;
