//! The packets of OpenPGP (RFC 9580, section 4), one after the other.

use std::borrow::Cow;

use crate::scheme::malformed::Malformed;

/// Signature packet.
pub(super) const SIGNATURE: u8 = 2;
/// One-pass signature packet.
pub(super) const ONE_PASS: u8 = 4;
/// Public-key packet.
pub(super) const PUBLIC_KEY: u8 = 6;
/// Compressed data packet.
pub(super) const COMPRESSED: u8 = 8;
/// Literal data packet.
pub(super) const LITERAL: u8 = 11;
/// User ID packet.
pub(super) const USER_ID: u8 = 13;
/// Public-subkey packet.
pub(super) const PUBLIC_SUBKEY: u8 = 14;
/// User attribute packet.
pub(super) const USER_ATTRIBUTE: u8 = 17;

/// One packet: its type and its content.
pub(super) struct Packet<'a> {
    pub(super) tag: u8,
    pub(super) body: Cow<'a, [u8]>,
}

/// The rest of a sequence of packets. A length that goes beyond the bytes is an error, so this never makes room for
/// absent bytes.
pub(super) struct Packets<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Packets<'a> {
    /// The packets in these bytes, which have to be `what`.
    pub(super) const fn of(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    fn error(&self, reason: impl Into<String>) -> Malformed {
        Malformed::new(self.what, reason)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.error("a packet goes on beyond its end"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A big-endian number of so many bytes.
    fn number(&mut self, bytes: usize) -> Result<usize, Malformed> {
        let bytes = self.take(bytes)?.iter();
        Ok(bytes.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// The next packet; none where the bytes are at their end.
    pub(super) fn next(&mut self) -> Result<Option<Packet<'a>>, Malformed> {
        let Some(first) = self.rest.first().copied() else {
            return Ok(None);
        };
        self.take(1)?;
        let (tag, body) = match first {
            0..=0x7f => return Err(self.error("it does not consist of OpenPGP packets")),
            0x80..=0xbf => {
                let tag = first >> 2 & 15;
                let length = match first & 3 {
                    3 if tag == COMPRESSED || tag == LITERAL => self.rest.len(),
                    3 => return Err(self.error("a packet does not say how long it is")),
                    power => self.number(1 << power)?,
                };
                (tag, Cow::Borrowed(self.take(length)?))
            }
            0xc0..=0xff => (first & 0x3f, self.new_form(first & 0x3f)?),
        };
        if tag == 0 {
            return Err(self.error("a packet has no type"));
        }
        Ok(Some(Packet { tag, body }))
    }

    /// The content of a packet whose header has the new form, perhaps in parts.
    fn new_form(&mut self, tag: u8) -> Result<Cow<'a, [u8]>, Malformed> {
        let mut parts = Vec::new();
        loop {
            let (length, is_last) = match self.number(1)? {
                short @ 0..192 => (short, true),
                high @ 192..224 => (((high - 192) << 8) + self.number(1)? + 192, true),
                power @ 224..255 => (1 << (power & 31), false),
                _ => (self.number(4)?, true),
            };
            if !is_last && tag != COMPRESSED && tag != LITERAL {
                return Err(self.error("a packet that holds no data is in parts"));
            }
            let part = self.take(length)?;
            if is_last && parts.is_empty() {
                return Ok(Cow::Borrowed(part));
            }
            parts.extend_from_slice(part);
            if is_last {
                return Ok(Cow::Owned(parts));
            }
        }
    }
}

/// Reads the fields of a packet's content, one after the other; `None` where it ends too early.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn two_bytes(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn four_bytes(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A multiprecision integer (section 3.2), without leading zeros, and whether it is in its one encoding: gpg strips
    /// zeros before it hashes a key.
    pub(super) fn integer(&mut self) -> Option<(&'a [u8], bool)> {
        let bits = usize::from(self.two_bytes()?);
        let bytes = self.take(bits.div_ceil(8))?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let first = bytes.first().map_or(0, |first| first.leading_zeros());
        let is_canonical = zeros == 0 && bytes.len() * 8 - first as usize == bits;
        Some((&bytes[zeros..], is_canonical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, Malformed> {
        let mut packets = Packets::of(bytes, "test");
        let mut all = Vec::new();
        while let Some(Packet { tag, body }) = packets.next()? {
            all.push((tag, body.into_owned()));
        }
        Ok(all)
    }

    #[test]
    fn headers_of_both_forms_and_lengths_of_all_kinds_are_read() {
        let of = |header: &[u8], length: usize| [header, &vec![7; length]].concat();
        for (bytes, tag, length) in [
            (of(&[0x88, 3], 3), 2, 3),
            (of(&[0x89, 1, 0], 256), 2, 256),
            (of(&[0x8a, 0, 0, 0, 1], 1), 2, 1),
            (of(&[0xa3], 9), 8, 9),
            (of(&[0xc2, 191], 191), 2, 191),
            (of(&[0xc2, 192, 0], 192), 2, 192),
            (of(&[0xc2, 223, 255], 8383), 2, 8383),
            (of(&[0xc2, 255, 0, 0, 0, 2], 2), 2, 2),
            ([of(&[0xcb, 225], 2), of(&[1], 1)].concat(), 11, 3),
        ] {
            assert_eq!(all(&bytes), Ok(vec![(tag, vec![7; length])]));
            // One byte less is an error, except where a packet goes to the end.
            let short = all(&bytes[..bytes.len() - 1]);
            assert!(short.is_err() || bytes[0] == 0xa3);
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        for bytes in [
            &b"{"[..],
            // Of type 0, without an end, in parts, and longer than there are bytes.
            b"\x80\0",
            b"\x8b\0",
            b"\xc2\xe0x\0",
            b"\xc2\xff\xff\xff\xff\xff",
            b"\xcb\xfe",
            b"\x89\xff",
            b"\xc2",
        ] {
            assert!(all(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn integers_have_one_encoding() {
        for (bytes, integer, is_canonical) in [
            (&[0, 9, 1, 2][..], &[1, 2][..], true),
            (&[0, 16, 1, 2], &[1, 2], false),
            (&[0, 16, 0, 2], &[2], false),
            (&[0, 9, 0x81, 2], &[0x81, 2], false),
            (&[0, 0], &[], true),
        ] {
            assert_eq!(Fields(bytes).integer(), Some((integer, is_canonical)));
        }
        assert_eq!(Fields(&[0xff, 0xff, 1]).integer(), None);
    }
}
