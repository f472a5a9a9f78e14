//! The endorsements that the images of a layout carry.

use std::collections::HashSet;

use super::in_use::{Use, manifest_if_any};
use crate::crypto::P384Key;
use crate::image::Image;
use crate::store::{self, Layout};

/// The endorsements of this vendor on the images of a layout, without those of `read`: large manifests must not be
/// in memory twice. Manifests that are absent, or no image's, carry none. Calls `unread` with each error of
/// reading, because such an image may carry one.
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
