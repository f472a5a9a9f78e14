//! New text for the entries of `index.json`.

use serde_json::value::RawValue;

use super::fates::Below;
use crate::encoding::json::Object;
use crate::image::REF_NAME;
use crate::store::editor::Editor;

/// The planned state of an entry of `index.json`.
pub(super) struct Root {
    pub(super) tag: Option<String>,
    /// The image that the entry names from now on, in place of the index that it named.
    pub(super) image: Option<Below>,
}
impl Root {
    /// The new text of the entry.
    pub(super) fn edit<'t>(
        &self,
        editor: &Editor<'_>,
        mut entry: Object<'t>,
    ) -> Result<Object<'t>, serde_json::Error> {
        let annotations = entry.get::<Option<Object>>("annotations")?.flatten();
        let mut annotations = annotations.unwrap_or_else(Object::new);
        editor.edit_annotations(&mut annotations)?;
        editor.edit_entry(&mut entry)?;
        if let Some(image) = self.image {
            Self::name(editor, image, &mut entry, &mut annotations)?;
        }
        match &self.tag {
            Some(tag) => annotations.set(REF_NAME, tag)?,
            None => annotations.remove(REF_NAME),
        }
        if annotations.is_changed() && annotations.is_empty() {
            entry.remove("annotations");
        } else if annotations.is_changed() {
            entry.set("annotations", &annotations)?;
        }
        Ok(entry)
    }

    /// Turns the entry of an index into the entry of an image that the index holds.
    fn name(
        editor: &Editor<'_>,
        image: Below,
        entry: &mut Object<'_>,
        annotations: &mut Object<'_>,
    ) -> Result<(), serde_json::Error> {
        let holder = image.holder.and_then(|holder| editor.replaced.get(&holder));
        let bytes = holder.map(|holder| holder.blob.bytes()).unwrap_or_default();
        let index: Object = serde_json::from_slice(bytes)?;
        let listed: Vec<Object> = index.get("manifests")?.unwrap_or_default();
        let digest = image.digest.to_string();
        for listed in listed {
            if listed.get::<String>("digest")?.as_deref() != Some(&digest) {
                continue;
            }
            for member in [
                "mediaType",
                "digest",
                "size",
                "platform",
                "artifactType",
                "data",
                "urls",
            ] {
                match listed.get::<&RawValue>(member)? {
                    Some(value) => entry.set(member, value)?,
                    None => entry.remove(member),
                }
            }
            let own = listed.get::<Option<Object>>("annotations")?.flatten();
            for (name, value) in own.iter().flat_map(Object::members) {
                if !annotations.has(name) {
                    annotations.set(name, value)?;
                }
            }
            break;
        }
        Ok(())
    }
}
