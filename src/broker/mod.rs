//! Resources of a key broker, by `kbs://` URI: public keys, policies, decryption keys.
//!
//! A [`Source`] says where the broker is; [`Broker::get`] fetches one resource. A broker that is absent, slow or lies is
//! an error that leaves everything undecided.

#[cfg(feature = "grpc")]
mod agent;
mod client;
mod error;
#[cfg(feature = "grpc")]
mod grpc;
mod offline_fs;
mod source;
mod uri;

pub use client::Broker;
pub use error::{Error, FileFault};
pub use offline_fs::{LARGEST_FILE, Resources, encode};
pub use source::{BadSource, DEFAULT_FILE, Source};
pub use uri::{BadUri, KbsUri, ResourceName};
