//! Each command, from its flags to what it prints.

pub(super) mod ceremony;
mod cert;
mod ceremony_work;
mod copy;
mod cosign;
mod dispatch;
mod images;
mod keys;
mod look;
mod policy;
mod policy_check;
mod resource;
mod notation;
mod token;
mod verify;
mod written;
pub use dispatch::run;
