//! PEM text (RFC 7468), read whole: each block ends as it began, and nothing in it is passed over.

use base64ct::{Base64, Encoding};

const DASHES: &str = "-----";
/// The most characters of a line that is written (RFC 7468, section 2).
const LINE: usize = 64;

/// The blocks of a text, and whether there is more behind the last.
pub struct PemText<'a> {
    /// The blocks.
    pub blocks: Vec<PemBlock<'a>>,
    /// Whether something that is not white space follows the last block.
    pub more_follows: bool,
}

/// A block of PEM text.
pub struct PemBlock<'a> {
    /// The block's label, such as `PUBLIC KEY`.
    pub label: &'a str,
    /// Whether lines with a colon stand in it, as in those that are encrypted the old way (RFC 1421).
    pub has_headers: bool,
    lines: &'a str,
}

/// Why a text does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// It is not UTF-8, or has no block.
    #[error("it is neither DER nor PEM")]
    NoBlock,
    /// A block is not ended, or ends as another.
    #[error("its block {0} does not end")]
    NoEnd(String),
    /// The content of a block is not base64.
    #[error("its block {0} is not base64")]
    Base64(String),
}

impl<'a> PemText<'a> {
    /// Takes a text apart. Other text may stand around the blocks, as `openssl pkey -text` writes it.
    pub fn of(text: &'a [u8]) -> Result<Self, PemError> {
        let text = std::str::from_utf8(text).map_err(|_| PemError::NoBlock)?;
        let mut blocks = Vec::new();
        let mut more_follows = false;
        // The block that is open, and where its lines begin.
        let mut open: Option<(&str, usize)> = None;
        let mut has_headers = false;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let line = line.trim_ascii();
            match (open, label_of(line, "BEGIN"), label_of(line, "END")) {
                (None, Some(label), _) => {
                    open = Some((label, at));
                    (has_headers, more_follows) = (false, false);
                }
                (None, None, _) => more_follows |= !line.is_empty(),
                (Some((label, begin)), _, Some(end)) if end == label => {
                    open = None;
                    blocks.push(PemBlock {
                        label,
                        has_headers,
                        lines: &text[begin..start],
                    });
                }
                (Some((label, _)), _, _) if line.starts_with(DASHES) => {
                    return Err(PemError::NoEnd(label.to_owned()));
                }
                (Some(_), _, _) => has_headers |= line.contains(':'),
            }
        }
        if let Some((label, _)) = open {
            return Err(PemError::NoEnd(label.to_owned()));
        }
        if blocks.is_empty() {
            return Err(PemError::NoBlock);
        }
        Ok(Self {
            blocks,
            more_follows,
        })
    }
}

impl PemBlock<'_> {
    /// How much memory the content takes during the reading.
    pub const fn room(&self) -> usize {
        self.lines.len()
    }

    /// Reads the content into a room, and says how long it is. It may be a secret, so the caller makes the room.
    pub fn read(&self, room: &mut [u8]) -> Result<usize, PemError> {
        let not_base64 = || PemError::Base64(self.label.to_owned());
        let mut length = 0;
        for byte in self
            .lines
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
        {
            *room.get_mut(length).ok_or_else(not_base64)? = byte;
            length += 1;
        }
        let content = Base64::decode_in_place(&mut room[..length]);
        content.map(<[u8]>::len).map_err(|_| not_base64())
    }
}

/// Writes a block, with lines as long as those of other programs.
pub fn write(label: &str, content: &[u8]) -> String {
    let content = Base64::encode_string(content);
    let mut text = format!("{DASHES}BEGIN {label}{DASHES}\n");
    for line in content.as_bytes().chunks(LINE) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    text + &format!("{DASHES}END {label}{DASHES}\n")
}

/// The label of a line that begins or ends a block.
fn label_of<'a>(line: &'a str, what: &str) -> Option<&'a str> {
    let label = line.strip_prefix(DASHES)?.strip_prefix(what)?;
    label.strip_prefix(' ')?.strip_suffix(DASHES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(block: &PemBlock<'_>) -> Result<Vec<u8>, PemError> {
        let mut room = vec![0; block.room()];
        let length = block.read(&mut room)?;
        room.truncate(length);
        Ok(room)
    }

    #[test]
    fn blocks_are_read_whatever_their_lines_end_in() {
        let text = "Key: 1\n-----BEGIN A-----\nTW\nFu\n-----END A-----\n-----BEGIN B C-----\n-----END B C-----";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let read = PemText::of(text.as_bytes()).expect("PEM");
            let all = read.blocks.iter();
            let all: Vec<_> = all.map(|block| (block.label, content(block))).collect();
            assert_eq!(all, [("A", Ok(b"Man".to_vec())), ("B C", Ok(Vec::new()))]);
            assert!(!read.more_follows);
        }
        let more = PemText::of(b"-----BEGIN A-----\na: b\n\n-----END A-----\n\nx").expect("PEM");
        assert!(more.more_follows && more.blocks[0].has_headers);
    }

    #[test]
    fn a_block_reads_back_as_it_was_written() {
        for length in [0, 1, 47, 48, 49, 96, 100] {
            let bytes = vec![7; length];
            let text = write("A B", &bytes);
            assert!(text.lines().all(|line| line.len() <= LINE));
            let read = PemText::of(text.as_bytes()).expect("PEM");
            assert_eq!(read.blocks[0].label, "A B");
            assert_eq!(content(&read.blocks[0]), Ok(bytes));
        }
    }

    #[test]
    fn inconsistent_text_is_refused() {
        for text in [
            "",
            "text",
            "-----BEGIN A-----\nTWFu\n",
            "-----BEGIN A-----\nTWFu\n-----END B-----\n",
            "-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----\n",
            "-----BEGIN A-----\nTWFu\n-----END A----\n",
        ] {
            assert!(PemText::of(text.as_bytes()).is_err(), "{text}");
        }
        assert!(PemText::of(b"\xff-----BEGIN A-----\n-----END A-----\n").is_err());
        for lines in ["TWF", "TWE", "TW-_", "TQ==TQ==", "a: b"] {
            let text = format!("-----BEGIN A-----\n{lines}\n-----END A-----\n");
            let read = PemText::of(text.as_bytes()).expect("PEM");
            assert_eq!(
                content(&read.blocks[0]),
                Err(PemError::Base64("A".into())),
                "{lines}"
            );
        }
    }
}
