//! The parts of an envelope, as either format has them.

use super::attributes::Attributes;
use super::payload::Payload;
use crate::crypto::Algorithm;

/// What both formats hold.
pub(super) struct Read {
    pub(super) algorithm: Algorithm,
    pub(super) payload: Payload,
    pub(super) attributes: Attributes,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) agent: Option<String>,
    pub(super) timestamp: Option<Vec<u8>>,
    /// The bytes that are signed.
    pub(super) message: Vec<u8>,
    /// The signature: `r‖s`, or RSA's bytes.
    pub(super) signature: Vec<u8>,
}
