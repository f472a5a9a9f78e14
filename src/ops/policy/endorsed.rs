//! `endorsedBy`: the annotations that `ir-sign sign-image` makes, checked as `verify-image` does, layers included.

use super::keys::{KeySource, p384_key};
use super::report::{LookedAt, Outcome, RequirementReport};
use crate::crypto::{Digest, HashAlgorithm, P384Key};
use crate::ops::error::Error;
use crate::ops::judge::Judge;
use crate::progress::Progress;
use crate::report::Verdict;
use crate::scheme::annotation::{Roots, endorsed, rule};
use crate::store::{Reader, Selected};
use crate::trust::{EndorsedBy, Vendor};

const KIND: &str = "endorsedBy";

/// The SHA-384 of a key's DER `SubjectPublicKeyInfo`, in hexadecimal digits.
fn sha384(key: &P384Key) -> String {
    Digest::of(HashAlgorithm::Sha384, &key.to_spki()).hex()
}

/// Judges an image.
pub(super) fn judged(
    requirement: &EndorsedBy,
    reader: &Reader<'_>,
    images: &[Selected],
    source: &KeySource<'_>,
    progress: &dyn Progress,
) -> Result<RequirementReport, Error> {
    let ca = p384_key(&source.file(&requirement.ca_key_path, None)?)?;
    let mut vendors = Vec::new();
    for vendor in &requirement.vendors {
        vendors.push(match vendor {
            Vendor::Sha384(hex) => hex.clone(),
            Vendor::Path(path) => sha384(&p384_key(&source.file(path, None)?)?),
        });
    }
    let scheme = Roots::new(vec![ca], &[]);
    let judge = Judge {
        scheme: &scheme,
        config_only: false,
        for_realms: false,
        progress,
    };
    let mut looked_at = Vec::new();
    for selected in images {
        let name = "annotations".to_owned();
        let verdict = judge.report(reader, selected)?.decide();
        let outcome = match &verdict {
            Verdict::Trusted(trusted) => {
                let manifest = reader.manifest(&selected.descriptor)?.1;
                let vendor = endorsed(&manifest);
                let vendor = vendor.filter(|vendor| {
                    requirement.vendors.is_empty() || vendors.contains(&sha384(vendor))
                });
                let signatories = &trusted.report().signatories;
                match vendor {
                    Some(vendor) => Ok(format!("signed by vendor {}", vendor.fingerprint())),
                    None => Err((
                        rule::VENDOR_PINNED,
                        format!(
                            "the policy does not name the vendor (it names {})",
                            signatories
                                .iter()
                                .map(|one| format!("{} {}", one.role, one.fingerprint))
                                .collect::<Vec<_>>()
                                .join(", ")
                        ),
                    )),
                }
            }
            Verdict::Allowed(report) | Verdict::Refused(report) => {
                let (rule, reason) = report
                    .failure()
                    .unwrap_or((rule::VENDOR_ENDORSED, "there is no signature"));
                Err((rule, reason.to_owned()))
            }
        };
        looked_at.push(LookedAt { name, outcome });
    }
    let all_hold = looked_at.iter().all(|one| one.outcome.is_ok());
    let mut report = RequirementReport::one_of(KIND, looked_at, "");
    if !all_hold && matches!(report.outcome, Outcome::Met) {
        report.outcome = Outcome::NotMet("not every image of the index meets it".into());
    }
    Ok(report)
}
