//! Signature packets of version 4 (RFC 9580, section 5.2).

use std::time::{SystemTime, UNIX_EPOCH};

use super::key::{ED25519, Key};
use super::packet::Fields;
use crate::crypto::{Algorithm, HashAlgorithm, KeyKind, Prehash, Signature as Ecdsa, Signed};

/// The types of signatures (section 5.2.1).
pub(super) const BINARY: u8 = 0x00;
pub(super) const TEXT: u8 = 0x01;
pub(super) const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
pub(super) const SUBKEY_BINDING: u8 = 0x18;
pub(super) const PRIMARY_KEY_BINDING: u8 = 0x19;
pub(super) const DIRECT_KEY: u8 = 0x1f;
pub(super) const KEY_REVOCATION: u8 = 0x20;
pub(super) const SUBKEY_REVOCATION: u8 = 0x28;
pub(super) const CERTIFICATION_REVOCATION: u8 = 0x30;

/// The key may sign data (section 5.2.3.29).
const MAY_SIGN: u8 = 2;
/// A part that holds another signature (section 5.2.3.34).
const EMBEDDED: u8 = 32;
/// Bytes of a key's number.
const ID: usize = 8;
/// The parts that this reader knows (section 5.2.3.7), or that gpg knows and that say nothing about whether a signature
/// holds: trust, preferences, names, reasons. Any other that is critical makes the signature count for nothing.
const KNOWN: [u8; 21] = [
    2, 3, 4, 5, 7, 9, 11, 12, 16, 21, 22, 24, 25, 26, 27, 28, 29, 30, 32, 33, 34,
];

/// A point in time: seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Why a signature is not a key's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotSigned {
    /// It is made with a hash that counts for nothing.
    Hash(u8),
    /// Such a key verifies nothing.
    Key,
    /// It is another's, or of other bytes.
    Wrong,
    /// It holds, and has a part that a reader must know, and this one does not.
    Critical,
}

/// A signature, not yet verified.
#[derive(Debug, Default)]
pub(super) struct Signature<'a> {
    pub(super) kind: u8,
    pub(super) algorithm: u8,
    pub(super) hash: u8,
    pub(super) created: u32,
    /// Seconds from its making to its end; none or 0 if it has no end.
    lasts: Option<u32>,
    /// Seconds from the making of the key that it is about to the key's end.
    pub(super) key_lasts: Option<u32>,
    key_flags: Option<u8>,
    issuers: Vec<&'a [u8]>,
    pub(super) embedded: Vec<&'a [u8]>,
    pub(super) names_revoker: bool,
    has_unknown_critical: bool,
    /// The bytes that the hash takes after the content.
    hashed: &'a [u8],
    numbers: &'a [u8],
}

/// The type of a signature of version 3 or 4, readable or not.
pub(super) fn kind_of(body: &[u8]) -> Option<u8> {
    match body {
        [4, kind, ..] | [3, _, kind, ..] => Some(*kind),
        _ => None,
    }
}

/// Whether a signature that cannot be read may be this key's: one of version 3 says whose it is.
pub(super) fn may_be_old(body: &[u8], key: &[u8]) -> bool {
    body.first() != Some(&3) || body.get(7..15).is_none_or(|issuer| issuer == key)
}

/// The parts of an area: each with its type, and the bit that makes it critical (section 5.2.3.7).
fn split(area: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut area = Fields(area);
    let mut parts = Vec::new();
    while !area.0.is_empty() {
        let length = match area.byte()? {
            short @ 0..192 => usize::from(short),
            high @ 192..255 => (usize::from(high - 192) << 8) + usize::from(area.byte()?) + 192,
            255 => usize::try_from(area.four_bytes()?).ok()?,
        };
        let (kind, data) = area.take(length)?.split_first()?;
        parts.push((*kind, data));
    }
    Some(parts)
}

/// Whether a signature of a ring holds together. gpg wants it of each, a stranger's too, or reads no further.
pub(super) fn is_whole(body: &[u8]) -> bool {
    let mut fields = Fields(body);
    let mut read = || {
        let algorithm = match fields.byte()? {
            2 | 3 => {
                // The length 5, the type, the time and the issuer; after the algorithm, the hash and its first bytes.
                fields.take(14)?;
                let algorithm = fields.byte()?;
                fields.take(3)?;
                algorithm
            }
            4 => {
                fields.byte()?;
                let algorithm = fields.byte()?;
                fields.byte()?;
                for _ in 0..2 {
                    let length = fields.two_bytes()?;
                    let area = fields.take(length.into())?;
                    let parts = split(area).unwrap_or_default();
                    let mut embedded = parts.iter().filter(|(kind, _)| kind & 0x7f == EMBEDDED);
                    if !embedded.all(|(_, body)| is_whole(body)) {
                        return None;
                    }
                }
                fields.take(2)?;
                algorithm
            }
            _ => return None,
        };
        let integers = match algorithm {
            1..=3 => 1,
            16 | 17 | 19 | 20 | 22 => 2,
            _ => 0,
        };
        for _ in 0..integers {
            fields.integer()?;
        }
        Some(())
    };
    read().is_some()
}

impl<'a> Signature<'a> {
    /// Reads the content of a packet; `None` for another version, and for one that says things twice or not at all.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let mut signature = Self::default();
        if fields.byte()? != 4 {
            return None;
        }
        signature.kind = fields.byte()?;
        signature.algorithm = fields.byte()?;
        signature.hash = fields.byte()?;
        let length = fields.two_bytes()?;
        let hashed = fields.take(length.into())?;
        signature.hashed = &body[..body.len() - fields.0.len()];
        let length = fields.two_bytes()?;
        let free = fields.take(length.into())?;
        // The first two bytes of the hash. Nobody signs them, and gpg does not look at them.
        fields.take(2)?;
        signature.numbers = fields.0;
        let mut created = None;
        signature.subpackets(hashed, Some(&mut created))?;
        signature.subpackets(free, None)?;
        signature.created = created?;
        Some(signature)
    }

    /// Reads an area of subpackets. Of the one that is not signed, only the issuer and embedded signatures count, which
    /// are verified by themselves.
    fn subpackets(&mut self, area: &'a [u8], mut created: Option<&mut Option<u32>>) -> Option<()> {
        for (kind, data) in split(area)? {
            let is_critical = kind & 0x80 != 0;
            match (kind & 0x7f, created.as_deref_mut()) {
                (2, Some(created)) => once(created, four(data)?)?,
                (3, Some(_)) => once(&mut self.lasts, four(data)?)?,
                (9, Some(_)) => once(&mut self.key_lasts, four(data)?)?,
                (27, Some(_)) => once(&mut self.key_flags, data.first().copied().unwrap_or(0))?,
                (12, Some(_)) => self.names_revoker = true,
                (16, _) if data.len() != ID => return None,
                (16 | 33, _) => self.issuers.push(data),
                (EMBEDDED, _) => self.embedded.push(data),
                _ => {}
            }
            let is_known = KNOWN.contains(&(kind & 0x7f));
            self.has_unknown_critical |= is_critical && !is_known;
        }
        Some(())
    }

    /// When it ends; none if it does not.
    pub(super) fn end(&self) -> Option<u64> {
        end(self.created, self.lasts)
    }

    /// Whether its key may sign data; none if it does not say.
    pub(super) fn lets_sign(&self) -> Option<bool> {
        self.key_flags.map(|flags| flags & MAY_SIGN != 0)
    }

    /// Whether it names an issuer by its number. gpg 2.2 does not accept only a fingerprint.
    pub(super) fn names_issuer(&self) -> bool {
        self.issuers.iter().any(|issuer| issuer.len() == ID)
    }

    /// Whether it names no other issuer.
    pub(super) fn may_be_by(&self, key: &Key) -> bool {
        self.issuers.iter().all(|issuer| is_of(issuer, key))
    }

    /// Whether it names this issuer, perhaps besides others, or none.
    pub(super) fn might_be_by(&self, key: &Key) -> bool {
        self.issuers.is_empty() || self.issuers.iter().any(|issuer| is_of(issuer, key))
    }

    /// Verifies that a key signed this content.
    pub(super) fn verify(&self, key: &Key, content: &[u8]) -> Result<(), NotSigned> {
        let hash = match self.hash {
            8 => HashAlgorithm::Sha256,
            9 => HashAlgorithm::Sha384,
            10 => HashAlgorithm::Sha512,
            other => return Err(NotSigned::Hash(other)),
        };
        let public = key.public.as_ref().ok_or(NotSigned::Key)?;
        if !key.signs_by(self.algorithm) {
            return Err(NotSigned::Wrong);
        }
        let length = u32::try_from(self.hashed.len()).map_err(|_| NotSigned::Wrong)?;
        let bytes = [content, self.hashed, &[4, 0xff], &length.to_be_bytes()].concat();
        let prehash = Prehash::of(hash, &bytes);
        let (by, what) = match public.kind() {
            KeyKind::Rsa { .. } => (Algorithm::RsaPkcs1(hash), Signed::Hashed(&prehash)),
            KeyKind::Ec(curve) => (Algorithm::Ecdsa(curve, hash), Signed::Hashed(&prehash)),
            // OpenPGP has Ed25519 sign the hash.
            KeyKind::Ed25519 => (Algorithm::Ed25519, Signed::Bytes(prehash.as_bytes())),
        };
        let signature = self.value(public.kind()).ok_or(NotSigned::Wrong)?;
        let verified = public.verify(by, what, &signature);
        verified.map_err(|_| NotSigned::Wrong)?;
        if self.has_unknown_critical {
            return Err(NotSigned::Critical);
        }
        Ok(())
    }

    /// The numbers of the signature in the form in which they are verified.
    fn value(&self, kind: KeyKind) -> Option<Vec<u8>> {
        let mut fields = Fields(self.numbers);
        // As with gpg, more may follow.
        let value = match kind {
            KeyKind::Rsa { bits } => padded(fields.integer()?.0, usize::from(bits).div_ceil(8))?,
            KeyKind::Ec(curve) => {
                let length = curve.coordinate_len();
                let (r, s) = (fields.integer()?.0, fields.integer()?.0);
                let raw = [padded(r, length)?, padded(s, length)?].concat();
                Ecdsa::from_raw(curve, &raw).ok()?.to_bytes()
            }
            KeyKind::Ed25519 if self.algorithm == ED25519 => fields.take(64)?.to_vec(),
            KeyKind::Ed25519 => {
                let (r, s) = (fields.integer()?.0, fields.integer()?.0);
                [padded(r, 32)?, padded(s, 32)?].concat()
            }
        };
        Some(value)
    }
}

/// Whether a key has this number, or this fingerprint after its version.
fn is_of(issuer: &[u8], key: &Key) -> bool {
    match issuer {
        [4, fingerprint @ ..] if issuer.len() != ID => *fingerprint == key.fingerprint,
        id => *id == *key.id(),
    }
}

/// When something ends that was made then and lasts so many seconds; 0 is for ever.
pub(super) fn end(made: u32, lasts: Option<u32>) -> Option<u64> {
    let lasts = lasts.filter(|seconds| *seconds != 0)?;
    Some(u64::from(made) + u64::from(lasts))
}

/// Sets what must not be said twice.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn four(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_be_bytes)
}

/// Puts zeros before a number.
fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let zeros = length.checked_sub(number.len())?;
    Some([&vec![0; zeros], number].concat())
}
