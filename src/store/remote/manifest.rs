//! Manifests and indexes, read by tag or digest (R30, R31, R4).

use ureq::http::Method;
use ureq::http::header::HeaderName;

use super::client::At;
use super::document::media_type;
use super::error::{Error, Problem};
use super::problem::shown;
use super::repository::{MANIFESTS, RemoteRepository};
use super::wire::Answer;
use crate::crypto::{Digest, HashAlgorithm};
use crate::image::{Blob, Descriptor, Tag, media};

/// Bytes of the largest manifest.
pub(super) const LARGEST: u64 = 4 << 20;
/// The header with the digest of the content that the registry sends.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The name by which the client requests a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestRef {
    /// By a tag.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
}

impl std::fmt::Display for ManifestRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A manifest or an index whose bytes have the digest that it goes by.
#[derive(Clone, Debug)]
pub struct Document {
    /// The bytes.
    pub blob: Blob,
    /// Its media type, from its own field and the registry's header.
    pub media_type: String,
}

impl RemoteRepository {
    /// A manifest; `None` if the registry has none with that tag or digest.
    pub fn manifest(&self, reference: &ManifestRef) -> Result<Option<Document>, Error> {
        let what = self.what(&format!("manifest {reference}"));
        let path = self.path(&format!("manifests/{reference}"));
        let answer = self.ask(Method::GET, At::Path(&path), Some(MANIFESTS), None, &what)?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.client.refusal(&what, answer)),
        }
        let read = read(answer, reference);
        read.map(Some).map_err(|problem| self.error(&what, problem))
    }

    /// The manifest that a descriptor leads to: its size and type hold too.
    pub fn manifest_of(&self, descriptor: &Descriptor) -> Result<Option<Document>, Error> {
        let reference = ManifestRef::Digest(descriptor.digest);
        let Some(document) = self.manifest(&reference)? else {
            return Ok(None);
        };
        let what = || self.what(&format!("manifest {reference}"));
        let found = document.blob.size();
        if found != descriptor.size {
            let expected = descriptor.size;
            let mismatch = crate::image::Mismatch::Size { expected, found };
            return Err(self.error(&what(), mismatch.into()));
        }
        let same = |kind: &str| media::oci_equivalent(kind).unwrap_or(kind).to_owned();
        if same(&document.media_type) != same(&descriptor.media_type) {
            let reason = format!(
                "it is a \"{}\", and its descriptor says \"{}\"",
                shown(&document.media_type),
                shown(&descriptor.media_type),
            );
            return Err(self.error(&what(), Problem::Document(reason)));
        }
        Ok(Some(document))
    }

    /// Whether the registry says that it has a manifest.
    pub(super) fn has_manifest(&self, reference: &ManifestRef) -> Result<bool, Error> {
        let what = self.what(&format!("manifest {reference}"));
        let path = self.path(&format!("manifests/{reference}"));
        let answer = self.ask(Method::HEAD, At::Path(&path), Some(MANIFESTS), None, &what)?;
        Ok(answer.status == 200)
    }

    /// The digest that a tag leads to now; `None` if there is no such tag.
    pub fn resolve(&self, tag: &Tag) -> Result<Option<Digest>, Error> {
        let what = self.what(&format!("tag {tag}"));
        let path = self.path(&format!("manifests/{tag}"));
        let answer = self.ask(Method::HEAD, At::Path(&path), Some(MANIFESTS), None, &what)?;
        match answer.status {
            200 => {
                let stated = answer.header(&CONTENT_DIGEST);
                if let Some(digest) = stated.and_then(|text| text.parse().ok()) {
                    return Ok(Some(digest));
                }
            }
            404 => return Ok(None),
            // Some registries have no HEAD, and some refuse it but accept a GET.
            _ => {}
        }
        let document = self.manifest(&ManifestRef::Tag(tag.clone()))?;
        Ok(document.map(|document| document.blob.digest()))
    }
}

/// Reads a manifest from an answer, and checks it against its digest.
fn read(mut answer: Answer, reference: &ManifestRef) -> Result<Document, Problem> {
    if answer.length().is_some_and(|length| length > LARGEST) {
        return Err(Problem::TooLarge { limit: LARGEST });
    }
    let bytes = answer.bytes(LARGEST)?;
    let blob = match reference {
        ManifestRef::Digest(expected) => {
            let blob = Blob::new(expected.algorithm(), bytes);
            let (expected, found) = (*expected, blob.digest());
            if found != expected {
                return Err(crate::image::Mismatch::Digest { expected, found }.into());
            }
            blob
        }
        ManifestRef::Tag(_) => {
            let stated = answer.header(&CONTENT_DIGEST);
            let is_known = |text: &&str| {
                let name = text.split_once(':').map(|(name, _)| name);
                name.is_some_and(|name| {
                    HashAlgorithm::ALL
                        .iter()
                        .any(|known| known.to_string() == name)
                })
            };
            match stated.filter(is_known) {
                None => Blob::new(HashAlgorithm::Sha256, bytes),
                Some(text) => {
                    let stated: Option<Digest> = text.parse().ok();
                    let algorithm = stated.map_or(HashAlgorithm::Sha256, |d| d.algorithm());
                    let blob = Blob::new(algorithm, bytes);
                    if stated != Some(blob.digest()) {
                        return Err(Problem::Stated {
                            found: blob.digest().to_string(),
                            stated: shown(text),
                        });
                    }
                    blob
                }
            }
        }
    };
    let media_type = media_type(blob.bytes(), &answer.headers).map_err(Problem::Document)?;
    Ok(Document { blob, media_type })
}
