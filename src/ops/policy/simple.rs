//! `signedBy`: one OpenPGP signature that a key of the ring made, that names this manifest, and whose name is admitted.

use std::time::SystemTime;

use super::gather::{Content, Signature};
use super::keys::KeySource;
use super::report::{LookedAt, Outcome, RequirementReport};
use super::rule;
use crate::broker::KbsUri;
use crate::crypto::Digest;
use crate::ops::error::Error;
use crate::scheme::simple::{Claim, KeyRing, Rules, verify};
use crate::trust::{Asked, SignedBy};

pub(super) const KIND: &str = "signedBy";

/// The one type of keys that exists.
const GPG: &str = "GPGKeys";

/// The key rings of a requirement, or the report that nothing meets it.
pub(super) fn rings(
    requirement: &SignedBy,
    source: &KeySource<'_>,
    rules: Rules,
) -> Result<Result<Vec<KeyRing>, RequirementReport>, Error> {
    let not_met = |reason: String| RequirementReport::new(KIND, true, Outcome::NotMet(reason));
    if requirement.key_type != GPG {
        let kind = &requirement.key_type;
        return Ok(Err(not_met(format!(
            "nothing can meet the keyType {kind:?}"
        ))));
    }
    let mut rings = Vec::new();
    let mut reason = None;
    for (name, bytes) in source.all(&requirement.keys, &KbsUri::gpg_ring())? {
        // gpg ignores anything that is not a key, as long as there is one.
        match KeyRing::read(&bytes, rules) {
            Ok(ring) => rings.push(ring),
            Err(bad) => {
                reason.get_or_insert_with(|| format!("key ring {name}: {bad}"));
            }
        }
    }
    match reason {
        Some(reason) if rings.is_empty() => Ok(Err(not_met(reason))),
        _ => Ok(Ok(rings)),
    }
}

/// Judges an image's signatures as containers/image does.
pub(super) fn judged(
    requirement: &SignedBy,
    asked: &Asked,
    digest: &Digest,
    signatures: &[Signature],
    source: &KeySource<'_>,
) -> Result<RequirementReport, Error> {
    if signatures.is_empty() {
        return Ok(RequirementReport::one_of(KIND, Vec::new(), ""));
    }
    let rings = match rings(requirement, source, Rules::Gpg)? {
        Ok(rings) => rings,
        Err(report) => return Ok(report),
    };
    let now = SystemTime::now();
    let mut looked_at = Vec::new();
    let mut others = 0;
    for signature in signatures {
        let Content::Simple(bytes) = &signature.content else {
            others += 1;
            continue;
        };
        let claim = one(bytes, &rings, now, Rules::Gpg);
        looked_at.push(LookedAt {
            name: signature.name.clone(),
            outcome: claim.and_then(|claim| meets(&claim, requirement, asked, digest)),
        });
    }
    let others = match others {
        0 => String::new(),
        others => format!(" of this kind ({others} of other kinds)"),
    };
    Ok(RequirementReport::one_of(KIND, looked_at, &others))
}

/// Verifies a message with any of the rings.
pub(super) fn one(
    message: &[u8],
    rings: &[KeyRing],
    now: SystemTime,
    rules: Rules,
) -> Result<Claim, (&'static str, String)> {
    let mut refusal = None;
    for ring in rings {
        match verify(message, ring, now, rules) {
            Ok(claim) => return Ok(claim),
            Err(error) => refusal = refusal.or(Some((error.rule(), error.to_string()))),
        }
    }
    Err(refusal.unwrap_or_else(|| (rule::SIGNED, "there is no key ring".into())))
}

/// Whether a signature that holds is about this image, by an admitted name.
pub(super) fn meets(
    claim: &Claim,
    requirement: &SignedBy,
    asked: &Asked,
    digest: &Digest,
) -> Result<String, (&'static str, String)> {
    let payload = &claim.payload;
    if payload.digest != *digest {
        let found = payload.digest;
        return Err((rule::SUBJECT, format!("it is about {found}")));
    }
    let name = &payload.docker_reference;
    let admitted = requirement.admits(asked, name);
    admitted.map_err(|bad| (rule::IDENTITY, bad.to_string()))?;
    Ok(format!("signed as {name} by key {}", claim.key))
}
