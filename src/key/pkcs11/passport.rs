//! Key passports: what a token says of itself and of a key, signed by that key.
//!
//! A passport has two lines of JSON. The first is the statement: the token's label, manufacturer,
//! model, serial number and versions, the key's label, id (hexadecimal), attributes (true, false,
//! or null for one that the token does not know), its DER `SubjectPublicKeyInfo` (base64) and
//! fingerprints. The second holds the key's DER signature (base64), made over the SHA-384 of
//! `ir-sign passport v1`, a zero byte and the first line with its newline: nothing else that is
//! signed starts like this.

use std::path::Path;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use cryptoki::object::Attribute;
use serde_json::{Map, Value, json};

use super::attributes::{Facts, Shown};
use super::error::Error;
use super::generate::BORN;
use super::signer::TokenKey;
use crate::crypto::{Digest, HashAlgorithm, Prehash, PublicKey, Signature, Signed, Signer};
use crate::encoding::hex::hex;
use crate::files;

const DOMAIN: &[u8] = b"ir-sign passport v1\0";
const KIND: &str = "ir-sign passport v1";
/// No passport is longer.
const MAX_PASSPORT: usize = 16 * 1024;

/// No passport has more beside its key's label: the token's names have at most 112 bytes, six times
/// as many where JSON escapes them, and attributes, key and signature less than 2 KiB.
const MAX_BESIDE_LABEL: usize = 4 * 1024;

/// Whether a key of this label can have a passport: whether it would not be larger than is read.
pub fn has_passport_for(label: &str) -> bool {
    Value::from(label).to_string().len() + MAX_BESIDE_LABEL <= MAX_PASSPORT
}

/// A passport whose signature holds.
#[derive(Clone, Debug)]
pub struct Passport {
    bytes: Vec<u8>,
    statement: Value,
    public: PublicKey,
}

/// Why bytes are not a passport, or not this key's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassportError {
    /// It does not have the two lines, or they do not hold what they have to.
    #[error("it is not a key passport: {0}")]
    Form(&'static str),
    /// The signature is not the key's.
    #[error("its signature does not hold: it was changed, or another key made it")]
    Signature,
    /// The token or the key is not as the passport says.
    #[error("{0}")]
    Differs(String),
    /// The key is in no use.
    #[error(
        "none of the keys that this command signs with is the one it is about (fingerprint {0})"
    )]
    Unused(String),
}

impl Passport {
    /// Makes the passport of a key, as token and key are now.
    pub(super) fn make(key: &TokenKey) -> Result<Self, Error> {
        let statement = statement(key)?;
        let mut bytes = statement.to_string().into_bytes();
        bytes.push(b'\n');
        let signature = key.sign_raw(Signed::Bytes(&message(&bytes)))?;
        if !key.public_key().verifies(&prehash(&bytes), &signature) {
            return Err(Error::WrongPublic { key: key.name() });
        }
        let signature = Base64::encode_string(&signature.to_der());
        bytes.extend(format!("{}\n", json!({ "signature": signature })).into_bytes());
        if bytes.len() > MAX_PASSPORT {
            return Err(Error::PassportSize {
                key: key.name(),
                found: bytes.len(),
                most: MAX_PASSPORT,
            });
        }
        Ok(Self {
            bytes,
            statement,
            public: *key.public_key(),
        })
    }

    /// Reads a passport file and verifies its signature.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = files::read(path, MAX_PASSPORT).map_err(Error::PassportFile)?;
        Self::parse(&bytes).map_err(|source| Error::Passport {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads a passport and verifies its signature with the key that it names.
    pub fn parse(bytes: &[u8]) -> Result<Self, PassportError> {
        let form = PassportError::Form;
        let mut lines = bytes.split_inclusive(|b| *b == b'\n');
        let (Some(first), Some(second), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(form("it does not have two lines"));
        };
        if !second.ends_with(b"\n") {
            return Err(form("its second line does not end"));
        }
        let json = |line: &[u8]| -> Result<Value, PassportError> {
            serde_json::from_slice(line).map_err(|_| form("a line of it is not JSON"))
        };
        let (statement, signature) = (json(first)?, json(second)?);
        // What is read has one spelling, so that what is signed and what is understood are the same.
        if format!("{statement}\n").as_bytes() != first
            || format!("{signature}\n").as_bytes() != second
        {
            return Err(form("its JSON is not spelt as ir-sign spells it"));
        }
        if statement["type"] != KIND {
            return Err(form("its type is not \"ir-sign passport v1\""));
        }
        let base64 = |value: &Value| Base64::decode_vec(value.as_str()?).ok();
        let public = base64(&statement["key"]["spki"])
            .and_then(|spki| PublicKey::from_spki(&spki).ok())
            .ok_or(form("it holds no P-384 public key"))?;
        let only = signature
            .as_object()
            .is_some_and(|object| object.len() == 1);
        let signature = base64(&signature["signature"])
            .filter(|_| only)
            .and_then(|der| Signature::from_der(&der).ok())
            .ok_or(form("it holds no signature"))?;
        if !public.verifies(&prehash(first), &signature) {
            return Err(PassportError::Signature);
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            statement,
            public,
        })
    }

    /// The passport's two lines.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says.
    pub const fn statement(&self) -> &Value {
        &self.statement
    }

    /// The key it is about.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Compares with a key as it is now; the differences in words.
    pub(super) fn check(&self, key: &TokenKey) -> Result<Vec<String>, Error> {
        let now = statement(key)?;
        let mut differences = Vec::new();
        compare("", &self.statement, &now, &mut differences);
        Ok(differences)
    }
}

/// What the signature of a passport's first line is over.
fn message(line: &[u8]) -> Vec<u8> {
    [DOMAIN, line].concat()
}

fn prehash(line: &[u8]) -> Prehash {
    Prehash::sha384(&message(line))
}

/// What is true of a token and a key now.
fn statement(key: &TokenKey) -> Result<Value, Error> {
    let token = Arc::clone(&key.token);
    let info = token.info()?;
    let version = |(major, minor): (u8, u8)| format!("{major}.{minor}");
    let facts = key.facts()?;
    let spki = key.public_key().to_spki();
    Ok(json!({
        "type": KIND,
        "token": {
            "label": info.label,
            "manufacturer": info.manufacturer,
            "model": info.model,
            "serial": info.serial,
            "hardware": version(info.hardware),
            "firmware": version(info.firmware),
        },
        "key": {
            "label": String::from_utf8_lossy(&key.key.label),
            "id": hex(&key.key.id),
            "curve": "secp384r1",
            "attributes": attributes(&facts),
            "spki": Base64::encode_string(&spki),
            "sha256": Digest::of(HashAlgorithm::Sha256, &spki).hex(),
            "sha384": Digest::of(HashAlgorithm::Sha384, &spki).hex(),
        },
    }))
}

/// The attributes as JSON: true, false, or null.
pub fn attributes(facts: &Facts) -> Value {
    let named = facts
        .iter()
        .map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(named.collect::<Map<_, _>>())
}

fn compare(path: &str, passport: &Value, now: &Value, differences: &mut Vec<String>) {
    if let (Value::Object(then), Value::Object(members)) = (passport, now) {
        let added = members.keys().filter(|name| !then.contains_key(*name));
        for name in then.keys().chain(added) {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            compare(&path, &passport[name], &now[name], differences);
        }
    } else if passport != now {
        differences.push(format!("{path} was {passport} and is {now}"));
    }
}

/// What keeps a key from being one that was born on the token and never leaves it, but for what the
/// user accepts.
pub(super) fn unfit(facts: &Facts, accepted: &[String]) -> Vec<String> {
    let mut wanted = BORN.to_vec();
    wanted.extend([
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Token(true),
    ]);
    facts
        .differences(&wanted)
        .filter(|wrong| !accepted.iter().any(|name| name == wrong.name))
        .map(|wrong| {
            let (wanted, got) = (Shown(wrong.wanted), Shown(wrong.got));
            format!("{} is {got}, not {wanted}", wrong.name)
        })
        .collect()
}
