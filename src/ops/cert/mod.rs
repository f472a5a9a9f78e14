//! Certificates, requests and revocation lists: made with keys in files or on tokens, shown, and verified.

mod error;
mod input;
pub mod issue;
mod life;
pub mod list;
mod output;
pub mod rule;
pub mod show;
mod sign;
pub mod verify;
pub use error::Error;
pub use life::{Life, Until};
pub use output::{Made, Output};
pub use sign::Keys;
