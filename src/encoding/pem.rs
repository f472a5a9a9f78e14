//! PEM text (RFC 7468), read as far as it goes: what stands before, between and behind its blocks is passed over, and
//! text that is cut short still has its blocks.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// A block of PEM text. It may hold a private key.
pub struct Block<'a> {
    /// The block's label, such as `PUBLIC KEY`.
    pub label: &'a [u8],
    lines: &'a [u8],
}

impl Block<'_> {
    /// The bytes that it holds; none if it is cut short or no base64.
    pub fn content(&self) -> Zeroizing<Vec<u8>> {
        let is_text = |byte: &u8| !byte.is_ascii_whitespace();
        let mut text = Zeroizing::new(Vec::with_capacity(self.lines.len()));
        text.extend(self.lines.iter().copied().filter(is_text));
        let mut room = Zeroizing::new(vec![0; text.len()]);
        let length = Base64::decode(&*text, &mut room).map_or(0, <[u8]>::len);
        room.truncate(length);
        room
    }
}

/// The blocks of PEM text; `None` if the bytes are not PEM text.
pub fn blocks(bytes: &[u8]) -> Option<impl Iterator<Item = Block<'_>>> {
    // Text may come first, as `openssl x509 -text` writes it. DER begins with a SEQUENCE.
    let (before, rest) = match bytes {
        [0x30, ..] => None,
        _ => split(bytes, BEGIN),
    }?;
    if !matches!(before, [] | [.., b'\n']) {
        return None;
    }
    let mut rest = Some(rest);
    Some(std::iter::from_fn(move || {
        let (label, body) = split(rest.take()?, DASHES)?;
        rest = split(body, BEGIN).map(|(_, next)| next);
        let lines = split(body, DASHES).map_or(body, |(lines, _)| lines);
        Some(Block { label, lines })
    }))
}

/// The labels of all lines that begin a block, whatever stands around them.
pub fn labels(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n');
    let after = lines.filter_map(|line| line.strip_prefix(BEGIN));
    after.map(|line| split(line, DASHES).map_or(line, |(label, _)| label))
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = bytes.windows(at.len()).position(|part| part == at)?;
    Some((&bytes[..found], &bytes[found + at.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_block_are_one_text() {
        for (lines, bytes) in [
            (&b"TWFu"[..], &b"Man"[..]),
            (b"TW\r\nE=\n", b"Ma"),
            (b"+/+/", b"\xfb\xff\xbf"),
            (b"", b""),
            (b"TWFuT", b""),
            (b"TWFu-", b""),
        ] {
            let block = Block { label: b"X", lines };
            assert_eq!(*block.content(), bytes);
        }
    }

    #[test]
    fn blocks_are_found_one_behind_the_other() {
        let text = b"Key: 1\n-----BEGIN A-----\nTWFu\n-----END A-----\n\n-----BEGIN B-----\nTWE=\n";
        let all: Vec<_> = blocks(text)
            .expect("PEM")
            .map(|block| (block.label, block.content().to_vec()))
            .collect();
        assert_eq!(all, [(&b"A"[..], b"Man".to_vec()), (b"B", b"Ma".to_vec())]);
        assert_eq!(labels(text).collect::<Vec<_>>(), [b"A", b"B"]);
        assert_eq!(blocks(b"-----BEGIN A").map(Iterator::count), Some(0));
        for none in [&b""[..], b"x -----BEGIN A-----\n", b"0-----BEGIN A-----\n"] {
            assert!(blocks(none).is_none());
        }
    }
}
