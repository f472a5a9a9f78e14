//! The keys of a key provider, which open packets.

use std::fmt;

use crate::secret::Secret;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;

/// Keys that may open packets: in locked memory, and wiped when they are dropped.
#[derive(Default)]
pub struct Keys(Vec<Secret>);

impl Keys {
    /// Adds a key, unless the bytes have another length than [`KEY_LEN`].
    #[must_use]
    pub fn add(&mut self, bytes: &[u8]) -> bool {
        let fits = bytes.len() == KEY_LEN;
        if fits {
            self.0.push(Secret::of(bytes));
        }
        fits
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &[u8; KEY_LEN]> {
        self.0
            .iter()
            .map(|key| key[..].try_into().expect("each has this length"))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_bytes_and_is_not_shown() {
        let mut keys = Keys::default();
        assert!(!keys.add(&[7; 31]) && !keys.add(&[7; 33]) && !keys.add(&[]));
        assert!(keys.is_empty());
        assert!(keys.add(&[7; 32]));
        assert_eq!(format!("{keys:?}"), "Keys(1)");
    }
}
