//! The public half of a private key on a token.

use cryptoki::error::RvError;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use der::Decode;
use x509_cert::Certificate;

use super::attributes;
use super::error::Error;
use super::object::{self, PrivateKey, Wanted, check_curve, template};
use super::point::{self, PointError};
use super::raw::Session;
use super::token::{Retry, Token};
use crate::crypto::PublicKey;
use crate::key::uri::TokenUri;

/// The public half of a key, as a token shows it.
#[derive(Default)]
pub struct Shown {
    /// The public half. It has yet to be proven by a signature.
    pub(super) public: Option<PublicKey>,
    /// Whether only a certificate shows it, which may be another key's.
    pub(super) by_certificate: bool,
    /// Public objects of the key's id that cannot be its public half: of another kind or curve.
    pub(super) others: Vec<String>,
    /// Why a point that the token shows was not understood.
    pub(super) unread: Option<PointError>,
}

/// Finds the public half: in the public object of the same id, else in the private object's own attributes, else in
/// a certificate of the same id. Never by label. A point in an unknown form is ignored: the next object may show
/// it.
pub fn find(token: &Token, key: &PrivateKey) -> Result<Shown, Error> {
    let name = key.name(token);
    token.with(Retry::Yes, |session, _, generation| {
        let mut shown = of_objects(session, key, &name)?;
        if shown.public.is_some() {
            return Ok(shown);
        }
        let private = key.handle(token, session, generation)?;
        match key_of(session, private, &name, key.wanted) {
            Ok(public) => shown.public = public,
            Err(Error::Point { source, .. }) => {
                shown.unread.get_or_insert(source);
            }
            Err(error) => return Err(error),
        }
        if shown.public.is_some() {
            return Ok(shown);
        }
        let wanted = [AttributeType::PublicKeyInfo];
        for attribute in attributes::read(session, private, &wanted, &name)? {
            if let Attribute::PublicKeyInfo(spki) = attribute
                && let Ok(found) = PublicKey::from_spki(&spki)
                && key.wanted.takes(found.kind())
            {
                shown.public = Some(found);
                return Ok(shown);
            }
        }
        for handle in same_id(session, key, ObjectClass::CERTIFICATE, &name)? {
            let wanted = [AttributeType::Value];
            for attribute in attributes::read(session, handle, &wanted, &name)? {
                if let Attribute::Value(der) = attribute
                    && let Some(found) = of_certificate(&der)
                    && key.wanted.takes(found.kind())
                {
                    shown.public = Some(found);
                    shown.by_certificate = true;
                    return Ok(shown);
                }
            }
        }
        Ok(shown)
    })
}

/// The one public object that a URI names, and what it is called, as the token shows it to all who can
/// reach it. None where it shows none, or one without a point that can be read.
pub fn shown_to_all(
    token: &Token,
    uri: &TokenUri,
    wanted: Wanted,
) -> Result<Option<(String, PublicKey)>, Error> {
    let label = uri.object.as_ref().map(|label| label.clone().into_bytes());
    let named = label.is_some() || uri.id.is_some();
    token.with(Retry::Yes, |session, _, _| {
        let template = template(ObjectClass::PUBLIC_KEY, label.as_ref(), uri.id.as_ref());
        let found = match session.find_objects(&template) {
            // Some tokens show nothing at all before a login.
            Err((_, RvError::UserNotLoggedIn)) => return Ok(None),
            found => found.map_err(Error::refusal(&token.name()))?,
        };
        let uris = || -> Result<Vec<String>, Error> {
            let uri = |handle: &ObjectHandle| {
                let (label, id) = object::names(session, *handle, &token.name())?;
                Ok(object::key_uri(token, &label, &id).to_string())
            };
            found.iter().map(uri).collect()
        };
        if !named {
            return Err(Error::NoKeyNamed {
                uri: uri.to_string(),
                present: uris()?,
            });
        }
        let object = match found.as_slice() {
            [] => return Ok(None),
            [one] => *one,
            _ => {
                return Err(Error::PublicObjects {
                    token: token.name(),
                    uri: uri.to_string(),
                    found: uris()?,
                });
            }
        };
        let (label, id) = object::names(session, object, &token.name())?;
        let name = object::name(token, &label, &id);
        match key_of(session, object, &name, wanted) {
            Ok(public) => Ok(public.map(|public| (name, public))),
            Err(Error::Point { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// The public key that all fitting public objects of the id agree on.
fn of_objects(session: &Session, key: &PrivateKey, name: &str) -> Result<Shown, Error> {
    let mut shown = Shown::default();
    for handle in same_id(session, key, ObjectClass::PUBLIC_KEY, name)? {
        match key_of(session, handle, name, key.wanted) {
            Ok(None) => {}
            Ok(found) if shown.public.is_none() => shown.public = found,
            Ok(found) if shown.public == found => {}
            Ok(_) => {
                return Err(Error::Publics(name.to_owned()));
            }
            Err(Error::Point { source, .. }) => {
                shown.unread.get_or_insert(source);
            }
            Err(Error::Curve { found, .. }) => {
                let (label, _) = object::names(session, handle, name)?;
                let label = String::from_utf8_lossy(&label).into_owned();
                shown.others.push(format!("\"{label}\" ({found})"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(shown)
}

/// The objects of a class that have the key's id. An empty id names nothing.
fn same_id(
    session: &Session,
    key: &PrivateKey,
    class: ObjectClass,
    name: &str,
) -> Result<Vec<ObjectHandle>, Error> {
    if key.id.is_empty() {
        return Ok(Vec::new());
    }
    let found = session.find_objects(&template(class, None, Some(&key.id)));
    found.map_err(Error::refusal(name))
}

/// The public key in an object's `CKA_EC_POINT`, or in its `CKA_MODULUS` and `CKA_PUBLIC_EXPONENT`, if it has them.
fn key_of(
    session: &Session,
    object: ObjectHandle,
    name: &str,
    wanted: Wanted,
) -> Result<Option<PublicKey>, Error> {
    let with_numbers: &[_] = match wanted {
        Wanted::P384 | Wanted::AnyCurve => &[
            AttributeType::KeyType,
            AttributeType::EcParams,
            AttributeType::EcPoint,
        ],
        Wanted::Rsa => &[
            AttributeType::KeyType,
            AttributeType::Modulus,
            AttributeType::PublicExponent,
        ],
        Wanted::Any => &[AttributeType::KeyType],
    };
    let found = attributes::read(session, object, with_numbers, name)?;
    let of_type = wanted.of_type(&found, name)?;
    if wanted == Wanted::Any {
        return key_of(session, object, name, of_type);
    }
    if wanted == Wanted::Rsa {
        return rsa_of(found, name);
    }
    let named = check_curve(name, &found, wanted)?;
    for attribute in found {
        if let Attribute::EcPoint(bytes) = attribute
            && !bytes.is_empty()
        {
            let curve = named.unwrap_or_else(|| wanted.by_length(bytes.len()));
            let point = point::read(curve, &bytes).map_err(|source| Error::Point {
                key: name.to_owned(),
                source,
            });
            return point.map(Some);
        }
    }
    Ok(None)
}

fn rsa_of(found: Vec<Attribute>, name: &str) -> Result<Option<PublicKey>, Error> {
    let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
    for attribute in found {
        match attribute {
            Attribute::Modulus(bytes) => modulus = bytes,
            Attribute::PublicExponent(bytes) => exponent = bytes,
            _ => {}
        }
    }
    if modulus.is_empty() || exponent.is_empty() {
        return Ok(None);
    }
    let key = PublicKey::from_rsa(&modulus, &exponent).map_err(|source| Error::Point {
        key: name.to_owned(),
        source: PointError::Rsa(source),
    });
    key.map(Some)
}

/// The key in a DER X.509 certificate. Nobody verifies the certificate: a signature by the private key will show
/// whether its key is the right one.
fn of_certificate(der: &[u8]) -> Option<PublicKey> {
    use der::Encode;
    let certificate = Certificate::from_der(der).ok()?;
    let spki = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .ok()?;
    PublicKey::from_spki(&spki).ok()
}
