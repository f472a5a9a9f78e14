//! The content of a new signature.

use std::time::SystemTime;

use super::format::Format;
use super::payload::Payload;

/// The content of a new signature.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The format of the envelope.
    pub format: Format,
    /// What is signed.
    pub payload: Payload,
    /// The time of signing. Fractions of a second are dropped.
    pub signing_time: SystemTime,
    /// When the signature ends to hold. Fractions of a second are dropped.
    pub expiry: Option<SystemTime>,
    /// The name of this program.
    pub agent: String,
}
