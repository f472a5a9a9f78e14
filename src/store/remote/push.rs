//! Pushes manifests and tags, after everything that they lead to (R40, R46 to R48).
//!
//! Source: OCI Distribution Specification 1.1, "Pushing Manifests".

use ureq::http::Method;
use ureq::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};

use super::client::{At, Body, Call};
use super::error::{Error, Problem};
use super::manifest::{CONTENT_DIGEST, Document, ManifestRef};
use super::problem::shown;
use super::repository::RemoteRepository;
use super::unusual;
use super::wire::Answer;
use crate::crypto::Digest;
use crate::image::Tag;

/// The header in which a registry confirms the subject of a manifest.
pub(super) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// How often a run repeats a change because somebody else moved the tag meanwhile.
pub const MOST_TRIES: usize = 3;

/// The result of moving a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// The tag leads to the new manifest now.
    Done {
        /// The digest that the tag led to before, if any.
        from: Option<Digest>,
    },
    /// Somebody else moved the tag meanwhile: this run changed nothing, or the other run changed it again.
    Lost {
        /// The digest that the tag leads to now.
        found: Option<Digest>,
    },
}

/// The registry's answer when it accepts a manifest.
pub(super) struct Taken {
    /// The subject of the manifest, if the registry confirms it.
    pub(super) subject: Option<String>,
}

impl RemoteRepository {
    /// Puts a manifest into the repository under its digest only. The repository must hold everything that it leads to.
    pub fn push_manifest(&self, document: &Document) -> Result<(), Error> {
        let reference = ManifestRef::Digest(document.blob.digest());
        self.put_manifest(&reference, document, None).map(|_| ())
    }

    pub(super) fn put_manifest(
        &self,
        reference: &ManifestRef,
        document: &Document,
        known: Option<&Digest>,
    ) -> Result<Taken, Error> {
        let what = self.what(&format!("manifest {reference}"));
        let path = self.path(&format!("manifests/{reference}"));
        let kind = HeaderValue::from_str(&document.media_type);
        let kind = kind.map_err(|_| {
            let reason = "its media type is not one that a header can hold".to_owned();
            self.error(&what, Problem::Document(reason))
        })?;
        let mut headers = vec![(CONTENT_TYPE, kind)];
        // Registries that know this header refuse to move a tag that another run has moved (R48).
        let known = known.and_then(|digest| HeaderValue::from_str(&format!("\"{digest}\"")).ok());
        headers.extend(known.map(|value| (IF_MATCH, value)));
        let put = self.client.call(&Call {
            method: Method::PUT,
            at: At::Path(&path),
            scope: &self.scope(),
            headers,
            body: Body::Bytes(document.blob.bytes()),
            what: &what,
        });
        let answer = match put {
            Ok(answer) if matches!(answer.status, 201 | 200) => answer,
            // The answer got lost, or the tag cannot move but already leads there (R47).
            Ok(answer) => {
                if matches!(answer.status, 400 | 409) && self.is_there(reference, document)? {
                    return Ok(Taken { subject: None });
                }
                return Err(self.not_taken(&what, answer, document));
            }
            Err(error) if error.problem.is_passing() => {
                if self.is_there(reference, document)? {
                    return Ok(Taken { subject: None });
                }
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let digest = document.blob.digest();
        if let Some(text) = answer.header(&CONTENT_DIGEST)
            && text.starts_with(&format!("{}:", digest.algorithm()))
            && *text != digest.to_string()
        {
            let found = shown(text);
            return Err(self.error(&what, Problem::Taken { found }));
        }
        let subject = answer.header(&OCI_SUBJECT).map(str::to_owned);
        Ok(Taken { subject })
    }

    /// Why a registry refuses a manifest, as far as its answer and the manifest show (R41, R46).
    fn not_taken(&self, what: &str, mut answer: Answer, document: &Document) -> Error {
        let status = answer.status;
        let words = self.client.words(&mut answer);
        let is_lacking = ["BLOB_UNKNOWN", "MANIFEST_UNKNOWN"]
            .iter()
            .any(|code| words.contains(code));
        let unusual = unusual::parts(document);
        let problem = match status {
            400..500 if is_lacking => Problem::Lacking { status, words },
            400 | 405 | 406 | 409 | 415 | 422 if !unusual.is_empty() => Problem::NotTaken {
                status,
                words,
                unusual,
            },
            _ => Problem::Status { status, words },
        };
        self.error(what, problem)
    }

    /// Whether a tag or digest leads to this manifest.
    fn is_there(&self, reference: &ManifestRef, document: &Document) -> Result<bool, Error> {
        let found = self.manifest(reference)?;
        Ok(found.is_some_and(|found| found.blob.digest() == document.blob.digest()))
    }

    /// Makes a tag lead to a manifest if it has not moved since the caller read it. Registries have no such request, so
    /// this reads the tag right before and after.
    pub fn move_tag(
        &self,
        tag: &Tag,
        expected: Option<&Digest>,
        document: &Document,
    ) -> Result<Move, Error> {
        let ours = document.blob.digest();
        let found = self.resolve(tag)?;
        if found == Some(ours) {
            return Ok(Move::Done { from: found });
        }
        if found.as_ref() != expected {
            return Ok(Move::Lost { found });
        }
        let reference = ManifestRef::Tag(tag.clone());
        self.put_manifest(&reference, document, expected)?;
        let after = self.manifest(&reference)?.map(|found| found.blob.digest());
        if after == Some(ours) {
            return Ok(Move::Done { from: found });
        }
        if after == found {
            let found = after.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string());
            let what = self.what(&format!("tag {tag}"));
            return Err(self.error(&what, Problem::Unmoved { found }));
        }
        Ok(Move::Lost { found: after })
    }

    /// The error for a tag that somebody else moved at every try.
    pub fn moved(&self, tag: &Tag, found: Option<&Digest>) -> Error {
        let found = found.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        self.error(&self.what(&format!("tag {tag}")), Problem::Moved { found })
    }
}
