//! JSON read without the code under test: with every member where it stands, also one that is there twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A value, of which only the structure is kept.
pub enum Tree {
    Plain,
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Tree {
    /// The first name that an object has twice, at any depth.
    pub fn twice(&self) -> Option<&str> {
        match self {
            Self::Plain => None,
            Self::List(items) => items.iter().find_map(Self::twice),
            Self::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                let pair = names.windows(2).find(|pair| pair[0] == pair[1]);
                pair.map(|pair| pair[0])
                    .or_else(|| members.iter().find_map(|(_, value)| value.twice()))
            }
        }
    }

    /// The first name of this object that differs from one of `known` in case only.
    pub fn lookalike(&self, known: &[&str]) -> Option<&str> {
        let Self::Object(members) = self else {
            return None;
        };
        let like = |name: &str| {
            known
                .iter()
                .any(|known| *known != name && known.eq_ignore_ascii_case(name))
        };
        members
            .iter()
            .map(|(name, _)| name.as_str())
            .find(|name| like(name))
    }

    /// The values of a member, each item where it is a list.
    pub fn at(&self, name: &str) -> Vec<&Self> {
        let Self::Object(members) = self else {
            return Vec::new();
        };
        let values = members.iter().filter(|(known, _)| known == name);
        values
            .flat_map(|(_, value)| match value {
                Self::List(items) => items.iter().collect(),
                other => vec![other],
            })
            .collect()
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }
    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }
}

/// The members of an object in their order, each with its text.
pub struct Members(pub Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The members of a descriptor that readers go by.
pub const DESCRIPTOR: [&str; 8] = [
    "mediaType",
    "digest",
    "size",
    "urls",
    "annotations",
    "data",
    "artifactType",
    "platform",
];

/// Asserts that no two readers differ in what these bytes say: no member is there twice, and none
/// looks like another.
pub fn assert_plain(bytes: &[u8], known: &[&str], descriptors: &[&str]) {
    let tree: Tree = serde_json::from_slice(bytes).expect("what is accepted is JSON");
    assert_eq!(tree.twice(), None, "a member is there twice");
    assert_eq!(tree.lookalike(known), None);
    for name in descriptors {
        for descriptor in tree.at(name) {
            assert_eq!(descriptor.lookalike(&DESCRIPTOR), None);
        }
    }
}
