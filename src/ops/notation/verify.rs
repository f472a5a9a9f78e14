//! Verifying images by a trust policy of the Notary Project.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::SystemTime;

use super::error::Error as NotationError;
use super::image::NotationImage;
use super::stores::StoreFolder;
use super::verifier::{Findings, Signatures, Verifier};
use crate::crypto::Digest;
use crate::image::{Descriptor, ImageName};
use crate::ops::error::Error;
use crate::ops::many::{One, Sink};
use crate::ops::shard::Shard;
use crate::parallel;
use crate::progress::Progress;
use crate::report::{Check, Report, rule as image_rule};
use crate::scheme::notary::Chains;
use crate::store::{Limits, Reader};
use crate::trust::notary::{Decision, Lists, Statement, TrustPolicy, rule};
use crate::x509::RevocationList;

/// How many images of a place the run looks at at once.
const AT_ONCE: usize = 6;

/// Verifies images by a trust policy.
pub struct NotationVerify {
    /// The images.
    pub images: Vec<NotationImage>,
    /// The shard of them that the user meant.
    pub shard: Option<Shard>,
    /// The scope of images that are in no registry; without one only the statement for all counts.
    pub scope: Option<String>,
    /// The metadata that a signature has to have.
    pub metadata: BTreeMap<String, String>,
    /// How many signatures of an image the run looks at.
    pub most: usize,
    /// The policy.
    pub policy: TrustPolicy,
    /// The trust stores.
    pub stores: StoreFolder,
    /// The revocation lists.
    pub lists: Vec<RevocationList>,
    /// The time.
    pub now: SystemTime,
}

/// The findings about one image.
#[derive(Clone, Debug)]
pub struct NotationVerdict {
    /// The checks of the signature that holds, or of the one that came furthest.
    pub report: Report,
    /// Whether the policy is met.
    pub met: bool,
    /// Whether the policy says that nothing of the image is to be verified.
    pub skipped: bool,
    /// The policy's statement.
    pub statement: String,
    /// The signature that holds.
    pub signature: Option<Digest>,
    /// Its signer.
    pub subject: Option<String>,
    /// Until when it holds.
    pub holds_until: Option<SystemTime>,
    /// Why each of the others does not hold.
    pub refused: Vec<(Digest, String)>,
    /// Facts for the user.
    pub notes: Vec<String>,
}

/// The referrers of all images of a place.
type Known = HashMap<Digest, Vec<Arc<Descriptor>>>;

impl NotationVerify {
    /// Verifies the images, several of one place at a time, and hands on what it finds in their order.
    pub fn run(&self, progress: &dyn Progress, sink: &mut Sink<'_, NotationVerdict>) {
        let lists = Lists(&self.lists);
        let verifier = Verifier {
            stores: &self.stores,
            lists: &lists,
            metadata: self.metadata.clone(),
            most: self.most,
            now: self.now,
            chains: Chains::new(),
        };
        let mut rest = &self.images[..];
        while let Some(first) = rest.first() {
            let same = rest
                .iter()
                .take_while(|image| image.location == first.location);
            let (images, others) = rest.split_at(same.count());
            if self.of_place(images, &verifier, progress, sink).is_break() {
                break;
            }
            rest = others;
        }
    }

    /// Verifies images of one place, which is opened once.
    fn of_place(
        &self,
        images: &[NotationImage],
        verifier: &Verifier<'_>,
        progress: &dyn Progress,
        sink: &mut Sink<'_, NotationVerdict>,
    ) -> ControlFlow<()> {
        let limits = Limits::default();
        let first = images.first().expect("a place is named by an image");
        let mut opened = match first.location.open(limits, progress) {
            Ok(opened) => opened,
            // The place does not open, so one error stands for all of its images.
            Err(error) => return sink(One::of(&first.name, Err(error))),
        };
        let window = opened.take_window();
        let reader = Reader::with_window(opened.store(), limits, window);
        // A folder or an archive tells the referrers of one image no faster than those of all.
        let known = if images.len() > 1 && !first.is_in_registry() {
            match reader.all_referrers() {
                Ok(known) => Some(known),
                Err(error) => return sink(One::of(&first.name, Err(error.into()))),
            }
        } else {
            None
        };
        let look = |image: &NotationImage| {
            let outcome = self.one(image, &reader, known.as_ref(), verifier);
            One::of(&image.name, outcome)
        };
        parallel::in_order(AT_ONCE, images, look, sink)
    }

    /// The statement for an image.
    fn statement(&self, image: &NotationImage) -> Result<&Statement, NotationError> {
        let (scope, found) = match (&image.name, &self.scope) {
            (
                ImageName::Docker {
                    host, repository, ..
                },
                None,
            ) => {
                let scope = format!("{host}/{repository}");
                let found = self.policy.for_repository(&scope);
                (scope, found)
            }
            (ImageName::Docker { .. }, Some(_)) => {
                return Err(NotationError::ScopeOfRegistry {
                    image: image.name.to_string(),
                });
            }
            (_, Some(scope)) => (scope.clone(), self.policy.for_repository(scope)),
            (_, None) => ("*".to_owned(), self.policy.for_any()),
        };
        found.ok_or_else(|| NotationError::NoStatement {
            image: image.name.to_string(),
            scope,
        })
    }

    /// Verifies one image, if it is of the shard.
    fn one(
        &self,
        image: &NotationImage,
        reader: &Reader<'_>,
        known: Option<&Known>,
        verifier: &Verifier<'_>,
    ) -> Result<Option<NotationVerdict>, Error> {
        let statement = self.statement(image)?;
        let (_, artifact) = reader.subject(image.reference.as_ref())?;
        if self
            .shard
            .is_some_and(|shard| !shard.holds(&artifact.digest))
        {
            return Ok(None);
        }
        // The signature covers the digest that leads to the content.
        reader.whole(&artifact)?;
        let mut verdict = NotationVerdict {
            report: Report {
                subject: image.name.to_string(),
                digest: artifact.digest,
                checks: vec![Check::passed(image_rule::MANIFEST_DIGEST)],
                signatories: Vec::new(),
            },
            met: false,
            skipped: statement.levels.skips_all(),
            statement: statement.name.clone(),
            signature: None,
            subject: None,
            holds_until: None,
            refused: Vec::new(),
            notes: Vec::new(),
        };
        if verdict.skipped {
            verdict.met = true;
            return Ok(Some(verdict));
        }
        let findings = match known {
            Some(known) => {
                let referrers = known.get(&artifact.digest).cloned().unwrap_or_default();
                let chains = &verifier.chains;
                let signatures = Signatures::among(referrers, reader, &artifact, chains);
                verifier.verify_among(signatures, &artifact, statement)?
            }
            None => verifier.verify(reader, &artifact, statement)?,
        };
        verdict.take(findings, self.most);
        Ok(Some(verdict))
    }
}

impl NotationVerdict {
    /// Tells of the signature that holds, or else of the one that came furthest.
    fn take(&mut self, findings: Findings, most: usize) {
        let held = findings.held().is_some();
        if !held && findings.are_more {
            self.notes.push(format!(
                "there are more than {most} signatures, and none of the first {most} holds"
            ));
        }
        if !held && findings.left_out > 0 {
            self.notes.push(format!(
                "{} more manifests refer to the image, and none of them was looked at",
                findings.left_out
            ));
        }
        let mut looked_at = findings.looked_at;
        let good = if held { looked_at.pop() } else { None };
        self.met = held;
        self.signature = good.as_ref().map(|(digest, _)| *digest);
        self.refused = looked_at.iter().map(refusal).collect();
        let reached = |(_, decision): &(Digest, Decision)| {
            let passed = decision
                .checks
                .iter()
                .take_while(|check| !check.has_failed());
            passed.count()
        };
        if let Some((_, decision)) = good.or_else(|| looked_at.into_iter().max_by_key(reached)) {
            self.report.checks.extend(decision.checks);
            self.notes.extend(decision.notes);
            // A report names no signer whose signature is not valid.
            if held {
                self.report.signatories = decision.signatory.into_iter().collect();
                self.subject = decision.subject;
                self.holds_until = decision.holds_until;
            }
        } else {
            let failed = Check::failed(rule::INTEGRITY, "there is no signature");
            self.report.checks.push(failed);
        }
    }
}

/// Why a signature does not hold.
fn refusal((digest, decision): &(Digest, Decision)) -> (Digest, String) {
    let why = decision.failure();
    let why = why.map_or(String::new(), |(rule, reason)| format!("{reason} [{rule}]"));
    (*digest, why)
}
