//! cosign's commands, from their flags to what they print.

mod blob;
mod common;
mod dispatch;
mod hanging;
mod image;
mod keys;
mod shown;
pub(super) use dispatch::run;
