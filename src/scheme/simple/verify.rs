//! The whole check of one simple-signing signature.

use std::time::SystemTime;

use super::error::{Doubt, Refusal};
use super::key::Key;
use super::message::Message;
use super::payload::Payload;
use super::ring::{Certificate, KeyRing};
use super::rule::Rules;
use super::signature::{BINARY, NotSigned, Signature, TEXT, seconds};
use super::standing::Standing;
use crate::encoding::hex::hex;
use crate::scheme::malformed::Malformed;

const WHAT: &str = "simple-signing message of OpenPGP";
/// Seconds by which the clock of a signer may be ahead of this machine's.
const CLOCK: u64 = 300;

/// The content of a signature that a key of the ring made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which image the signer means, and by which name.
    pub payload: Payload,
    /// The fingerprint of the key that signed (RFC 9580, section 5.5.4): 40 hexadecimal digits.
    pub key: String,
    /// The fingerprint of its primary key; the same if the primary key itself signed.
    pub primary: String,
    /// Whatever gpg would refuse the signature for; empty under gpg's rules.
    pub doubts: Vec<Doubt>,
}

/// Verifies a message with a ring, and reads the signed payload.
///
/// The message is one one-pass signature of version 3, literal data and one signature of version 4, perhaps in one packet
/// compressed by ZIP or ZLIB. RSA from 2048 bits, ECDSA on P-256, P-384 and P-521, and Ed25519 count, with SHA-256,
/// SHA-384 or SHA-512; a signature from the future does not, five minutes aside.
pub fn verify(
    message: &[u8],
    ring: &KeyRing,
    now: SystemTime,
    rules: Rules,
) -> Result<Claim, Refusal> {
    let now = seconds(now);
    let form = |reason: &str| Refusal::Form(Malformed::new(WHAT, reason));
    let message = Message::read(message).map_err(Refusal::Form)?;
    let signature = Signature::read(&message.signature);
    let signature = signature.ok_or_else(|| form("its signature cannot be read as version 4"))?;
    let announced = &message.one_pass;
    if (announced.kind, announced.hash, announced.algorithm)
        != (signature.kind, signature.hash, signature.algorithm)
    {
        return Err(form("its one-pass signature announces another signature"));
    }
    match signature.kind {
        BINARY => {}
        // gpg hashes the lines as they stand, and others bring their ends into this form first.
        TEXT if has_ends_of_text(&message.data) => {}
        TEXT => {
            return Err(form(
                "its lines do not end in CR LF, as those of signed text do",
            ));
        }
        _ => return Err(form("its signature is not one of a document")),
    }
    if !signature.names_issuer() {
        return Err(form("its signature does not say whose it is"));
    }
    let mut refusal = None;
    for certificate in &ring.certificates {
        let subkeys = certificate.subkeys.iter().map(|at| &at.part);
        for key in std::iter::once(&certificate.primary).chain(subkeys) {
            if announced.key != key.id() || !signature.may_be_by(key) {
                continue;
            }
            match judged(&message, &signature, certificate, key, now, rules) {
                Ok(claim) => return Ok(claim),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
    }
    Err(refusal.unwrap_or_else(|| Refusal::NoKey(hex(&announced.key).to_uppercase())))
}

/// Whether each line feed follows a carriage return, and nothing else does.
fn has_ends_of_text(data: &[u8]) -> bool {
    let mut last = 0;
    data.iter().chain(&[0]).all(|byte| {
        let is_after_return = std::mem::replace(&mut last, *byte) == b'\r';
        is_after_return == (*byte == b'\n')
    })
}

/// Verifies with one key, which has the number that the signature names.
fn judged(
    message: &Message,
    signature: &Signature<'_>,
    certificate: &Certificate,
    key: &Key,
    now: u64,
    rules: Rules,
) -> Result<Claim, Refusal> {
    let no_signer = |reason: &str| Refusal::NoSigningKey {
        key: key.name(),
        reason: reason.into(),
    };
    let signed = signature.verify(key, &message.data);
    signed.map_err(|error| match error {
        NotSigned::Hash(hash) => Refusal::Algorithm(name_of_hash(hash)),
        NotSigned::Key => no_signer("it is of a kind that nothing is verified with"),
        NotSigned::Wrong => Refusal::Signature(key.name()),
        NotSigned::Critical => Refusal::Form(Malformed::new(
            WHAT,
            "its signature has a critical part that is not known",
        )),
    })?;
    let is_primary = key.body == certificate.primary.body;
    let standing = if is_primary {
        certificate.of_primary(now)
    } else if rules == Rules::ImageRs {
        Err("it is a subkey, and image-rs takes only primary keys")
    } else {
        certificate.of_subkey(key, now)
    };
    let standing = standing.map_err(no_signer)?;
    if !standing.may_sign {
        return Err(no_signer("its flags do not say that it signs data"));
    }
    let mut doubts = doubts(&standing, signature, key, now);
    if rules == Rules::Gpg && !doubts.is_empty() {
        return Err(Refusal::Doubt {
            key: key.name(),
            doubt: doubts.remove(0),
        });
    }
    let payload = Payload::read(&message.data, rules).map_err(Refusal::Payload)?;
    Ok(Claim {
        payload,
        key: key.name(),
        primary: certificate.primary.name(),
        doubts,
    })
}

fn doubts(standing: &Standing, signature: &Signature<'_>, key: &Key, now: u64) -> Vec<Doubt> {
    let created = u64::from(signature.created);
    // As with gpg, a signature has expired at its last second, and a key after it.
    let key_ended = standing.ends.is_some_and(|end| end < now);
    let signature_ended = signature.end().is_some_and(|end| end <= now);
    let all = [
        (standing.is_revoked, Doubt::KeyRevoked),
        (key_ended, Doubt::KeyExpired),
        (u64::from(key.created) > now, Doubt::KeyFromTheFuture),
        (signature_ended, Doubt::SignatureExpired),
        (signature.created < key.created, Doubt::BeforeKey),
        (created > now.saturating_add(CLOCK), Doubt::FromTheFuture),
    ];
    let all = all.into_iter().filter(|(is_so, _)| *is_so);
    all.map(|(_, doubt)| doubt).collect()
}

/// The hashes that do not count (RFC 9580, section 9.5).
fn name_of_hash(hash: u8) -> String {
    match hash {
        1 => "MD5".into(),
        2 => "SHA-1".into(),
        3 => "RIPEMD-160".into(),
        11 => "SHA-224".into(),
        12 => "SHA3-256".into(),
        14 => "SHA3-512".into(),
        other => format!("the hash function {other}"),
    }
}
