//! Finding a private key on a token.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

use super::attributes;
use super::error::Error;
use super::point;
use super::raw::Session;
use super::token::{Retry, Token};
use crate::crypto::{Curve, KeyKind};
use crate::encoding::hex::hex;
use crate::key::uri::{ObjectType, TokenUri};

/// A curve as `CKA_EC_PARAMS` names it: a DER OBJECT IDENTIFIER (PKCS #11 v2.40, section 2.3.3).
pub const fn params(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        Curve::P384 => &[6, 5, 0x2b, 0x81, 4, 0, 0x22],
        Curve::P521 => &[6, 5, 0x2b, 0x81, 4, 0, 0x23],
    }
}

/// The keys that a command accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// EC keys on P-384.
    P384,
    /// EC keys on each curve that signatures are made on.
    AnyCurve,
    /// RSA keys.
    Rsa,
    /// EC keys and RSA keys. Once the token has said which of them a key is, it is [`Self::AnyCurve`] or [`Self::Rsa`].
    Any,
}

impl Wanted {
    /// The curve of these `CKA_EC_PARAMS`, if the command accepts keys on it.
    fn curve(self, found: &[u8]) -> Option<Curve> {
        let mut curves = Curve::ALL.into_iter();
        let curve = curves.find(|curve| params(*curve) == found)?;
        self.takes(KeyKind::Ec(curve)).then_some(curve)
    }

    /// Whether the command accepts a key of this kind.
    pub(super) fn takes(self, kind: KeyKind) -> bool {
        match kind {
            KeyKind::Ec(Curve::P384) => self != Self::Rsa,
            KeyKind::Ec(_) => matches!(self, Self::AnyCurve | Self::Any),
            KeyKind::Rsa { .. } => matches!(self, Self::Rsa | Self::Any),
            KeyKind::Ed25519 => false,
        }
    }

    /// The keys of the type that an object has, as its token says; refused where the command accepts none of that type.
    /// A type that is absent says nothing.
    pub(super) fn of_type(self, attributes: &[Attribute], key: &str) -> Result<Self, Error> {
        let wrong = |found: &KeyType| Error::Curve {
            key: key.to_owned(),
            wanted: self.words(),
            found: format!("its CKA_KEY_TYPE is {found}"),
        };
        let found = attributes.iter().find_map(|attribute| match attribute {
            Attribute::KeyType(found) => Some(*found),
            _ => None,
        });
        match (self, found) {
            (Self::Any, Some(KeyType::RSA)) | (Self::Rsa, Some(KeyType::RSA) | None) => {
                Ok(Self::Rsa)
            }
            (Self::Any, Some(KeyType::EC) | None) => Ok(Self::AnyCurve),
            (Self::P384 | Self::AnyCurve, Some(KeyType::EC) | None) => Ok(self),
            (_, Some(other)) => Err(wrong(&other)),
        }
    }

    /// The curve of a point that is so long, raw or in DER, where the token does not name one.
    pub(super) fn by_length(self, length: usize) -> Curve {
        let fits = |curve: &Curve| {
            let raw = curve.point_len();
            length == raw || length == raw + point::header(*curve).len()
        };
        let fitting = Curve::ALL.into_iter().find(fits);
        fitting
            .filter(|curve| self.takes(KeyKind::Ec(*curve)))
            .unwrap_or(Curve::P384)
    }

    /// The words for the keys that the command accepts.
    const fn words(self) -> &'static str {
        match self {
            Self::P384 => "an EC key on secp384r1",
            Self::AnyCurve => "an EC key on P-256, P-384 or P-521",
            Self::Rsa => "an RSA key",
            Self::Any => "an RSA key, or an EC key on P-256, P-384 or P-521",
        }
    }
}

/// A private key on a token, by label and id. Its handle is looked up when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey {
    pub(super) label: Vec<u8>,
    pub(super) id: Vec<u8>,
    pub(super) always_authenticate: bool,
    /// The keys that the command accepts.
    pub(super) wanted: Wanted,
    /// The generation of the module in which it was found.
    pub(super) handle: (u64, ObjectHandle),
}

impl PrivateKey {
    /// The key's name in messages.
    pub(super) fn name(&self, token: &Token) -> String {
        name(token, &self.label, &self.id)
    }

    /// Whether label and id are those of a URI, where it has them.
    pub(super) fn is_named_by(&self, uri: &TokenUri) -> bool {
        let label = uri.object.as_ref().map(String::as_bytes);
        label.is_none_or(|label| label == self.label)
            && uri.id.as_ref().is_none_or(|id| *id == self.id)
    }

    /// The URI that names the key and no other.
    pub(super) fn uri(&self, token: &Token) -> TokenUri {
        key_uri(token, &self.label, &self.id)
    }

    /// The key's handle in this generation; looked up again where the generation is a new one.
    pub(super) fn handle(
        &self,
        token: &Token,
        session: &Session,
        generation: u64,
    ) -> Result<ObjectHandle, Error> {
        if self.handle.0 == generation {
            return Ok(self.handle.1);
        }
        let template = template(
            ObjectClass::PRIVATE_KEY,
            Some(&self.label).filter(|label| !label.is_empty()),
            Some(&self.id).filter(|id| !id.is_empty()),
        );
        let found = session.find_objects(&template);
        match *found.map_err(Error::refusal(&token.name()))?.as_slice() {
            [one] => Ok(one),
            _ => Err(Error::Gone(self.name(token))),
        }
    }
}

/// The name of a key of this label and id in messages.
pub(super) fn name(token: &Token, label: &[u8], id: &[u8]) -> String {
    let label = String::from_utf8_lossy(label);
    match (label.is_empty(), id.is_empty()) {
        (false, _) => format!("key \"{label}\" on {}", token.name()),
        (true, false) => format!("key with id {} on {}", hex(id), token.name()),
        (true, true) => format!("key on {}", token.name()),
    }
}

/// A URI for an object of a token.
pub(super) fn key_uri(token: &Token, label: &[u8], id: &[u8]) -> TokenUri {
    let label = std::str::from_utf8(label).ok().filter(|l| !l.is_empty());
    TokenUri {
        object: label.map(str::to_owned),
        id: (!id.is_empty()).then(|| id.to_vec()),
        ..token.uri()
    }
}

/// The template that an object has to match. It holds no empty label or id.
pub(super) fn template(
    class: ObjectClass,
    label: Option<&Vec<u8>>,
    id: Option<&Vec<u8>>,
) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(named(label, id));
    template
}

/// The same for an object of any class.
pub(super) fn named(label: Option<&Vec<u8>>, id: Option<&Vec<u8>>) -> Vec<Attribute> {
    let id = id.cloned().map(Attribute::Id).into_iter();
    id.chain(label.cloned().map(Attribute::Label)).collect()
}

/// The object's `type` in a URI, if it has one.
pub(super) fn kind(session: &Session, object: ObjectHandle) -> Option<ObjectType> {
    let found = attributes::read(session, object, &[AttributeType::Class], "").ok()?;
    match found.first()? {
        Attribute::Class(ObjectClass::PUBLIC_KEY) => Some(ObjectType::Public),
        Attribute::Class(ObjectClass::PRIVATE_KEY) => Some(ObjectType::Private),
        Attribute::Class(ObjectClass::CERTIFICATE) => Some(ObjectType::Cert),
        Attribute::Class(ObjectClass::SECRET_KEY) => Some(ObjectType::SecretKey),
        Attribute::Class(ObjectClass::DATA) => Some(ObjectType::Data),
        _ => None,
    }
}

/// Label and id of an object.
pub(super) fn names(
    session: &Session,
    object: ObjectHandle,
    token: &str,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let (mut label, mut id) = (Vec::new(), Vec::new());
    let wanted = [AttributeType::Label, AttributeType::Id];
    for attribute in attributes::read(session, object, &wanted, token)? {
        match attribute {
            Attribute::Label(value) => label = value,
            Attribute::Id(value) => id = value,
            _ => {}
        }
    }
    Ok((label, id))
}

/// Finds the one private key that a URI names: by label and by id, where both are given by both.
pub fn find_private(token: &Token, uri: &TokenUri, wanted: Wanted) -> Result<PrivateKey, Error> {
    let label = uri.object.as_ref().map(|label| label.clone().into_bytes());
    let named = label.is_some() || uri.id.is_some();
    token.with(Retry::Yes, |session, _, generation| {
        let name = token.name();
        let find = |template: &[Attribute]| {
            let found = session.find_objects(template);
            found.map_err(Error::refusal(&name))
        };
        let mut found = Vec::new();
        if named {
            found = find(&template(
                ObjectClass::PRIVATE_KEY,
                label.as_ref(),
                uri.id.as_ref(),
            ))?;
        }
        if let [handle] = *found.as_slice() {
            let mut key = describe(token, session, (generation, handle), wanted)?;
            key.wanted = check_kind(session, handle, &key.name(token), wanted)?;
            // The token has found it by these, even if it does not give them.
            if key.label.is_empty() {
                key.label = label.clone().unwrap_or_default();
            }
            if key.id.is_empty() {
                key.id = uri.id.clone().unwrap_or_default();
            }
            return Ok(key);
        }
        let uris = |handles: Vec<ObjectHandle>| -> Result<Vec<String>, Error> {
            let uri = |handle| {
                let (label, id) = names(session, handle, &name)?;
                Ok(key_uri(token, &label, &id).to_string())
            };
            handles.into_iter().map(uri).collect()
        };
        let (mut present, mut orphans) = (Vec::new(), Vec::new());
        if found.is_empty() {
            present = uris(find(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?)?;
        }
        if found.is_empty() && named {
            let public = template(ObjectClass::PUBLIC_KEY, label.as_ref(), uri.id.as_ref());
            orphans = uris(find(&public)?)?;
        }
        let uri = uri.to_string();
        if !named {
            return Err(Error::NoKeyNamed { uri, present });
        }
        Err(Error::Keys {
            token: token.name(),
            uri,
            found: uris(found)?,
            present,
            orphans,
        })
    })
}

/// All private keys of a token.
pub(super) fn all_private(token: &Token) -> Result<Vec<PrivateKey>, Error> {
    token.with(Retry::Yes, |session, _, generation| {
        let found = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]);
        let found = found.map_err(Error::refusal(&token.name()))?.into_iter();
        found
            .map(|handle| describe(token, session, (generation, handle), Wanted::Any))
            .collect()
    })
}

/// Reads the label, the id and the login flag of a key of any kind.
fn describe(
    token: &Token,
    session: &Session,
    handle: (u64, ObjectHandle),
    wanted: Wanted,
) -> Result<PrivateKey, Error> {
    let mut key = PrivateKey {
        label: Vec::new(),
        id: Vec::new(),
        always_authenticate: false,
        wanted,
        handle,
    };
    let attributes = [
        AttributeType::Label,
        AttributeType::Id,
        AttributeType::AlwaysAuthenticate,
    ];
    for attribute in attributes::read(session, handle.1, &attributes, &token.name())? {
        match attribute {
            Attribute::Label(label) => key.label = label,
            Attribute::Id(id) => key.id = id,
            Attribute::AlwaysAuthenticate(value) => key.always_authenticate = value,
            _ => {}
        }
    }
    Ok(key)
}

/// The key, of a type that is known now; refused if it is of another kind or curve.
pub(super) fn checked(token: &Token, key: PrivateKey) -> Result<PrivateKey, Error> {
    let wanted = token.with(Retry::Yes, |session, _, generation| {
        let handle = key.handle(token, session, generation)?;
        check_kind(session, handle, &key.name(token), key.wanted)
    })?;
    Ok(PrivateKey { wanted, ..key })
}

fn check_kind(
    session: &Session,
    key: ObjectHandle,
    name: &str,
    wanted: Wanted,
) -> Result<Wanted, Error> {
    let of_kind: &[_] = match wanted {
        Wanted::P384 | Wanted::AnyCurve => &[AttributeType::KeyType, AttributeType::EcParams],
        Wanted::Rsa | Wanted::Any => &[AttributeType::KeyType],
    };
    let found = attributes::read(session, key, of_kind, name)?;
    let of_type = wanted.of_type(&found, name)?;
    match (wanted, of_type) {
        (Wanted::Any, Wanted::AnyCurve) => check_kind(session, key, name, of_type),
        (_, Wanted::Rsa) => Ok(of_type),
        // Public objects of its id on other curves are then none of its own.
        _ => Ok(match check_curve(name, &found, of_type)? {
            Some(Curve::P384) => Wanted::P384,
            Some(Curve::P256 | Curve::P521) | None => of_type,
        }),
    }
}

/// The curve that attributes of an EC key name; those of a key on another curve are refused. Those that are absent say
/// nothing.
pub(super) fn check_curve(
    key: &str,
    attributes: &[Attribute],
    wanted: Wanted,
) -> Result<Option<Curve>, Error> {
    let wrong = |found: String| Error::Curve {
        key: key.to_owned(),
        wanted: wanted.words(),
        found,
    };
    let mut named = None;
    for attribute in attributes {
        if let Attribute::EcParams(params) = attribute
            && !params.is_empty()
        {
            let known = wanted.curve(params);
            let unknown = || wrong(format!("its CKA_EC_PARAMS are {}", curve(params)));
            named = Some(known.ok_or_else(unknown)?);
        }
    }
    Ok(named)
}

/// The curve's usual name, or the bytes in hexadecimal.
pub(super) fn curve(params: &[u8]) -> String {
    use der::Decode;
    der::asn1::ObjectIdentifier::from_der(params)
        .map_or_else(|_| hex(params), |oid| crate::crypto::p384::curve_name(&oid))
}
