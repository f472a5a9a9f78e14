//! Resources of a key broker: the broker that the user means, fetching, and making an offline file.

mod at;
mod encode;
mod error;
mod get;
mod into;

pub use at::BrokerAt;
pub use encode::{Encode, Encoded, Named};
pub use error::Error;
pub use get::{Get, Got};
