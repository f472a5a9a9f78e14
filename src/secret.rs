//! Memory for secrets: locked, so that it never reaches swap, and wiped when it is dropped.

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use zeroize::{Zeroize, Zeroizing};

/// Why memory was not locked, the first time that it was not.
static REFUSED: OnceLock<String> = OnceLock::new();

/// Bytes that are a secret. They never move, are in locked memory before they are there, and are
/// wiped in the end.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Zeros, to be overwritten in place.
    pub fn zeroed(len: usize) -> Self {
        Self::taken(Zeroizing::new(vec![0; len]))
    }

    /// A copy.
    pub fn of(bytes: &[u8]) -> Self {
        let mut copy = Self::zeroed(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }

    /// Takes bytes as they lie, where something else has put them into memory.
    pub fn taken(bytes: Zeroizing<Vec<u8>>) -> Self {
        lock(&bytes);
        Self(bytes)
    }

    /// Keeps the first `len` bytes and wipes the others.
    pub fn truncate(&mut self, len: usize) {
        self[len..].zeroize();
        self.0.truncate(len);
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Secret {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Locks the pages that memory lies on (mlock(2)), until the process ends or gives them back.
///
/// They are not unlocked when the secret is gone: locks do not count, and another secret may lie on
/// the same page. Where the system refuses, [`refused`] says so from then on.
pub fn lock(bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    match region::lock(bytes.as_ptr(), bytes.len()) {
        Ok(guard) => mem::forget(guard),
        Err(error) => {
            REFUSED.get_or_init(|| match error {
                region::Error::SystemCall(code) => {
                    std::io::Error::from_raw_os_error(code).to_string()
                }
                other => other.to_string(),
            });
        }
    }
}

/// Why secrets of this process may have reached swap; `None` where they have not.
pub fn refused() -> Option<&'static str> {
    REFUSED.get().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kilobytes of this process that are locked.
    fn locked() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("it is there");
        let line = status.lines().find(|line| line.starts_with("VmLck:"));
        let mut words = line.expect("a line for it").split_whitespace();
        words.nth(1).and_then(|n| n.parse().ok()).expect("a number")
    }

    #[test]
    fn a_secret_is_locked_and_its_end_wiped() {
        // The threads of other tests end at any time, and take what they locked with them.
        let grows = (0..20).any(|_| {
            let before = locked();
            let _secret = Secret::of(&vec![7; 1 << 16]);
            locked() >= before + 64
        });
        assert!(grows);
        let mut secret = Secret::of(&vec![7; 1 << 16]);
        assert_eq!(refused(), None);
        secret.truncate(3);
        assert_eq!(*secret, [7, 7, 7]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(Secret::of(&[]).is_empty());
    }
}
