//! Memory for secrets: locked, so that it never reaches swap, and wiped when it is dropped.

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use zeroize::{Zeroize, Zeroizing};

/// Why memory was not locked, the first time that it was not.
static REFUSED: OnceLock<String> = OnceLock::new();

/// Secret bytes. They never move, lie in locked memory from the start, and are wiped in the end.
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

    /// Takes over bytes where they lie, if another part has put them into memory.
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

/// Whether all of some bytes of this process are locked, as /proc/self/smaps says of each mapping.
#[cfg(test)]
pub(crate) fn is_locked(bytes: &[u8]) -> bool {
    let (start, end) = (bytes.as_ptr().addr(), bytes.as_ptr_range().end.addr());
    let maps = std::fs::read_to_string("/proc/self/smaps").expect("it is there");
    let (mut map, mut locked) = (0..0, 0);
    for line in maps.lines() {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let ends = first.split_once('-').map(|ends| {
            let end = |text| usize::from_str_radix(text, 16);
            (end(ends.0), end(ends.1))
        });
        if let Some((Ok(from), Ok(to))) = ends {
            map = from.max(start)..to.min(end);
        } else if first == "VmFlags:" && rest.split(' ').any(|flag| flag == "lo") {
            locked += map.len();
        }
    }
    locked == bytes.len()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_secret_is_locked_and_its_end_wiped() {
        // So large that it does not lie where secrets of other tests have lain.
        let size = 1 << 18;
        let plain = vec![7; size];
        assert!(!is_locked(&plain));
        let mut secret = Secret::of(&plain);
        assert!(is_locked(&secret));
        assert_eq!(refused(), None);
        let at = secret.as_ptr().addr() as u64;
        secret.truncate(3);
        assert_eq!(*secret, [7, 7, 7]);
        let mut left = vec![1; size];
        let memory = File::open("/proc/self/mem").expect("our own");
        memory.read_exact_at(&mut left, at).expect("it is ours yet");
        assert!(left[..3] == [7; 3] && left[3..].iter().all(|byte| *byte == 0));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(Secret::of(&[]).is_empty());
    }
}
