//! The layers of an image that a policy lets in, opened with the keys for encrypted ones and checked down to the
//! config's `diff_ids`.

use super::report::Outcome;
use crate::image::media;
use crate::ops::error::Error;
use crate::progress::Progress;
use crate::report::rule;
use crate::store::{Reader, Selected};

/// The name of this check among the requirements.
pub(super) const KIND: &str = "layers";

/// Judges the layers of all images.
pub(super) fn judged(
    reader: &Reader<'_>,
    images: Result<Vec<Selected>, Error>,
    progress: &dyn Progress,
) -> Outcome {
    let judge = || -> Result<Outcome, Error> {
        for selected in images? {
            let image = reader.load_as_listed(&selected)?;
            let findings = reader.check_layers(&image, progress)?;
            let not_met = |rule: &str, reason: &str| Outcome::NotMet(format!("{reason} [{rule}]"));
            if let Err(reason) = &findings.blobs {
                return Ok(not_met(rule::LAYER_BLOBS, reason));
            }
            match (&findings.diff_ids, &findings.sealed) {
                (Some(Ok(())), None) => {}
                (Some(Err(reason)), _) | (_, Some(reason)) => {
                    return Ok(not_met(rule::DIFF_IDS, reason));
                }
                (None, None) => {
                    return Ok(not_met(rule::DIFF_IDS, "ir-sign did not look into them"));
                }
            }
        }
        Ok(Outcome::Met)
    };
    judge().unwrap_or_else(Outcome::from)
}

/// The warning about an image that the policy lets in with encrypted layers and without a key for them. It does not
/// concern an image that is only for another platform.
pub(super) fn unopened(
    reader: &Reader<'_>,
    images: Result<Vec<Selected>, Error>,
) -> Option<String> {
    let is_encrypted = |selected: &Selected| {
        let read = reader.manifest(&selected.descriptor);
        read.is_ok_and(|(_, manifest)| {
            let mut layers = manifest.layers.iter();
            layers.any(|layer| media::decrypted(&layer.media_type).is_some())
        })
    };
    images.ok()?.iter().any(is_encrypted).then(|| {
        format!(
            "it has encrypted layers, and without --decryption-key ir-sign did not compare them with its config [{}]",
            rule::DIFF_IDS
        )
    })
}
