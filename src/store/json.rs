//! JSON that others wrote: read strictly, edited without losing anything.
//!
//! An [`Object`] keeps its members' order, and every member it is not told to change keeps the very
//! text it came with: numbers of any size, unknown members, escapes.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// Why a text is refused, as the JSON reader puts it.
pub type Error = serde_json::Error;

/// Checks that bytes are one JSON text in which no object has two members of one name, at any depth:
/// readers differ in which of the two they believe.
pub fn check(bytes: &[u8]) -> Result<(), Error> {
    serde_json::from_slice::<Unique>(bytes).map(|_| ())
}

/// Checks, then reads into a type.
pub fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    check(bytes)?;
    serde_json::from_slice(bytes)
}

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

/// A JSON object whose members stay as they are unless set.
#[derive(Clone, Debug)]
pub struct Object {
    members: Vec<(String, Box<RawValue>)>,
    changed: bool,
}

impl Object {
    /// An object without members.
    pub const fn new() -> Self {
        Self {
            members: Vec::new(),
            changed: false,
        }
    }

    /// Whether a member was set to something other than what it was.
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// A member's value, read into a type; `None` where the member is absent.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, key: &str) -> Result<Option<T>, Error> {
        self.members
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| serde_json::from_str(value.get()))
            .transpose()
    }

    /// Whether there is such a member.
    pub fn has(&self, key: &str) -> bool {
        self.members.iter().any(|(k, _)| k == key)
    }

    /// The names of the members.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(key, _)| key.as_str())
    }

    /// Sets a member where it stands, or adds it at the end.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        let value = to_raw_value(value)?;
        match self.members.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) if old.get() == value.get() => return Ok(()),
            Some((_, old)) => *old = value,
            None => self.members.push((key.to_owned(), value)),
        }
        self.changed = true;
        Ok(())
    }

    /// Sets a member where it stands, or adds it behind another one.
    pub fn set_behind(&mut self, other: &str, key: &str, value: &str) -> Result<(), Error> {
        if !self.has(key)
            && let Some(at) = self.members.iter().position(|(k, _)| k == other)
        {
            self.members
                .insert(at + 1, (key.to_owned(), to_raw_value(value)?));
            self.changed = true;
            return Ok(());
        }
        self.set(key, value)
    }

    /// The JSON text.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (key, value) in &self.members {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object {
                    members,
                    changed: false,
                })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_does_not_change() {
        let text =
            r#"{"b":1.0e2,"a":123456789012345678901234567890,"x":{"z":[ 1 ],"y":"<"},"c":"é"}"#;
        let mut object: Object = read(text.as_bytes()).expect("valid");
        object
            .set("a", &object.get::<Box<RawValue>>("a").expect("JSON"))
            .expect("the same");
        assert!(!object.is_changed());
        assert_eq!(object.to_bytes().expect("JSON"), text.as_bytes());
        object.set("a", &7).expect("a number");
        object.set("n", "new").expect("a string");
        object.set_behind("b", "m", "mid").expect("a string");
        let expected = r#"{"b":1.0e2,"m":"mid","a":7,"x":{"z":[ 1 ],"y":"<"},"c":"é","n":"new"}"#;
        assert_eq!(object.to_bytes().expect("JSON"), expected.as_bytes());
    }

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
}
