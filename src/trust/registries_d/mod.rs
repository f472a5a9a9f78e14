//! registries.d: where the signatures of images in registries are.

mod error;
mod lookup;
mod namespace;
mod scalar;

pub use error::LookupError;
pub use lookup::Lookup;
