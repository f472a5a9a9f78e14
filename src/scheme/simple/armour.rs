//! ASCII armour of key rings (RFC 9580, section 6).

use base64ct::{Base64, Encoding};

use crate::scheme::malformed::Malformed;

const DASHES: &str = "-----";
const LABEL: &str = "PGP PUBLIC KEY BLOCK";

/// The content of each armoured block of public keys. Text may stand around blocks.
pub(super) fn blocks(text: &[u8], what: &'static str) -> Result<Vec<Vec<u8>>, Malformed> {
    let error = |reason: String| Malformed::new(what, reason);
    // Comments and headers may be in any encoding.
    let text = String::from_utf8_lossy(text);
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_ascii_end);
    while let Some(line) = lines.next() {
        let Some(label) = label_of(line, "BEGIN ") else {
            continue;
        };
        if label != LABEL {
            return Err(error(format!("it has a block {label}; expected {LABEL}")));
        }
        // Headers, such as `Comment:`, up to an empty line.
        if !lines
            .by_ref()
            .take_while(|line| !line.starts_with(DASHES))
            .any(str::is_empty)
        {
            return Err(error("no empty line ends the headers of its block".into()));
        }
        let (mut content, mut sum) = (String::new(), None);
        loop {
            let line = lines.next();
            let line = line.ok_or_else(|| error("its block does not end".into()))?;
            match (label_of(line, "END "), line.strip_prefix('=')) {
                (Some(LABEL), _) => break,
                (None, Some(text)) if sum.is_none() => sum = Some(text),
                (None, None) if sum.is_none() => content.push_str(line),
                _ => return Err(error("its block does not end as it began".into())),
            }
        }
        let content = Base64::decode_vec(&content);
        let content = content.map_err(|_| error("its block is not base64".into()))?;
        let stated = sum.map(|sum| Base64::decode_vec(sum).unwrap_or_default());
        if stated.is_some_and(|stated| stated != crc24(&content).to_be_bytes()[1..]) {
            return Err(error("the checksum of its block is another".into()));
        }
        blocks.push(content);
    }
    Ok(blocks)
}

/// The label of a line that begins or ends a block.
fn label_of<'a>(line: &'a str, what: &str) -> Option<&'a str> {
    let label = line.strip_prefix(DASHES)?.strip_prefix(what)?;
    label.strip_suffix(DASHES)
}

/// The checksum of armour (RFC 9580, section 6.1.1).
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 16, |sum, _| {
            let sum = sum << 1;
            if sum & 0x0100_0000 == 0 {
                sum
            } else {
                sum ^ 0x0186_4cfb
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lines: &str) -> String {
        format!("-----BEGIN {LABEL}-----\n{lines}\n-----END {LABEL}-----\n")
    }

    #[test]
    fn blocks_are_read_with_text_around_them() {
        let one = block("Version: 1\nComment: \u{e4}\n\nTW\nFu\n=e/P4");
        let sum = crc24(b"Man").to_be_bytes();
        let one = one.replace("e/P4", &Base64::encode_string(&sum[1..]));
        let two = block("\nTWFu");
        let text = format!("some text\n{one}between\n{two}after");
        for text in [text.clone(), text.replace('\n', " \r\n")] {
            let read = blocks(text.as_bytes(), "test");
            assert_eq!(read, Ok(vec![b"Man".to_vec(); 2]));
        }
        assert_eq!(blocks(b"text", "test"), Ok(Vec::new()));
    }

    #[test]
    fn inconsistent_text_is_refused() {
        let good = block("\nTWFu");
        for bad in [
            block("TWFu"),
            block("\nTWF"),
            block("\nTWFu\n=AAAA"),
            block("\nTWFu\n=A"),
            block("\nTWFu\n=AAAA\n=AAAA"),
            block("\nTW-u"),
            good.replace("PUBLIC", "PRIVATE"),
            good.replace("END", "BEGIN"),
            good.replacen("-----END", "----END", 1),
        ] {
            assert!(blocks(bad.as_bytes(), "test").is_err(), "{bad}");
        }
    }
}
