//! Base64 with padding, in one line (RFC 4648, section 4).

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

/// The digits of base64, by their value.
const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

/// Base64 with padding, as Go's `StdEncoding` reads it: it ignores line breaks, and the bits after the last byte may be
/// anything.
pub fn unbase64_of_go(text: &str) -> Option<Vec<u8>> {
    let mut text = text.replace(['\r', '\n'], "");
    // The digit before the padding carries 4 or 2 of those bits.
    let digits = text.trim_end_matches('=').len();
    let spare = match text.len() - digits {
        0 => return Base64::decode_vec(&text).ok(),
        padding => 2 * padding,
    };
    let last = text.get(..digits)?.chars().next_back()?;
    let value = DIGITS.find(last)?;
    let clear = DIGITS.as_bytes().get(value >> spare << spare)?;
    text.replace_range(
        digits - 1..digits,
        char::from(*clear).encode_utf8(&mut [0; 4]),
    );
    Base64::decode_vec(&text).ok()
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

    #[test]
    fn base64_is_read_as_go_reads_it() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("QQ==", Some(b"A")),
            ("QR==", Some(b"A")),
            ("Q/==", Some(b"C")),
            ("QUI=", Some(b"AB")),
            ("QUJ=", Some(b"AB")),
            ("\nQU\r\nJD\n", Some(b"ABC")),
            ("QQ=\n=\n", Some(b"A")),
            ("QQ", None),
            ("QQ=", None),
            ("Q===", None),
            ("====", None),
            ("=", None),
            ("QQ==QQ==", None),
            ("Q Q==", None),
            ("Q-==", None),
            ("é===", None),
            ("QUJD=", None),
        ] {
            assert_eq!(unbase64_of_go(text).as_deref(), bytes, "{text:?}");
        }
    }
}
