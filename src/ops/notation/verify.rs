//! Verifying images by a trust policy of the Notary Project.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use super::error::Error as NotationError;
use super::image::NotationImage;
use super::signatures::{self, Found, Listed};
use super::trust::{FolderStores, Lists};
use crate::crypto::Digest;
use crate::image::{Descriptor, ImageName};
use crate::ops::error::Error;
use crate::parallel;
use crate::progress::Progress;
use crate::report::{Check, Report, Signatory, rule as image_rule};
use crate::scheme::notary::{Chains, Malformed};
use crate::store::{Limits, Reader};
use crate::trust::notary::{Decision, Question, Statement, TrustPolicy, decide};

/// How many images of a place the run looks at at once.
const AT_ONCE: usize = 6;

/// Verifies images by a trust policy.
pub struct NotationVerify {
    /// The images.
    pub images: Vec<NotationImage>,
    /// The scope of images that are in no registry; without one only the statement for all counts.
    pub scope: Option<String>,
    /// The metadata that a signature has to have.
    pub metadata: BTreeMap<String, String>,
    /// How many signatures of an image the run looks at.
    pub most: usize,
    /// The policy.
    pub policy: TrustPolicy,
    /// The trust stores.
    pub stores: FolderStores,
    /// The revocation lists.
    pub lists: Lists,
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
    /// Facts that the user is told of.
    pub notes: Vec<String>,
}

/// The referrers of all images of a place.
type Known = HashMap<Digest, Vec<Arc<Descriptor>>>;

impl NotationVerify {
    /// Verifies the images, several of one place at a time; the outcomes are in the images' order.
    pub fn run(&self, progress: &dyn Progress) -> Vec<Result<NotationVerdict, Error>> {
        let mut all = Vec::new();
        let chains = Chains::new();
        let mut rest = &self.images[..];
        while let Some(first) = rest.first() {
            let same = rest
                .iter()
                .take_while(|image| image.location == first.location);
            let (images, others) = rest.split_at(same.count());
            all.extend(self.of_place(images, &chains, progress));
            rest = others;
        }
        all
    }

    /// Verifies images of one place, which is opened once.
    fn of_place(
        &self,
        images: &[NotationImage],
        chains: &Chains,
        progress: &dyn Progress,
    ) -> Vec<Result<NotationVerdict, Error>> {
        let limits = Limits::default();
        let first = images.first().expect("a place is named by an image");
        let mut opened = match first.location.open(limits, progress) {
            Ok(opened) => opened,
            // The place does not open, so one error stands for all of its images.
            Err(error) => return vec![Err(error)],
        };
        let window = opened.take_window();
        let reader = Reader::with_window(opened.store(), limits, window);
        // A folder or an archive tells the referrers of one image no faster than those of all.
        let known = if images.len() > 1 && !first.is_in_registry() {
            match reader.all_referrers() {
                Ok(known) => Some(known),
                Err(error) => return vec![Err(error.into())],
            }
        } else {
            None
        };
        parallel::map_on(AT_ONCE, images, |_, image| {
            self.one(image, &reader, known.as_ref(), chains)
        })
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

    fn one(
        &self,
        image: &NotationImage,
        reader: &Reader<'_>,
        known: Option<&Known>,
        chains: &Chains,
    ) -> Result<NotationVerdict, Error> {
        let statement = self.statement(image)?;
        let (_, artifact) = reader.subject(image.reference.as_ref())?;
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
            return Ok(verdict);
        }
        let question = Question {
            statement,
            stores: &self.stores,
            lists: &self.lists,
            artifact: &artifact,
            metadata: &self.metadata,
            now: self.now,
        };
        let mut looked = Looked::default();
        let mut take = |listed: Listed| {
            if looked.count == self.most {
                looked.is_cut = true;
                return Ok(false);
            }
            looked.count += 1;
            looked.take(listed, reader, chains, &question)?;
            Ok(looked.good.is_none())
        };
        match known {
            Some(known) => {
                let referrers = known.get(&artifact.digest).cloned().unwrap_or_default();
                signatures::each_of(reader, Ok(referrers), &artifact, &mut take)?;
            }
            None => signatures::each(reader, &artifact, &mut take)?,
        }
        looked.into_verdict(verdict, self.most)
    }
}

/// The signatures of an image that the run looked at.
#[derive(Default)]
struct Looked {
    count: usize,
    /// Whether there are more than the run looks at.
    is_cut: bool,
    good: Option<(Digest, Decision)>,
    bad: Vec<(Digest, Decision)>,
    /// An error that hid a signature, which might have held.
    unknown: Option<Error>,
}

impl Looked {
    fn take(
        &mut self,
        listed: Listed,
        reader: &Reader<'_>,
        chains: &Chains,
        question: &Question<'_>,
    ) -> Result<(), Error> {
        let digest = listed.digest;
        let envelope = match listed.manifest {
            Found::It(manifest) => signatures::envelope(reader, &manifest, chains),
            Found::None(reason) => Found::None(reason),
            Found::Unknown(error) => Found::Unknown(error),
        };
        let decision = match &envelope {
            Found::It(envelope) => decide(Ok(envelope), question),
            Found::None(reason) => {
                let malformed = Malformed {
                    what: "signature",
                    reason: reason.clone(),
                };
                decide(Err(&malformed), question)
            }
            Found::Unknown(_) => {
                if let Found::Unknown(error) = envelope {
                    self.unknown.get_or_insert(Error::Store(*error));
                }
                return Ok(());
            }
        };
        let decision = decision.map_err(NotationError::Stores)?;
        if decision.holds() {
            self.good = Some((digest, decision));
        } else {
            self.bad.push((digest, decision));
        }
        Ok(())
    }

    fn into_verdict(
        self,
        mut verdict: NotationVerdict,
        most: usize,
    ) -> Result<NotationVerdict, Error> {
        // A signature that could not be read might have held.
        if self.good.is_none()
            && let Some(error) = self.unknown
        {
            return Err(error);
        }
        verdict.refused = self
            .bad
            .iter()
            .map(|(digest, decision)| {
                let why = decision.failure();
                let why = why.map_or(String::new(), |(rule, reason)| format!("{reason} [{rule}]"));
                (*digest, why)
            })
            .collect();
        if self.good.is_none() && self.is_cut {
            let more = format!(
                "there are more than {most} signatures, and none of the first {most} holds"
            );
            verdict.notes.push(more);
        }
        verdict.met = self.good.is_some();
        verdict.signature = self.good.as_ref().map(|(digest, _)| *digest);
        let reached = |decision: &Decision| {
            let passed = decision
                .checks
                .iter()
                .take_while(|check| !check.has_failed());
            passed.count()
        };
        let furthest = self
            .bad
            .into_iter()
            .max_by_key(|(_, decision)| reached(decision));
        if let Some((_, decision)) = self.good.or(furthest) {
            verdict.report.checks.extend(decision.checks);
            verdict.report.signatories = signatories(decision.signatory, verdict.met);
            verdict.subject = decision.subject.filter(|_| verdict.met);
            verdict.holds_until = decision.holds_until.filter(|_| verdict.met);
            verdict.notes.extend(decision.notes);
        } else {
            let none = "there is no signature";
            let failed = Check::failed(crate::trust::notary::rule::INTEGRITY, none);
            verdict.report.checks.push(failed);
        }
        Ok(verdict)
    }
}

/// Nobody is named whose signature does not hold.
fn signatories(signatory: Option<Signatory>, met: bool) -> Vec<Signatory> {
    signatory.filter(|_| met).into_iter().collect()
}
