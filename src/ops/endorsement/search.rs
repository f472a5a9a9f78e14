//! The endorsements that the images of a layout carry.

use std::collections::HashSet;

use super::in_use::{Use, manifest_if_any};
use crate::crypto::P384Key;
use crate::image::Image;
use crate::store::{self, Layout};

/// The endorsements of this vendor that images of a layout carry, but for those that are read
/// already: large ones are not to be in memory twice. What is not an image, or not in
/// the layout, carries none; of what cannot be read `unread` is told, for it could.
pub(super) fn search_layout(
    layout: &Layout,
    vendor: &P384Key,
    ca: &P384Key,
    read: &[Image],
    unread: &mut dyn FnMut(store::Error) -> Result<(), store::Error>,
) -> Result<Vec<Use>, store::Error> {
    let mut found = Vec::new();
    let reader = layout.reader();
    let known: HashSet<_> = read.iter().map(Image::digest).collect();
    let images = match reader.reachable_images() {
        Ok(images) => images,
        Err(e) => {
            unread(e)?;
            Vec::new()
        }
    };
    for selected in images {
        if known.contains(&selected.descriptor.digest) {
            continue;
        }
        let manifest = match manifest_if_any(&reader, &selected.descriptor) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => continue,
            Err(e) => {
                unread(e)?;
                continue;
            }
        };
        let digest = selected.descriptor.digest;
        let image = (layout.path(), &*selected.name, digest);
        found.extend(Use::on(&manifest, image, vendor, ca));
    }
    Ok(found)
}
