//! Requirement types of schemes that were added to the policies' own: `docs/add-a-scheme.md`.

use super::keys::KeySource;
use super::report::{LookedAt, RequirementReport};
use super::rule::REQUIREMENTS;
use crate::image::Descriptor;
use crate::ops::error::Error;
use crate::store::Reader;
use crate::trust::{Added, Asked, ImageFacts};

/// Judges an image: reads the files that the scheme names, and lets it look at the manifest.
pub(super) fn judged(
    added: &Added,
    asked: &Asked,
    descriptor: &Descriptor,
    reader: &Reader<'_>,
    source: &KeySource<'_>,
) -> Result<RequirementReport, Error> {
    let files = added.scheme.init().into_iter();
    let files = files.map(|file| Ok(source.file(&file, None)?.1.to_vec()));
    let files = files.collect::<Result<Vec<_>, Error>>()?;
    let manifest = reader.blob(descriptor)?;
    let image = ImageFacts {
        asked,
        digest: descriptor.digest,
        manifest: manifest.bytes(),
    };
    let outcome = added.scheme.allows_image(&image, &files);
    let looked_at = LookedAt {
        name: "manifest".to_owned(),
        outcome: outcome.map_err(|reason| (REQUIREMENTS, reason)),
    };
    let others = "the scheme does not allow it";
    Ok(RequirementReport::one_of(
        added.name,
        vec![looked_at],
        others,
    ))
}
