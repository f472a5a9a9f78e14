//! Key rings: primary keys with all that is said of them (RFC 9580, section 10.1).

use super::armour;
use super::error::Malformed;
use super::key::Key;
use super::packet::{self, Packet, Packets};
use super::rule::Rules;

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
/// assert!(error.to_string().contains("PGP PUBLIC KEY BLOCK is wanted"), "{error}");
/// ```
#[derive(Clone, Debug)]
pub struct KeyRing {
    pub(super) certificates: Vec<Certificate>,
}

/// The contents of signature packets that stand behind something.
type Signatures = Vec<Vec<u8>>;

/// A primary key, and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) primary: Key,
    pub(super) signatures: Signatures,
    /// User IDs and attributes, as they are hashed.
    pub(super) users: Vec<(Vec<u8>, Signatures)>,
    pub(super) subkeys: Vec<(Key, Signatures)>,
}

/// What the next signature is about.
enum At {
    Nothing,
    Primary,
    User(usize),
    Subkey(usize),
}

impl KeyRing {
    /// Reads a ring, at most 4 MiB of it. Several armoured blocks are one ring, of which image-rs sees the first. A key
    /// that is there several times is one, with all that is said of it anywhere. Keys of other versions than 4 are passed
    /// over. A ring without a key is an error, and so is one with a private key.
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
        Ok(ring)
    }

    /// The fingerprints of its primary keys, each of 40 hexadecimal digits.
    pub fn fingerprints(&self) -> impl Iterator<Item = String> {
        self.certificates
            .iter()
            .map(|certificate| certificate.primary.name())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut packets = Packets::of(bytes, WHAT);
        let (mut which, mut at) = (None, At::Nothing);
        while let Some(Packet { tag, body }) = packets.next()? {
            if tag == packet::PUBLIC_KEY {
                which = Key::read(&body).map(|key| self.certificate(key));
                at = At::Primary;
                continue;
            }
            // What belongs to a key that is passed over is passed over too.
            let certificate = which.map(|n: usize| &mut self.certificates[n]);
            match tag {
                packet::SIGNATURE => {
                    if let Some(certificate) = certificate {
                        certificate.say(&at, body.into_owned());
                    }
                }
                packet::PUBLIC_SUBKEY => {
                    let key = Key::read(&body);
                    let place = certificate.zip(key).map(|(all, key)| all.subkey(key));
                    at = place.map_or(At::Nothing, At::Subkey);
                }
                packet::USER_ID | packet::USER_ATTRIBUTE => {
                    let place = certificate.map(|all| all.user(tag, &body));
                    at = place.map_or(At::Nothing, At::User);
                }
                5 | 7 => return Err(Malformed::new(WHAT, "it has a private key")),
                // A marker, gpg's notes on trust, padding, and those of which a reader need not know.
                10 | 12 | 21 | 40.. => {}
                _ => {
                    let reason = format!("a packet of type {tag} has no place in it");
                    return Err(Malformed::new(WHAT, reason));
                }
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
                signatures: Vec::new(),
                users: Vec::new(),
                subkeys: Vec::new(),
            });
            all.len() - 1
        })
    }
}

impl Certificate {
    fn say(&mut self, at: &At, signature: Vec<u8>) {
        match at {
            At::Nothing => {}
            At::Primary => self.signatures.push(signature),
            At::User(n) => self.users[*n].1.push(signature),
            At::Subkey(n) => self.subkeys[*n].1.push(signature),
        }
    }

    fn user(&mut self, tag: u8, body: &[u8]) -> usize {
        let kind = if tag == packet::USER_ID { 0xb4 } else { 0xd1 };
        let length = u32::try_from(body.len()).expect("a ring is short");
        let hashed = [&[kind], &length.to_be_bytes()[..], body].concat();
        let place = self.users.iter().position(|(known, _)| *known == hashed);
        place.unwrap_or_else(|| {
            self.users.push((hashed, Vec::new()));
            self.users.len() - 1
        })
    }

    fn subkey(&mut self, key: Key) -> usize {
        let place = self
            .subkeys
            .iter()
            .position(|(known, _)| known.body == key.body);
        place.unwrap_or_else(|| {
            self.subkeys.push((key, Vec::new()));
            self.subkeys.len() - 1
        })
    }
}
