//! Reads what hangs on an image already, as far as it is readable.

use std::collections::HashMap;

use super::error::Error as CosignError;
use crate::crypto::Digest;
use crate::image::{Blob, Change, Descriptor, Link, Reference, media};
use crate::ops::error::Error;
use crate::parallel;
use crate::scheme::cosign::{Attachment, BundleManifest, Malformed, Tagged, attachment, tag_of};
use crate::store::{self, Kind, Reader};

/// How many referrers the run looks at, at most.
const MOST_REFERRERS: usize = 1000;
/// The most bytes of a payload.
const MOST_PAYLOAD: u64 = 4 << 20;
/// How many blobs to request at once.
const AT_ONCE: usize = 4;

/// The limits on reading what hangs on an image.
#[derive(Clone, Debug)]
pub struct Hanging {
    /// The prefix of a tag's name.
    pub prefix: String,
    /// The most bytes of an attestation or a bundle.
    pub most: u64,
}

impl Default for Hanging {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            most: 128 << 20,
        }
    }
}

/// The blobs of the layers under a tag, or the reason why the tag does not lead to a manifest of such layers.
pub(super) type Layers = Result<Vec<Found<Blob>>, Malformed>;

/// The result of a search: the thing, why it does not count, or the error that hid it.
pub(super) enum Found<T> {
    It(T),
    None(String),
    Unknown(Box<store::Error>),
}

impl Hanging {
    /// The attachments of a digest by a tag. A tag that leads to something else is an error.
    pub(super) fn tagged(
        &self,
        reader: &Reader<'_>,
        digest: &Digest,
        kind: Attachment,
    ) -> Result<Tagged, Error> {
        match self.look(reader, digest, kind)? {
            (tagged, Ok(_)) => Ok(tagged),
            (tagged, Err(source)) => Err(malformed(reader, &tagged, source)),
        }
    }

    /// Does the same, but reports something else under the tag and still returns the rest. Also returns the
    /// layers that were unreadable, with the reasons.
    pub(super) fn look(
        &self,
        reader: &Reader<'_>,
        digest: &Digest,
        kind: Attachment,
    ) -> Result<(Tagged, Layers), Error> {
        let tag = tag_of(digest, kind, &self.prefix);
        let found = reader.store().find(&Reference::Tag(tag.clone()))?;
        let mut tagged = Tagged {
            tag,
            ..Tagged::default()
        };
        let Some(descriptor) = found.into_iter().next() else {
            return Ok((tagged, Ok(Vec::new())));
        };
        tagged.digest = Some(descriptor.digest);
        let other = |reason: String| Malformed {
            what: "manifest of cosign signatures",
            reason,
        };
        if !media::is_manifest(&descriptor.media_type) {
            let reason = format!("it is {}", descriptor.media_type);
            return Ok((tagged, Err(other(reason))));
        }
        let manifest = match found_or_not(reader.manifest(&descriptor))? {
            Ok((blob, _)) => blob,
            Err(reason) => return Ok((tagged, Err(other(reason)))),
        };
        tagged.manifest = match attachment(manifest.bytes()) {
            Ok(manifest) => manifest,
            Err(source) => return Ok((tagged, Err(source))),
        };
        let layers = tagged.manifest.layers();
        let layers: Vec<_> = layers.iter().map(|layer| &layer.descriptor).collect();
        let most = match kind {
            Attachment::Signatures => MOST_PAYLOAD,
            Attachment::Attestations => self.most,
        };
        let blobs = read_all(reader, &layers, most);
        let known = |found: &Found<Blob>| match found {
            Found::It(blob) => Some(blob.clone()),
            Found::None(_) | Found::Unknown(_) => None,
        };
        tagged.blobs = blobs.iter().map(known).collect();
        Ok((tagged, Ok(blobs)))
    }

    /// The bundles that refer to a digest.
    pub(super) fn bundles(&self, reader: &Reader<'_>, digest: &Digest) -> Result<Bundles, Error> {
        // A malformed list hides the bundles, but not the signatures under the tag.
        let referrers = match found_or_not(reader.each_referrer(digest))? {
            Ok(referrers) => referrers,
            Err(reason) => {
                return Ok(Bundles {
                    found: vec![Found::None(reason)],
                    left_out: 0,
                });
            }
        };
        let left_out = referrers.len().saturating_sub(MOST_REFERRERS);
        let mut bundles: Vec<Descriptor> = Vec::new();
        let mut all = Vec::new();
        for referrer in referrers.into_iter().take(MOST_REFERRERS) {
            // A referrer that is malformed or unreadable hides no other.
            let read = referrer.and_then(|referrer| {
                let is_manifest = media::is_manifest(&referrer.media_type);
                is_manifest.then(|| reader.manifest(&referrer)).transpose()
            });
            match found(read) {
                Found::It(None) => {}
                Found::It(Some((_, manifest))) => {
                    let found = BundleManifest::of(&manifest);
                    bundles.extend(found.into_iter().flat_map(|found| found.bundles));
                }
                Found::None(reason) => all.push(Found::None(reason)),
                Found::Unknown(error) => all.push(Found::Unknown(error)),
            }
        }
        let descriptors: Vec<_> = bundles.iter().collect();
        all.extend(read_all(reader, &descriptors, self.most));
        Ok(Bundles {
            found: all,
            left_out,
        })
    }
}

/// The error for something else under a tag.
pub(super) fn malformed(reader: &Reader<'_>, tagged: &Tagged, source: Malformed) -> Error {
    let name = format!("tag {} in {}", tagged.tag, reader.place());
    CosignError::Malformed { name, source }.into()
}

/// Refuses to put a manifest under a tag that no reader would read any more, as one with too many layers.
pub(super) fn check_readable(reader: &Reader<'_>, change: &Change) -> Result<(), Error> {
    let Change::Attach {
        manifest,
        by: Link::Tag { tag, .. },
        ..
    } = change
    else {
        return Ok(());
    };
    attachment(manifest.bytes()).map_err(|source| CosignError::Malformed {
        name: format!("tag {tag} in {} after this change", reader.place()),
        source,
    })?;
    Ok(())
}

/// The bundles that refer to a digest.
pub(super) struct Bundles {
    /// Each bundle, or why a referrer has none that is readable.
    pub(super) found: Vec<Found<Blob>>,
    /// How many more referrers there are, at which the run did not look.
    pub(super) left_out: usize,
}

impl Bundles {
    /// The bundles that are readable.
    pub(super) fn readable(self) -> impl Iterator<Item = Blob> {
        self.found.into_iter().filter_map(|found| match found {
            Found::It(blob) => Some(blob),
            Found::None(_) | Found::Unknown(_) => None,
        })
    }
}

/// Returns wrong content as a reason, and unreadable content as an error.
fn found_or_not<T>(read: Result<T, store::Error>) -> Result<Result<T, String>, Error> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(error) if matches!(error.kind, Kind::Part { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Reads blobs, each once, however many descriptors lead to it.
fn read_all(reader: &Reader<'_>, descriptors: &[&Descriptor], most: u64) -> Vec<Found<Blob>> {
    let mut places = HashMap::new();
    let mut distinct: Vec<&Descriptor> = Vec::new();
    let mut at = Vec::new();
    for descriptor in descriptors {
        let place = *places
            .entry((descriptor.digest, descriptor.size))
            .or_insert_with(|| {
                distinct.push(descriptor);
                distinct.len() - 1
            });
        at.push(place);
    }
    let read = parallel::map_on(AT_ONCE, &distinct, |_, descriptor| {
        reader.attached_blob(descriptor, most)
    });
    let mut read: Vec<_> = read.into_iter().map(found).collect();
    let found = at.into_iter().map(|place| match &mut read[place] {
        Found::It(blob) => Found::It(blob.clone()),
        Found::None(reason) => Found::None(reason.clone()),
        // Report the error once.
        unknown @ Found::Unknown(_) => {
            std::mem::replace(unknown, Found::None("it could not be read".into()))
        }
    });
    found.collect()
}

fn found<T>(read: Result<T, store::Error>) -> Found<T> {
    match read {
        Ok(read) => Found::It(read),
        Err(error) if matches!(error.kind, Kind::Part { .. }) => Found::None(error.to_string()),
        Err(error) => Found::Unknown(Box::new(error)),
    }
}
