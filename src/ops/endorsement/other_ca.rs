//! Endorsements by another CA than the CA of this run.

use std::fmt;

use crate::crypto::P384Key;
use crate::image::Manifest;
use crate::ops::error::Error;
use crate::scheme::annotation::{self, Endorsement};

/// Refuses an image that carries an endorsement by another CA, of whichever vendor, unless it may be replaced.
pub(super) fn check_ca(
    manifest: &Manifest,
    (place, name): (&dyn fmt::Display, &str),
    ca: &P384Key,
    may_replace: bool,
) -> Result<(), Error> {
    match annotation::endorsed(manifest) {
        Some(endorsed)
            if !may_replace && Endorsement::on_manifest(manifest, &endorsed, ca).is_none() =>
        {
            let (image, ca) = (format!("{place}: image {name}"), ca.fingerprint());
            Err(Error::OtherCa { image, ca })
        }
        _ => Ok(()),
    }
}
