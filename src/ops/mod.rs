//! What a user asks for, done: the only place where keys, schemes and the store meet.

pub mod copy;
mod earlier;
mod endorse;
pub mod endorsement;
pub mod extract;

mod error;
pub mod file;
pub mod inspect;
pub mod keys;
mod outputs;
pub mod place;
mod realms;
pub mod sign;
#[cfg(feature = "registry")]
pub mod sign_remote;
pub mod verify;
pub use error::{Carrier, Error, Way};
