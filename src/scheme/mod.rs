//! Signature schemes: an image goes in; a draft, or the outcome of checks, comes out.
//!
//! Schemes are pure: they read no files and never hold a key. A scheme drafts the bytes to be signed and turns
//! finished signatures into a change of the image.

pub mod annotation;
pub mod cosign;
mod critical;
mod draft;
mod error;
mod malformed;
pub mod notary;
mod signed_text;
pub mod simple;
mod verify;

pub use draft::{Draft, Message, SignScheme};
pub use error::Error;
pub use malformed::Malformed;
pub use verify::VerifyScheme;
