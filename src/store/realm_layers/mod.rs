//! A model of how realms unpack an image, fed by the bytes that are checked anyway.
//!
//! A `Watch` reads a layer's tar archive as it is hashed and keeps its `Members` in few bytes; the `Model` unpacks
//! those of all layers, the lowest first, by names alone. Whatever they cannot follow is a finding too.

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
