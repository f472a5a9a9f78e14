//! `notarySigned`: signatures of the Notary Project, judged by a trust policy and the certificates of trust stores.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use super::keys::KeySource;
use super::report::{LookedAt, Outcome, RequirementReport};
use crate::broker::KbsUri;
use crate::encoding::time;
use crate::files::regular::{self, Links};
use crate::image::Descriptor;
use crate::ops::error::Error;
use crate::ops::notation::Error as NotationError;
use crate::ops::notation::folders::MOST;
use crate::ops::notation::stores::StoreFolder;
use crate::ops::notation::verifier::{MOST_SIGNATURES, Verifier};
use crate::scheme::notary::Chains;
use crate::store::Reader;
use crate::trust::notary::{Decision, Lists, TrustPolicy};
use crate::trust::{Asked, DockerReference, NotarySigned};

const KIND: &str = "notarySigned";

fn not_met(reason: String) -> RequirementReport {
    RequirementReport::new(KIND, true, Outcome::NotMet(reason))
}

/// Reads the trust policy: a regular file, or a resource of the broker.
fn policy(text: &str, source: &KeySource<'_>) -> Result<TrustPolicy, Error> {
    let bytes = if KbsUri::is_meant(text) {
        source.file(text, None)?.1.to_vec()
    } else {
        let read = regular::read(Path::new(text), MOST, Links::Followed);
        read.map_err(Error::file("trust policy"))?
    };
    let read = TrustPolicy::read(&bytes);
    Ok(read.map_err(|source| NotationError::TrustPolicy {
        name: text.to_owned(),
        source,
    })?)
}

/// Judges a manifest or an index.
pub(super) fn judged(
    requirement: &NotarySigned,
    asked: &Asked,
    artifact: &Descriptor,
    reader: &Reader<'_>,
    source: &KeySource<'_>,
    lists: &Lists<'_>,
) -> Result<RequirementReport, Error> {
    let policy = policy(&requirement.trust_policy, source)?;
    let repository = asked.reference().map(DockerReference::name);
    let scope = requirement.scope.as_deref().or(repository);
    let statement = match scope {
        Some(scope) => policy.for_repository(scope),
        None => policy.for_any(),
    };
    let Some(statement) = statement else {
        let scope = scope.map_or_else(
            || "images that are in no repository".to_owned(),
            |scope| format!("the repository {scope}"),
        );
        return Ok(not_met(format!(
            "the trust policy has no statement for {scope}"
        )));
    };
    if statement.levels.skips_all() {
        return Ok(not_met(format!(
            "the trust policy's statement {:?} verifies nothing (level skip), but the policy asks for a signature",
            statement.name
        )));
    }
    let stores = StoreFolder::new(Path::new(&requirement.trust_store).join("x509"));
    let verifier = Verifier {
        stores: &stores,
        lists,
        metadata: BTreeMap::new(),
        most: MOST_SIGNATURES,
        now: SystemTime::now(),
        chains: Chains::new(),
    };
    let findings = verifier.verify(reader, artifact, statement)?;
    let mut warnings: Vec<String> = policy
        .unknown
        .iter()
        .map(|member| format!("the trust policy's member {member:?} is unknown and has no effect"))
        .collect();
    if let Some((_, held)) = findings.held() {
        let failures = held.warnings();
        warnings.extend(failures.map(|(rule, reason)| format!("{reason} [{rule}]")));
    }
    let looked_at = findings
        .looked_at
        .iter()
        .map(|(digest, decision)| LookedAt {
            name: digest.to_string(),
            outcome: outcome(decision),
        });
    let mut report = RequirementReport::one_of(KIND, looked_at.collect(), "");
    if findings.are_more && !matches!(report.outcome, Outcome::Met) {
        report.outcome = Outcome::NotMet(format!(
            "none of the first {MOST_SIGNATURES} signatures meets it, and ir-sign looks at no more"
        ));
    }
    report.warnings = warnings;
    Ok(report)
}

fn outcome(decision: &Decision) -> Result<String, (&'static str, String)> {
    if let Some((rule, reason)) = decision.failure() {
        return Err((rule, reason.to_owned()));
    }
    let subject = decision.subject.as_deref().unwrap_or_default();
    let until = decision.holds_until.map(time::write);
    let until = until.map(|until| format!(", holds until {until}"));
    Ok(format!("signed by {subject}{}", until.unwrap_or_default()))
}
