//! Untrusted text, made safe and short enough to show on a terminal, and on a page that people read or sign.

use std::fmt;

/// A text without characters that control a terminal, reverse text, break lines, or are invisible. Each such
/// character becomes its number, as `\u{202e}`.
///
/// ```
/// use ir_sign::text::plain;
/// assert_eq!(plain("Ann\u{202e}bob\u{200b}"), "Ann\\u{202e}bob\\u{200b}");
/// assert_eq!(plain("Zoë Müller 山田"), "Zoë Müller 山田");
/// ```
pub fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let hidden = is_hidden(c);
            let escaped = hidden.then(|| c.escape_default());
            let kept = (!hidden).then_some(c);
            escaped.into_iter().flatten().chain(kept)
        })
        .collect()
}

/// The first character of a text that [`plain`] would not leave as it is.
pub fn hidden(text: &str) -> Option<char> {
    text.chars().find(|c| is_hidden(*c))
}

/// Whether people would misread the text because of this character: it is of
/// Unicode's general category Cc, Cf, Zl or Zp, or has the property `Default_Ignorable_Code_Point`,
/// or is a blank of Braille.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Takes a text piece by piece, and keeps its start and its end. It may be as long as a document.
///
/// ```
/// use std::fmt::Write;
/// use ir_sign::text::Cutter;
///
/// let mut short = Cutter::new(3, 2);
/// write!(short, "{}", "abcdefghij").unwrap();
/// assert_eq!(short.text(), "abc [... 5 bytes left out ...] ij");
/// ```
pub struct Cutter {
    start: String,
    end: String,
    /// How many bytes are kept of each.
    kept: [usize; 2],
    left_out: usize,
}

impl Cutter {
    /// Keeps at most so many bytes of the start and of the end, and all of a text that has no more than both.
    pub const fn new(start: usize, end: usize) -> Self {
        Self {
            start: String::new(),
            end: String::new(),
            kept: [start, end],
            left_out: 0,
        }
    }

    /// The text, with the number of bytes that are left out.
    pub fn text(mut self) -> String {
        self.leave_out(self.kept[1]);
        if self.left_out == 0 {
            return self.start + &self.end;
        }
        let Self {
            start,
            end,
            left_out,
            ..
        } = self;
        format!("{start} [... {left_out} bytes left out ...] {end}")
    }

    /// Keeps so many bytes of the end.
    fn leave_out(&mut self, kept: usize) {
        let from = self.end.len().saturating_sub(kept);
        let from = self.end.ceil_char_boundary(from);
        self.end.drain(..from);
        self.left_out += from;
    }
}

impl fmt::Write for Cutter {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        const PIECE: usize = 4096;
        let [start, end] = self.kept;
        if self.end.is_empty() && self.left_out == 0 {
            let fits = text.floor_char_boundary(start - self.start.len());
            self.start.push_str(&text[..fits]);
            text = &text[fits..];
        }
        while !text.is_empty() {
            let (piece, rest) = text.split_at(text.floor_char_boundary(PIECE));
            self.end.push_str(piece);
            self.leave_out(end.max(PIECE));
            text = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_are_invisible_or_turn_text_around_are_shown_by_number() {
        for c in [
            '\0',
            '\n',
            '\r',
            '\t',
            '\x1b',
            '\x7f',
            '\u{85}',
            '\u{9b}', // Cc
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{fffa}',
            '\u{e0041}', // Cf
            '\u{2028}',
            '\u{2029}', // Zl, Zp
            '\u{34f}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180b}',
            '\u{2065}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{ffa0}',
            '\u{e01ef}', // not seen
        ] {
            assert_eq!(hidden(&format!("a{c}b")), Some(c), "{c:?}");
            let shown = plain(&format!("a{c}b"));
            assert!(shown.starts_with("a\\") && shown.ends_with('b'), "{shown}");
            assert_eq!(hidden(&shown), None, "{shown}");
        }
    }

    #[test]
    fn characters_of_ordinary_text_stay() {
        for text in [
            "Ann O'Neill-Smith <ann@example.com>",
            "Zoë Müller",
            "山田　太郎",
            "אַנָּה",
            "أحمد",
            "नमस्ते",
            "e\u{301}",
            "🙂",
            "a\u{a0}b",
        ] {
            assert_eq!((plain(text).as_str(), hidden(text)), (text, None));
        }
    }
}
