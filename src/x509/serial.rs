//! Serial numbers (RFC 5280, section 4.1.2.2).

use std::fmt;

use crate::encoding::hex::{hex, unhex};

/// The most bytes of a serial number's DER INTEGER.
const MOST: usize = 20;
/// Bytes of a serial number that is made here.
const RANDOM: usize = 16;

/// A positive serial number, as the content of its DER INTEGER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Serial(Vec<u8>);

/// Bytes that are not a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a serial number: it must be a positive number of at most {MOST} bytes")]
pub struct SerialError;

impl Serial {
    /// A new serial number of 16 bytes, 126 bits of them random.
    pub fn random() -> Result<Self, std::io::Error> {
        let mut bytes = [0; RANDOM];
        let filled =
            rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())?;
        if filled != RANDOM {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        // Positive, and no leading zero that an encoding would drop.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Ok(Self(bytes.to_vec()))
    }

    /// Reads a number, big-endian. Leading zeros do not count.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SerialError> {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let magnitude = &bytes[zeros..];
        let sign: &[u8] = match magnitude.first() {
            None => return Err(SerialError),
            Some(..0x80) => &[],
            Some(_) => &[0],
        };
        let content = [sign, magnitude].concat();
        if content.len() > MOST {
            return Err(SerialError);
        }
        Ok(Self(content))
    }

    /// Reads hexadecimal in upper or lower case, with or without colons between the bytes, as openssl and other
    /// programs show it.
    pub fn from_hex(text: &str) -> Result<Self, SerialError> {
        let plain = if text.contains(':') {
            if text.split(':').any(|byte| byte.len() != 2) {
                return Err(SerialError);
            }
            text.replace(':', "")
        } else if text.len().is_multiple_of(2) {
            text.to_owned()
        } else {
            format!("0{text}")
        };
        let bytes = unhex(&plain.to_ascii_lowercase()).ok_or(SerialError)?;
        Self::from_bytes(&bytes)
    }

    /// The content of its DER INTEGER: [`super::Certificate::serial`], and the argument of a list's
    /// [`super::RevocationList::status`].
    pub fn content(&self) -> &[u8] {
        &self.0
    }
}

/// The content of an INTEGER in lower-case hexadecimal, without the zero byte that keeps it positive.
pub fn shown(content: &[u8]) -> String {
    match content {
        [0, rest @ ..] if !rest.is_empty() => hex(rest),
        all => hex(all),
    }
}

/// In the spelling of `openssl x509 -serial`, but in lower case.
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_number_is_positive_and_has_sixteen_bytes() {
        let all: Vec<_> = (0..100)
            .map(|_| Serial::random().expect("random"))
            .collect();
        for (at, serial) in all.iter().enumerate() {
            assert_eq!(serial.content().len(), 16);
            assert!((0x40..0x80).contains(&serial.content()[0]));
            assert!(!all[..at].contains(serial));
        }
    }

    #[test]
    fn a_number_keeps_its_sign() {
        let serial = |bytes: &[u8]| Serial::from_bytes(bytes);
        assert_eq!(serial(&[0, 0, 0x7f]).expect("a number").content(), [0x7f]);
        assert_eq!(serial(&[0x80]).expect("a number").content(), [0, 0x80]);
        assert_eq!(serial(&[0x80]).expect("a number").to_string(), "80");
        assert!(serial(&[0x7f; 20]).is_ok() && serial(&[0x80; 19]).is_ok());
        for bytes in [&[][..], &[0], &[0; 30], &[0x80; 20], &[0x7f; 21]] {
            assert_eq!(serial(bytes), Err(SerialError), "{bytes:?}");
        }
    }

    #[test]
    fn a_number_is_read_as_programs_show_it() {
        let serial = Serial::from_bytes(&[0x0a, 0xbc]).expect("a number");
        for text in ["0abc", "0ABC", "abc", "0A:BC", "00:0a:bc"] {
            assert_eq!(Serial::from_hex(text).as_ref(), Ok(&serial), "{text}");
        }
        for text in ["", "0", "xy", "0x0a", "0a:b", "0a::bc", ":", "0a bc", "-1"] {
            assert_eq!(Serial::from_hex(text), Err(SerialError), "{text}");
        }
    }
}
