//! notation's commands, from their flags to what they print.

mod certificate;
mod common;
mod dispatch;
mod image;
mod key;
mod plugin;
mod policy;
mod table;
mod tree;
mod verify;
pub use common::signing_key;
pub(super) use dispatch::run;
