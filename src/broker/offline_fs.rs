//! The offline file broker: one JSON object, from a resource's name to its bytes in base64.
//!
//! Source: guest-components, `offline_fs_kbc`. ir-sign reads the file strictly: one value that is not base64 voids all
//! of it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use base64ct::{Base64, Encoding};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::error::FileFault;
use super::uri::{KbsUri, ResourceName};
use crate::encoding::base64::unbase64_wiped;
use crate::encoding::strict::MOST_VALUES;
use crate::text::plain;

/// Bytes of the largest file.
pub const LARGEST_FILE: usize = 16 << 20;

/// The most characters of a name that a message repeats.
const MOST_SHOWN: usize = 100;

/// The resources of an offline file; wiped when they are dropped.
pub struct Resources(Vec<(String, Zeroizing<Vec<u8>>)>);

impl Resources {
    /// Reads a file's bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, FileFault> {
        let mut walk = Walk::default();
        let mut text = serde_json::Deserializer::from_slice(bytes);
        let read = (&mut walk).deserialize(&mut text);
        let read = read.and_then(|all| text.end().map(|()| all));
        let read = read.map_err(|error| match walk.fault.take() {
            Some(Known::Base64(name)) => FileFault::Base64(name),
            Some(Known::Twice) => FileFault::Twice {
                line: error.line(),
                column: error.column(),
            },
            None => FileFault::Json {
                line: error.line(),
                column: error.column(),
            },
        });
        read.map(Self)
    }

    /// A resource by its new name, or else by its old one.
    pub fn get(&self, uri: &KbsUri) -> Option<&[u8]> {
        let names = [Some(uri.path()), uri.old_name()];
        names.into_iter().flatten().find_map(|name| {
            let found = self.all().find(|(known, _)| *known == name);
            found.map(|(_, bytes)| bytes)
        })
    }

    /// All names with their bytes, in the file's order.
    pub fn all(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let all = self.0.iter();
        all.map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.all().map(|(name, _)| name))
            .finish()
    }
}

/// The file with these resources, one a line: the bytes that [`Resources::read`] reads.
pub fn encode(resources: &[(ResourceName, &[u8])]) -> Zeroizing<Vec<u8>> {
    let room = |(name, bytes): &(ResourceName, &[u8])| {
        name.as_str().len() + Base64::encoded_len(bytes) + r#"  "": "",."#.len()
    };
    // Enough room, so that the buffer never grows and leaves a copy behind.
    let room = resources.iter().map(room).sum::<usize>() + "{\n\n}\n".len();
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    text.extend_from_slice(b"{\n");
    for (n, (name, bytes)) in resources.iter().enumerate() {
        let comma = if n == 0 { "" } else { ",\n" };
        // No name has a character that JSON escapes.
        text.extend_from_slice(format!("{comma}  \"{}\": \"", name.as_str()).as_bytes());
        let start = text.len();
        text.resize(start + Base64::encoded_len(bytes), 0);
        Base64::encode(bytes, &mut text[start..]).expect("the room is as long as the text");
        text.push(b'"');
    }
    text.extend_from_slice(b"\n}\n");
    text
}

/// Reads the object, and keeps the reason for which it is refused: the parser's own would repeat values.
#[derive(Default)]
struct Walk {
    fault: Option<Known>,
}

enum Known {
    Base64(String),
    Twice,
}

impl<'de> DeserializeSeed<'de> for &mut Walk {
    type Value = Vec<(String, Zeroizing<Vec<u8>>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Walk {
    type Value = Vec<(String, Zeroizing<Vec<u8>>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if all.len() == MOST_VALUES {
                return Err(A::Error::custom("too many members"));
            }
            let Some(bytes) = map.next_value_seed(Value)? else {
                let short = name.chars().take(MOST_SHOWN).collect::<String>();
                self.fault = Some(Known::Base64(plain(&short)));
                return Err(A::Error::custom("no base64"));
            };
            let name = name.into_owned();
            if !names.insert(name.clone()) {
                self.fault = Some(Known::Twice);
                return Err(A::Error::custom("a member is there twice"));
            }
            all.push((name, bytes));
        }
        Ok(all)
    }
}

/// Reads one value; `None` where it is not base64.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Option<Zeroizing<Vec<u8>>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Value {
    type Value = Option<Zeroizing<Vec<u8>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(unbase64_wiped(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, uri: &KbsUri) -> Option<Vec<u8>> {
        let resources = Resources::read(text.as_bytes()).expect(text);
        resources.get(uri).map(<[u8]>::to_vec)
    }

    #[test]
    fn a_resource_is_found_by_its_new_name_before_its_old_one() {
        let key = KbsUri::cosign_key();
        let both = r#"{"Cosign Key":"b2xk","default/cosign-public-key/test":"bmV3"}"#;
        assert_eq!(get(both, &key), Some(b"new".to_vec()));
        let old = r#"{"Policy":"cA==","Cosign Key":"b2xk"}"#;
        assert_eq!(get(old, &key), Some(b"old".to_vec()));
        assert_eq!(get(old, &KbsUri::policy()), Some(b"p".to_vec()));
        assert_eq!(get(old, &KbsUri::gpg_ring()), None);
        assert_eq!(get("{}", &key), None);
        // The agents' JSON may escape the slashes.
        let escaped = r#"{"default\/cosign-public-key\/test":"\u0062mV3"}"#;
        assert_eq!(get(escaped, &key), Some(b"new".to_vec()));
    }

    #[test]
    fn a_file_that_is_no_object_of_texts_is_refused_with_the_place() {
        for (text, line, column) in [
            ("", 1, 0),
            ("hello", 1, 1),
            ("[]", 1, 0),
            ("{\n\"a\":7}", 2, 5),
            ("{\"a\":null}", 1, 9),
            ("{\"a\":[\"QQ==\"]}", 1, 5),
            ("{\"a\":{\"b\":\"QQ==\"}}", 1, 5),
            ("{\"a\":\"QQ==\",}", 1, 13),
            ("{} {}", 1, 4),
            ("{\"a\":\"QQ==\"", 1, 11),
            ("\u{feff}{}", 1, 1),
        ] {
            let error = Resources::read(text.as_bytes()).expect_err(text);
            assert_eq!(error, FileFault::Json { line, column }, "{text}");
        }
        assert!(Resources::read(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn two_members_of_one_name_are_refused() {
        let text = "{\"a\":\"QQ==\",\n\"\\u0061\":\"QQ==\"}";
        let error = Resources::read(text.as_bytes()).expect_err("refused");
        let (line, column) = (2, 16);
        assert_eq!(error, FileFault::Twice { line, column });
    }

    #[test]
    fn one_value_that_is_no_base64_voids_the_file_and_is_not_repeated() {
        for value in ["!!!", "QQ", "QQ=", "QR==", "Q-==", "QQ==\\n", " QQ=="] {
            let text = format!("{{\"a\":\"QQ==\",\"b\\u202e\":\"{value}\"}}");
            let error = Resources::read(text.as_bytes()).expect_err(value);
            assert_eq!(error, FileFault::Base64("b\\u{202e}".into()), "{value}");
        }
        let secret = Resources::read(b"{\"a\":\"U0VDUkVU\"}").expect("valid");
        assert_eq!(format!("{secret:?}"), "[\"a\"]");
    }

    #[test]
    fn a_file_of_very_many_members_is_refused() {
        let file = |n: usize| {
            let members: Vec<_> = (0..n).map(|n| format!("\"{n}\":\"\"")).collect();
            format!("{{{}}}", members.join(","))
        };
        let most = Resources::read(file(MOST_VALUES).as_bytes()).expect("as many as are read");
        assert_eq!(most.all().count(), MOST_VALUES);
        assert!(Resources::read(file(MOST_VALUES + 1).as_bytes()).is_err());
    }

    #[test]
    fn an_encoded_file_reads_back() {
        let name = |text: &str| text.parse::<ResourceName>().expect("a name");
        let all = [
            (name("a/b/c"), &b"\0\xff"[..]),
            (name("Cosign Key"), b"key"),
            (name("kbs:///d/e/f"), b""),
        ];
        let text = encode(&all);
        let wanted =
            "{\n  \"a/b/c\": \"AP8=\",\n  \"Cosign Key\": \"a2V5\",\n  \"d/e/f\": \"\"\n}\n";
        assert_eq!(String::from_utf8_lossy(&text), wanted);
        let read = Resources::read(&text).expect("valid");
        let wanted = all.iter().map(|(name, bytes)| (name.as_str(), *bytes));
        assert!(read.all().eq(wanted));
        assert_eq!(*encode(&[]), b"{\n\n}\n");
    }
}
