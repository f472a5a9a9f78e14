//! What users of notation do: signing and verifying images by Notary Project's rules, with notation's own configuration.

pub mod certificates;
pub mod crls;
mod error;
mod exchange;
pub mod folders;
pub mod image;
pub mod keys;
pub mod look;
pub mod plugin;
pub mod policies;
pub mod protocol;
pub mod sign;
pub mod signing;
pub mod signing_keys;
pub mod stores;
pub mod trust;
pub mod verifier;
pub mod verify;

pub use error::Error;
