//! Making the passport of a key, and comparing a key with its passport.

use std::path::Path;
use std::sync::Arc;

use cryptoki::object::Attribute;
use serde_json::{Value, json};

use super::attributes::{self, Facts, Shown};
use super::error::Error;
use super::generate::BORN;
use super::passport::{KIND, MAX_PASSPORT, Passport, message, prehash};
use super::signer::TokenKey;
use crate::crypto::p384::ALGORITHM;
use crate::crypto::{Digest, HashAlgorithm, Signed};
use crate::encoding::base64::base64;
use crate::encoding::hex::hex;
use crate::files;

impl Passport {
    /// Makes the passport of a key, as token and key are now.
    pub(super) fn make(key: &TokenKey) -> Result<Self, Error> {
        let statement = statement(key)?;
        let mut bytes = statement.to_string().into_bytes();
        bytes.push(b'\n');
        let signature = key.sign_raw(ALGORITHM, Signed::Bytes(&message(&bytes)))?;
        if !key.p384().verifies(&prehash(&bytes), &signature) {
            return Err(Error::WrongPublic { key: key.name() });
        }
        let signature = base64(&signature.to_bytes());
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
            public: key.p384(),
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

    /// Compares with a key as it is now; the differences in words.
    pub(super) fn check(&self, key: &TokenKey) -> Result<Vec<String>, Error> {
        let now = statement(key)?;
        let mut differences = Vec::new();
        compare("", &self.statement, &now, &mut differences);
        Ok(differences)
    }
}

/// The statement of a token and a key as they are now.
fn statement(key: &TokenKey) -> Result<Value, Error> {
    let token = Arc::clone(&key.token);
    let info = token.info()?;
    let version = |(major, minor): (u8, u8)| format!("{major}.{minor}");
    let facts = key.facts()?;
    let spki = key.p384().to_spki();
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
            "attributes": attributes::as_json(&facts),
            "spki": base64(&spki),
            "sha256": Digest::of(HashAlgorithm::Sha256, &spki).hex(),
            "sha384": Digest::of(HashAlgorithm::Sha384, &spki).hex(),
        },
    }))
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

/// The attributes that show that a key was not made on the token, or may leave it, without those that the user
/// accepts.
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
