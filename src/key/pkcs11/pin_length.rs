//! How long the PINs of a token may be.

use std::fmt;

use super::raw::TokenInfo;

/// How many bytes a token's PINs may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinLength {
    least: u64,
    /// None where the token does not say.
    most: Option<u64>,
}

impl PinLength {
    pub(super) fn of(info: &TokenInfo) -> Self {
        let (least, most) = info.pin_length;
        // Some tokens say nothing, or that the most is 0.
        let most = Some(most).filter(|most| *most > 0 && *most >= least);
        Self { least, most }
    }

    /// Whether a PIN may have so many bytes.
    pub(super) fn allows(self, bytes: u64) -> bool {
        bytes >= self.least && self.most.is_none_or(|most| bytes <= most)
    }
}

impl fmt::Display for PinLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) => write!(f, "from {} to {most} bytes", self.least),
            None => write!(f, "at least {} bytes", self.least),
        }
    }
}
