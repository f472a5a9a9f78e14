//! Verifying signatures of images and attestations to them, in both of cosign's forms.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::attach::read_signatures;
use super::error::Error as CosignError;
use super::hanging::{Found, Hanging};
use super::image::CosignImage;
use super::payload::read_payload;
use crate::crypto::{Digest, HashAlgorithm, PublicKey};
use crate::image::Blob;
use crate::ops::error::Error;
use crate::ops::location::Opened;
use crate::ops::many::{One, Sink};
use crate::ops::shard::Shard;
use crate::parallel;
use crate::progress::Progress;
use crate::report::{Candidate, Check, Report, Verdict, rule as image_rule};
use crate::scheme::cosign::{
    Attachment, Looked, Met, PredicateType, Said, Wanted, of_attestation, of_bundle, of_layer,
    of_payload, only_under, rule, unreadable,
};
use crate::store::{self, Limits, Reader};

/// How many images of a place the run looks at at once.
const AT_ONCE: usize = 6;

/// Verifies images for a user who trusts certain keys.
#[derive(Clone, Debug)]
pub struct CosignVerify {
    /// The images.
    pub images: Vec<CosignImage>,
    /// The shard of them that the user meant.
    pub shard: Option<Shard>,
    /// The keys. The user trusts each of them.
    pub keys: Vec<PublicKey>,
    /// The annotations that a signature must have.
    pub wanted: Wanted,
    /// The hash that a signature must be under, if any will not do.
    pub hash: Option<HashAlgorithm>,
    /// The type of the attestation to look for; without one, the run looks for a signature of the image.
    pub attestation: Option<PredicateType>,
    /// Which forms to look for: under a tag, and bundles.
    pub by_tag: bool,
    /// See `by_tag`.
    pub bundles: bool,
    /// The limits on reading.
    pub hanging: Hanging,
    /// A payload's file and its signatures' file, which count instead of what hangs on the images.
    pub detached: Option<(PathBuf, PathBuf)>,
}

/// The findings about one image.
#[derive(Debug)]
pub struct CosignVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// All signatures that hold, with the signatures under the tag first.
    pub met: Vec<Met>,
    /// How many signatures the run looked at.
    pub looked_at: usize,
    /// Facts that the user should know, of the valid signatures and of what the run left out.
    pub notes: Vec<String>,
}

impl CosignVerify {
    /// Verifies the images, several of one place at a time, and hands on what it finds in their order.
    pub fn run(&self, progress: &dyn Progress, sink: &mut Sink<'_, CosignVerdict>) {
        let mut rest = &self.images[..];
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|image| {
                (&image.location, &image.elsewhere) == (&first.location, &first.elsewhere)
            });
            let (images, others) = rest.split_at(same.count());
            if self.of_place(images, progress, sink).is_break() {
                break;
            }
            rest = others;
        }
    }

    /// Verifies images of one place, which is opened once.
    fn of_place(
        &self,
        images: &[CosignImage],
        progress: &dyn Progress,
        sink: &mut Sink<'_, CosignVerdict>,
    ) -> ControlFlow<()> {
        let limits = Limits::default();
        let first = images.first().expect("a place is named by an image");
        let mut opened: Opened = match first.location.open(limits, progress) {
            Ok(opened) => opened,
            // The place does not open, so one error stands for all of its images.
            Err(error) => return sink(One::of(&first.name, Err(error))),
        };
        let window = opened.take_window();
        let reader = Reader::with_window(opened.store(), limits, window);
        let elsewhere = match &first.elsewhere {
            Some(place) => match place.open(limits, progress) {
                Ok(opened) => Some(opened),
                Err(error) => return sink(One::of(&first.name, Err(error))),
            },
            None => None,
        };
        let elsewhere = elsewhere
            .as_ref()
            .map(|opened| Reader::new(opened.store(), limits));
        let beside = elsewhere.as_ref().unwrap_or(&reader);
        let look = |image: &CosignImage| One::of(&image.name, self.one(image, &reader, beside));
        parallel::in_order(AT_ONCE, images, look, sink)
    }

    /// Verifies one image, if it is of the shard, with the reader of what hangs on it.
    fn one(
        &self,
        image: &CosignImage,
        reader: &Reader<'_>,
        beside: &Reader<'_>,
    ) -> Result<Option<CosignVerdict>, Error> {
        let (_, descriptor) = reader.subject(image.reference.as_ref())?;
        if self
            .shard
            .is_some_and(|shard| !shard.holds(&descriptor.digest))
        {
            return Ok(None);
        }
        // The signature covers the digest of the image's bytes.
        reader.whole(&descriptor)?;
        let digest = descriptor.digest;
        let Candidates {
            looked,
            left_out,
            unknown,
        } = self.candidates(beside, &digest)?;
        let looked_at = looked.len();
        let looked = looked.into_iter().map(|looked| match self.hash {
            Some(hash) => only_under(hash, looked),
            None => looked,
        });
        let (candidates, met): (Vec<_>, Vec<_>) = looked.unzip();
        let met: Vec<Met> = met.into_iter().flatten().collect();
        // A signature that could not be read might have held.
        if met.is_empty()
            && let Some(error) = unknown
        {
            return Err(Error::Store(*error));
        }
        let best = best(candidates).unwrap_or_else(|| self.nothing());
        let mut checks = vec![Check::passed(image_rule::MANIFEST_DIGEST)];
        checks.extend(best.checks);
        let report = Report {
            subject: image.name.to_string(),
            digest,
            checks,
            signatories: best.signatories,
        };
        let mut notes: Vec<_> = met.iter().filter_map(|met| note(image, met)).collect();
        if left_out > 0 {
            notes.push(format!(
                "manifests that refer to it and were not looked at, because there are too many: {left_out}"
            ));
        }
        Ok(Some(CosignVerdict {
            verdict: report.decide(),
            met,
            looked_at,
            notes,
        }))
    }

    /// Looks at everything that hangs on the image.
    fn candidates(&self, reader: &Reader<'_>, digest: &Digest) -> Result<Candidates, Error> {
        let mut all = Candidates::default();
        if let Some((payload, signature)) = &self.detached {
            let payload = read_payload(payload)?;
            for key in &self.keys {
                for signature in read_signatures(signature, Some(key))? {
                    let keys = std::slice::from_ref(key);
                    let one = of_payload(&payload, &signature, digest, keys, &self.wanted);
                    all.looked.push(one);
                }
            }
            return Ok(all);
        }
        if self.by_tag {
            let kind = match self.attestation {
                None => Attachment::Signatures,
                Some(_) => Attachment::Attestations,
            };
            // A place that does not say what is under the tag hides no bundle.
            match self.hanging.look(reader, digest, kind) {
                Ok((tagged, Ok(blobs))) => {
                    for (layer, found) in tagged.manifest.layers().iter().zip(blobs) {
                        all.push(found, |blob| match &self.attestation {
                            None => of_layer(layer, blob.bytes(), digest, &self.keys, &self.wanted),
                            Some(kind) => {
                                of_attestation(layer, blob.bytes(), digest, &self.keys, kind.uri())
                            }
                        });
                    }
                }
                Ok((_, Err(malformed))) => all.looked.push(unreadable(&malformed.to_string())),
                Err(error) => all.failed(error)?,
            }
        }
        if self.bundles {
            let kind = self.attestation.as_ref().map(PredicateType::uri);
            // Nor does one that does not list referrers hide a signature under the tag.
            match self.hanging.bundles(reader, digest) {
                Ok(bundles) => {
                    all.left_out = bundles.left_out;
                    for found in bundles.found {
                        all.push(found, |blob| {
                            of_bundle(blob.bytes(), digest, &self.keys, kind, &self.wanted)
                        });
                    }
                }
                Err(error) => all.failed(error)?,
            }
        }
        Ok(all)
    }

    fn nothing(&self) -> Candidate {
        let reason = match self.attestation {
            None => "there is no signature",
            Some(_) => "there is no attestation",
        };
        let (candidate, _) = unreadable(reason);
        candidate
    }
}

/// What the run looked at.
#[derive(Default)]
struct Candidates {
    looked: Vec<Looked>,
    /// How many referrers it left out.
    left_out: usize,
    /// The first error of reading.
    unknown: Option<Box<store::Error>>,
}

impl Candidates {
    fn push(&mut self, found: Found<Blob>, look: impl FnOnce(&Blob) -> Looked) {
        match found {
            Found::It(blob) => self.looked.push(look(&blob)),
            Found::None(reason) => self.looked.push(unreadable(&reason)),
            Found::Unknown(error) => {
                self.unknown.get_or_insert(error);
            }
        }
    }

    fn failed(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Store(error) => {
                self.unknown.get_or_insert(Box::new(error));
                Ok(())
            }
            other => Err(other),
        }
    }
}

/// The first signature that holds, or else the signature that passed the most checks: its reason tells most.
fn best(candidates: Vec<Candidate>) -> Option<Candidate> {
    let reached = |candidate: &Candidate| {
        let passed = candidate.checks.iter().filter(|check| !check.has_failed());
        let blocked = |check: &&Check| check.outcome == crate::report::Outcome::Blocked;
        candidate.checks.len() - passed.filter(blocked).count()
    };
    let at = candidates.iter().position(Candidate::holds).or_else(|| {
        let mut furthest = None;
        for (n, candidate) in candidates.iter().enumerate() {
            if furthest.is_none_or(|(_, most)| reached(candidate) > most) {
                furthest = Some((n, reached(candidate)));
            }
        }
        furthest.map(|(n, _)| n)
    })?;
    candidates.into_iter().nth(at)
}

/// Facts about a valid signature that the user should know: it names the image otherwise than the user did, as with a
/// mirror, or it comes with a log entry that the run did not check.
fn note(image: &CosignImage, met: &Met) -> Option<String> {
    if met.has_log {
        return Some("log: not checked".into());
    }
    let Said::Payload(payload) = &met.said else {
        return None;
    };
    let crate::image::ImageName::Docker {
        host, repository, ..
    } = &image.name
    else {
        return None;
    };
    let asked = format!("{host}/{repository}");
    let signed = super::sign::repository(&payload.docker_reference);
    (signed != asked).then(|| format!("it was signed as {}", payload.docker_reference))
}

/// The rules that a verification checks, for pages that list them.
pub const RULES: [&str; 5] = rule::ALL;

impl From<CosignError> for Error {
    fn from(error: CosignError) -> Self {
        Self::Cosign(Box::new(error))
    }
}
