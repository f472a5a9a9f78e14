//! Signatures that images already carry.

use std::collections::HashMap;

use super::error::Error;
use crate::crypto::{Digest, Signature};
use crate::scheme::annotation::Vendor;
use crate::store::Layout;

/// The vendor's signatures on a layout's images, by config. The run uses them again, because a token would make other
/// ones. It signs images that it cannot read once more.
pub(super) fn signatures(
    layout: &Layout,
    scheme: &Vendor,
) -> Result<HashMap<Digest, Signature>, Error> {
    let mut all = HashMap::new();
    let reader = layout.reader();
    for selected in reader.reachable_images()? {
        if let Ok(image) = reader.load(&selected)
            && let Some(signature) = scheme.signature_on(&image)
        {
            all.insert(image.config.digest(), signature);
        }
    }
    Ok(all)
}
