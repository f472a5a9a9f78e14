//! HMAC with SHA-256 (RFC 2104).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};

/// Bytes of a tag.
pub const TAG_LEN: usize = 32;

/// A running HMAC.
pub struct Hmac256(Context);

impl Hmac256 {
    /// Nothing hashed yet.
    pub fn new(key: &[u8]) -> Self {
        Self(Context::with_key(&Key::new(HMAC_SHA256, key)))
    }

    /// Hashes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether this is the tag of all bytes, compared in constant time.
    pub fn is(self, tag: &[u8; TAG_LEN]) -> bool {
        verify_slices_are_equal(self.0.sign().as_ref(), tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex::unhex;

    /// RFC 4231, test case 2.
    #[test]
    fn the_tag_of_rfc_4231_is_known_and_no_other() {
        let tag = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let mut tag: [u8; TAG_LEN] = unhex(tag).expect("hex").try_into().expect("32 bytes");
        let hashed = || {
            let mut hmac = Hmac256::new(b"Jefe");
            hmac.update(b"what do ya want ");
            hmac.update(b"for nothing?");
            hmac
        };
        assert!(hashed().is(&tag));
        tag[31] ^= 1;
        assert!(!hashed().is(&tag));
    }
}
