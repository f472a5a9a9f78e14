//! SHA-1, only for names: OpenPGP calls a key by the SHA-1 of its packet. ir-sign verifies no signature with it.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// SHA-1 (FIPS 180-4) of bytes, as a name for them. Two different keys can be made to have one name.
pub fn sha1_name(bytes: &[u8]) -> [u8; 20] {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let hash = hash.as_ref().try_into();
    hash.expect("SHA-1 has 20 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex::hex;

    #[test]
    fn known_answer() {
        let name = hex(&sha1_name(b"abc"));
        assert_eq!(name, "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
