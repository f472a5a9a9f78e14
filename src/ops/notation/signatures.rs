//! The signatures that refer to an image, as far as they are readable.

use std::sync::Arc;

use crate::crypto::Digest;
use crate::image::{Descriptor, media};
use crate::ops::error::Error;
use crate::scheme::notary::{Chains, Envelope, MOST_ENVELOPE, MOST_MANIFEST, SignatureManifest};
use crate::store::{self, Kind, Reader};

/// How many referrers the run looks at, at most, to find the signatures among them.
const MOST_REFERRERS: usize = 10_000;

/// The result of reading: the thing, why it does not count, or the error that hid it.
#[derive(Debug)]
pub(super) enum Found<T> {
    It(T),
    None(String),
    Unknown(Box<store::Error>),
}

/// A signature's manifest, under its digest.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) digest: Digest,
    pub(super) manifest: Found<SignatureManifest>,
}

/// Reads which signatures refer to the image, one after another, until the caller has enough. A referrer of another kind is
/// passed over; one that cannot be read may have been a signature.
pub(super) fn each(
    reader: &Reader<'_>,
    image: &Descriptor,
    take: impl FnMut(Listed) -> Result<bool, Error>,
) -> Result<(), Error> {
    each_of(reader, reader.referrers(&image.digest), image, take)
}

/// The same, of referrers that were found already.
pub(super) fn each_of(
    reader: &Reader<'_>,
    referrers: Result<Vec<Arc<Descriptor>>, store::Error>,
    image: &Descriptor,
    mut take: impl FnMut(Listed) -> Result<bool, Error>,
) -> Result<(), Error> {
    let referrers = match found(referrers) {
        Found::It(referrers) => referrers,
        Found::None(reason) => {
            let digest = image.digest;
            let manifest = Found::None(reason);
            take(Listed { digest, manifest })?;
            return Ok(());
        }
        Found::Unknown(error) => return Err(Error::Store(*error)),
    };
    for referrer in referrers.iter().take(MOST_REFERRERS) {
        if !media::is_manifest(&referrer.media_type) {
            continue;
        }
        let Some(manifest) = manifest(reader, referrer, image) else {
            continue;
        };
        let digest = referrer.digest;
        if !take(Listed { digest, manifest })? {
            return Ok(());
        }
    }
    Ok(())
}

/// The manifest of a referrer; `None` for one of another kind.
fn manifest(
    reader: &Reader<'_>,
    referrer: &Arc<Descriptor>,
    image: &Descriptor,
) -> Option<Found<SignatureManifest>> {
    if referrer.size > MOST_MANIFEST {
        let reason = format!(
            "its manifest has {} bytes, and {MOST_MANIFEST} is the most",
            referrer.size
        );
        return Some(Found::None(reason));
    }
    let (blob, manifest) = match found(reader.manifest(referrer)) {
        Found::It(read) => read,
        Found::None(reason) => return Some(Found::None(reason)),
        Found::Unknown(error) => return Some(Found::Unknown(error)),
    };
    let kind = manifest.artifact_type.as_deref();
    SignatureManifest::form_of(kind, &manifest.config.media_type)?;
    Some(match SignatureManifest::read(blob.bytes()) {
        Err(malformed) => Found::None(malformed.to_string()),
        Ok(read) if read.is_of(image) => Found::It(read),
        Ok(read) => Found::None(format!("it is about {}", read.subject().digest)),
    })
}

/// Reads the envelope that a manifest holds. Also returns its bytes' number.
pub(super) fn envelope(
    reader: &Reader<'_>,
    manifest: &SignatureManifest,
    chains: &Chains,
) -> Found<Envelope> {
    match found(reader.attached_blob(&manifest.envelope, MOST_ENVELOPE)) {
        Found::It(blob) => match Envelope::read_with(manifest.format, blob.bytes(), chains) {
            Ok(envelope) => Found::It(envelope),
            Err(malformed) => Found::None(malformed.to_string()),
        },
        Found::None(reason) => Found::None(reason),
        Found::Unknown(error) => Found::Unknown(error),
    }
}

/// Returns wrong content as a reason, and unreadable content as an error.
fn found<T>(read: Result<T, store::Error>) -> Found<T> {
    match read {
        Ok(read) => Found::It(read),
        Err(error) if matches!(error.kind, Kind::Part { .. }) => Found::None(error.to_string()),
        Err(error) => Found::Unknown(Box::new(error)),
    }
}
