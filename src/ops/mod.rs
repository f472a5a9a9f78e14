//! The user's requests: the only place where keys, schemes and the store meet.

pub mod cert;
pub mod copy;
pub mod cosign;
pub mod decryption;
mod earlier;
mod endorse;
pub mod endorsement;
pub mod extract;

mod error;
pub mod file;
#[cfg(feature = "registry")]
mod fleet;
pub mod found;
pub mod inspect;
mod judge;
pub mod key_pairs;
pub mod keys;
pub mod location;
pub mod many;
pub mod notation;
mod order;
pub mod outputs;
pub mod policies;
pub mod policy;
pub mod prune;
mod realms;
#[cfg(feature = "registry")]
pub mod repository;
pub mod resource;
pub mod shard;
pub mod sign;
pub mod sign_apps;
#[cfg(feature = "registry")]
mod sign_remote;
pub mod signed;
pub mod verify;
mod way;
pub use error::Error;
pub use way::{Carrier, Way};
