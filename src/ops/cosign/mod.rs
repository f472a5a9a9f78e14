//! What users of cosign do: signing and verifying images and files in its forms.

pub mod attach;
pub mod blob;
mod error;
pub mod hanging;
pub mod image;
pub mod look;
pub mod payload;
pub mod sign;
pub mod verify;

pub use error::Error;
