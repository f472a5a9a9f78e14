//! `signingkeys.json`: the names of signing keys, and the place of each.
//!
//! Members that this program does not know stay as they are. Source: notation's "Signing keys" specification, and
//! notation-go's `config` package.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value};

use crate::class::Class;
use crate::encoding::strict::{self, Refusal, Shape};

/// The plugin that this program is.
pub const OWN_PLUGIN: &str = "ir-sign";

/// The list of signing keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeys {
    /// The name of the key that signs if the user names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    #[serde(default)]
    keys: Option<Vec<NamedKey>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedKey {
    /// Its name.
    pub name: String,
    /// The private key's file, or its `pkcs11:` URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_path: Option<String>,
    /// The file of its certificates, the key's own first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_path: Option<String>,
    /// The name by which its plugin knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_name: Option<String>,
    /// The other settings for its plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_config: Option<BTreeMap<String, String>>,
    /// Members that this program does not know.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Where a signing key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace<'a> {
    /// A file, or a token by its URI, and a file of certificates.
    Path {
        /// The file or URI.
        key: &'a str,
        /// The file.
        certificates: &'a str,
    },
    /// A key that a plugin knows.
    Plugin {
        /// The plugin.
        plugin: &'a str,
        /// The key.
        id: &'a str,
    },
}

/// Why a list of signing keys is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeysError {
    /// It is not JSON of this form.
    #[error("is not a list of signing keys: {0}")]
    Json(#[from] serde_json::Error),
    /// Some readers would take a member for another.
    #[error(
        "its member {name:?} differs from {known:?} only in case, and readers differ in which they take"
    )]
    Alike {
        /// The member.
        name: String,
        /// The member that is known.
        known: &'static str,
    },
    /// A name is empty.
    #[error("a key has an empty name")]
    EmptyName,
    /// A new key has the name of another.
    #[error("a key is called {0:?} already")]
    Taken(String),
    /// Two keys have one name.
    #[error("two keys are called {0:?}")]
    SameName(String),
    /// The list does not have the default key.
    #[error("its default is {0:?}, and no key is called that")]
    NoDefault(String),
    /// No key of the list has this name.
    #[error("no key is called {0:?}")]
    NoKey(String),
    /// No default, and no name was given.
    #[error("no key is the default, and none was named")]
    NothingNamed,
    /// A key has neither of the two forms, or both.
    #[error("key {0:?} has to have either keyPath and certPath, or pluginName and id")]
    NoPlace(String),
}

impl SigningKeysError {
    /// The exit status follows this class. A wrong name is refused, as notation refuses it.
    pub const fn class(&self) -> Class {
        match self {
            Self::Json(_) | Self::Alike { .. } | Self::NoDefault(_) | Self::NoPlace(_) => {
                Class::Undecided
            }
            Self::NothingNamed | Self::EmptyName => Class::Usage,
            Self::Taken(_) | Self::SameName(_) | Self::NoKey(_) => Class::Refused,
        }
    }
}

const KEY: Shape = Shape::Object(&[
    ("name", &Shape::Any),
    ("keyPath", &Shape::Any),
    ("certPath", &Shape::Any),
    ("id", &Shape::Any),
    ("pluginName", &Shape::Any),
    ("pluginConfig", &Shape::Any),
]);
const LIST: Shape = Shape::Object(&[("default", &Shape::Any), ("keys", &Shape::List(&KEY))]);

impl SigningKeys {
    /// Reads a list. Each name is there once, and the default is one of them.
    pub fn read(bytes: &[u8]) -> Result<Self, SigningKeysError> {
        type E = SigningKeysError;
        match strict::check_shape(bytes, &LIST) {
            Ok(()) => {}
            Err(Refusal::Invalid(error)) => return Err(E::Json(error)),
            Err(Refusal::Alike { name, known }) => return Err(E::Alike { name, known }),
            Err(Refusal::Member(name)) => unreachable!("no member is refused, as {name}"),
        }
        let read: Self = serde_json::from_slice(bytes)?;
        let mut names = HashSet::new();
        for key in read.all() {
            if key.name.is_empty() {
                return Err(E::EmptyName);
            }
            if !names.insert(&key.name) {
                return Err(E::SameName(key.name.clone()));
            }
        }
        match &read.default {
            Some(default) if !names.contains(default) => Err(E::NoDefault(default.clone())),
            _ => Ok(read),
        }
    }

    /// The list as notation writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut written = self.clone();
        written.keys.get_or_insert_default();
        let mut bytes = Vec::new();
        let format = PrettyFormatter::with_indent(b"    ");
        let mut into = serde_json::Serializer::with_formatter(&mut bytes, format);
        written
            .serialize(&mut into)
            .expect("names and texts are JSON, and memory takes all of it");
        bytes.push(b'\n');
        bytes
    }

    /// The keys, in their order.
    pub fn all(&self) -> &[NamedKey] {
        self.keys.as_deref().unwrap_or_default()
    }

    /// The key of this name, or the default.
    pub fn get(&self, name: Option<&str>) -> Result<&NamedKey, SigningKeysError> {
        let name = name.or(self.default.as_deref());
        let name = name.ok_or(SigningKeysError::NothingNamed)?;
        let mut all = self.all().iter();
        all.find(|key| key.name == name)
            .ok_or_else(|| SigningKeysError::NoKey(name.to_owned()))
    }

    /// Adds a key under a name that no other has.
    pub fn add(&mut self, key: NamedKey) -> Result<(), SigningKeysError> {
        if key.name.is_empty() {
            return Err(SigningKeysError::EmptyName);
        }
        if self.get(Some(&key.name)).is_ok() {
            return Err(SigningKeysError::Taken(key.name));
        }
        self.keys.get_or_insert_default().push(key);
        Ok(())
    }

    /// Makes a key the default.
    pub fn set_default(&mut self, name: &str) -> Result<(), SigningKeysError> {
        self.get(Some(name))?;
        self.default = Some(name.to_owned());
        Ok(())
    }

    /// Takes a key off the list. Returns whether it was the default; then the list has no default any more.
    pub fn remove(&mut self, name: &str) -> Result<bool, SigningKeysError> {
        self.get(Some(name))?;
        self.keys
            .get_or_insert_default()
            .retain(|key| key.name != name);
        let was_default = self.default.as_deref() == Some(name);
        if was_default {
            self.default = None;
        }
        Ok(was_default)
    }
}

impl NamedKey {
    /// Where the key is.
    pub fn place(&self) -> Result<KeyPlace<'_>, SigningKeysError> {
        let given = |text: &'_ Option<String>| -> bool {
            text.as_ref().is_some_and(|text| !text.is_empty())
        };
        let is_path = given(&self.key_path) || given(&self.cert_path);
        let is_plugin = given(&self.id) || given(&self.plugin_name);
        match (&self.key_path, &self.cert_path, &self.plugin_name, &self.id) {
            (Some(key), Some(certificates), _, _) if is_path && !is_plugin => {
                Ok(KeyPlace::Path { key, certificates })
            }
            (_, _, Some(plugin), Some(id)) if is_plugin && !is_path => {
                Ok(KeyPlace::Plugin { plugin, id })
            }
            _ => Err(SigningKeysError::NoPlace(self.name.clone())),
        }
    }

    /// A value of the plugin's configuration.
    pub fn config(&self, name: &str) -> Option<&str> {
        self.plugin_config.as_ref()?.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NamedKey {
        NamedKey {
            name: name.into(),
            key_path: Some("k".into()),
            cert_path: Some("c".into()),
            ..NamedKey::default()
        }
    }

    #[test]
    fn a_list_is_written_as_notation_writes_it() {
        let text = "{\n    \"default\": \"a\",\n    \"keys\": [\n        {\n            \"name\": \"a\",\n            \
                    \"keyPath\": \"k\",\n            \"certPath\": \"c\"\n        }\n    ]\n}\n";
        let mut list = SigningKeys::default();
        list.add(key("a")).expect("added");
        list.set_default("a").expect("a key");
        assert_eq!(String::from_utf8(list.to_bytes()).expect("text"), text);
        assert_eq!(SigningKeys::read(text.as_bytes()).expect("a list"), list);
        assert!(list.remove("a").expect("a key"));
        assert_eq!(list.to_bytes(), b"{\n    \"keys\": []\n}\n");
    }

    #[test]
    fn unknown_members_stay() {
        let text = br#"{"keys": [{"name": "a", "x": {"y": [1]}}], "z": null}"#;
        let mut list = SigningKeys::read(text).expect("a list");
        list.add(key("b")).expect("added");
        let written: Value = serde_json::from_slice(&list.to_bytes()).expect("JSON");
        assert_eq!(written["keys"][0]["x"]["y"][0], 1);
        assert!(written.get("z").is_some_and(Value::is_null));
    }

    #[test]
    fn a_list_with_two_meanings_is_refused() {
        for (text, wanted) in [
            (
                r#"{"keys": [{"name": "a"}, {"name": "a"}]}"#,
                "two keys are called",
            ),
            (r#"{"keys": [{"name": ""}]}"#, "an empty name"),
            (r#"{"keys": [{}]}"#, "missing field `name`"),
            (
                r#"{"default": "b", "keys": [{"name": "a"}]}"#,
                "no key is called that",
            ),
            (
                r#"{"Default": "a", "keys": [{"name": "a"}]}"#,
                "only in case",
            ),
            (
                r#"{"keys": [{"name": "a", "KeyPath": "x"}]}"#,
                "only in case",
            ),
            (r#"{"keys": [], "keys": []}"#, "is not a list"),
            (r#"{"keys": []} {}"#, "is not a list"),
            ("[]", "is not a list"),
        ] {
            let error = SigningKeys::read(text.as_bytes()).expect_err(text);
            assert!(error.to_string().contains(wanted), "{text}: {error}");
        }
        assert_eq!(SigningKeys::read(b"{}").expect("a list").all(), []);
        assert_eq!(
            SigningKeys::read(br#"{"keys": null}"#)
                .expect("a list")
                .all(),
            []
        );
    }

    #[test]
    fn a_key_is_in_one_place() {
        let place = |text: &str| {
            let key: NamedKey = serde_json::from_str(text).expect("a key");
            key.place()
                .map(|place| format!("{place:?}"))
                .map_err(|e| e.to_string())
        };
        let is = |text: &str| place(text).expect(text);
        assert!(is(r#"{"name": "a", "keyPath": "k", "certPath": "c"}"#).starts_with("Path"));
        assert!(is(r#"{"name": "a", "id": "i", "pluginName": "p"}"#).starts_with("Plugin"));
        for text in [
            r#"{"name": "a"}"#,
            r#"{"name": "a", "keyPath": "k"}"#,
            r#"{"name": "a", "id": "i"}"#,
            r#"{"name": "a", "id": "i", "pluginName": "p", "keyPath": "k", "certPath": "c"}"#,
        ] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
