//! cosign's commands, from their flags to what they print.

mod dispatch;
mod keys;
pub(super) use dispatch::run;
