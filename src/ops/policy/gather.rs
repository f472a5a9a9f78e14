//! The signatures of an image, from wherever containers/image takes them: files of a lookaside or a folder, and
//! attachments in the registry. It reads both kinds before it looks at either, so that one that is wrong spoils all.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::error::Error as PolicyProblem;
use crate::crypto::Digest;
use crate::image::{Reference, media};
use crate::ops::error::Error;
use crate::parallel;
use crate::scheme::cosign::{
    self, Attachment, SigManifest, StoredText, attachment, check_as_go, tag_of,
};
use crate::scheme::simple::Stored;
use crate::store::{Reader, SignatureFile};

/// The most bytes of a payload, and of the manifest of attachments (containers/image, `internal/iolimits`).
const MOST_BYTES: u64 = 4 << 20;
/// How many payloads are requested at once.
const AT_ONCE: usize = 6;

/// A signature of either kind.
pub(super) enum Content {
    /// An OpenPGP message.
    Simple(Vec<u8>),
    /// A signature of Sigstore's.
    Sigstore(Sigstore),
}

/// A signature of Sigstore's: a layer under the tag `.sig`, or what containers/image stores of one.
pub(super) struct Sigstore {
    pub(super) media_type: String,
    pub(super) payload: Vec<u8>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A signature, and where it is from.
pub(super) struct Signature {
    pub(super) name: String,
    pub(super) content: Content,
}

/// The signatures of one manifest, read when the first requirement asks for them.
#[derive(Default)]
pub(super) struct Signatures(OnceCell<Vec<Signature>>);

impl Signatures {
    pub(super) fn get(
        &self,
        read: impl FnOnce() -> Result<Vec<Signature>, Error>,
    ) -> Result<&[Signature], Error> {
        if let Some(known) = self.0.get() {
            return Ok(known);
        }
        let read = read()?;
        Ok(self.0.get_or_init(|| read))
    }
}

fn stored(name: &str, reason: impl Into<String>) -> Error {
    let (name, reason) = (name.to_owned(), reason.into());
    PolicyProblem::Stored { name, reason }.into()
}

/// The signatures in files.
pub(super) fn of_files(files: Vec<SignatureFile>) -> Result<Vec<Signature>, Error> {
    let of_file = |file: SignatureFile| {
        let kind = Stored::of(&file.bytes);
        let content = match kind.map_err(|bad| stored(&file.name, bad.to_string()))? {
            Stored::Simple(bytes) => Content::Simple(bytes.to_vec()),
            Stored::Sigstore(text) => {
                let text =
                    StoredText::read(text).map_err(|bad| stored(&file.name, bad.to_string()))?;
                Content::Sigstore(Sigstore {
                    media_type: text.media_type,
                    payload: text.payload,
                    annotations: text.annotations,
                })
            }
        };
        let name = file.name;
        Ok(Signature { name, content })
    };
    files.into_iter().map(of_file).collect()
}

/// The manifest under the tag `.sig`, with its name; `None` if there is none. containers/image takes only an OCI
/// manifest, and other programs also docker's.
pub(super) fn attached(
    reader: &Reader<'_>,
    digest: &Digest,
    takes_docker: bool,
) -> Result<Option<(String, SigManifest)>, Error> {
    let tag = tag_of(digest, Attachment::Signatures, "");
    let found = reader.store().find(&Reference::Tag(tag.clone()))?;
    let Some(descriptor) = found.into_iter().next() else {
        return Ok(None);
    };
    let kind = &*descriptor.media_type;
    if kind != media::MANIFEST && !(takes_docker && media::is_manifest(kind)) {
        return Err(stored(&tag, format!("its media type is {kind}")));
    }
    let blob = reader.attached_blob(&descriptor, MOST_BYTES)?;
    if !takes_docker {
        check_as_go(blob.bytes()).map_err(|bad| stored(&tag, bad.to_string()))?;
    }
    let manifest = attachment(blob.bytes()).map_err(|bad| stored(&tag, bad.to_string()))?;
    Ok(Some((tag, manifest)))
}

/// The attachments of an image in a registry: all of them, of any type, each with its payload.
pub(super) fn attachments(
    reader: &Reader<'_>,
    tag: &str,
    manifest: &SigManifest,
) -> Result<Vec<Signature>, Error> {
    let read = parallel::map_on(AT_ONCE, manifest.layers(), |n, layer: &cosign::Layer| {
        let blob = reader.attached_blob(&layer.descriptor, MOST_BYTES)?;
        Ok(Signature {
            name: format!("{tag} layer {}", n + 1),
            content: Content::Sigstore(Sigstore {
                media_type: layer.descriptor.media_type.to_string(),
                payload: blob.bytes().to_vec(),
                annotations: layer.annotations.clone(),
            }),
        })
    });
    read.into_iter().collect()
}
