//! Public keys of version 4 (RFC 9580, section 5.5): those that signatures of images are verified with.

use super::packet::Fields;
use crate::crypto::sha1::sha1_name;
use crate::crypto::{Curve, PublicKey};
use crate::encoding::hex::hex;

/// Object identifiers of curves, in DER without the tag and the length.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 0x23];
const ED25519_LEGACY: &[u8] = &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];

/// The algorithms of keys that sign (RFC 9580, section 9.1).
pub(super) const RSA: u8 = 1;
const RSA_SIGN_ONLY: u8 = 3;
pub(super) const ECDSA: u8 = 19;
pub(super) const EDDSA_LEGACY: u8 = 22;
pub(super) const ED25519: u8 = 27;

/// A primary key or a subkey.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The content of its packet.
    pub(super) body: Vec<u8>,
    /// When it was made: seconds since 1970.
    pub(super) created: u32,
    pub(super) algorithm: u8,
    /// `None` if a key of its kind cannot verify signatures: too short, another curve, for encryption.
    pub(super) public: Option<PublicKey>,
    pub(super) fingerprint: [u8; 20],
}

impl Key {
    /// Reads the content of a packet; nothing for another version. A key that does not hold together is an error, as it
    /// is to gpg, and so is one that gpg would hash in another way than it stands.
    pub(super) fn read(body: &[u8]) -> Result<Option<Self>, Damaged> {
        if body.first().is_some_and(|version| *version != 4) {
            return Ok(None);
        }
        Self::version_4(body).ok_or(Damaged).map(Some)
    }

    fn version_4(body: &[u8]) -> Option<Self> {
        let mut fields = Fields(body);
        fields.byte()?;
        let created = fields.four_bytes()?;
        let algorithm = fields.byte()?;
        let length = u16::try_from(body.len()).ok()?;
        let public = match algorithm {
            RSA | RSA_SIGN_ONLY => rsa(&mut fields).ok()?,
            ECDSA | EDDSA_LEGACY => curve(&mut fields, algorithm).ok()?,
            ED25519 => ed25519(fields.take(32)?),
            // Those that encrypt, and DSA: no signature is verified with them, but gpg reads their numbers.
            2 | 16 | 17 | 20 => {
                let integers = match algorithm {
                    2 => 2,
                    17 => 4,
                    _ => 3,
                };
                for _ in 0..integers {
                    fields.integer()?;
                }
                None
            }
            18 => {
                let length = fields.byte()?;
                fields.take(length.into())?;
                fields.integer()?;
                let length = fields.byte()?;
                fields.take(length.into())?;
                None
            }
            _ => {
                fields.0 = &[];
                None
            }
        };
        let hashed = [&[0x99], &length.to_be_bytes()[..], body].concat();
        let key = Self {
            body: body.to_vec(),
            created,
            algorithm,
            public,
            fingerprint: sha1_name(&hashed),
        };
        fields.0.is_empty().then_some(key)
    }

    /// The number by which signatures name it (RFC 9580, section 5.5.4.2).
    pub(super) fn id(&self) -> &[u8] {
        &self.fingerprint[12..]
    }

    /// The fingerprint as gpg writes it.
    pub(super) fn name(&self) -> String {
        hex(&self.fingerprint).to_uppercase()
    }

    /// How it is hashed into signatures about it.
    pub(super) fn hashed(&self) -> Vec<u8> {
        let length = u16::try_from(self.body.len()).expect("it was checked");
        [&[0x99], &length.to_be_bytes()[..], &self.body].concat()
    }

    /// Whether a signature names the same algorithm. RSA keys have three numbers.
    pub(super) const fn signs_by(&self, algorithm: u8) -> bool {
        match self.algorithm {
            RSA | RSA_SIGN_ONLY => matches!(algorithm, RSA | RSA_SIGN_ONLY),
            of_key => of_key == algorithm,
        }
    }
}

/// A key's packet does not hold the key that its algorithm has, in its one encoding.
pub(super) struct Damaged;

fn rsa(fields: &mut Fields<'_>) -> Result<Option<PublicKey>, Damaged> {
    let modulus = canonical(fields)?;
    let exponent = canonical(fields)?;
    Ok(PublicKey::from_rsa(modulus, exponent).ok())
}

/// gpg hashes an integer without the zeros before it.
fn canonical<'a>(fields: &mut Fields<'a>) -> Result<&'a [u8], Damaged> {
    match fields.integer() {
        Some((integer, true)) => Ok(integer),
        _ => Err(Damaged),
    }
}

fn curve(fields: &mut Fields<'_>, algorithm: u8) -> Result<Option<PublicKey>, Damaged> {
    let length = fields.byte().ok_or(Damaged)?;
    let oid = fields.take(length.into()).ok_or(Damaged)?;
    let point = canonical(fields)?;
    let of_curve = |curve| PublicKey::from_point(curve, point).ok();
    Ok(match (algorithm, oid) {
        (ECDSA, P256) => of_curve(Curve::P256),
        (ECDSA, P384) => of_curve(Curve::P384),
        (ECDSA, P521) => of_curve(Curve::P521),
        // The byte 0x40 stands before the key.
        (EDDSA_LEGACY, ED25519_LEGACY) => match point {
            [0x40, key @ ..] => ed25519(key),
            _ => None,
        },
        _ => None,
    })
}

/// `SubjectPublicKeyInfo` of Ed25519 up to the key (RFC 8410, section 10.1).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

fn ed25519(key: &[u8]) -> Option<PublicKey> {
    PublicKey::from_spki(&[&SPKI, key].concat()).ok()
}
