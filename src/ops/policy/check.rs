//! `policy check`: for each image the nearest scope of the policy, and its requirements up to the first that is not met.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

pub use super::configuration::{Homes, PolicyAt};

use super::added;
use super::configuration::{PolicyText, Storage, Where, default_lookaside};
use super::endorsed;
use super::gather::{Signature, Signatures, attached, attachments, of_files};
use super::image_rs;
use super::keys::KeySource;
use super::layers;
use super::notary;
use super::report::{Outcome, PolicyReport, RequirementReport};
use super::sigstore;
use super::simple;
use super::subject::{OpenPlace, Subject, asked, check_only, images, subjects};
use crate::broker::Broker;
use crate::image::ImageName;
use crate::ocicrypt::Keys;
use crate::ops::error::Error;
use crate::ops::location::RegistryOptions;
use crate::ops::many::{One, Sink};
use crate::ops::resource::BrokerAt;
use crate::ops::shard::Shard;
use crate::parallel;
use crate::progress::Progress;
use crate::store::{Limits, Lookaside, Reader, Selected, Selection, SignatureFile};
use crate::trust::notary::Lists;
use crate::trust::{Asked, Chosen, Dialect, DockerReference, Policy, Requirement};
use crate::x509::RevocationList;

/// How many images are looked at together.
const AT_ONCE: usize = 4;

/// Asks a policy about images.
#[derive(Clone, Debug)]
pub struct PolicyCheck {
    /// The images.
    pub images: Vec<ImageName>,
    /// The shard of them that the user meant.
    pub shard: Option<Shard>,
    /// The policy; the usual file if the user names none.
    pub policy: Option<PolicyAt>,
    /// Its dialect.
    pub dialect: Dialect,
    /// The folder with the places of signatures; the usual one if the user names none.
    pub registries_d: Option<PathBuf>,
    /// Which images of an index; this machine's if the user does not choose.
    pub selection: Option<Selection>,
    /// The revocation lists at hand.
    pub lists: Vec<RevocationList>,
    /// The keys for encrypted layers. With a key the run looks into the layers of an image that the policy lets in.
    pub decryption: Arc<Keys>,
    /// The key broker.
    pub broker: BrokerAt,
    /// The options for registries and lookasides.
    pub options: RegistryOptions,
    /// Where the usual files are.
    pub homes: Homes,
    /// How much the run reads before it gives up.
    pub limits: Limits,
}

/// All that a run has read once.
struct Run<'a> {
    request: &'a PolicyCheck,
    policy: Policy<'a>,
    broker: Option<&'a Broker>,
    /// Read when the first image asks for it; an error belongs to each image that does.
    storage: OnceLock<Storage>,
    progress: &'a (dyn Progress + 'a),
}

impl PolicyCheck {
    /// Asks about all images, and hands on what it finds in their order. An error concerns all images: it is one of the
    /// policy, or of the broker that has it.
    pub fn run(
        &self,
        progress: &dyn Progress,
        sink: &mut Sink<'_, PolicyReport>,
    ) -> Result<(), Error> {
        let broker = self.broker.open()?;
        let broker = broker.as_ref();
        let text = PolicyText::get(self.policy.as_ref(), broker, &self.homes)?;
        let run = Run {
            request: self,
            policy: text.policy(self.dialect)?,
            broker,
            storage: OnceLock::new(),
            progress,
        };
        let look = |name: &ImageName| match run.image(name) {
            Ok(reports) => {
                let reports = reports.into_iter();
                reports.map(|one| One::of(name, Ok(one))).collect()
            }
            Err(error) => vec![One::of(name, Err(error))],
        };
        // A caller that stops early knows the reason.
        let _ = parallel::in_order(AT_ONCE, &self.images, look, &mut |findings: Vec<_>| {
            findings.into_iter().try_for_each(&mut *sink)
        });
        Ok(())
    }
}

/// One image while it is judged.
struct Judged<'a> {
    run: &'a Run<'a>,
    asked: &'a Asked,
    place: &'a OpenPlace,
    reader: &'a Reader<'a>,
    subject: &'a Subject,
    signatures: Signatures,
}

impl Run<'_> {
    /// The reports on an image, one for each platform that counts; `None` stands for one of another shard.
    fn image(&self, name: &ImageName) -> Result<Vec<Option<PolicyReport>>, Error> {
        let dialect = self.request.dialect;
        let asked = asked(name, dialect)?;
        let chosen = self.policy.for_image(&asked);
        if let (Dialect::Containers, Some(reference)) = (dialect, asked.reference()) {
            // containers/image opens no image of a registry before it knows where the signatures are.
            self.places(reference)?;
        }
        let request = self.request;
        let mut place = OpenPlace::of(name, &request.options, request.limits, self.progress)?;
        let window = place.take_window();
        let reader = Reader::with_window(place.store(), request.limits, window);
        let reader = reader.opening(&request.decryption);
        // Where skopeo has a verdict, its choice of an image counts too.
        let is_skopeos =
            dialect == Dialect::Containers && chosen.requirements.iter().all(is_known_to_skopeo);
        if is_skopeos && place.reference().is_none() {
            check_only(name, &reader)?;
        }
        let selection = request.selection.as_ref();
        let subjects = subjects(&reader, place.reference(), dialect, selection, is_skopeos)?;
        let judge = |subject: &Subject| {
            if request
                .shard
                .is_some_and(|shard| !shard.holds(&subject.digest))
            {
                return None;
            }
            let judged = Judged {
                run: self,
                asked: &asked,
                place: &place,
                reader: &reader,
                subject,
                signatures: Signatures::default(),
            };
            Some(judged.report(name, &chosen))
        };
        Ok(subjects.iter().map(judge).collect())
    }

    fn storage(&self) -> Result<&Storage, Error> {
        if let Some(known) = self.storage.get() {
            return Ok(known);
        }
        let request = self.request;
        let read = Storage::read(
            request.registries_d.as_deref(),
            request.dialect,
            self.broker,
            &request.homes,
        )?;
        Ok(self.storage.get_or_init(|| read))
    }

    fn places(&self, image: &DockerReference) -> Result<Where, Error> {
        self.storage()?.of_image(image)
    }

    const fn keys(&self) -> KeySource<'_> {
        KeySource {
            dialect: self.request.dialect,
            broker: self.broker,
        }
    }
}

impl Judged<'_> {
    fn report(&self, name: &ImageName, chosen: &Chosen) -> PolicyReport {
        let mut requirements = Vec::with_capacity(chosen.requirements.len());
        let mut is_over = false;
        for requirement in &chosen.requirements {
            let report = if is_over {
                let asks = asks(requirement);
                RequirementReport::new(requirement.kind(), asks, Outcome::NotReached)
            } else {
                self.requirement(requirement).unwrap_or_else(|error| {
                    let asks = asks(requirement);
                    RequirementReport::new(requirement.kind(), asks, error.into())
                })
            };
            is_over |= !matches!(report.outcome, Outcome::Met);
            requirements.push(report);
        }
        let mut unopened = None;
        if self.run.request.decryption.is_empty() {
            if !is_over {
                let said = layers::unopened(self.reader, self.selected());
                unopened = said.map(|text| format!("{name}: {text}"));
            }
        } else {
            let outcome = if is_over {
                Outcome::NotReached
            } else {
                layers::judged(self.reader, self.selected(), self.run.progress)
            };
            requirements.push(RequirementReport::new(layers::KIND, false, outcome));
        }
        let of_policy = self.run.policy.warnings().iter();
        let warnings = of_policy.chain(&chosen.warnings);
        PolicyReport {
            image: format!("{name}{}", self.subject.platform),
            digest: self.subject.digest,
            scope: chosen.scope.clone(),
            requirements,
            warnings: warnings.map(ToString::to_string).chain(unopened).collect(),
        }
    }

    /// The images that the name leads to, by the user's choice or this machine's platform.
    fn selected(&self) -> Result<Vec<Selected>, Error> {
        let selection = self.run.request.selection.as_ref();
        match &self.subject.image {
            Some(image) => Ok(vec![image.clone()]),
            None => images(self.reader, self.place.reference(), selection),
        }
    }

    fn requirement(&self, requirement: &Requirement) -> Result<RequirementReport, Error> {
        let keys = self.run.keys();
        let (asked, digest) = (self.asked, &self.subject.digest);
        let dialect = self.run.request.dialect;
        match (requirement, dialect) {
            (Requirement::Reject, _) => Ok(not_met(requirement, "the policy rejects it")),
            (Requirement::InsecureAcceptAnything, dialect) => {
                // containers/image gathers the signatures of every image that it takes, and fails where it cannot.
                if dialect == Dialect::Containers {
                    self.signatures()?;
                }
                let kind = requirement.kind();
                Ok(RequirementReport::new(kind, false, Outcome::Met))
            }
            (Requirement::SigstoreSigned(wanted), Dialect::Containers) => {
                sigstore::judged(wanted, asked, digest, self.signatures()?, &keys)
            }
            (Requirement::SigstoreSigned(wanted), Dialect::ImageRs) => {
                image_rs::sigstore(wanted, asked, digest, self.reader, &keys)
            }
            (Requirement::SignedBy(wanted), Dialect::Containers) => {
                simple::judged(wanted, asked, digest, self.signatures()?, &keys)
            }
            (Requirement::SignedBy(wanted), Dialect::ImageRs) => {
                image_rs::simple(wanted, asked, digest, || self.files_of_image_rs(), &keys)
            }
            (Requirement::SignedBaseLayer(_), _) => Ok(not_met(
                requirement,
                "there is no specification yet of how base layers are signed",
            )),
            (Requirement::EndorsedBy(wanted), _) => {
                let selected = self.selected()?;
                endorsed::judged(wanted, self.reader, &selected, &keys, self.run.progress)
            }
            (Requirement::Added(wanted), _) => match &self.subject.image {
                Some(image) => added::judged(wanted, asked, &image.descriptor, self.reader, &keys),
                None => Ok(not_met(
                    requirement,
                    "the scheme looks at one image, but this is an index",
                )),
            },
            (Requirement::NotarySigned(wanted), _) => {
                let whole;
                let artifact = if let Some(image) = &self.subject.image {
                    &image.descriptor
                } else {
                    whole = self.reader.subject(self.place.reference())?.1;
                    &whole
                };
                let lists = Lists(&self.run.request.lists);
                notary::judged(wanted, asked, artifact, self.reader, &keys, &lists)
            }
        }
    }

    /// The image's signatures as containers/image finds them.
    fn signatures(&self) -> Result<&[Signature], Error> {
        self.signatures.get(|| {
            let digest = &self.subject.digest;
            if let Some(dir) = self.place.dir() {
                return of_files(dir.signatures(digest)?);
            }
            let Some(reference) = self.asked.reference() else {
                return Ok(Vec::new());
            };
            let places = self.run.places(reference)?;
            let lookaside = places.lookaside;
            let lookaside = lookaside.or_else(|| default_lookaside(&self.run.request.homes));
            let mut all = match lookaside {
                Some(lookaside) => of_files(self.files(&lookaside, reference)?)?,
                None => Vec::new(),
            };
            if places.attachments
                && let Some((tag, manifest)) = attached(self.reader, digest, false)?
            {
                all.extend(attachments(self.reader, &tag, &manifest)?);
            }
            Ok(all)
        })
    }

    #[cfg(feature = "registry")]
    fn files(
        &self,
        lookaside: &Lookaside,
        image: &DockerReference,
    ) -> Result<Vec<SignatureFile>, Error> {
        let options = &self.run.request.options;
        let digest = &self.subject.digest;
        Ok(lookaside.signatures(repository(image), digest, options)?)
    }

    #[cfg(not(feature = "registry"))]
    fn files(
        &self,
        lookaside: &Lookaside,
        image: &DockerReference,
    ) -> Result<Vec<SignatureFile>, Error> {
        Ok(lookaside.signatures(repository(image), &self.subject.digest)?)
    }

    /// The files of the lookaside as image-rs finds them.
    fn files_of_image_rs(&self) -> Result<Vec<SignatureFile>, Error> {
        let none = || image_rs::no_lookaside(&self.subject.digest.to_string());
        let reference = self.asked.reference().ok_or_else(none)?;
        let lookaside = self.run.places(reference)?.lookaside.ok_or_else(none)?;
        Ok(lookaside.all_files(repository(reference), &self.subject.digest)?)
    }
}

/// The repository without the host.
fn repository(image: &DockerReference) -> &str {
    image.name().split_once('/').map_or("", |(_, path)| path)
}

const fn is_known_to_skopeo(requirement: &Requirement) -> bool {
    match requirement {
        Requirement::Reject
        | Requirement::InsecureAcceptAnything
        | Requirement::SignedBy(_)
        | Requirement::SigstoreSigned(_)
        | Requirement::SignedBaseLayer(_) => true,
        Requirement::EndorsedBy(_) | Requirement::NotarySigned(_) | Requirement::Added(_) => false,
    }
}

const fn asks(requirement: &Requirement) -> bool {
    !matches!(requirement, Requirement::InsecureAcceptAnything)
}

fn not_met(requirement: &Requirement, reason: &str) -> RequirementReport {
    let outcome = Outcome::NotMet(reason.to_owned());
    RequirementReport::new(requirement.kind(), asks(requirement), outcome)
}
