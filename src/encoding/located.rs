//! JSON that others wrote, read with the place of each value, so that an error names its line.
//!
//! A [`Reader`] walks through large objects member by member and makes a [`Value`] of the parts its user wants
//! whole. It finds syntax errors on its way; whether a name may be there, and twice, its user decides.
//!
//! Sources: RFC 8259; for [`Unicode::Replaced`] the reader of Go's `encoding/json`.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// Arrays and objects inside one another: more than any document has that is read with this.
const DEEPEST: usize = 100;

/// What becomes of bytes that are not UTF-8 and of surrogates without the other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unicode {
    /// Each becomes U+FFFD, as in Go. Two different names can become one.
    Replaced,
    /// The text is refused, as in Rust.
    Refused,
}

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// The byte at which the reader saw it, from 0.
    pub at: usize,
    /// The reason.
    pub reason: String,
}

/// A value, and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value<'t> {
    /// Its first byte, from 0.
    pub at: usize,
    /// The value.
    pub data: Data<'t>,
}

/// A value of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The text of a number.
    Number(&'t str),
    /// A text without its escapes.
    Text(Cow<'t, str>),
    /// An array.
    List(Vec<Value<'t>>),
    /// An object: its members in their order, those of one name too.
    Object(Vec<Member<'t>>),
}

impl Data<'_> {
    /// The kind of the value, as an error names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'t> {
    /// The first byte of its name, from 0.
    pub at: usize,
    /// The name without its escapes.
    pub name: Cow<'t, str>,
    /// The value.
    pub value: Value<'t>,
}

/// The line of a byte, from 1.
pub fn line(text: &[u8], at: usize) -> usize {
    let before = &text[..at.min(text.len())];
    before.split(|b| *b == b'\n').count()
}

/// A place in a text.
///
/// ```
/// use ir_sign::encoding::located::{Data, Malformed, Reader, Unicode};
///
/// let mut reader = Reader::new(br#"{"a": [1, "b"]}"#, Unicode::Refused);
/// let mut names = Vec::new();
/// reader.members(|reader, _, name| {
///     names.push(name);
///     assert!(matches!(reader.value()?.data, Data::List(_)));
///     Ok::<(), Malformed>(())
/// })?;
/// reader.end()?;
/// assert_eq!(names, ["a"]);
/// # Ok::<(), Malformed>(())
/// ```
pub struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    unicode: Unicode,
}

impl<'t> Reader<'t> {
    /// At the start of a text.
    pub const fn new(text: &'t [u8], unicode: Unicode) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            unicode,
        }
    }

    /// The byte at which the next value starts, behind white space.
    pub fn next_at(&mut self) -> usize {
        self.blank();
        self.at
    }

    /// Goes to a byte at which a value starts.
    pub const fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Skips the next value if its bytes are those between two places, where a whole list or object was read.
    pub fn skip_same(&mut self, from: usize, to: usize) -> bool {
        self.blank();
        let is_same = self.text[self.at..].starts_with(&self.text[from..to]);
        if is_same {
            self.at += to - from;
        }
        is_same
    }

    /// The byte behind the value that was read last.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Reads a value.
    pub fn value(&mut self) -> Result<Value<'t>, Malformed> {
        let at = self.next_at();
        let data = match self.peek() {
            Some(b'{') => {
                let mut members = Vec::new();
                self.members(|reader, at, name| {
                    let value = reader.value()?;
                    members.push(Member { at, name, value });
                    Ok::<(), Malformed>(())
                })?;
                Data::Object(members)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.items(|reader| {
                    items.push(reader.value()?);
                    Ok::<(), Malformed>(())
                })?;
                Data::List(items)
            }
            Some(b'"') => Data::Text(self.string()?),
            Some(b'n') => self.word("null", Data::Null)?,
            Some(b't') => self.word("true", Data::Bool(true))?,
            Some(b'f') => self.word("false", Data::Bool(false))?,
            Some(b'-' | b'0'..=b'9') => Data::Number(self.number()?),
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Value { at, data })
    }

    /// Reads an object. `each` gets the reader behind each name and its colon, the name's first byte and the name,
    /// and reads the value.
    pub fn members<E: From<Malformed>>(
        &mut self,
        mut each: impl FnMut(&mut Self, usize, Cow<'t, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.inside(b'{', b'}', "an object", |reader| {
            let at = reader.next_at();
            if reader.peek() != Some(b'"') {
                return Err(reader.unexpected("the name of a member").into());
            }
            let name = reader.string()?;
            reader.take(b':', "\":\" behind a member's name")?;
            each(reader, at, name)
        })
    }

    /// Reads an array. `each` reads an item.
    pub fn items<E: From<Malformed>>(
        &mut self,
        each: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.inside(b'[', b']', "a list", each)
    }

    /// That nothing but white space follows.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.blank();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the text")),
        }
    }

    fn inside<E: From<Malformed>>(
        &mut self,
        open: u8,
        close: u8,
        kind: &str,
        mut each: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take(open, kind)?;
        self.depth += 1;
        if self.depth > DEEPEST {
            let reason = format!("lists and objects are nested more than {DEEPEST} deep");
            return Err(self.malformed(reason).into());
        }
        self.blank();
        if self.peek() == Some(close) {
            self.at += 1;
        } else {
            loop {
                each(self)?;
                self.blank();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b) if b == close => break self.at += 1,
                    _ => {
                        let close = char::from(close);
                        return Err(self.unexpected(&format!("\",\" or \"{close}\"")).into());
                    }
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8, name: &str) -> Result<(), Malformed> {
        self.blank();
        if self.peek() != Some(wanted) {
            return Err(self.unexpected(name));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str, data: Data<'t>) -> Result<Data<'t>, Malformed> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(data)
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let from = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == from {
            return Err(self.unexpected("a digit"));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<&'t str, Malformed> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        str::from_utf8(&self.text[from..self.at]).map_err(|e| self.malformed(e.to_string()))
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Malformed> {
        self.at += 1;
        let start = self.plain()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(start);
        }
        let mut text = start.into_owned();
        loop {
            text.push_str(&self.plain()?);
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.unexpected("no control character inside a text")),
                None => return Err(self.unexpected("the end of a text, a quotation mark")),
            }
        }
        Ok(Cow::Owned(text))
    }

    /// Reads a text up to the next quotation mark, backslash or control character.
    fn plain(&mut self) -> Result<Cow<'t, str>, Malformed> {
        let rest = &self.text[self.at..];
        let mut plain = &rest[..memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len())];
        // The least of all bytes is found many bytes at a step.
        if plain.iter().min().is_some_and(|least| *least < 0x20) {
            let end = plain.iter().position(|b| *b < 0x20);
            plain = &plain[..end.unwrap_or(plain.len())];
        }
        let text = self.unicode_of(plain)?;
        self.at += plain.len();
        Ok(text)
    }

    fn unicode_of(&self, bytes: &'t [u8]) -> Result<Cow<'t, str>, Malformed> {
        match (str::from_utf8(bytes), self.unicode) {
            (Ok(text), _) => Ok(Cow::Borrowed(text)),
            (Err(_), Unicode::Refused) => Err(self.malformed("a text is not UTF-8".into())),
            (Err(_), Unicode::Replaced) => {
                let mut text = String::new();
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    let invalid = chunk.invalid().iter();
                    text.extend(invalid.map(|_| char::REPLACEMENT_CHARACTER));
                }
                Ok(Cow::Owned(text))
            }
        }
    }

    /// Reads an escape from its backslash on.
    fn escape(&mut self) -> Result<char, Malformed> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code(),
            _ => return Err(self.unexpected("an escape that JSON has")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Reads `uXXXX`, and the second half of a surrogate pair behind it.
    fn code(&mut self) -> Result<char, Malformed> {
        let first = self.hex(self.at + 1);
        let first = first.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        self.at += 5;
        if let Some(c) = char::from_u32(u32::from(first)) {
            return Ok(c);
        }
        let rest = &self.text[self.at..];
        let second = rest.starts_with(b"\\u").then(|| self.hex(self.at + 2));
        let pair = [first, second.flatten().unwrap_or_default()];
        match (char::decode_utf16(pair).next(), self.unicode) {
            (Some(Ok(c)), _) => {
                self.at += 6;
                Ok(c)
            }
            (_, Unicode::Replaced) => Ok(char::REPLACEMENT_CHARACTER),
            (_, Unicode::Refused) => {
                Err(self.malformed("half of a surrogate pair stands by itself".into()))
            }
        }
    }

    fn hex(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 4)?;
        let are_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = str::from_utf8(digits).ok().filter(|_| are_hex)?;
        u16::from_str_radix(digits, 16).ok()
    }

    fn malformed(&self, reason: String) -> Malformed {
        Malformed {
            at: self.at,
            reason,
        }
    }

    fn unexpected(&self, wanted: &str) -> Malformed {
        let found = match self.peek() {
            None => "the text ends".to_owned(),
            Some(b @ 0x21..=0x7e) => format!("there is {:?}", char::from(b)),
            Some(b) => format!("there is byte 0x{b:02x}"),
        };
        self.malformed(format!("{found} in the place of {wanted}"))
    }
}
