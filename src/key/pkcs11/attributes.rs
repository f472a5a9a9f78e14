//! A key's attributes that ir-sign reads.

use std::fmt;

use cryptoki::error::Error as CryptokiError;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use serde_json::{Map, Value};

use super::error::Error;
use super::raw::{self, Session};

/// The boolean attributes that state the uses and the origin of a private key (PKCS #11 v2.40, sections 4.4, 4.7
/// and 4.9), with their names.
pub const FACTS: [(AttributeType, &str); 16] = [
    (AttributeType::Token, "CKA_TOKEN"),
    (AttributeType::Private, "CKA_PRIVATE"),
    (AttributeType::Modifiable, "CKA_MODIFIABLE"),
    (AttributeType::Sensitive, "CKA_SENSITIVE"),
    (AttributeType::Extractable, "CKA_EXTRACTABLE"),
    (AttributeType::AlwaysSensitive, "CKA_ALWAYS_SENSITIVE"),
    (AttributeType::NeverExtractable, "CKA_NEVER_EXTRACTABLE"),
    (AttributeType::Local, "CKA_LOCAL"),
    (AttributeType::Sign, "CKA_SIGN"),
    (AttributeType::SignRecover, "CKA_SIGN_RECOVER"),
    (AttributeType::Decrypt, "CKA_DECRYPT"),
    (AttributeType::Unwrap, "CKA_UNWRAP"),
    (AttributeType::Derive, "CKA_DERIVE"),
    (AttributeType::AlwaysAuthenticate, "CKA_ALWAYS_AUTHENTICATE"),
    (AttributeType::WrapWithTrusted, "CKA_WRAP_WITH_TRUSTED"),
    (AttributeType::Trusted, "CKA_TRUSTED"),
];

/// The values of [`FACTS`]: yes, no, or not known to the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts(pub(super) [Option<bool>; FACTS.len()]);

impl Facts {
    /// Reads them all.
    pub(super) fn read(session: &Session, key: ObjectHandle, name: &str) -> Result<Self, Error> {
        let mut facts = [None; FACTS.len()];
        let wanted = FACTS.map(|(kind, _)| kind);
        for attribute in read(session, key, &wanted, name)? {
            let kind = attribute.attribute_type();
            if let Some(n) = FACTS.iter().position(|(known, _)| *known == kind) {
                facts[n] = yes_or_no(&attribute);
            }
        }
        Ok(Self(facts))
    }

    /// Those of a JSON object: true, false, or anything else for one that is not known.
    pub(super) fn of_json(attributes: &Value) -> Self {
        Self(FACTS.map(|(_, name)| attributes[name].as_bool()))
    }

    /// One of them.
    pub(super) fn get(&self, kind: AttributeType) -> Option<bool> {
        let n = FACTS.iter().position(|(known, _)| *known == kind)?;
        self.0[n]
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<bool>)> {
        FACTS.iter().map(|(_, name)| *name).zip(self.0)
    }

    /// Those with another value than wanted.
    pub(super) fn differences<'a>(
        &'a self,
        wanted: &'a [Attribute],
    ) -> impl Iterator<Item = Difference> + 'a {
        wanted.iter().filter_map(|attribute| {
            let kind = attribute.attribute_type();
            let name = FACTS.iter().find(|(known, _)| *known == kind);
            let difference = Difference {
                name: name.map_or("an attribute", |(_, name)| *name),
                wanted: yes_or_no(attribute),
                got: self.get(kind),
            };
            (difference.wanted != difference.got).then_some(difference)
        })
    }
}

/// An attribute with another value than wanted.
pub struct Difference {
    pub(super) name: &'static str,
    pub(super) wanted: Option<bool>,
    pub(super) got: Option<bool>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wanted, got) = (Shown(self.wanted), Shown(self.got));
        write!(f, "{}: requested {wanted}, got {got}", self.name)
    }
}

/// An attribute's value in words.
pub struct Shown(pub Option<bool>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(true) => "true",
            Some(false) => "false",
            None => "nothing",
        })
    }
}

const fn yes_or_no(attribute: &Attribute) -> Option<bool> {
    match attribute {
        Attribute::Token(value)
        | Attribute::Private(value)
        | Attribute::Modifiable(value)
        | Attribute::Sensitive(value)
        | Attribute::Extractable(value)
        | Attribute::AlwaysSensitive(value)
        | Attribute::NeverExtractable(value)
        | Attribute::Local(value)
        | Attribute::Sign(value)
        | Attribute::SignRecover(value)
        | Attribute::Decrypt(value)
        | Attribute::Unwrap(value)
        | Attribute::Derive(value)
        | Attribute::AlwaysAuthenticate(value)
        | Attribute::WrapWithTrusted(value)
        | Attribute::Trusted(value) => Some(*value),
        _ => None,
    }
}

/// Reads attributes. One that the token does not know, or does not give, whatever it answers, is absent,
/// and so is one whose value has not the length of its kind. A kind of key that the crate does not know is
/// refused.
///
/// One call asks for all. Some tokens then give nothing, or not all, because of one attribute that they do not
/// know: a call for each missing attribute follows.
pub fn read(
    session: &Session,
    object: ObjectHandle,
    wanted: &[AttributeType],
    name: &str,
) -> Result<Vec<Attribute>, Error> {
    let mut values = given(session, object, wanted, name)?;
    for kind in wanted {
        let is_there = values.iter().any(|(there, _)| there == kind);
        if wanted.len() > 1 && !is_there {
            values.extend(given(session, object, &[*kind], name)?);
        }
    }
    let mut found = Vec::new();
    for (kind, mut value) in values {
        match raw::attribute(kind, &mut value) {
            Ok(attribute) => found.push(attribute),
            Err(CryptokiError::NotSupported) if kind == AttributeType::KeyType => {
                return Err(Error::Curve {
                    key: name.to_owned(),
                    wanted: "an EC key",
                    found: "its CKA_KEY_TYPE is none that is known".into(),
                });
            }
            // A value that its kind cannot have.
            Err(_) => {}
        }
    }
    Ok(found)
}

/// The attributes, of these, that the token gives; none if the error is only about the values. Some tokens
/// answer `CKR_GENERAL_ERROR` or `CKR_FUNCTION_FAILED` for an attribute that they do not know.
fn given(
    session: &Session,
    object: ObjectHandle,
    wanted: &[AttributeType],
    name: &str,
) -> Result<Vec<(AttributeType, Vec<u8>)>, Error> {
    match session.attributes(object, wanted) {
        Ok(values) => Ok(values),
        Err(refusal) => {
            let error = Error::refusal(name)(refusal);
            if error.is_dead_session() || error.is_of_the_object() {
                return Err(error);
            }
            Ok(Vec::new())
        }
    }
}

/// The attributes as JSON: true, false, or null.
pub fn as_json(facts: &Facts) -> Value {
    let named = facts
        .iter()
        .map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(named.collect::<Map<_, _>>())
}
