//! Base64 with padding, in one line (RFC 4648, section 4).

use base64ct::{Base64, Encoding};

/// The base64 form of bytes.
pub fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Reads base64; `None` for all that [`base64`] does not write.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_reads_back_and_has_one_spelling() {
        assert_eq!(base64(b"A"), "QQ==");
        assert_eq!(unbase64("QQ=="), Some(b"A".to_vec()));
        for other in ["QR==", "QQ", "QQ=", "QQ==\n", " QQ==", "QQ==QQ==", "Q-=="] {
            assert_eq!(unbase64(other), None, "{other:?}");
        }
    }
}
