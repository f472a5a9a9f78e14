//! Verifying images in a registry.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::slice;
use std::sync::Arc;

use super::error::{Error, broken_rule};
use super::location::{Asked, Opened};
use super::realms;
use crate::crypto::P384Key;
use crate::image::realm::{Finding, rule as realm_rule};
use crate::image::{Descriptor, Image};
use crate::key::{KeyRef, KeyRing};
use crate::progress::{Progress, Silent};
use crate::report::{Candidate, Check, Report, Verdict, rule};
use crate::scheme::VerifyScheme;
use crate::scheme::annotation::Roots;
use crate::store::{self, Limits, Reader, Selected, Selection, realm_layers};
use crate::{files, parallel};

/// Verifies images for one who trusts a CA.
#[derive(Clone, Debug)]
pub struct VerifyImages {
    /// Where the images are, and which are meant.
    pub asked: Vec<Asked>,
    /// Whether all images of those places are meant.
    pub all: bool,
    /// Which of a multi-platform tag's.
    pub selection: Selection,
    /// The CAs' public keys, any of which is trusted: files with a DER `SubjectPublicKeyInfo`, or a token's.
    pub cas: Vec<KeyRef>,
    /// The public keys of the vendors that may have signed; empty for any that the CA endorsed.
    pub vendors: Vec<KeyRef>,
    /// Whether the layers are left out.
    pub config_only: bool,
    /// Whether realms have to get the images too.
    pub for_realms: bool,
    /// How much is read before giving up.
    pub limits: Limits,
}

/// The verdicts, in the order in which the images were named or lie in the index.
#[derive(Debug, Default)]
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
    /// Verifies the images, several at a time. An error is one that concerns them all: where several places were
    /// named, that of one place stands among the verdicts.
    pub fn run(&self, ring: &KeyRing, progress: &dyn Progress) -> Result<Verified, Error> {
        self.check_before_a_pin(ring)?;
        let all = |keys: &[KeyRef]| -> Result<Vec<P384Key>, _> {
            keys.iter().map(|key| ring.public(key)).collect()
        };
        let cas = all(&self.cas)?;
        let scheme = Roots::new(cas, &all(&self.vendors)?);
        if let [asked] = &*self.asked {
            return self.at(asked, &scheme, progress);
        }
        let mut all = Verified::default();
        for asked in &self.asked {
            match self.at(asked, &scheme, progress) {
                Ok(mut verified) => {
                    all.images.append(&mut verified.images);
                    all.skipped.append(&mut verified.skipped);
                    all.unseen.append(&mut verified.unseen);
                }
                Err(error) => all.images.push(Err(error)),
            }
        }
        Ok(all)
    }

    /// Verifies the images of one place.
    fn at(
        &self,
        asked: &Asked,
        scheme: &dyn VerifyScheme,
        progress: &dyn Progress,
    ) -> Result<Verified, Error> {
        if self.for_realms && !asked.location.is_layout() {
            return Err(Error::NotForRealms(asked.location.place()));
        }
        let mut opened = asked.location.open(self.limits, progress)?;
        let window = opened.take_window();
        let reader = Reader::with_window(opened.store(), self.limits, window);
        let (selected, skipped) = self.select(asked, &opened, &reader)?;
        let of_app = match opened.layout() {
            Some(layout) if self.for_realms => layout.realm_findings()?,
            _ => Vec::new(),
        };
        let listed = opened.check_docker_list(&reader)?.map(|same| match same {
            Ok(()) => Check::passed(rule::DOCKER_LIST),
            Err(reason) => Check::failed(rule::DOCKER_LIST, reason),
        });
        let images = parallel::map(&selected, usize::MAX, |_, (selected, of_name)| {
            let mut report = self.one(&reader, selected, scheme, progress)?;
            if self.asked.len() > 1 {
                report.subject = asked.location.full_name(Some(&report.subject));
            }
            report.checks.extend(listed.clone());
            if self.for_realms {
                let checks = realms::checks(&of_app, of_name.as_ref());
                report.checks.extend(checks);
            }
            Ok(report.decide())
        });
        let images = self.decided(images);
        let unseen = if self.all {
            Vec::new()
        } else {
            reader.beside_the_only_one(&asked.references)?
        };
        Ok(Verified {
            images,
            skipped,
            unseen,
        })
    }

    /// What the user can put right is told before a PIN is asked for.
    fn check_before_a_pin(&self, ring: &KeyRing) -> Result<(), Error> {
        let keys = || self.cas.iter().chain(&self.vendors);
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
        for asked in &self.asked {
            // Looking through an archive takes time, and asking a registry too.
            if asked.location.is_layout() {
                let opened = asked.location.open(self.limits, &Silent)?;
                let reader = Reader::new(opened.store(), self.limits);
                self.select(asked, &opened, &reader)?;
            }
        }
        Ok(())
    }

    /// One verdict for each image: where entries state different things of it, each is looked at by itself,
    /// and one that does not hold decides.
    fn decided(&self, mut images: Vec<Result<Verdict, Error>>) -> Vec<Result<Verdict, Error>> {
        let all = self.all;
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
        asked: &Asked,
        opened: &Opened,
        reader: &Reader<'_>,
    ) -> Result<(Vec<Named>, Vec<Arc<Descriptor>>), Error> {
        let unnamed = |selected| (selected, None);
        if self.all {
            if !asked.references.is_empty() {
                return Err(Error::NamedAndAll(asked.location.place()));
            }
            let (images, skipped) = reader.all_images()?;
            if images.is_empty() {
                // Nothing to verify is not the same as everything verified.
                let none = reader.resolve(&[], &self.selection)?;
                return Ok((none.into_iter().map(unnamed).collect(), skipped));
            }
            return Ok((images.into_iter().map(unnamed).collect(), skipped));
        }
        let references = &asked.references;
        let (true, Some(layout)) = (self.for_realms, opened.layout()) else {
            let selected = reader.resolve(references, &self.selection)?;
            return Ok((selected.into_iter().map(unnamed).collect(), Vec::new()));
        };
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
