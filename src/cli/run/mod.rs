//! Each command, from its flags to what it prints.

pub(super) mod ceremony;
mod ceremony_work;
mod cert;
mod copy;
mod cosign;
mod dispatch;
mod images;
mod keys;
mod look;
mod many;
mod notation;
mod policy;
mod policy_check;
mod resource;
mod token;
mod verdict;
mod verify;
mod written;
pub use dispatch::run;
pub use notation::signing_key;
