//! Editing the text of a manifest: unchanged parts keep their exact text.

use std::collections::BTreeMap;

use crate::encoding::json::Object;
use crate::image::{Blob, media};

/// The manifest with these annotations set, and with OCI's media types.
pub(super) fn edit_manifest(
    old: &Blob,
    annotations: &BTreeMap<String, String>,
) -> Result<Blob, serde_json::Error> {
    // The reader checked the text when it loaded the image.
    let mut manifest: Object = serde_json::from_slice(old.bytes())?;
    set_media_type(&mut manifest, media::MANIFEST)?;
    let mut config: Object = manifest.get("config")?.unwrap_or_else(Object::new);
    translate_media_type(&mut config)?;
    if config.is_changed() {
        manifest.set("config", &config)?;
    }
    manifest.edit_list("layers", translate_media_type)?;
    let present = manifest.get::<Option<Object>>("annotations")?.flatten();
    let mut all = present.unwrap_or_else(Object::new);
    for (key, value) in annotations {
        all.set(key, value)?;
    }
    if all.is_changed() {
        manifest.set_object("annotations", all);
    }
    if manifest.is_changed() {
        Ok(Blob::new(old.digest().algorithm(), manifest.to_bytes()?))
    } else {
        Ok(old.clone())
    }
}

pub(super) fn set_media_type(
    document: &mut Object<'_>,
    media_type: &str,
) -> Result<(), serde_json::Error> {
    match document.get::<Option<String>>("mediaType")?.flatten() {
        Some(present) if present == media_type => Ok(()),
        _ => document.set_behind("schemaVersion", "mediaType", media_type),
    }
}

fn translate_media_type(descriptor: &mut Object<'_>) -> Result<(), serde_json::Error> {
    let present: Option<String> = descriptor.get("mediaType")?;
    match present.as_deref().and_then(media::oci_equivalent) {
        Some(translated) => descriptor.set("mediaType", translated),
        None => Ok(()),
    }
}
