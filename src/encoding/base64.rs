//! Base64 with padding, in one line (RFC 4648, section 4).

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

/// The base64 form of bytes.
pub fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Reads base64; `None` for all that [`base64`] does not write.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// Reads base64 of a secret: the bytes are wiped when they are dropped, also where the text is refused.
pub fn unbase64_wiped(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut room = Zeroizing::new(vec![0; text.len() / 4 * 3]);
    let length = Base64::decode(text, &mut room).ok()?.len();
    room.truncate(length);
    Some(room)
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
            assert_eq!(unbase64_wiped(other), None, "{other:?}");
        }
    }

    #[test]
    fn secrets_are_read_as_other_bytes_are() {
        for length in 0..9 {
            let bytes = vec![0xa5; length];
            let read = unbase64_wiped(&base64(&bytes)).expect("base64");
            assert_eq!(*read, bytes);
        }
    }
}
