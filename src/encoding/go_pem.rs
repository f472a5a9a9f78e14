//! Reads PEM text the way Go does (`encoding/pem` of Go 1.25 and later). containers/image reads the keys of policies so.
//!
//! The readers of PEM differ in what they take. This one wants a last line that fits the first, and skips a spoilt
//! block. [`super::pem`] reads as much as it can.

use super::base64::unbase64_of_go;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// A whole block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'t> {
    /// The block's label, such as `PUBLIC KEY`.
    pub label: &'t [u8],
    /// The bytes that it holds.
    pub content: Vec<u8>,
}

/// The first whole block; `None` if there is none.
///
/// ```
/// use ir_sign::encoding::go_pem::first;
///
/// let text = b"cut short:\n-----BEGIN A-----\n-----BEGIN B-----\nTWFu\n-----END B-----\n";
/// assert_eq!(first(text).expect("a block").label, b"B");
/// assert_eq!(first(b"-----BEGIN A-----\nTWFu\n-----END B-----\n"), None);
/// ```
pub fn first(text: &[u8]) -> Option<Block<'_>> {
    let mut from = 0;
    loop {
        // Finds the last line first, and so skips a block that begins before it and has no end.
        let rest = &text[from..];
        let end = find(rest, END)?;
        match block(rest, end) {
            Found::Whole(block) => return Some(block),
            Found::Spoilt => from += end + END.len(),
            Found::Nothing => return None,
        }
    }
}

enum Found<'t> {
    Whole(Block<'t>),
    /// The next one may be whole.
    Spoilt,
    /// Go looks no further.
    Nothing,
}

/// The block whose last line starts behind the line feed at `end`.
fn block(text: &[u8], end: usize) -> Found<'_> {
    let begin = text[..end]
        .windows(BEGIN.len())
        .rposition(|part| part == BEGIN);
    let Some(begin) = begin.filter(|at| *at == 0 || text[at - 1] == b'\n') else {
        return Found::Spoilt;
    };
    let (line, mut at) = line(text, begin + BEGIN.len());
    let Some(label) = line.strip_suffix(DASHES) else {
        return Found::Spoilt;
    };
    let mut has_headers = false;
    loop {
        if at == text.len() {
            return Found::Nothing;
        }
        let (line, next) = self::line(text, at);
        if !line.contains(&b':') {
            break;
        }
        has_headers = true;
        at = next;
    }
    // Without a header the last line may follow the first at once.
    if at > end && has_headers {
        return if at > end + END.len() {
            Found::Nothing
        } else {
            Found::Spoilt
        };
    }
    let content = text.get(at..end).unwrap_or_default();
    let last = &text[end + END.len()..];
    let rest = last
        .strip_prefix(label)
        .and_then(|last| last.strip_prefix(DASHES));
    let is_last = rest.is_some_and(|rest| self::line(rest, 0).0.is_empty());
    let content: Vec<u8> = content
        .iter()
        .copied()
        .filter(|b| !b" \t".contains(b))
        .collect();
    let content = str::from_utf8(&content).ok().and_then(unbase64_of_go);
    match content.filter(|_| is_last) {
        Some(content) => Found::Whole(Block { label, content }),
        None => Found::Spoilt,
    }
}

/// A line without its end and the blanks before that, and where the next one starts.
fn line(text: &[u8], from: usize) -> (&[u8], usize) {
    let rest = &text[from..];
    let (mut line, next) = match rest.iter().position(|byte| *byte == b'\n') {
        None => (rest, text.len()),
        Some(at) => {
            let line = &rest[..at];
            (line.strip_suffix(b"\r").unwrap_or(line), from + at + 1)
        }
    };
    while let [before @ .., b' ' | b'\t'] = line {
        line = before;
    }
    (line, next)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|found| found == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Option<String> {
        let block = first(text.as_bytes())?;
        assert_eq!(block.content, b"Man", "{text:?}");
        Some(String::from_utf8_lossy(block.label).into_owned())
    }

    #[test]
    fn blocks_are_whole_as_to_go() {
        for text in [
            "-----BEGIN A-----\nTWFu\n-----END A-----\n",
            "-----BEGIN A-----\r\nTWFu\r\n-----END A-----",
            "-----BEGIN A----- \t\n TW\tFu \n-----END A----- \t\r\nx",
            "x\n-----BEGIN A-----\n\nT\nW\nFu\n-----END A-----",
            "-----BEGIN A-----\nName: x\n\nTWFu\n-----END A-----",
            "-----BEGIN A-----\nName: x\nTWFu\n-----END A-----",
            "-----BEGIN \n-----BEGIN X\n-----BEGIN A-----\nTWFu\n-----END A-----",
            "-----BEGIN A-----\nTWFu\n-----BEGIN A-----\nTWFu\n-----END A-----",
            "-----BEGIN B-----\n!\n-----END B-----\n-----BEGIN A-----\nTWFu\n-----END A-----",
            "-----BEGIN B-----\nA: b\n-----END B-----\n-----BEGIN A-----\nTWFu\n-----END A-----",
            "x -----BEGIN A-----\n-----BEGIN A-----\nTWFu\n-----END A-----",
        ] {
            assert_eq!(label(text).as_deref(), Some("A"), "{text:?}");
        }
        let empty = first(b"-----BEGIN A-----\n-----END A-----").expect("a block");
        assert!(empty.content.is_empty());
    }

    #[test]
    fn all_else_is_passed_over() {
        for text in [
            "",
            "-----BEGIN A-----\nTWFu\n",
            "-----BEGIN A-----\nTWFu\n-----END B-----\n",
            "-----BEGIN A-----\nTWFu\n-----END A----\n",
            "-----BEGIN A-----\nTWFu\n-----END A-----x\n",
            "-----BEGIN A-----\nTWFu\n -----END A-----\n",
            "-----BEGIN A-----\nTWFu-----END A-----\n",
            "-----BEGIN A-----TWFu-----END A-----\n",
            "-----BEGIN A-----\rTWFu\r-----END A-----\r",
            "-----BEGIN A-----\nTW\x0cFu\n-----END A-----\n",
            "-----BEGIN A-----\nTWF\n-----END A-----\n",
            "-----BEGIN A-----\nA: b\n-----END A-----\n",
            "-----BEGIN A-----\nA:\n-----END A-----:\n-----BEGIN A-----\nTWFu\n-----END A-----",
            " -----BEGIN A-----\nTWFu\n-----END A-----\n",
            "-----BEGIN A-----x\nTWFu\n-----END A-----\n",
        ] {
            assert_eq!(first(text.as_bytes()), None, "{text:?}");
        }
    }
}
