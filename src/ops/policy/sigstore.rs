//! `sigstoreSigned` as containers/image judges it: one signature that a key made, that names this manifest, and whose
//! name is admitted.

use super::gather::{Content, Signature, Sigstore};
use super::keys::{KeySource, public_key};
use super::report::{LookedAt, Outcome, RequirementReport};
use super::rule;
use crate::broker::KbsUri;
use crate::crypto::{Digest, PublicKey};
use crate::ops::error::Error;
use crate::scheme::cosign::{NamedPayload, PAYLOAD_MEDIA_TYPE, Rules, SIGNATURE_ANNOTATION};
use crate::trust::{Asked, Dialect, Signers, SigstoreSigned};

pub(super) const KIND: &str = "sigstoreSigned";

/// The keys of a requirement; the reason where this program has none for it.
pub(super) fn keys(
    requirement: &SigstoreSigned,
    source: &KeySource<'_>,
) -> Result<Result<Vec<PublicKey>, &'static str>, Error> {
    let keys = match &requirement.signers {
        Signers::Keys(keys) => keys,
        Signers::Fulcio(_) => {
            return Ok(Err(
                "it asks for certificates of Fulcio, but ir-sign verifies only signatures of keys",
            ));
        }
        Signers::Pki(_) => {
            return Ok(Err(
                "it asks for certificates, but ir-sign verifies only signatures of keys",
            ));
        }
    };
    let named = source.all(keys, &KbsUri::cosign_key())?;
    let keys = named.iter().map(|named| public_key(named, source.dialect));
    Ok(Ok(keys.collect::<Result<_, _>>()?))
}

/// Judges an image's signatures.
pub(super) fn judged(
    requirement: &SigstoreSigned,
    asked: &Asked,
    digest: &Digest,
    signatures: &[Signature],
    source: &KeySource<'_>,
) -> Result<RequirementReport, Error> {
    if signatures.is_empty() {
        return Ok(RequirementReport::one_of(KIND, Vec::new(), ""));
    }
    let keys = match keys(requirement, source)? {
        Ok(keys) => keys,
        Err(reason) => {
            let outcome = Outcome::NotMet(reason.into());
            return Ok(RequirementReport::new(KIND, true, outcome));
        }
    };
    if let Some(log) = &requirement.rekor {
        for named in source.all(log, &KbsUri::cosign_key())? {
            public_key(&named, Dialect::Containers)?;
        }
    }
    let judge = Judge {
        requirement,
        asked,
        digest,
        keys: &keys,
    };
    let mut looked_at = Vec::new();
    let mut others = 0;
    for signature in signatures {
        match &signature.content {
            Content::Sigstore(content) if content.media_type == PAYLOAD_MEDIA_TYPE => {
                looked_at.push(LookedAt {
                    name: signature.name.clone(),
                    outcome: judge.one(content),
                });
            }
            Content::Sigstore(_) | Content::Simple(_) => others += 1,
        }
    }
    let others = match others {
        0 => String::new(),
        others => format!(" of this kind ({others} of other kinds)"),
    };
    Ok(RequirementReport::one_of(KIND, looked_at, &others))
}

struct Judge<'a> {
    requirement: &'a SigstoreSigned,
    asked: &'a Asked,
    digest: &'a Digest,
    keys: &'a [PublicKey],
}

impl Judge<'_> {
    fn one(&self, content: &Sigstore) -> Result<String, (&'static str, String)> {
        let rules = Rules::Containers;
        let signature = content.annotations.get(SIGNATURE_ANNOTATION);
        let no_signature = || "it has no signature among its annotations".to_owned();
        let signature = signature.ok_or_else(|| (rule::FORM, no_signature()))?;
        if self.requirement.rekor.is_some() {
            let reason = "ir-sign does not verify its entry in the log";
            return Err((rule::LOG, reason.into()));
        }
        let key = rules.signer(self.keys, &content.payload, signature);
        let key = key.map_err(|reason| (rule::SIGNED, reason))?;
        // From here on the bytes are those that the key signed.
        let payload = NamedPayload::read(&content.payload, rules)
            .map_err(|bad| (rule::FORM, bad.to_string()))?;
        if payload.digest != *self.digest {
            let found = payload.digest;
            return Err((rule::SUBJECT, format!("it is about {found}")));
        }
        let name = &payload.docker_reference;
        let admitted = self.requirement.admits(self.asked, name);
        admitted.map_err(|bad| (rule::IDENTITY, bad.to_string()))?;
        Ok(format!("signed as {name} by key {}", key.fingerprint()))
    }
}
