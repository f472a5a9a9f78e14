//! Key rings: primary keys with all statements about them (RFC 9580, section 10.1).

use super::armour;
use super::key::{Damaged, Key};
use super::packet::{self, Packet, Packets};
use super::rule::Rules;
use super::signature::{self, CERTIFICATION_REVOCATION, CERTIFICATIONS, Signature};
use crate::scheme::malformed::Malformed;

const WHAT: &str = "key ring of OpenPGP";
/// No ring is longer.
const MOST_BYTES: usize = 4 << 20;

/// A key ring: public keys as `gpg --export` writes them, armoured or not.
///
/// ```
/// use ir_sign::scheme::simple::{KeyRing, Rules};
///
/// let pem = b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n";
/// let error = KeyRing::read(pem, Rules::Gpg).unwrap_err();
/// assert!(error.to_string().contains("expected PGP PUBLIC KEY BLOCK"), "{error}");
/// ```
#[derive(Clone, Debug)]
pub struct KeyRing {
    pub(super) certificates: Vec<Certificate>,
    /// How many primary keys there are, copies of one too.
    copies: usize,
    /// Signatures in blocks of their own, as gpg writes the revocation of a new key.
    loose: Vec<Vec<u8>>,
}

/// A primary key, and the statements about it.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) primary: Key,
    /// User IDs and attributes, as they are hashed.
    pub(super) users: Vec<Placed<Vec<u8>>>,
    pub(super) subkeys: Vec<Placed<Key>>,
    /// The contents of all signature packets. As in gpg, a signature is about the part that it verifies with, in any
    /// place.
    pub(super) signatures: Vec<Placed<Vec<u8>>>,
}

/// A part of a key, with the number of the copy of the key in the ring.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) copy: usize,
    pub(super) part: T,
}

/// The last packet that is not a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Key,
    User,
    Subkey,
}

impl KeyRing {
    /// Reads a ring, at most 4 MiB of it. Several armoured blocks are one ring, of which image-rs sees the first. A
    /// repeated key is one key, with the statements about it from everywhere. This ignores keys of other versions than
    /// 4. A ring without a key is an error, and so is one with a private key, or with something that stops gpg's
    /// reading.
    pub fn read(bytes: &[u8], rules: Rules) -> Result<Self, Malformed> {
        let error = |reason: &str| Malformed::new(WHAT, reason);
        if bytes.len() > MOST_BYTES {
            return Err(error("it has more than 4 MiB"));
        }
        if bytes.get(8..12) == Some(b"KBXf") {
            return Err(error(
                "it is a keybox, from which `gpg --export` writes a key ring",
            ));
        }
        let mut ring = Self {
            certificates: Vec::new(),
            copies: 0,
            loose: Vec::new(),
        };
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            ring.add(bytes)?;
        } else {
            let blocks = armour::blocks(bytes, WHAT)?;
            let seen = match rules {
                Rules::Gpg => blocks.len(),
                Rules::ImageRs => blocks.len().min(1),
            };
            for block in &blocks[..seen] {
                ring.add(block)?;
            }
        }
        if ring.certificates.is_empty() {
            return Err(error("it has no public key of version 4"));
        }
        // They are about the key that they verify with.
        for part in std::mem::take(&mut ring.loose) {
            for certificate in &mut ring.certificates {
                let part = part.clone();
                certificate.signatures.push(Placed { copy: 0, part });
            }
        }
        Ok(ring)
    }

    /// The fingerprints of its primary keys, each of 40 hexadecimal digits.
    pub fn fingerprints(&self) -> impl Iterator<Item = String> {
        self.certificates
            .iter()
            .map(|certificate| certificate.primary.name())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let error = |reason: &str| Malformed::new(WHAT, reason);
        let mut packets = Packets::of(bytes, WHAT);
        let (mut which, mut behind) = (None, Behind::Key);
        let before = self.copies;
        while let Some(Packet { tag, body }) = packets.next()? {
            let key = match tag {
                packet::PUBLIC_KEY | packet::PUBLIC_SUBKEY => {
                    Key::read(&body).map_err(|_: Damaged| error("one of its keys is damaged"))?
                }
                _ => None,
            };
            if tag == packet::PUBLIC_KEY {
                which = key.map(|key| self.certificate(key));
                behind = Behind::Key;
                self.copies += 1;
                continue;
            }
            let copy = self.copies;
            // The parts of an ignored key do not count either.
            let certificate = which.map(|n: usize| &mut self.certificates[n]);
            match tag {
                packet::SIGNATURE if !signature::is_whole(&body) => {
                    return Err(error("one of its signatures is damaged"));
                }
                packet::SIGNATURE => {
                    let Some(certificate) = certificate else {
                        if self.copies == before {
                            self.loose.push(body.into_owned());
                        }
                        continue;
                    };
                    if behind != Behind::User && certificate.is_about_a_user(&body) {
                        return Err(error("a key vouches for a user ID that is not before it"));
                    }
                    let part = body.into_owned();
                    certificate.signatures.push(Placed { copy, part });
                }
                packet::PUBLIC_SUBKEY => {
                    behind = Behind::Subkey;
                    if let Some(certificate) = certificate {
                        let part = key.ok_or_else(|| error("a subkey is not of version 4"))?;
                        certificate.subkeys.push(Placed { copy, part });
                    }
                }
                packet::USER_ID | packet::USER_ATTRIBUTE if behind == Behind::Subkey => {
                    return Err(error("a user ID stands behind a subkey"));
                }
                packet::USER_ID | packet::USER_ATTRIBUTE => {
                    behind = Behind::User;
                    if let Some(certificate) = certificate {
                        let part = user(tag, &body);
                        certificate.users.push(Placed { copy, part });
                    }
                }
                5 | 7 => return Err(error("it has a private key")),
                10 if *body != *b"PGP" => return Err(error("one of its markers is damaged")),
                // A marker, gpg's notes on trust, padding, and those of which a reader need not know.
                10 | 12 | 21 | 40.. => {}
                _ => return Err(error(&format!("a packet of type {tag} has no place in it"))),
            }
        }
        Ok(())
    }

    /// The place of a primary key.
    fn certificate(&mut self, primary: Key) -> usize {
        let all = &mut self.certificates;
        let place = all
            .iter()
            .position(|known| known.primary.body == primary.body);
        place.unwrap_or_else(|| {
            all.push(Certificate {
                primary,
                users: Vec::new(),
                subkeys: Vec::new(),
                signatures: Vec::new(),
            });
            all.len() - 1
        })
    }
}

impl Certificate {
    /// Whether the primary key may say this of a user ID.
    fn is_about_a_user(&self, body: &[u8]) -> bool {
        let is_so = signature::kind_of(body)
            .is_some_and(|kind| CERTIFICATIONS.contains(&kind) || kind == CERTIFICATION_REVOCATION);
        is_so && Signature::read(body).is_none_or(|read| read.might_be_by(&self.primary))
    }
}

/// How a user ID or attribute is hashed into signatures about it.
fn user(tag: u8, body: &[u8]) -> Vec<u8> {
    let kind = if tag == packet::USER_ID { 0xb4 } else { 0xd1 };
    let length = u32::try_from(body.len()).expect("a ring is short");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}
