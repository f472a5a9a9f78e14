//! Making a key pair on a token, and importing one.

use std::sync::Arc;

use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, KeyType as CkKeyType, ObjectClass, ObjectHandle};
use cryptoki::types::Ulong;
use serde_json::Value;
use zeroize::Zeroize;

use super::attributes::{Difference, Facts};
use super::error::Error;
use super::mechanism::PSS;
use super::object::{self, PrivateKey, Wanted, key_uri, params};
use super::offered::{check_mechanism, check_signing};
use super::raw::{Refusal, Session};
use super::signer::TokenKey;
use super::token::{Retry, Token};
use super::token_lock;
use crate::crypto::{Curve, P384Key, PublicKey};
use crate::key::file::FileKey;
use crate::key::key_type::KeyType;
use crate::key::signer::Signer;
use crate::key::uri::{ObjectType, TokenUri};

/// Bytes of an id that is made up.
const ID_LEN: usize = 20;

/// The attributes that the template asks for, and that the private half must have when it is read back: it signs
/// and does nothing else. Without a template tokens allow more.
const ASKED: [Attribute; 9] = [
    Attribute::Token(true),
    Attribute::Private(true),
    Attribute::Sensitive(true),
    Attribute::Extractable(false),
    Attribute::Sign(true),
    Attribute::SignRecover(false),
    Attribute::Decrypt(false),
    Attribute::Unwrap(false),
    Attribute::Derive(false),
];

/// The attributes that a token itself sets on a key that it made and never gives away.
pub(super) const BORN: [Attribute; 3] = [
    Attribute::Local(true),
    Attribute::AlwaysSensitive(true),
    Attribute::NeverExtractable(true),
];

/// The attributes, of a passport or a transcript, that `generate` would refuse on a new key; and the names of those
/// that it accepts and notes.
pub fn unasked(attributes: &Value) -> (Vec<String>, Vec<&'static str>) {
    let facts = Facts::of_json(attributes);
    // A token that does not know an attribute has not given it another value.
    let known = |difference: &Difference| difference.got.is_some();
    let asked = facts.differences(&ASKED).filter(known);
    let born = facts.differences(&BORN).map(|difference| difference.name);
    (
        asked.map(|difference| difference.to_string()).collect(),
        born.collect(),
    )
}

/// A new key pair on a token.
pub struct NewKey {
    /// Its URI, which names it and no other.
    pub uri: TokenUri,
    /// Its public half.
    pub public: PublicKey,
    /// The private half's attributes as read back.
    pub facts: Facts,
    /// The attributes that differ from those expected of such a key.
    pub oddities: Vec<String>,
}

impl NewKey {
    /// The public half of a key that was made on P-384.
    pub fn p384(&self) -> P384Key {
        P384Key::of(&self.public).expect("the key was made on P-384")
    }
}

/// Which key a URI asks for: a label and an id that nothing on the token has yet.
struct Names {
    of: KeyType,
    label: Vec<u8>,
    id: Vec<u8>,
}

impl Names {
    fn free(token: &Token, uri: &TokenUri, of: KeyType) -> Result<Self, Error> {
        let Some(label) = &uri.object else {
            return Err(Error::NoLabel {
                uri: uri.to_string(),
            });
        };
        let label = label.clone().into_bytes();
        check_free(token, "label", Some(&label), None)?;
        let id = match &uri.id {
            Some(id) => id.clone(),
            None => random_id().map_err(|reason| Error::Nonsense {
                what: "the system's random numbers".into(),
                reason,
            })?,
        };
        check_free(token, "id", None, Some(&id))?;
        Ok(Self { of, label, id })
    }

    /// The label and the id of both halves.
    fn common(&self) -> Vec<Attribute> {
        vec![
            Attribute::Label(self.label.clone()),
            Attribute::Id(self.id.clone()),
        ]
    }

    fn public(&self) -> Vec<Attribute> {
        let mut public = self.common();
        public.extend([Attribute::Token(true), Attribute::Private(false)]);
        match self.of {
            KeyType::Ec(curve) => public.push(Attribute::EcParams(params(curve).to_vec())),
            KeyType::Rsa(size) => public.extend([
                Attribute::ModulusBits(Ulong::from(u64::from(size.bits()))),
                Attribute::PublicExponent(vec![1, 0, 1]),
            ]),
        }
        public
    }

    fn private(&self) -> Vec<Attribute> {
        let mut private = self.common();
        private.extend(ASKED);
        private
    }

    fn key(&self, generation: u64, private: ObjectHandle) -> PrivateKey {
        PrivateKey {
            label: self.label.clone(),
            id: self.id.clone(),
            always_authenticate: false,
            wanted: match self.of {
                KeyType::Ec(Curve::P384) => Wanted::P384,
                KeyType::Ec(_) => Wanted::AnyCurve,
                KeyType::Rsa(_) => Wanted::Rsa,
            },
            handle: (generation, private),
        }
    }
}

pub(super) fn random_id() -> Result<Vec<u8>, String> {
    let mut id = vec![0; ID_LEN];
    let filled = rustix::rand::getrandom(&mut id[..], rustix::rand::GetRandomFlags::empty())
        .map_err(|e| e.to_string())?;
    if filled == ID_LEN {
        Ok(id)
    } else {
        Err("there were too few".into())
    }
}

/// Refuses a token that lacks a mechanism to make the key or to sign with it.
pub(super) fn check_can_make(token: &Token, of: KeyType) -> Result<(), Error> {
    let wanted = match of {
        KeyType::Ec(_) => {
            check_signing(token)?;
            "CKM_EC_KEY_PAIR_GEN for making keys"
        }
        KeyType::Rsa(_) => {
            check_mechanism(token, MechanismType::RSA_PKCS_PSS, PSS)?;
            "CKM_RSA_PKCS_KEY_PAIR_GEN for making keys"
        }
    };
    check_mechanism(token, making(of), wanted)
}

/// The mechanism that makes a key.
const fn making(of: KeyType) -> MechanismType {
    match of {
        KeyType::Ec(_) => MechanismType::ECC_KEY_PAIR_GEN,
        KeyType::Rsa(_) => MechanismType::RSA_PKCS_KEY_PAIR_GEN,
    }
}

/// Makes a pair that signs and nothing else, whose private half is sensitive and never leaves the
/// token; then reads its attributes back, compares them, and signs and verifies with it. A pair with other
/// attributes is removed again.
pub fn generate(token: &Arc<Token>, uri: &TokenUri, of: KeyType) -> Result<NewKey, Error> {
    check_can_make(token, of)?;
    let _lock = token_lock::take(token)?;
    let names = Names::free(token, uri, of)?;
    let (public, private) = (names.public(), names.private());
    let made = token.with_writing(Retry::No, |session, _, generation| {
        let pair = session.generate_key_pair(making(of), &public, &private);
        let pair = pair.map_err(Error::refusal(&token.name()))?;
        Ok((generation, pair))
    });
    // After an error the pair may be there all the same: look, and say what is there.
    let (generation, (public, private)) = made.map_err(|error| unsure(token, &names, error))?;
    prove_or_remove(token, &names, generation, &[private, public], &BORN)
}

/// Imports the private key of a file into a token. Such a key has been outside: the token does not call it local,
/// always sensitive or never extractable.
pub fn import(token: &Arc<Token>, uri: &TokenUri, key: &FileKey) -> Result<NewKey, Error> {
    check_signing(token)?;
    let _lock = token_lock::take(token)?;
    let names = Names::free(token, uri, KeyType::Ec(Curve::P384))?;
    let mut point = vec![4, 97];
    point.extend(key.public_key().to_point());
    let mut public = names.public();
    public.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(CkKeyType::EC),
        Attribute::EcPoint(point),
    ]);
    let mut private = names.private();
    private.extend([
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(CkKeyType::EC),
        Attribute::EcParams(params(Curve::P384).to_vec()),
        Attribute::Value(key.scalar().to_vec()),
    ]);
    let made = token.with_writing(Retry::No, |session, _, generation| {
        let private = session
            .create_object(&private)
            .map_err(Error::refusal(&token.name()))?;
        match session.create_object(&public) {
            Ok(public) => Ok((generation, vec![private, public])),
            Err(error) => {
                let removed = session.destroy_object(private).is_ok()
                    && remove_public(session, &names).is_ok();
                Err(Error::BadKey {
                    source: Box::new(Error::refusal(&token.name())(error)),
                    removed,
                })
            }
        }
    });
    for attribute in &mut private {
        if let Attribute::Value(scalar) = attribute {
            scalar.zeroize();
        }
    }
    let (generation, made) = made.map_err(|error| unsure(token, &names, error))?;
    let new = prove_or_remove(token, &names, generation, &made, &[])?;
    if new.p384() == *key.public_key() {
        return Ok(new);
    }
    Err(bad(
        token,
        generation,
        &made,
        Error::WrongPublic {
            key: names.key(generation, made[0]).name(token),
        },
    ))
}

/// Removes a public half that a failed call may have made: nothing else has its id.
fn remove_public(session: &Session, names: &Names) -> Result<(), Refusal> {
    let class = ObjectClass::PUBLIC_KEY;
    let made = object::template(class, Some(&names.label), Some(&names.id));
    for handle in session.find_objects(&made)? {
        session.destroy_object(handle)?;
    }
    Ok(())
}

/// Reads the new key back and proves it, or removes it.
fn prove_or_remove(
    token: &Arc<Token>,
    names: &Names,
    generation: u64,
    made: &[ObjectHandle],
    born: &[Attribute],
) -> Result<NewKey, Error> {
    let check = || {
        let mut key = names.key(generation, made[0]);
        check_alone(token, &key)?;
        let found = object::find_private(token, &key.uri(token), key.wanted)?;
        key.always_authenticate = found.always_authenticate;
        let new = proven(&TokenKey::new(Arc::clone(token), key)?, born)?;
        if new.public.kind() == names.of.kind() {
            return Ok(new);
        }
        Err(Error::Curve {
            key: names.key(generation, made[0]).name(token),
            wanted: "a key of the type that was asked for",
            found: format!("its type is {}", new.public.kind()),
        })
    };
    check().map_err(|error| bad(token, generation, made, error))
}

/// Refuses a new key whose label or id another key has by now. A token accepts several objects of one name, and two
/// runs at once both find the name free. Each run looks again after it has made its key, so at least one sees the
/// other's.
fn check_alone(token: &Token, key: &PrivateKey) -> Result<(), Error> {
    token.with(Retry::Yes, |session, _, generation| {
        let (name, own) = (token.name(), key.handle(token, session, generation)?);
        for (what, label, id) in [
            ("label", Some(&key.label), None),
            ("id", None, Some(&key.id)),
        ] {
            let found =
                session.find_objects(&object::template(ObjectClass::PRIVATE_KEY, label, id));
            let found = found.map_err(Error::refusal(&name))?;
            if let Some(other) = found.into_iter().find(|handle| *handle != own) {
                let (label, id) = object::names(session, other, &name)?;
                return Err(Error::Twin {
                    token: name,
                    what,
                    other: key_uri(token, &label, &id).to_string(),
                });
            }
        }
        Ok(())
    })
}

/// Reads a key back, compares its attributes with a new key's template, and signs and verifies with it.
pub(super) fn proven(key: &TokenKey, born: &[Attribute]) -> Result<NewKey, Error> {
    let facts = key.facts()?;
    let in_words = |wanted| facts.differences(wanted).map(|d| d.to_string()).collect();
    let differences: Vec<String> = in_words(&ASKED);
    if !differences.is_empty() {
        return Err(Error::Attributes {
            key: key.name(),
            differences,
        });
    }
    key.prove()?;
    Ok(NewKey {
        uri: key.uri(),
        public: key.public_key().clone(),
        oddities: in_words(born),
        facts,
    })
}

/// Removes a key that was just made with wrong attributes.
fn bad(token: &Token, generation: u64, made: &[ObjectHandle], error: Error) -> Error {
    let removed = token.with_writing(Retry::No, |session, _, now| {
        // After a new start of the module the handles are of other objects.
        if now != generation {
            return Ok(false);
        }
        for handle in made {
            let gone = session.destroy_object(*handle);
            gone.map_err(Error::refusal(&token.name()))?;
        }
        Ok(true)
    });
    Error::BadKey {
        source: Box::new(error),
        removed: matches!(removed, Ok(true)),
    }
}

/// The error after a call that failed and may have made the key all the same.
fn unsure(token: &Token, names: &Names, error: Error) -> Error {
    if matches!(error, Error::BadKey { .. }) {
        return error;
    }
    match check_free(token, "label", Some(&names.label), None) {
        Ok(()) => error,
        Err(_) => Error::Unsure {
            source: Box::new(error),
        },
    }
}

/// Refuses a label or id that any object on the token has: the new key must not share a name with another's
/// certificate or key.
pub(super) fn check_free(
    token: &Token,
    what: &str,
    label: Option<&Vec<u8>>,
    id: Option<&Vec<u8>>,
) -> Result<(), Error> {
    let (objects, orphans) = token.with(Retry::Yes, |session, _, _| {
        let name = token.name();
        let found = session.find_objects(&object::named(label, id));
        let mut objects = Vec::new();
        let mut orphans = true;
        for handle in found.map_err(Error::refusal(&name))? {
            let (label, id) = object::names(session, handle, &name)?;
            let kind = object::kind(session, handle);
            orphans &= kind == Some(ObjectType::Public);
            objects.push(TokenUri {
                kind,
                ..key_uri(token, &label, &id)
            });
        }
        Ok((objects, orphans))
    })?;
    if objects.is_empty() {
        return Ok(());
    }
    let mut objects: Vec<String> = objects.iter().map(TokenUri::to_string).collect();
    objects.sort();
    Err(Error::InUse {
        token: token.name(),
        what: what.to_owned(),
        objects,
        orphans,
    })
}
