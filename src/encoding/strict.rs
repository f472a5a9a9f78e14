//! JSON that others wrote, read strictly: refused where readers are known to differ, and where it
//! holds so much that it would fill the memory.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected,
    Visitor,
};

/// Why a text is refused, as the JSON reader puts it.
pub type Error = serde_json::Error;

/// The most members and items that one text may have, in all of its objects and arrays together:
/// what is made of each takes more memory than its few bytes.
pub const MOST_VALUES: usize = 48 << 10;

/// Which members of a text the reader looks up by name, and where.
pub enum Shape {
    /// Anything.
    Any,
    /// A number.
    Number,
    /// A list of which each item has this shape.
    List(&'static Self),
    /// An object with these members, and any others.
    Object(&'static [(&'static str, &'static Self)]),
    /// An object whose members have free names, and each value this shape.
    Map(&'static Self),
    /// A member that is not allowed.
    Foreign,
}

impl Shape {
    /// The expected thing; `None` if any would do.
    const fn wanted(&self) -> Option<&'static str> {
        match self {
            Self::Any | Self::Foreign => None,
            Self::Number => Some("a number"),
            Self::List(_) => Some("a list"),
            Self::Object(_) | Self::Map(_) => Some("an object"),
        }
    }
}

/// Why a text is refused.
#[derive(Debug)]
pub enum Refusal {
    /// It is not valid.
    Invalid(Error),
    /// This member is not allowed.
    Member(String),
    /// A member differs in case only from a member that the reader knows.
    Alike {
        /// The member.
        name: String,
        /// The member that the reader knows.
        known: &'static str,
    },
}

/// Checks that bytes are one JSON text in which no object has two members of one name, at any depth:
/// readers differ in which of the two they believe.
pub fn check(bytes: &[u8]) -> Result<(), Error> {
    match check_shape(bytes, &Shape::Any) {
        Err(Refusal::Invalid(error)) => Err(error),
        // Nothing is refused by its name in this shape.
        Ok(()) | Err(Refusal::Member(_) | Refusal::Alike { .. }) => Ok(()),
    }
}

/// Checks, then reads into a type.
pub fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    check(bytes)?;
    serde_json::from_slice(bytes)
}

/// The same as [`read`] for a document of which no values are made, as a software bill of materials inside a statement: it
/// may have as many members and items as its bytes hold.
pub fn read_long<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    match walk(bytes, &Shape::Any, usize::MAX) {
        Err(Refusal::Invalid(error)) => return Err(error),
        Ok(()) | Err(Refusal::Member(_) | Refusal::Alike { .. }) => {}
    }
    serde_json::from_slice(bytes)
}

/// Checks as [`check`] does, and that no member differs in case only from one that is read by name:
/// some readers would take it for that one.
pub fn check_shape(bytes: &[u8], shape: &'static Shape) -> Result<(), Refusal> {
    walk(bytes, shape, MOST_VALUES)
}

fn walk(bytes: &[u8], shape: &'static Shape, most: usize) -> Result<(), Refusal> {
    let mut walk = Walk {
        most,
        ..Walk::default()
    };
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let walked = walk.value(shape).deserialize(&mut text);
    let walked = walked.and_then(|()| text.end());
    if let Some(refusal) = walk.refused {
        return Err(refusal);
    }
    walked.map_err(Refusal::Invalid)?;
    if walk.suspected {
        // Two hashes are equal. Whether the names are, and which, takes keeping them all.
        serde_json::from_slice::<Unique>(bytes).map_err(Refusal::Invalid)?;
    }
    Ok(())
}

/// Whether a name is a known one but for case, as Go's readers compare them (`encoding/json`, simple
/// case folding): to those the long s and the sign of the kelvin are letters in another case too.
pub fn is_like(known: &str, name: &str) -> bool {
    let folded = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(folded).eq(known.chars().map(folded))
}

/// The state of a check: it keeps only hashes of names, which take little memory.
#[derive(Default)]
struct Walk {
    hasher: RandomState,
    /// The names in all objects that are open, each object's behind those of the one around it.
    names: Vec<u64>,
    values: usize,
    most: usize,
    suspected: bool,
    refused: Option<Refusal>,
}

impl Walk {
    const fn value(&mut self, shape: &'static Shape) -> Value<'_> {
        Value { walk: self, shape }
    }

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        if self.values > self.most {
            return Err(E::custom(format_args!(
                "it has more than {} members and items, the most that are read",
                self.most
            )));
        }
        Ok(())
    }
}

struct Value<'a> {
    walk: &'a mut Walk,
    shape: &'static Shape,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        // Whoever reads it into a type would repeat the text, which may be megabytes.
        let wanted = self.shape.wanted();
        wanted.map_or(Ok(()), |wanted| {
            Err(E::invalid_type(Unexpected::Other("string"), &wanted))
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let shape = match (self.shape, self.shape.wanted()) {
            (Shape::List(item), _) => item,
            (_, None) => &Shape::Any,
            // Whoever reads it into a type would take its items for the members, one by one in their order, and
            // nobody else would.
            (_, Some(wanted)) => return Err(A::Error::invalid_type(Unexpected::Seq, &wanted)),
        };
        while seq.next_element_seed(self.walk.value(shape))?.is_some() {
            self.walk.count()?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Value { walk, shape } = self;
        let (known, other): (&[_], _) = match shape {
            Shape::Object(members) => (members, &Shape::Any),
            Shape::Map(value) => (&[], *value),
            _ => (&[], &Shape::Any),
        };
        let first = walk.names.len();
        while let Some(shape) = map.next_key_seed(Name { walk, known, other })? {
            walk.count()?;
            map.next_value_seed(walk.value(shape))?;
        }
        let names = &mut walk.names[first..];
        names.sort_unstable();
        walk.suspected |= names.windows(2).any(|pair| pair[0] == pair[1]);
        walk.names.truncate(first);
        Ok(())
    }
}

/// The name of a member, which becomes the shape of its value.
struct Name<'a> {
    walk: &'a mut Walk,
    known: &'static [(&'static str, &'static Shape)],
    /// The shape of members with other names.
    other: &'static Shape,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = &'static Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = &'static Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        self.walk.names.push(self.walk.hasher.hash_one(name));
        let like = |(known, _): &&(&str, _)| is_like(known, name);
        match self.known.iter().find(like) {
            None => Ok(self.other),
            Some((known, shape)) if *known == name && !matches!(shape, Shape::Foreign) => Ok(shape),
            Some((known, shape)) => {
                let name = name.to_owned();
                self.walk.refused = Some(match shape {
                    Shape::Foreign => Refusal::Member(name),
                    _ => Refusal::Alike { name, known },
                });
                Err(E::custom("a member that is not allowed"))
            }
        }
    }
}

/// Reads any text in which no object has two members of one name, and names the one it finds twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }
    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
        while seq.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Unique>()?;
            if let Some(twice) = seen.replace(key) {
                return Err(serde::de::Error::custom(format_args!(
                    "member \"{twice}\" is there twice"
                )));
            }
        }
        Ok(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_members_of_one_name() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            let error = check(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains("\"a\" is there twice"), "{error}");
        }
        check(br#"{"a":{"a":[{"a":1}]},"A":1}"#).expect("names differ or stand in other objects");
    }

    #[test]
    fn refuses_what_is_not_one_json_text() {
        for bytes in [
            &b""[..],
            b"{",
            b"{} {}",
            b"\xff",
            b"{\"a\":\"\\ud800\"}",
            b"nul",
        ] {
            assert!(check(bytes).is_err(), "{bytes:?} was taken");
        }
        let deep = "[".repeat(10_000);
        assert!(check(deep.as_bytes()).is_err());
    }

    #[test]
    fn refuses_too_many_values() {
        let list = |n: usize| format!("[[{}]]", vec!["1"; n].join(","));
        check(list(MOST_VALUES - 1).as_bytes()).expect("as many as there may be");
        let error = check(list(MOST_VALUES).as_bytes()).expect_err("one more");
        assert!(error.to_string().contains("49152"), "{error}");
        let members: Vec<_> = (0..=MOST_VALUES).map(|n| format!("\"{n}\":0")).collect();
        assert!(check(format!("{{{}}}", members.join(",")).as_bytes()).is_err());
    }

    #[test]
    fn refuses_names_like_those_that_are_read() {
        const SHAPE: Shape = Shape::Object(&[
            (
                "list",
                &Shape::List(&Shape::Object(&[("name", &Shape::Any)])),
            ),
            ("other", &Shape::Foreign),
            ("map", &Shape::Map(&Shape::Object(&[("name", &Shape::Any)]))),
        ]);
        let names = |text: &str| match check_shape(text.as_bytes(), &SHAPE) {
            Err(Refusal::Member(name) | Refusal::Alike { name, .. }) => Some(name),
            other => other.map(|()| None).expect(text),
        };
        for (text, refused) in [
            (r#"{"list":[{"name":1}],"x":{"Name":1,"Other":1}}"#, None),
            (r#"{"List":[]}"#, Some("List")),
            (r#"{"list":[{"name":1},{"na\u004de":1}]}"#, Some("naMe")),
            (r#"{"other":1}"#, Some("other")),
            (r#"{"OTHER":1}"#, Some("OTHER")),
            (r#"{"liſt":[]}"#, Some("liſt")),
            (r#"{"li\u017FT":[]}"#, Some("liſT")),
            (r#"{"lißt":[],"lıst":[]}"#, None),
            (r#"{"map":{"x":{"name":1},"X":{"y":{"Name":1}}}}"#, None),
            (r#"{"map":{"x":{"name":1},"X":{"NAME":1}}}"#, Some("NAME")),
        ] {
            assert_eq!(names(text).as_deref(), refused, "{text}");
        }
    }
}
