//! Finds the referrers of an image: in the registry's list, or under a tag if it has no list (R56, R57).
//!
//! Source: OCI Distribution Specification 1.1, "Listing Referrers" and "Referrers Tag Schema".

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{Error, Problem};
use super::manifest::{Document, ManifestRef};
use super::object::{self, OBJECT};
use super::problem::shown;
use super::repository::{LISTS, RemoteRepository};
use super::url::escaped;
use crate::crypto::Digest;
use crate::crypto::digest::DigestError;
use crate::encoding::strict::Shape;
use crate::image::{Descriptor, Embedded, Tag, media};

/// The most referrers of an image.
const MOST: usize = 1000;
/// Digits of a digest in a fallback tag.
const DIGITS: usize = 64;
/// The shape of a list of referrers, and of a referrer. The client reads each entry by itself.
const LIST: Shape = Shape::Object(&[("manifests", &Shape::List(&Shape::Any))]);
const ABOUT: Shape = Shape::Object(&[("subject", &OBJECT)]);

/// A manifest with another one as its subject. Only the registry or a tag says so; ir-sign has not verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedReferrer {
    /// The descriptor that leads to it.
    pub descriptor: Descriptor,
    /// The kind of referrer, if the list states it.
    pub artifact_type: Option<String>,
    /// The annotations that the list gives for it.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    manifests: Option<Vec<&'a RawValue>>,
}

/// One entry of a list, or why it is malformed.
pub(super) type Listed = Result<ListedReferrer, Problem>;

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(rename = "artifactType", default)]
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct About {
    subject: Option<Entry>,
}

/// The tag that leads to the referrers if a registry has no list of its own.
pub fn fallback_tag(subject: &Digest) -> Result<Tag, crate::image::RepositoryError> {
    let mut hex = subject.hex();
    hex.truncate(DIGITS);
    format!("{}-{hex}", subject.algorithm()).parse()
}

impl RemoteRepository {
    /// The referrers of an image; only those of a kind, if the caller names one. Entries that state no kind are
    /// included. A malformed entry is an error.
    pub fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<ListedReferrer>, Error> {
        let all = self.each_referrer(subject, artifact_type)?;
        all.into_iter().collect()
    }

    /// The same entry by entry, so that a malformed one hides no other.
    pub fn each_referrer(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Result<ListedReferrer, Error>>, Error> {
        let what = self.what(&format!("referrers of {subject}"));
        let mut all = match self.listed_by_registry(subject, artifact_type, &what)? {
            Some(all) => all,
            None => match self.fallback(subject)? {
                Some(document) => {
                    let all = entries(document.blob.bytes()).and_then(counted);
                    all.map_err(|problem| self.error(&what, problem))?
                }
                None => Vec::new(),
            },
        };
        // A registry that got a manifest twice may list it twice (ferro-oci-server 1.0). A wrong size hides no right one.
        let mut seen = HashSet::new();
        all.retain(|entry| match entry {
            Ok(entry) => seen.insert((entry.descriptor.digest, entry.descriptor.size)),
            Err(_) => true,
        });
        if let Some(wanted) = artifact_type {
            let is_wanted = |kind: &str| kind == wanted;
            all.retain(|entry| match entry {
                Ok(entry) => entry.artifact_type.as_deref().is_none_or(is_wanted),
                Err(_) => true,
            });
        }
        let all = all.into_iter();
        Ok(all
            .map(|entry| entry.map_err(|problem| self.error(&what, problem)))
            .collect())
    }

    /// The registry's own list of the referrers of an image; `None` if the registry has no such lists.
    pub(super) fn own_referrers(&self, subject: &Digest) -> Result<Option<Vec<Listed>>, Error> {
        let what = self.what(&format!("referrers of {subject}"));
        self.listed_by_registry(subject, None, &what)
    }

    fn listed_by_registry(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
        what: &str,
    ) -> Result<Option<Vec<Listed>>, Error> {
        let query = artifact_type.map(|kind| format!("?artifactType={}", escaped(kind)));
        let path = self.path(&format!("referrers/{subject}{}", query.unwrap_or_default()));
        let mut all = Vec::new();
        let mut is_list = true;
        self.pages(&path, Some(LISTS), what, |answer, bytes| {
            match answer.status {
                200 if is_index(&bytes) => {}
                200 | 404 => {
                    is_list = false;
                    return Ok(false);
                }
                status => {
                    let words = shown(&String::from_utf8_lossy(&bytes));
                    return Err(Problem::Status { status, words });
                }
            }
            all.extend(entries(&bytes)?);
            all = counted(std::mem::take(&mut all))?;
            Ok(true)
        })?;
        Ok(is_list.then_some(all))
    }

    /// The list that the fallback tag leads to: an OCI index that is not the image itself. `None` if it leads to
    /// nothing of that kind.
    pub(super) fn fallback(&self, subject: &Digest) -> Result<Option<Document>, Error> {
        let Ok(tag) = fallback_tag(subject) else {
            return Ok(None);
        };
        let document = self.manifest(&ManifestRef::Tag(tag))?;
        Ok(document.filter(|document| {
            document.media_type == media::INDEX && document.blob.digest() != *subject
        }))
    }

    /// The manifest of a referrer, if its own subject field names that image.
    pub fn referrer(
        &self,
        listed: &ListedReferrer,
        subject: &Digest,
    ) -> Result<Option<Document>, Error> {
        let Some(document) = self.manifest_of(&listed.descriptor)? else {
            return Ok(None);
        };
        let about: About = object::read(document.blob.bytes(), &ABOUT).map_err(|error| {
            let what = self.what(&format!("manifest {}", listed.descriptor.digest));
            self.error(&what, Problem::Document(shown(&error)))
        })?;
        let is_about = about
            .subject
            .is_some_and(|s| s.digest == subject.to_string());
        Ok(is_about.then_some(document))
    }
}

/// The entries, unless there are too many.
fn counted(all: Vec<Listed>) -> Result<Vec<Listed>, Problem> {
    if all.len() > MOST {
        return Err(Problem::TooMany {
            limit: MOST,
            of: "entries",
        });
    }
    Ok(all)
}

/// Whether bytes are an index at all: an object with a list of manifests, whatever the list holds.
fn is_index(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Any {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
        manifests: Option<Vec<serde::de::IgnoredAny>>,
    }
    serde_json::from_slice::<Any>(bytes).is_ok_and(|any| {
        any.manifests.is_some() && any.media_type.is_none_or(|kind| kind == media::INDEX)
    })
}

/// The entries of a list of referrers.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Listed>, Problem> {
    let invalid = |reason: String| Problem::Document(shown(&reason));
    let list: List<'_> = object::read(bytes, &LIST).map_err(invalid)?;
    let all = list.manifests.unwrap_or_default().into_iter();
    Ok(all
        .map(|text| listed(text).map_err(|reason| invalid(format!("an entry: {reason}"))))
        .collect())
}

fn listed(text: &RawValue) -> Result<ListedReferrer, String> {
    let entry: Entry = object::read(text.get().as_bytes(), &OBJECT)?;
    let digest = entry.digest.parse();
    let digest = digest.map_err(|error: DigestError| error.to_string())?;
    Ok(ListedReferrer {
        descriptor: Descriptor {
            media_type: media::shared(entry.media_type),
            digest,
            size: entry.size,
            tag: None,
            full_name: None,
            platform: None,
            embedded: Embedded::Nothing,
        },
        artifact_type: entry.artifact_type.filter(|kind| !kind.is_empty()),
        annotations: entry.annotations.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn r57_the_fallback_tag_is_the_digest_cut_at_64_digits() {
        let short = Digest::of(HashAlgorithm::Sha256, b"x");
        let tag = fallback_tag(&short).expect("a tag");
        assert_eq!(tag.as_str(), format!("sha256-{}", short.hex()));
        let long = Digest::of(HashAlgorithm::Sha512, b"x");
        let tag = fallback_tag(&long).expect("a tag");
        assert_eq!(tag.as_str(), format!("sha512-{}", &long.hex()[..64]));
    }
}
