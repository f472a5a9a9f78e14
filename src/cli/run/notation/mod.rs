//! notation's commands, from their flags to what they print.

mod certificate;
mod common;
mod dispatch;
mod key;
mod plugin;
mod table;
pub(super) use dispatch::run;
