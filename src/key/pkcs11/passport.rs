//! Key passports: a statement of a token and a key's attributes, signed by that key.
//!
//! A passport has two lines of JSON. The first is the statement: the token's label, manufacturer,
//! model, serial number and versions, the key's label, id (hexadecimal), attributes (true, false,
//! or null for one that the token does not know), its DER `SubjectPublicKeyInfo` (base64) and
//! fingerprints. The second holds the key's DER signature (base64), made over the SHA-384 of
//! `ir-sign passport v1`, a zero byte and the first line with its newline: nothing else that is
//! signed starts like this.

use serde_json::Value;

use crate::crypto::p384::signature_from_der;
use crate::crypto::{P384Key, Prehash};
use crate::encoding::base64::unbase64;

const DOMAIN: &[u8] = b"ir-sign passport v1\0";
pub(super) const KIND: &str = "ir-sign passport v1";
/// The most bytes of a passport.
pub(super) const MAX_PASSPORT: usize = 16 * 1024;

/// No passport has more beside its key's label: the token's names have at most 112 bytes, six times
/// as many where JSON escapes them, and attributes, key and signature less than 2 KiB.
const MAX_BESIDE_LABEL: usize = 4 * 1024;

/// Whether a key of this label can have a passport, which must not exceed the largest that ir-sign reads.
pub fn has_passport_for(label: &str) -> bool {
    Value::from(label).to_string().len() + MAX_BESIDE_LABEL <= MAX_PASSPORT
}

/// A passport whose signature holds.
#[derive(Clone, Debug)]
pub struct Passport {
    pub(super) bytes: Vec<u8>,
    pub(super) statement: Value,
    pub(super) public: P384Key,
}

/// Why bytes are not a passport of this key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassportError {
    /// It does not have the two lines, or their content is wrong.
    #[error("this is not a passport file: {0}")]
    Form(&'static str),
    /// The signature is not the key's.
    #[error("its signature does not hold: it was changed, or another key made it")]
    Signature,
    /// The token or the key is not as the passport says.
    #[error("{0}")]
    Differs(String),
    /// The run does not use the key.
    #[error("this command signs with no key that it is about (fingerprint {0})")]
    Unused(String),
}

impl Passport {
    /// Reads a passport and verifies its signature with the key that it names.
    pub fn parse(bytes: &[u8]) -> Result<Self, PassportError> {
        let form = PassportError::Form;
        let mut lines = bytes.split_inclusive(|b| *b == b'\n');
        let (Some(first), Some(second), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(form("it does not have two lines"));
        };
        if !second.ends_with(b"\n") {
            return Err(form("its second line is cut off"));
        }
        let json = |line: &[u8]| -> Result<Value, PassportError> {
            serde_json::from_slice(line).map_err(|_| form("a line of it is not JSON"))
        };
        let (statement, signature) = (json(first)?, json(second)?);
        // Only one spelling is valid, so that the signed bytes have one meaning.
        if format!("{statement}\n").as_bytes() != first
            || format!("{signature}\n").as_bytes() != second
        {
            return Err(form("its JSON is not spelt as ir-sign spells it"));
        }
        if statement["type"] != KIND {
            return Err(form("its type is not \"ir-sign passport v1\""));
        }
        let bytes_of = |value: &Value| unbase64(value.as_str()?);
        let public = bytes_of(&statement["key"]["spki"])
            .and_then(|spki| P384Key::from_spki(&spki).ok())
            .ok_or(form("it holds no P-384 public key"))?;
        let only = signature
            .as_object()
            .is_some_and(|object| object.len() == 1);
        let signature = bytes_of(&signature["signature"])
            .filter(|_| only)
            .and_then(|der| signature_from_der(&der).ok())
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

    /// Its statement.
    pub const fn statement(&self) -> &Value {
        &self.statement
    }

    /// The key it is about.
    pub const fn public_key(&self) -> &P384Key {
        &self.public
    }
}

/// The message that the signature of a passport covers.
pub(super) fn message(line: &[u8]) -> Vec<u8> {
    [DOMAIN, line].concat()
}

pub(super) fn prehash(line: &[u8]) -> Prehash {
    Prehash::sha384(&message(line))
}
