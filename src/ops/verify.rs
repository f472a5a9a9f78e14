//! Verifying images in a registry.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::slice;
use std::sync::Arc;

use super::error::{Error, broken_rule};
use super::place::Where;
use super::realms;
use crate::crypto::P384Key;
use crate::image::realm::{Finding, rule as realm_rule};
use crate::image::{Descriptor, Image, Reference};
use crate::key::{KeyRef, KeyRing};
use crate::progress::Progress;
use crate::report::{Candidate, Check, Report, Verdict, rule};
use crate::scheme::VerifyScheme;
use crate::scheme::annotation::Root;
use crate::store::{self, Layout, Limits, Reader, Registry, Selected, Selection, realm_layers};
use crate::{files, parallel};

/// Verifies images of an app for one who trusts a CA.
#[derive(Clone, Debug)]
pub struct VerifyImages {
    /// Where they are.
    pub place: Where,
    /// Which images.
    pub which: Which,
    /// Which of a multi-platform tag's.
    pub selection: Selection,
    /// The CA's public key: a file with its DER `SubjectPublicKeyInfo`, or a token's.
    pub ca: KeyRef,
    /// The public keys of the vendors that may have signed; empty for any that the CA endorsed.
    pub vendors: Vec<KeyRef>,
    /// Whether the layers are left out.
    pub config_only: bool,
    /// Whether realms have to get the images too.
    pub for_realms: bool,
    /// How much is read before giving up.
    pub limits: Limits,
}

/// Which images are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These; where there are none, the only one there is.
    Named(Vec<Reference>),
    /// All that `index.json` leads to.
    All,
}

/// The verdicts, in the order in which the images were named or lie in the index.
#[derive(Debug)]
pub struct Verified {
    /// One verdict an image, or what kept it from being reached.
    pub images: Vec<Result<Verdict, Error>>,
    /// What is not an image and was passed over.
    pub skipped: Vec<Arc<Descriptor>>,
    /// The images beside the one that was meant without a name: nobody looked at them.
    pub unseen: Vec<Arc<Descriptor>>,
}

/// An image, and what keeps realms from it by the name by which it was asked for.
type Named = (Selected, Option<Finding>);

impl VerifyImages {
    /// Verifies the images, several at a time. An error is one that concerns them all.
    pub fn run(&self, ring: &KeyRing, progress: &dyn Progress) -> Result<Verified, Error> {
        self.check_before_a_pin(ring)?;
        let ca = ring.public(&self.ca)?;
        let vendors: Result<Vec<P384Key>, _> =
            self.vendors.iter().map(|key| ring.public(key)).collect();
        let scheme = Root::new(ca, vendors?);
        match &self.place {
            Where::App { registry, app } => {
                let registry = Registry::open(registry, self.limits)?;
                let layout = registry.layout(app)?;
                self.in_layout(&layout, &scheme, progress)
            }
            #[cfg(feature = "registry")]
            Where::Repository(at) => {
                let store = at.store();
                self.in_place(&Reader::new(&store, self.limits), &scheme, progress)
            }
        }
    }

    /// Verifies images of a place that knows no apps.
    #[cfg(feature = "registry")]
    fn in_place(
        &self,
        reader: &Reader<'_>,
        scheme: &Root,
        progress: &dyn Progress,
    ) -> Result<Verified, Error> {
        let (selected, skipped) = match &self.which {
            Which::All => self.all(reader)?,
            Which::Named(references) => (reader.resolve(references, &self.selection)?, Vec::new()),
        };
        let images = parallel::map(&selected, usize::MAX, |_, selected| {
            Ok(self.one(reader, selected, scheme, progress)?.decide())
        });
        Ok(Verified {
            images: self.decided(images),
            skipped,
            unseen: Vec::new(),
        })
    }

    fn in_layout(
        &self,
        layout: &Layout,
        scheme: &Root,
        progress: &dyn Progress,
    ) -> Result<Verified, Error> {
        let reader = layout.reader();
        let (selected, skipped) = self.select(layout, &reader)?;
        let of_app = if self.for_realms {
            layout.realm_findings()?
        } else {
            Vec::new()
        };
        let listed = layout.check_docker_list()?.map(|same| match same {
            Ok(()) => Check::passed(rule::DOCKER_LIST),
            Err(reason) => Check::failed(rule::DOCKER_LIST, reason),
        });
        let images = parallel::map(&selected, usize::MAX, |_, (selected, of_name)| {
            let mut report = self.one(&reader, selected, scheme, progress)?;
            report.checks.extend(listed.clone());
            if self.for_realms {
                let checks = realms::checks(&of_app, of_name.as_ref());
                report.checks.extend(checks);
            }
            Ok(report.decide())
        });
        let images = self.decided(images);
        let unseen = match &self.which {
            Which::Named(references) => reader.beside_the_only_one(references)?,
            Which::All => Vec::new(),
        };
        Ok(Verified {
            images,
            skipped,
            unseen,
        })
    }

    /// What the user can put right is told before a PIN is asked for.
    fn check_before_a_pin(&self, ring: &KeyRing) -> Result<(), Error> {
        let keys = || std::iter::once(&self.ca).chain(&self.vendors);
        let is_file = |key: &&KeyRef| matches!(key, KeyRef::File(_));
        if keys().all(|key| is_file(&key)) {
            return Ok(());
        }
        // What comes in can be read only once.
        let is_lasting =
            |key: &&KeyRef| matches!(key, KeyRef::File(path) if !files::is_standard(path));
        for key in keys().filter(is_lasting) {
            ring.public(key)?;
        }
        if let Where::App { registry, app } = &self.place {
            let registry = Registry::open(registry, self.limits)?;
            let layout = registry.layout(app)?;
            self.select(&layout, &layout.reader())?;
        }
        Ok(())
    }

    /// One verdict for each image: where entries state different things of it, each is looked at by itself,
    /// and one that does not hold decides.
    fn decided(&self, mut images: Vec<Result<Verdict, Error>>) -> Vec<Result<Verdict, Error>> {
        let all = self.which == Which::All;
        // By different tags it is asked for several times.
        let image = |report: &Report| ((!all).then(|| report.subject.clone()), report.digest);
        let failed = images.iter().filter_map(|verdict| match verdict {
            Ok(verdict) if !verdict.is_trusted() => Some(image(verdict.report())),
            _ => None,
        });
        let failed: HashSet<_> = failed.collect();
        images.retain(|verdict| match verdict {
            Ok(verdict) if verdict.is_trusted() => !failed.contains(&image(verdict.report())),
            _ => true,
        });
        images
    }

    /// The images, each with what keeps realms from it by its name, and what was passed over.
    fn select(
        &self,
        layout: &Layout,
        reader: &Reader<'_>,
    ) -> Result<(Vec<Named>, Vec<Arc<Descriptor>>), Error> {
        let unnamed = |selected| (selected, None);
        let references = match &self.which {
            Which::All => {
                let (images, skipped) = self.all(reader)?;
                return Ok((images.into_iter().map(unnamed).collect(), skipped));
            }
            Which::Named(references) => references,
        };
        if !self.for_realms {
            let selected = reader.resolve(references, &self.selection)?;
            return Ok((selected.into_iter().map(unnamed).collect(), Vec::new()));
        }
        let mut all = Vec::new();
        let each = references
            .iter()
            .map(|reference| (slice::from_ref(reference), Some(reference)));
        let none = references.is_empty().then_some((&[][..], None));
        for (references, reference) in each.chain(none) {
            let of_name = layout.realm_name(reference);
            let selected = reader.resolve(references, &self.selection)?;
            all.extend(
                selected
                    .into_iter()
                    .map(|selected| (selected, of_name.clone())),
            );
        }
        Ok((all, Vec::new()))
    }

    /// All images, and what was passed over.
    fn all(&self, reader: &Reader<'_>) -> Result<(Vec<Selected>, Vec<Arc<Descriptor>>), Error> {
        let (images, skipped) = reader.all_images()?;
        if images.is_empty() {
            // Nothing to verify is not the same as everything verified.
            return Ok((reader.resolve(&[], &self.selection)?, skipped));
        }
        Ok((images, skipped))
    }

    fn one(
        &self,
        reader: &Reader<'_>,
        selected: &Selected,
        scheme: &dyn VerifyScheme,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        let mut report = Report {
            subject: selected.name.clone(),
            digest: selected.descriptor.digest,
            checks: Vec::new(),
            signatories: Vec::new(),
        };
        match reader.load_as_listed(selected) {
            Ok(image) => {
                report.checks.push(Check::passed(rule::MANIFEST_DIGEST));
                report.checks.push(Check::passed(rule::CONFIG_DIGEST));
                let candidate = candidate(scheme, &image);
                let is_signed = candidate.holds();
                report.checks.extend(candidate.checks);
                report.signatories = candidate.signatories;
                let layers = self.layers(reader, &image, is_signed, progress)?;
                report.checks.extend(layers);
            }
            Err(error) => report.checks = unread(error, scheme)?,
        }
        Ok(report)
    }

    fn layers(
        &self,
        reader: &Reader<'_>,
        image: &Image,
        is_signed: bool,
        progress: &dyn Progress,
    ) -> Result<Vec<Check>, Error> {
        let of_config = if self.for_realms {
            realms::against(
                &[realm_rule::CONFIG_HISTORY],
                &realm_layers::check_config(image),
            )
        } else {
            Vec::new()
        };
        let of_realms = if self.for_realms {
            &realm_rule::OF_LAYERS[..]
        } else {
            &[]
        };
        if self.config_only {
            let rules = [rule::LAYER_BLOBS, rule::DIFF_IDS].iter().chain(of_realms);
            let checks = rules.map(|rule| Check::left_out(rule));
            return Ok(checks.chain(of_config).collect());
        }
        let findings = if is_signed {
            reader.check_signed_layers(image, self.for_realms, progress)?
        } else if self.for_realms {
            reader.check_layers_for_realms(image, progress)?
        } else {
            reader.check_layers(image, progress)?
        };
        let check = |rule, outcome: Result<(), String>| match outcome {
            Ok(()) => Check::passed(rule),
            Err(reason) => Check::failed(rule, reason),
        };
        let mut checks = vec![
            check(rule::LAYER_BLOBS, findings.blobs),
            match findings.diff_ids {
                Some(outcome) => check(rule::DIFF_IDS, outcome),
                None => Check::blocked(rule::DIFF_IDS),
            },
        ];
        checks.extend(of_config);
        checks.extend(match findings.realm {
            Some(found) => realms::against(of_realms, &found),
            None => of_realms.iter().map(|rule| Check::blocked(rule)).collect(),
        });
        Ok(checks)
    }
}

/// The signature that decides about an image. Where a scheme finds none at all, none of its rules holds.
pub(super) fn candidate(scheme: &dyn VerifyScheme, image: &Image) -> Candidate {
    let unsigned = || {
        let rules = scheme.rules().into_iter();
        Candidate {
            checks: rules
                .map(|rule| Check::failed(rule, "there is no signature"))
                .collect(),
            signatories: Vec::new(),
        }
    };
    Candidate::best(scheme.verify(image)).unwrap_or_else(unsigned)
}

/// The checks of an image whose manifest or config is wrong: those before it hold, those that
/// stand on it could not be made.
fn unread(error: store::Error, scheme: &dyn VerifyScheme) -> Result<Vec<Check>, Error> {
    let Some((broken, reason)) = broken_rule(&error) else {
        return Err(error.into());
    };
    let mut rules = vec![rule::MANIFEST_DIGEST, rule::CONFIG_DIGEST];
    rules.extend(scheme.rules());
    rules.extend([rule::LAYER_BLOBS, rule::DIFF_IDS]);
    let at = rules.iter().position(|rule| *rule == broken).unwrap_or(0);
    let checks = rules
        .into_iter()
        .enumerate()
        .map(|(n, rule)| match n.cmp(&at) {
            Ordering::Less => Check::passed(rule),
            Ordering::Equal => Check::failed(rule, reason.clone()),
            Ordering::Greater => Check::blocked(rule),
        });
    Ok(checks.collect())
}
