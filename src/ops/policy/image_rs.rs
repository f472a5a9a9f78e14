//! Both kinds of signatures as image-rs judges them. Its laxities that only refuse more are followed; those that let more
//! in are followed with a warning.

use std::time::SystemTime;

use super::error::Error as PolicyProblem;
use super::gather::{Content, Signature, attached, attachments};
use super::keys::KeySource;
use super::report::{LookedAt, Outcome, RequirementReport};
use super::rule;
use super::sigstore::{self, keys};
use super::simple::{self, rings};
use crate::crypto::Digest;
use crate::ops::error::Error;
use crate::scheme::cosign::{NamedPayload, PAYLOAD_MEDIA_TYPE, Rules, SIGNATURE_ANNOTATION};
use crate::scheme::simple::Rules as OfGpg;
use crate::store::{Reader, SignatureFile};
use crate::trust::{Asked, SignedBy, SigstoreSigned};

/// Judges the attachments of an image, whose `.sig` is that of the index if the name leads to one.
pub(super) fn sigstore(
    requirement: &SigstoreSigned,
    asked: &Asked,
    digest: &Digest,
    reader: &Reader<'_>,
    source: &KeySource<'_>,
) -> Result<RequirementReport, Error> {
    let kind = sigstore::KIND;
    let not_met = |reason: String| RequirementReport::new(kind, true, Outcome::NotMet(reason));
    let keys = match keys(requirement, source)? {
        Ok(keys) => keys,
        Err(reason) => return Ok(not_met(reason.into())),
    };
    let found = match asked {
        Asked::Docker(_) => attached(reader, digest, true)?,
        Asked::Path { .. } | Asked::DockerArchive => None,
    };
    let Some((tag, manifest)) = found else {
        return Ok(RequirementReport::one_of(kind, Vec::new(), ""));
    };
    for (n, layer) in manifest.layers().iter().enumerate() {
        let found = &layer.descriptor.media_type;
        if found != PAYLOAD_MEDIA_TYPE {
            return Ok(not_met(format!(
                "{tag} layer {} has media type {found}, so image-rs refuses all layers",
                n + 1
            )));
        }
    }
    let mut looked_at = Vec::new();
    let mut warnings = Vec::new();
    let mut misnamed = None;
    for signature in attachments(reader, &tag, &manifest)? {
        let Signature { name, content } = signature;
        let Content::Sigstore(content) = content else {
            continue;
        };
        // A layer counts for the image if it names the digest; only then it has to have the right name too.
        let payload = match NamedPayload::read(&content.payload, Rules::ImageRs) {
            Ok(payload) => payload,
            Err(bad) => {
                looked_at.push(LookedAt::not(&name, rule::FORM, bad.to_string()));
                continue;
            }
        };
        if payload.digest != *digest {
            let reason = format!("it is about {}", payload.digest);
            looked_at.push(LookedAt::not(&name, rule::SUBJECT, reason));
            continue;
        }
        let Some(signature) = content.annotations.get(SIGNATURE_ANNOTATION) else {
            let reason = "it has no signature among its annotations";
            looked_at.push(LookedAt::not(&name, rule::FORM, reason));
            continue;
        };
        let signed_as = &payload.docker_reference;
        let admitted = requirement.admits(asked, signed_as);
        if let Err(bad) = admitted {
            misnamed.get_or_insert_with(|| format!("{name}: {bad}"));
            looked_at.push(LookedAt::not(&name, rule::IDENTITY, bad.to_string()));
            continue;
        }
        let key = Rules::ImageRs.signer(&keys, &content.payload, signature);
        let outcome = key.map(|key| format!("signed as {signed_as} by key {}", key.fingerprint()));
        if let (Ok(_), Some(laxity)) = (&outcome, payload.laxity) {
            warnings.push(format!("{name}: image-rs lets pass that {laxity}"));
        }
        looked_at.push(LookedAt {
            name,
            outcome: outcome.map_err(|reason| (rule::SIGNED, reason)),
        });
    }
    let mut report = RequirementReport::one_of(kind, looked_at, "");
    if let (Outcome::Met, Some(reason)) = (&report.outcome, misnamed) {
        let reason = format!("image-rs needs the right name in every layer: {reason}");
        report.outcome = Outcome::NotMet(reason);
    }
    report.warnings = warnings;
    Ok(report)
}

/// Judges the files in the folder of a lookaside.
pub(super) fn simple(
    requirement: &SignedBy,
    asked: &Asked,
    digest: &Digest,
    files: impl FnOnce() -> Result<Vec<SignatureFile>, Error>,
    source: &KeySource<'_>,
) -> Result<RequirementReport, Error> {
    let rings = match rings(requirement, source, OfGpg::ImageRs)? {
        Ok(rings) => rings,
        Err(report) => return Ok(report),
    };
    let now = SystemTime::now();
    let mut warnings = Vec::new();
    let mut looked_at = Vec::new();
    for file in files()? {
        let judged = simple::one(&file.bytes, &rings, now, OfGpg::ImageRs);
        let outcome = judged.and_then(|claim| {
            let said = simple::meets(&claim, requirement, asked, digest)?;
            for doubt in &claim.doubts {
                let name = &file.name;
                warnings.push(format!("{name}: image-rs lets pass that {doubt}"));
            }
            Ok(said)
        });
        let name = file.name;
        looked_at.push(LookedAt { name, outcome });
    }
    let mut report = RequirementReport::one_of(simple::KIND, looked_at, "");
    report.warnings = warnings;
    Ok(report)
}

/// The error where image-rs finds no place of signatures for an image.
pub(super) fn no_lookaside(image: &str) -> Error {
    PolicyProblem::Stored {
        name: format!("of {image}"),
        reason: "no configuration says where signatures are (sigstore in registries.d)".into(),
    }
    .into()
}
