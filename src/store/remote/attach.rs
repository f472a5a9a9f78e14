//! Attaching a manifest to an image: by the registry's own list, or in an index under the fallback tag (R58).
//!
//! Source: OCI Distribution Specification 1.1, "Pushing Manifests with Subject".

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::error::{Error, Problem};
use super::manifest::{Document, ManifestRef};
use super::problem::shown;
use super::push::{MOST_TRIES, Move};
use super::referrers::{Listed, entries, fallback_tag};
use super::repository::RemoteRepository;
use crate::crypto::{Digest, HashAlgorithm};
use crate::encoding::json::{self, Object};
use crate::image::{Blob, Tag, media};

/// The entry of a list for a manifest.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "mediaType")]
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(rename = "artifactType", skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Box<RawValue>>,
}

impl RemoteRepository {
    /// Puts a manifest into the repository that names an image as its subject, and makes sure that readers find it from
    /// there. Everything that it leads to is there already.
    pub fn attach(&self, document: &Document, subject: &Digest) -> Result<(), Error> {
        let reference = ManifestRef::Digest(document.blob.digest());
        let taken = self.put_manifest(&reference, document, None)?;
        // Some registries confirm the subject but list nothing (ECR).
        if taken
            .subject
            .is_some_and(|noted| noted == subject.to_string())
            && self.is_listed(subject, document)?
        {
            return Ok(());
        }
        self.list_under_tag(document, subject)
    }

    /// Whether the registry's own list has it.
    fn is_listed(&self, subject: &Digest, document: &Document) -> Result<bool, Error> {
        let all = self.own_referrers(subject)?;
        Ok(all.is_some_and(|all| has(&all, document)))
    }

    /// Adds a manifest to the index under the fallback tag, and keeps all else that is in it.
    fn list_under_tag(&self, document: &Document, subject: &Digest) -> Result<(), Error> {
        let what = self.what(&format!("referrers of {subject}"));
        let tag: Tag = fallback_tag(subject)
            .map_err(|error| self.error(&what, Problem::Document(error.to_string())))?;
        let mut found = None;
        for _ in 0..MOST_TRIES {
            let old = self.manifest(&ManifestRef::Tag(tag.clone()))?;
            if let Some(old) = &old
                && (old.media_type != media::INDEX || old.blob.digest() == *subject)
            {
                return Err(self.error(&self.what(&format!("tag {tag}")), Problem::Fallback));
            }
            let new = self.with_entry(old.as_ref(), document, &what)?;
            let Some(new) = new else {
                return Ok(());
            };
            let expected = old.map(|old| old.blob.digest());
            match self.move_tag(&tag, expected.as_ref(), &new)? {
                Move::Done { .. } => return Ok(()),
                Move::Lost { found: other } => found = other,
            }
        }
        Err(self.moved(&tag, found.as_ref()))
    }

    /// The list with an entry added for the manifest; `None` if it has one already.
    fn with_entry(
        &self,
        old: Option<&Document>,
        document: &Document,
        what: &str,
    ) -> Result<Option<Document>, Error> {
        let invalid = |error: serde_json::Error| {
            self.error(what, Problem::Document(shown(&error.to_string())))
        };
        let entry = entry(document).map_err(invalid)?;
        let bytes = match old {
            None => {
                let text = format!(
                    r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
                    media::INDEX,
                    entry.get(),
                );
                text.into_bytes()
            }
            Some(old) => {
                let all = entries(old.blob.bytes()).map_err(|problem| self.error(what, problem))?;
                if has(&all, document) {
                    return Ok(None);
                }
                added(old.blob.bytes(), &entry).map_err(invalid)?
            }
        };
        Ok(Some(Document {
            blob: Blob::new(HashAlgorithm::Sha256, bytes),
            media_type: media::INDEX.into(),
        }))
    }
}

/// Whether a list has an entry for a manifest. A malformed entry is for none.
fn has(list: &[Listed], document: &Document) -> bool {
    let blob = &document.blob;
    let mut sound = list.iter().flatten().map(|one| &one.descriptor);
    sound.any(|one| one.digest == blob.digest() && one.size == blob.size())
}

/// The text of a list with one more entry; all else keeps its text.
fn added(bytes: &[u8], entry: &RawValue) -> Result<Vec<u8>, json::Error> {
    let mut list: Object<'_> = json::read(bytes)?;
    let mut items: Vec<&RawValue> = list.get("manifests")?.unwrap_or_default();
    items.push(entry);
    list.set("manifests", &items)?;
    list.to_bytes()
}

/// The entry of a list for a manifest: its type, and all of its annotations (R57).
fn entry(document: &Document) -> Result<Box<RawValue>, json::Error> {
    let object: Object<'_> = json::read(document.blob.bytes())?;
    let config: Option<Option<Object<'_>>> = object.get("config")?;
    let own: Option<Option<String>> = object.get("artifactType")?;
    let of_config = || -> Result<Option<String>, json::Error> {
        let config = config.flatten();
        config.map_or(Ok(None), |config| config.get("mediaType"))
    };
    let artifact_type = match own.flatten().filter(|own| !own.is_empty()) {
        Some(own) => Some(own),
        None => of_config()?,
    };
    let is_set: Option<Option<IgnoredAny>> = object.get("annotations")?;
    let annotations: Option<&RawValue> = match is_set.flatten() {
        Some(_) => object.get("annotations")?,
        None => None,
    };
    to_raw_value(&Entry {
        media_type: &document.media_type,
        digest: document.blob.digest().to_string(),
        size: document.blob.size(),
        artifact_type,
        annotations: annotations.map(ToOwned::to_owned),
    })
}
