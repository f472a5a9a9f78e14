//! Keeping PINs out of messages: an error repeats the text that the user typed, and that may hold a PIN.

use std::borrow::Cow;

use super::pin::{PinSource, PinSourceError};

/// How many sources are examined. Each may reach to the end of a text, which somebody may have made very long; the
/// text after the last of them is hidden.
const MOST_SOURCES: usize = 16;

/// The attributes of a URI that a PIN may follow.
const NAMES: [&str; 2] = ["pin-value", "pin-source"];

/// A text without the value of `pin-value=` or `pin-source=`, unless that is a source of a PIN. The rest of the
/// text goes too: nothing shows where a PIN ends.
pub fn pins(text: &str) -> Cow<'_, str> {
    match first(text) {
        Some((_, at)) => format!("{}...", &text[..at]).into(),
        None => text.into(),
    }
}

/// The first attribute in a text with a value to hide, and where the value starts. The name and the equals sign are
/// found in any percent-encoding.
pub fn first(text: &str) -> Option<(&'static str, usize)> {
    let bytes = decoded(text);
    let mut sources = 0;
    (0..bytes.len()).find_map(|at| {
        let rest = &bytes[at..];
        let is = |name: &&&str| {
            let start = rest.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        };
        let name = NAMES.iter().find(is)?;
        if rest.get(name.len()) != Some(&b'=') {
            return None;
        }
        sources += 1;
        let value = end_of(text, at + name.len());
        let hide = *name == NAMES[0] || sources > MOST_SOURCES || !is_source(&text[value..]);
        hide.then_some((*name, value))
    })
}

/// Whether a value at the start of a text names a source of a PIN, though one that a URI may not name.
fn is_source(text: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || "&'\"".contains(c);
    let value = text.split(ends).next().unwrap_or_default();
    let source = String::from_utf8(decoded(value)).map(|value| PinSource::from_uri(&value));
    matches!(source, Ok(Ok(_) | Err(PinSourceError::NotInUri)))
}

/// Percent-decodes until nothing is encoded any more.
fn decoded(text: &str) -> Vec<u8> {
    decode(text, |_, _| false)
}

/// Where an equals sign, the decoded byte of this number, ends in the text. This decodes once more: a table of all
/// positions would take many times the memory of a long text.
fn end_of(text: &str, number: usize) -> usize {
    let mut end = text.len();
    decode(text, |decoded, at| {
        // It is in no triple, so decoding never removes it.
        let found = decoded.len() == number + 1 && decoded[number] == b'=';
        if found {
            end = at;
        }
        found
    });
    end
}

/// Percent-decodes until `stop` returns true; it gets each decoded byte and the length of the text so far.
fn decode(text: &str, mut stop: impl FnMut(&[u8], usize) -> bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        decoded.push(byte);
        // The decoded byte may end another triple.
        while let [.., b'%', high, low] = decoded[..] {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (Some(high), Some(low)) = (digit(high), digit(low)) else {
                break;
            };
            decoded.truncate(decoded.len() - 3);
            // Two hexadecimal digits make a byte.
            decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
        }
        if stop(&decoded, at + 1) {
            break;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_of_many_sources_is_done_with_fast() {
        let source = "pin-source=file:a";
        let started = std::time::Instant::now();
        let shown = pins(&source.repeat(100_000)).into_owned();
        assert_eq!(shown, source.repeat(MOST_SOURCES) + "pin-source=...");
        assert!(started.elapsed() < std::time::Duration::from_secs(50));
    }

    #[test]
    fn possible_pins_are_left_out_and_sources_stay() {
        for (text, shown) in [
            ("?pin-value=13571", "?pin-value=..."),
            ("a pin-value=13571 b 13571", "a pin-value=..."),
            ("?PIN-Value=file:x", "?PIN-Value=..."),
            ("?pin%2Dvalue=13571", "?pin%2Dvalue=..."),
            ("?pin%2dvalue%3D13571", "?pin%2dvalue%3D..."),
            ("?%70%69n-v%61lue=13571", "?%70%69n-v%61lue=..."),
            ("?pin%252Dvalue%25253d13571", "?pin%252Dvalue%25253d..."),
            ("?p%2%35%369n-value=13571", "?p%2%35%369n-value=..."),
            ("?pin-source=|echo 13571", "?pin-source=..."),
            ("?pin-source=%7Cecho%2013571", "?pin-source=..."),
            ("?pin-source=%257Cecho", "?pin-source=..."),
            ("?pin-source=13571", "?pin-source=..."),
            ("?pin-source=13571&module-name=x", "?pin-source=..."),
            ("?pin-source=fd:x1", "?pin-source=..."),
            ("?pin-source=%FF", "?pin-source=..."),
            ("?pin-sourc%65=pass:13571", "?pin-sourc%65=..."),
            (
                "?pin-source=file:a&pin-value=1",
                "?pin-source=file:a&pin-value=...",
            ),
            (
                "?pin-source=file:a?pin-value=1",
                "?pin-source=file:a?pin-value=...",
            ),
            ("\u{e9}?pin-value=\u{e9}", "\u{e9}?pin-value=..."),
        ] {
            assert_eq!(pins(text), shown, "{text}");
        }
        for text in [
            "",
            "%",
            "pin-value",
            "attribute \"pin-value\" puts the PIN where others can see it",
            "use \"pin-source=file:PATH\" or --pin-source",
            "--pin-source file:PATH, or pin-source=file:PATH in the URI",
            "pkcs11:token=a?pin-source=/run/pin&module-name=x: cannot open",
            "?pin-source=file%3A/run/pin",
            "?pin-source=env:NAME",
            "?pin-source=fd:3",
        ] {
            assert_eq!(pins(text), text, "{text}");
        }
    }
}
