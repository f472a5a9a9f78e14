//! Computing a change, and refusing it if readers would refuse the result.

use super::blobs::Reader;
use crate::crypto::Digest;
use crate::encoding::strict;
use crate::image::{Blob, Change, Image, Link, Mismatch, media};
use crate::store::documents;
use crate::store::edit::{Attached, Edit};
use crate::store::error::Error;
use crate::store::manifest_text::edit_manifest;
use crate::store::problem::{Part, Problem};

impl Reader<'_> {
    /// Computes the new manifest of an image. Writes nothing.
    pub fn edit(&self, image: &Image, change: &Change) -> Result<Edit, Error> {
        let manifest = &image.manifest_blob;
        let mut edit = Edit {
            name: image.name.clone(),
            old: manifest.digest(),
            new: None,
            attached: None,
        };
        match change {
            Change::Keep => {}
            Change::Annotate(annotations) => {
                let part = Part::Manifest(edit.old);
                let new = edit_manifest(manifest, annotations)
                    .map_err(|e| self.problem(part.clone(), Problem::json(e)))?;
                self.check_document(&part, new.bytes())?;
                self.check_together(&new, &image.manifest.config)?;
                edit.new = Some(new);
            }
            Change::Attach {
                manifest,
                blobs,
                by,
            } => edit.attached = Some(self.attached(edit.old, manifest, blobs, by)?),
        }
        Ok(edit)
    }

    /// Computes the attachment of a manifest to an image or an index; the image or index itself does not change. Writes
    /// nothing.
    pub fn attach(
        &self,
        name: &str,
        subject: Digest,
        manifest: &Blob,
        blobs: &[Blob],
        by: &Link,
    ) -> Result<Edit, Error> {
        Ok(Edit {
            name: name.to_owned(),
            old: subject,
            new: None,
            attached: Some(self.attached(subject, manifest, blobs, by)?),
        })
    }

    /// Refuses to attach a manifest that readers would not find, or would refuse.
    fn attached(
        &self,
        subject: Digest,
        manifest: &Blob,
        blobs: &[Blob],
        by: &Link,
    ) -> Result<Attached, Error> {
        let part = Part::Manifest(manifest.digest());
        let problem = |problem: Problem| self.problem(part.clone(), problem);
        self.check_document(&part, manifest.bytes())?;
        documents::check_stated(manifest.bytes(), media::MANIFEST).map_err(problem)?;
        let read = documents::manifest(manifest.bytes(), media::MANIFEST).map_err(problem)?;
        for descriptor in std::iter::once(&read.config).chain(&read.layers) {
            let Some(blob) = blobs.iter().find(|b| b.digest() == descriptor.digest) else {
                if self.store.has(&descriptor.digest) == Some(false) {
                    return Err(self.absent(Part::Blob(descriptor.digest)));
                }
                continue;
            };
            if blob.size() != descriptor.size {
                let mismatch = Mismatch::Size {
                    expected: descriptor.size,
                    found: blob.size(),
                };
                return Err(self.problem(Part::Blob(descriptor.digest), mismatch));
            }
        }
        match by {
            Link::Subject { artifact_type } => {
                if read.subject != Some(subject) {
                    return Err(problem(Problem::Subject(subject)));
                }
                // If the manifest states no artifact type, readers go by the type of its config (OCI image-spec,
                // "Guidelines for Artifact Usage").
                let config = read.config.media_type;
                let stated = read.artifact_type.as_deref().unwrap_or(&config);
                if stated != artifact_type {
                    let found = stated.to_owned();
                    let wanted = artifact_type.clone();
                    return Err(problem(Problem::ArtifactType { found, wanted }));
                }
            }
            Link::Tag { tag, .. } if Digest::is_digest_form(tag) => {
                return Err(problem(Problem::DigestTag(tag.clone())));
            }
            Link::Tag { .. } => {}
        }
        Ok(Attached {
            manifest: manifest.clone(),
            annotations: read.annotations,
            blobs: blobs.to_vec(),
            by: by.clone(),
        })
    }

    /// Refuses to write a manifest that readers would refuse.
    pub(in crate::store) fn check_document(&self, part: &Part, bytes: &[u8]) -> Result<(), Error> {
        let (size, limit) = (bytes.len() as u64, self.limits.document);
        if size > limit {
            return Err(self.problem(part.clone(), Problem::TooLarge { size, limit }));
        }
        strict::check(bytes).map_err(|e| self.problem(part.clone(), Problem::json(e)))
    }
}
