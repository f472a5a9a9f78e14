//! From one image to the report on it.

use std::cmp::Ordering;

use super::error::{Error, broken_rule};
use super::realms;
use crate::image::Image;
use crate::image::realm::rule as realm_rule;
use crate::progress::Progress;
use crate::report::{Candidate, Check, Report, rule};
use crate::scheme::VerifyScheme;
use crate::store::{self, Reader, Selected, realm_layers};

/// What to check images against.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) scheme: &'a dyn VerifyScheme,
    /// Whether to leave out the layers.
    pub(super) config_only: bool,
    /// Whether to check that realms get the images, too.
    pub(super) for_realms: bool,
    pub(super) progress: &'a dyn Progress,
}

impl Judge<'_> {
    /// Checks all of an image.
    pub(super) fn report(&self, reader: &Reader<'_>, selected: &Selected) -> Result<Report, Error> {
        let mut report = empty(selected);
        match reader.load_as_listed(selected) {
            Ok(image) => {
                report.checks.push(Check::passed(rule::MANIFEST_DIGEST));
                report.checks.push(Check::passed(rule::CONFIG_DIGEST));
                let candidate = candidate(self.scheme, &image);
                let is_signed = candidate.holds();
                report.checks.extend(candidate.checks);
                report.signatories = candidate.signatories;
                let layers = self.layers(reader, &image, is_signed)?;
                report.checks.extend(layers);
            }
            Err(error) => report.checks = unread(error, self.scheme)?,
        }
        Ok(report)
    }

    /// The report on an image that another entry leads to as well, if this entry states something wrong about it.
    #[cfg(feature = "registry")]
    pub(super) fn against(
        &self,
        reader: &Reader<'_>,
        selected: &Selected,
    ) -> Result<Option<Report>, Error> {
        match reader.load_as_listed(selected) {
            Ok(_) => Ok(None),
            Err(error) => Ok(Some(Report {
                checks: unread(error, self.scheme)?,
                ..empty(selected)
            })),
        }
    }

    fn layers(
        &self,
        reader: &Reader<'_>,
        image: &Image,
        is_signed: bool,
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
            reader.check_signed_layers(image, self.for_realms, self.progress)?
        } else if self.for_realms {
            reader.check_layers_for_realms(image, self.progress)?
        } else {
            reader.check_layers(image, self.progress)?
        };
        let check = |rule, outcome: Result<(), String>| match outcome {
            Ok(()) => Check::passed(rule),
            Err(reason) => Check::failed(rule, reason),
        };
        let mut checks = vec![
            check(rule::LAYER_BLOBS, findings.blobs),
            match (findings.diff_ids, findings.sealed) {
                (Some(Ok(())), Some(sealed)) => Check::unchecked(rule::DIFF_IDS, sealed),
                (Some(outcome), _) => check(rule::DIFF_IDS, outcome),
                (None, _) => Check::blocked(rule::DIFF_IDS),
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

/// A report with nothing in it yet.
fn empty(selected: &Selected) -> Report {
    Report {
        subject: selected.name.clone(),
        digest: selected.descriptor.digest,
        checks: Vec::new(),
        signatories: Vec::new(),
    }
}

/// The signature that decides about an image. If a scheme finds no signature, none of its rules holds.
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
