//! What users of notation do: signing and verifying images by Notary Project's rules, with notation's own configuration.

pub mod certificates;
mod error;
pub mod folders;
pub mod keys;
pub mod plugin;
pub mod verifier;
pub mod signing_keys;
pub mod stores;

pub use error::Error;
