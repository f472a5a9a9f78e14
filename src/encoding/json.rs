//! JSON that others wrote, edited without losing anything.
//!
//! An [`Object`] keeps its members' order, and every member it is not told to change keeps the very
//! text of its value: numbers with all their digits, unknown members, escapes. The names of its own
//! members are written anew when it is. A number beyond the range of a double is refused.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

pub use super::strict::{Error, read};

/// A JSON object whose members stay as they are unless set.
#[derive(Clone, Debug, Default)]
pub struct Object<'t> {
    members: Vec<(String, Member<'t>)>,
    changed: bool,
}

/// A text of JSON: a part of the text it was read from, or a new one.
pub type Text<'t> = Cow<'t, RawValue>;

#[derive(Clone, Debug)]
enum Member<'t> {
    Text(Text<'t>),
    List(Vec<Text<'t>>),
    Object(Object<'t>),
}

impl<'t> Object<'t> {
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

    /// A member's value, read into a type; `None` where the member is absent or was set.
    pub fn get<T: Deserialize<'t>>(&self, key: &str) -> Result<Option<T>, Error> {
        match self.members.iter().find(|(k, _)| k == key) {
            Some((_, Member::Text(Cow::Borrowed(text)))) => {
                serde_json::from_str(text.get()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Edits each object in a list. The texts of those that stay as they are are not copied: lists
    /// are most of what a large document is.
    pub fn edit_list(
        &mut self,
        key: &str,
        mut edit: impl FnMut(&mut Object<'t>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.replace_items(key, |_, mut object| {
            edit(&mut object)?;
            Ok(vec![object])
        })
    }

    /// Puts others in the place of each object in a list: none, one or several. What is given back as it was is not
    /// copied.
    pub fn replace_items(
        &mut self,
        key: &str,
        mut replace: impl FnMut(usize, Object<'t>) -> Result<Vec<Object<'t>>, Error>,
    ) -> Result<(), Error> {
        let mut texts: Vec<Text<'t>> = Vec::new();
        let mut changed = false;
        let items = self.get::<Option<Vec<&'t RawValue>>>(key)?.flatten();
        for (n, text) in items.unwrap_or_default().into_iter().enumerate() {
            let new = replace(n, serde_json::from_str(text.get())?)?;
            changed |= new.len() != 1;
            for object in new {
                changed |= object.changed;
                texts.push(if object.changed {
                    Cow::Owned(to_raw_value(&object)?)
                } else {
                    Cow::Borrowed(text)
                });
            }
        }
        if changed && let Some((_, member)) = self.members.iter_mut().find(|(k, _)| k == key) {
            *member = Member::List(texts);
            self.changed = true;
        }
        Ok(())
    }

    /// Removes a member, if it is there.
    pub fn remove(&mut self, key: &str) {
        let before = self.members.len();
        self.members.retain(|(name, _)| name != key);
        self.changed |= self.members.len() != before;
    }

    /// Whether it has no member.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The original members: names and texts.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'t RawValue)> {
        self.members
            .iter()
            .filter_map(|(name, member)| match member {
                Member::Text(Cow::Borrowed(text)) => Some((name.as_str(), *text)),
                _ => None,
            })
    }

    /// Whether there is such a member.
    pub fn has(&self, key: &str) -> bool {
        self.members.iter().any(|(k, _)| k == key)
    }

    /// The original texts of the members.
    pub fn texts(&self) -> impl Iterator<Item = &'t RawValue> {
        let text = |(_, member): &(String, Member<'t>)| match member {
            Member::Text(Cow::Borrowed(text)) => Some(*text),
            _ => None,
        };
        self.members.iter().filter_map(text)
    }

    /// The names of the members.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(key, _)| key.as_str())
    }

    /// Sets a member where it stands, or adds it at the end.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        let value = to_raw_value(value)?;
        match self.members.iter_mut().find(|(k, _)| k == key) {
            Some((_, Member::Text(old))) if old.get() == value.get() => return Ok(()),
            Some((_, old)) => *old = Member::Text(Cow::Owned(value)),
            None => {
                let value = Member::Text(Cow::Owned(value));
                self.members.push((key.to_owned(), value));
            }
        }
        self.changed = true;
        Ok(())
    }

    /// Sets a member to an object, where it stands or at the end, without making its text yet.
    pub fn set_object(&mut self, key: &str, object: Self) {
        let member = Member::Object(object);
        match self.members.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = member,
            None => self.members.push((key.to_owned(), member)),
        }
        self.changed = true;
    }

    /// Sets a member where it stands, or adds it behind another one.
    pub fn set_behind(&mut self, other: &str, key: &str, value: &str) -> Result<(), Error> {
        if !self.has(key)
            && let Some(at) = self.members.iter().position(|(k, _)| k == other)
        {
            let value = Member::Text(Cow::Owned(to_raw_value(value)?));
            self.members.insert(at + 1, (key.to_owned(), value));
            self.changed = true;
            return Ok(());
        }
        self.set(key, value)
    }

    /// The JSON text.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        // As much as it takes, for what grows leaves holes behind; and what is written anew is small.
        let mut bytes = Vec::with_capacity(self.room() + 4096);
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }

    fn room(&self) -> usize {
        let member = |(name, member): &(String, Member<'_>)| {
            let value: usize = match member {
                Member::Text(text) => text.get().len(),
                Member::List(texts) => texts.iter().map(|text| text.get().len() + 1).sum(),
                Member::Object(object) => object.room(),
            };
            name.len() + value + 4
        };
        self.members.iter().map(member).sum()
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (key, value) in &self.members {
            match value {
                Member::Text(text) => map.serialize_entry(key, text)?,
                Member::List(texts) => map.serialize_entry(key, texts)?,
                Member::Object(object) => map.serialize_entry(key, object)?,
            }
        }
        map.end()
    }
}

impl<'de: 't, 't> Deserialize<'de> for Object<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, text)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((name, Member::Text(Cow::Borrowed(text))));
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
            .set("a", &object.get::<&RawValue>("a").expect("JSON"))
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
    fn values_keep_their_text_and_names_their_meaning() {
        let text = r#"{ "\u00e9k\/" : { "\u00e9" : "\/" }, "a\u0022" : 1e308 }"#;
        let mut object: Object = read(text.as_bytes()).expect("valid");
        object.set("n", &1).expect("a number");
        let expected = r#"{"ék/":{ "\u00e9" : "\/" },"a\"":1e308,"n":1}"#;
        assert_eq!(object.to_bytes().expect("JSON"), expected.as_bytes());
    }

    #[test]
    fn numbers_keep_their_digits_and_are_refused_beyond_a_double() {
        for number in ["1e308", "-1e308", "1e-400", "0.1000000000000000000000001"] {
            let text = format!(r#"{{"a":{number}}}"#);
            let object: Object = read(text.as_bytes()).expect(number);
            assert_eq!(object.to_bytes().expect("JSON"), text.as_bytes());
        }
        for number in ["1e400", "-1e400"] {
            let text = format!(r#"{{"a":{number}}}"#);
            let refused = read::<Object>(text.as_bytes()).expect_err(number);
            assert!(refused.to_string().contains("out of range"), "{refused}");
        }
    }
}
