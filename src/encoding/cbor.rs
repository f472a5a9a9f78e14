//! CBOR (RFC 8949) that others wrote, read strictly, and written in the one deterministic form (section 4.2.1).
//!
//! ```
//! use ir_sign::encoding::cbor::{CborError, Value};
//!
//! let list = Value::Array(vec![Value::Integer(-35), Value::Text("a".into())]);
//! let bytes = list.to_bytes();
//! assert_eq!(bytes, [0x82, 0x38, 34, 0x61, b'a']);
//! assert_eq!(Value::read(&bytes), Ok(list));
//! assert_eq!(Value::read(&[0x9f, 0xff]), Err(CborError::Indefinite(0)));
//! ```

use ciborium_io::Read;
use ciborium_ll::{Decoder, Encoder, Header};

/// How deep values may stand in one another.
const DEEPEST: usize = 16;
/// The most values that one text may hold.
pub const MOST_VALUES: usize = 4096;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number, from −2^64 to 2^64 − 1.
    Integer(i128),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
    /// A list.
    Array(Vec<Self>),
    /// Pairs of a name and a value. No name is there twice.
    Map(Vec<(Self, Self)>),
    /// A value with a tag.
    Tag(u64, Box<Self>),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
    /// Another simple value.
    Simple(u8),
    /// A floating-point number of any size.
    Float(f64),
}

/// Why bytes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// They are not CBOR, or end too soon.
    #[error("it is not CBOR at byte {0}")]
    Syntax(usize),
    /// A length is not said beforehand: readers differ in whether they take such values.
    #[error("a value at byte {0} has an indefinite length")]
    Indefinite(usize),
    /// Text is not in UTF-8.
    #[error("the text at byte {0} is not in UTF-8")]
    Utf8(usize),
    /// A map has a name twice.
    #[error("the map at byte {0} has a name twice")]
    Twice(usize),
    /// Values stand too deep in one another.
    #[error("values stand more than {DEEPEST} deep in one another")]
    TooDeep,
    /// There are too many values.
    #[error("it holds more than {MOST_VALUES} values")]
    TooMany,
    /// Bytes follow the value.
    #[error("bytes follow the value, which ends at byte {0}")]
    Trailing(usize),
}

impl Value {
    /// Reads one value and nothing behind it.
    ///
    /// Refuses values of indefinite length, names that are twice in a map, and text that is not in UTF-8. Takes maps
    /// in any order, and numbers and lengths in longer forms than they need.
    pub fn read(bytes: &[u8]) -> Result<Self, CborError> {
        let mut reader = Reader {
            decoder: Decoder::from(bytes),
            whole: bytes.len(),
            values: 0,
        };
        let value = reader.value(0)?;
        match reader.decoder.offset() {
            end if end == bytes.len() => Ok(value),
            end => Err(CborError::Trailing(end)),
        }
    }

    /// The deterministic form: shortest numbers and lengths, and maps in the order of their encoded names.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// The value behind a name that is text.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.pairs()
            .iter()
            .find(|(known, _)| matches!(known, Self::Text(text) if text == name))
            .map(|(_, value)| value)
    }

    /// The value behind a name that is a number.
    pub fn numbered(&self, number: i128) -> Option<&Self> {
        self.pairs()
            .iter()
            .find(|(known, _)| *known == Self::Integer(number))
            .map(|(_, value)| value)
    }

    /// The pairs of a map; none of anything else.
    pub fn pairs(&self) -> &[(Self, Self)] {
        match self {
            Self::Map(pairs) => pairs,
            _ => &[],
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let head = |header: Header, out: &mut Vec<u8>| {
            Encoder::from(out)
                .push(header)
                .expect("writing to memory never fails");
        };
        match self {
            Self::Integer(number) => {
                let size = if *number < 0 { -1 - number } else { *number };
                let size = u64::try_from(size).expect("it is within CBOR's range");
                // The decoder keeps a negative number as its complement.
                let header = if *number < 0 {
                    Header::Negative(size)
                } else {
                    Header::Positive(size)
                };
                head(header, out);
            }
            Self::Bytes(bytes) => {
                head(Header::Bytes(Some(bytes.len())), out);
                out.extend_from_slice(bytes);
            }
            Self::Text(text) => {
                head(Header::Text(Some(text.len())), out);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Array(items) => {
                head(Header::Array(Some(items.len())), out);
                for item in items {
                    item.write(out);
                }
            }
            Self::Map(pairs) => {
                head(Header::Map(Some(pairs.len())), out);
                let mut pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.to_bytes(), v)).collect();
                pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
                for (name, value) in pairs {
                    out.extend(name);
                    value.write(out);
                }
            }
            Self::Tag(tag, value) => {
                head(Header::Tag(*tag), out);
                value.write(out);
            }
            Self::Bool(false) => head(Header::Simple(20), out),
            Self::Bool(true) => head(Header::Simple(21), out),
            Self::Null => head(Header::Simple(22), out),
            Self::Simple(number) => head(Header::Simple(*number), out),
            Self::Float(number) => head(Header::Float(*number), out),
        }
    }
}

struct Reader<'a> {
    decoder: Decoder<&'a [u8]>,
    whole: usize,
    values: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, CborError> {
        let at = self.decoder.offset();
        self.values += 1;
        if depth > DEEPEST {
            return Err(CborError::TooDeep);
        }
        if self.values > MOST_VALUES {
            return Err(CborError::TooMany);
        }
        let header = self.decoder.pull().map_err(|_| CborError::Syntax(at))?;
        Ok(match header {
            Header::Positive(number) => Value::Integer(number.into()),
            Header::Negative(number) => Value::Integer(-1 - i128::from(number)),
            Header::Float(number) => Value::Float(number),
            Header::Simple(20) => Value::Bool(false),
            Header::Simple(21) => Value::Bool(true),
            Header::Simple(22) => Value::Null,
            Header::Simple(number) => Value::Simple(number),
            Header::Tag(tag) => Value::Tag(tag, Box::new(self.value(depth + 1)?)),
            Header::Bytes(Some(length)) => Value::Bytes(self.bytes(length, at)?),
            Header::Text(Some(length)) => {
                let text = String::from_utf8(self.bytes(length, at)?);
                Value::Text(text.map_err(|_| CborError::Utf8(at))?)
            }
            Header::Array(Some(length)) => {
                let mut items = Vec::new();
                for _ in 0..length {
                    items.push(self.value(depth + 1)?);
                }
                Value::Array(items)
            }
            Header::Map(Some(length)) => {
                let mut pairs: Vec<(Value, Value)> = Vec::new();
                for _ in 0..length {
                    let name = self.value(depth + 1)?;
                    if pairs.iter().any(|(known, _)| *known == name) {
                        return Err(CborError::Twice(at));
                    }
                    pairs.push((name, self.value(depth + 1)?));
                }
                Value::Map(pairs)
            }
            Header::Break
            | Header::Bytes(None)
            | Header::Text(None)
            | Header::Array(None)
            | Header::Map(None) => return Err(CborError::Indefinite(at)),
        })
    }

    fn bytes(&mut self, length: usize, at: usize) -> Result<Vec<u8>, CborError> {
        if length > self.whole - self.decoder.offset() {
            return Err(CborError::Syntax(at));
        }
        let mut bytes = vec![0; length];
        let read = self.decoder.read_exact(&mut bytes);
        read.map_err(|_| CborError::Syntax(at))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex::unhex;

    fn read(hex: &str) -> Result<Value, CborError> {
        Value::read(&unhex(hex).expect("hex"))
    }

    /// The examples of RFC 8949, appendix A.
    #[test]
    fn values_read_back_and_have_one_form() {
        for (hex, value) in [
            ("00", Value::Integer(0)),
            ("17", Value::Integer(23)),
            ("1818", Value::Integer(24)),
            ("1bffffffffffffffff", Value::Integer(u64::MAX.into())),
            (
                "3bffffffffffffffff",
                Value::Integer(-1 - i128::from(u64::MAX)),
            ),
            ("20", Value::Integer(-1)),
            ("3903e7", Value::Integer(-1000)),
            ("f93e00", Value::Float(1.5)),
            ("fb3ff199999999999a", Value::Float(1.1)),
            ("f97c00", Value::Float(f64::INFINITY)),
            ("f4", Value::Bool(false)),
            ("f5", Value::Bool(true)),
            ("f6", Value::Null),
            ("f7", Value::Simple(23)),
            (
                "c11a514b67b0",
                Value::Tag(1, Box::new(Value::Integer(1_363_896_240))),
            ),
            ("4401020304", Value::Bytes(vec![1, 2, 3, 4])),
            ("62c3bc", Value::Text("ü".into())),
            ("80", Value::Array(vec![])),
            (
                "a2016161036162",
                Value::Map(vec![
                    (Value::Integer(1), Value::Text("a".into())),
                    (Value::Integer(3), Value::Text("b".into())),
                ]),
            ),
        ] {
            assert_eq!(read(hex), Ok(value.clone()), "{hex}");
            assert_eq!(Value::read(&value.to_bytes()), Ok(value.clone()));
            assert_eq!(crate::encoding::hex::hex(&value.to_bytes()), hex);
        }
    }

    #[test]
    fn a_map_is_written_in_the_order_of_its_names() {
        let pair = |name: &str| (Value::Text(name.into()), Value::Null);
        let map = Value::Map(vec![
            pair("b"),
            pair("aa"),
            (Value::Integer(-1), Value::Null),
            (Value::Integer(3), Value::Null),
        ]);
        assert_eq!(
            crate::encoding::hex::hex(&map.to_bytes()),
            "a403f620f66162f6626161f6"
        );
        assert_eq!(map.member("aa"), Some(&Value::Null));
        assert_eq!(map.numbered(3), Some(&Value::Null));
        assert_eq!(map.numbered(4), None);
        assert_eq!(Value::Null.member("aa"), None);
    }

    #[test]
    fn longer_forms_of_numbers_are_the_same_numbers() {
        for hex in ["01", "1801", "190001", "1a00000001", "1b0000000000000001"] {
            assert_eq!(read(hex), Ok(Value::Integer(1)));
        }
        assert_eq!(
            read("a2 01 f6 1801 f6".replace(' ', "").as_str()),
            Err(CborError::Twice(0))
        );
    }

    #[test]
    fn bytes_that_readers_differ_about_are_refused() {
        let deep = format!("{}00", "81".repeat(17));
        let many = format!("99{:04x}{}", MOST_VALUES, "00".repeat(MOST_VALUES));
        for (hex, error) in [
            ("", CborError::Syntax(0)),
            ("5f4101ff", CborError::Indefinite(0)),
            ("7f6161ff", CborError::Indefinite(0)),
            ("819fff", CborError::Indefinite(1)),
            ("bfff", CborError::Indefinite(0)),
            ("ff", CborError::Indefinite(0)),
            ("0000", CborError::Trailing(1)),
            ("4201", CborError::Syntax(0)),
            ("5bffffffffffffffff", CborError::Syntax(0)),
            ("9bffffffffffffffff", CborError::Syntax(9)),
            ("61ff", CborError::Utf8(0)),
            ("1c", CborError::Syntax(0)),
            ("a1", CborError::Syntax(1)),
            ("a26161006161f6", CborError::Twice(0)),
            (&*deep, CborError::TooDeep),
            (&*many, CborError::TooMany),
        ] {
            assert_eq!(read(hex), Err(error), "{hex}");
        }
    }
}
