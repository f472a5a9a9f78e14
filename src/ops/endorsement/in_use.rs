//! Endorsements that images carry.

use std::path::Path;

use crate::crypto::{Digest, P384Key};
use crate::image::{Descriptor, Manifest};
use crate::ops::way::Carrier;
use crate::scheme::annotation::Endorsement;
use crate::store::{self, Kind, Problem, Reader};

/// An endorsement in use, and the image that carries it.
pub(super) struct Use {
    pub(super) endorsement: Endorsement,
    pub(super) image: String,
    pub(super) carrier: Carrier,
}

impl Use {
    /// The endorsement on an image's manifest. `image` is the layout, the name and the digest of that image.
    pub(super) fn on(
        manifest: &Manifest,
        image: (&Path, &str, Digest),
        vendor: &P384Key,
        ca: &P384Key,
    ) -> Option<Self> {
        let (layout, name, digest) = image;
        Some(Self {
            endorsement: Endorsement::on_manifest(manifest, vendor, ca)?,
            image: format!("{}: image {name}", layout.display()),
            carrier: Carrier {
                layout: layout.to_owned(),
                digest,
            },
        })
    }
}

/// Reads a manifest that may carry an endorsement; `None` if it is absent or not an image's. This does not read its
/// config.
pub(super) fn manifest_if_any(
    reader: &Reader<'_>,
    descriptor: &Descriptor,
) -> Result<Option<Manifest>, store::Error> {
    match reader.manifest(descriptor) {
        Ok((_, manifest)) => Ok(Some(manifest)),
        Err(store::Error {
            kind:
                Kind::Part {
                    problem: Problem::Absent(_) | Problem::MediaType { .. },
                    ..
                },
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}
