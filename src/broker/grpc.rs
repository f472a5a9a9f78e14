//! The bytes of one call of gRPC: two messages with at most three texts each, and statuses.
//!
//! Sources: gRPC over HTTP/2 (PROTOCOL-HTTP2.md); Protocol Buffers, "Encoding".

use std::fmt;

use crate::text::plain;

/// Bytes of the largest message, as in other clients of gRPC.
pub(super) const LARGEST_MESSAGE: usize = 4 << 20;
/// Bytes before a message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;
/// The most characters of an agent's message that an error repeats.
const MOST_SHOWN: usize = 300;

/// A request whose fields, from number 1, are these texts; with the prefix.
pub(super) fn request(texts: &[&str]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, text) in (1u8..).zip(texts) {
        message.push(number << 3 | LENGTH_DELIMITED);
        push_varint(&mut message, text.len() as u64);
        message.extend_from_slice(text.as_bytes());
    }
    let length = u32::try_from(message.len()).expect("a path and two names are short");
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.append(&mut message);
    framed
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Why an answer's body is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadAnswer {
    /// There is no message.
    Nothing,
    /// The message is compressed, and the client offers no compression.
    Compressed,
    /// There are fewer or more bytes than one message.
    Length,
    /// The message is not one of Protocol Buffers.
    Message,
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "it has no message",
            Self::Compressed => "its message is compressed",
            Self::Length => "it is not exactly one message",
            Self::Message => "its message is not a resource",
        })
    }
}

/// The resource in an answer's body: field 1 of its one message, without bytes where it is absent.
pub(super) fn resource(body: &[u8]) -> Result<&[u8], BadAnswer> {
    if body.is_empty() {
        return Err(BadAnswer::Nothing);
    }
    let (prefix, message) = body.split_at_checked(PREFIX).ok_or(BadAnswer::Length)?;
    if prefix[0] != 0 {
        return Err(BadAnswer::Compressed);
    }
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if message.len() as u64 != u64::from(length) {
        return Err(BadAnswer::Length);
    }
    fields(message).ok_or(BadAnswer::Message)
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED_32: u8 = 5;

/// The last field 1 of a message. This ignores other fields.
fn fields(mut rest: &[u8]) -> Option<&[u8]> {
    let mut found: &[u8] = &[];
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let number = key >> 3;
        if number == 0 || number >= 1 << 29 {
            return None;
        }
        let length = match (key & 7) as u8 {
            VARINT => varint(&mut rest).map(|_| 0)?,
            FIXED_64 => 8,
            LENGTH_DELIMITED => usize::try_from(varint(&mut rest)?).ok()?,
            FIXED_32 => 4,
            _ => return None,
        };
        let (field, behind) = rest.split_at_checked(length)?;
        if number == 1 {
            if key & 7 != u64::from(LENGTH_DELIMITED) {
                return None;
            }
            found = field;
        }
        rest = behind;
    }
    Some(found)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (n, byte) in rest.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if n == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * n);
        if byte & 0x80 == 0 {
            *rest = &rest[n + 1..];
            return Some(value);
        }
    }
    None
}

/// A status of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(u32);

impl Status {
    pub(super) const OK: Self = Self(0);
    pub(super) const UNIMPLEMENTED: Self = Self(12);

    /// Reads the header `grpc-status`.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
        text.parse().ok().map(Self)
    }

    /// The status by its name, with the agent's message (header `grpc-message`).
    pub(super) fn with(self, message: &[u8]) -> String {
        let message = String::from_utf8_lossy(&percent_decoded(message)).into_owned();
        let message = plain(&message.chars().take(MOST_SHOWN).collect::<String>());
        if message.is_empty() {
            self.to_string()
        } else {
            format!("{self}: {message}")
        }
    }
}

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).expect("short");
        [&[0][..], &length.to_be_bytes(), message].concat()
    }

    #[test]
    fn a_request_has_its_texts_as_fields() {
        assert_eq!(request(&["ab", "c"]), b"\0\0\0\0\x07\x0a\x02ab\x12\x01c");
        let long = "x".repeat(300);
        assert_eq!(request(&[&long])[..8], *b"\0\0\0\x01\x2f\x0a\xac\x02");
    }

    #[test]
    fn the_resource_is_the_last_field_1() {
        for (message, found) in [
            (&b""[..], &b""[..]),
            (b"\x0a\x03key", b"key"),
            (b"\x0a\x00", b""),
            (b"\x0a\x01a\x0a\x01b", b"b"),
            // A number, eight bytes, four bytes and other bytes of other fields.
            (
                b"\x10\x96\x01\x19abcdefgh\x25abcd\x2a\x01x\x0a\x03key",
                b"key",
            ),
        ] {
            assert_eq!(resource(&framed(message)), Ok(found), "{message:?}");
        }
    }

    #[test]
    fn messages_that_are_no_answer_are_refused() {
        for (body, reason) in [
            (&b""[..], BadAnswer::Nothing),
            (b"\0\0\0\0", BadAnswer::Length),
            (b"\0\0\0\0\x01", BadAnswer::Length),
            (b"\0\0\0\0\0\0\0\0\0\0", BadAnswer::Length),
            (b"\x01\0\0\0\0", BadAnswer::Compressed),
            (b"\0\0\0\0\x01\xff", BadAnswer::Message),
            (b"\0\0\0\0\x02\x0a\x05", BadAnswer::Message),
            (b"\0\0\0\0\x02\x08\x05", BadAnswer::Message),
            (b"\0\0\0\0\x02\x02\x00", BadAnswer::Message),
            (b"\0\0\0\0\x01\x0b", BadAnswer::Message),
            (
                b"\0\0\0\0\x0b\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
                BadAnswer::Message,
            ),
        ] {
            assert_eq!(resource(body), Err(reason), "{body:?}");
        }
    }

    #[test]
    fn a_status_has_a_name_and_the_agents_words_without_control_characters() {
        let read = |text: &str| Status::read(text.as_bytes());
        assert_eq!(read("0"), Some(Status::OK));
        for text in ["", "x", "-1", "+1", " 1", "4294967296"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        let status = read("13").expect("a number");
        assert_eq!(
            status.with(b"get%20it%0A%e2%82%ac%zz%"),
            "INTERNAL: get it\\n€%zz%"
        );
        assert_eq!(status.with(b""), "INTERNAL");
        assert_eq!(read("99").expect("a number").with(b""), "status 99");
        let long = status.with(&b"x".repeat(5000));
        assert!(long.len() < 400, "{long}");
    }
}
