//! Signing images and attesting to them, in both of cosign's forms.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Error as CosignError;
use super::hanging::{Hanging, check_readable};
use super::image::CosignImage;
use crate::crypto::{Algorithm, Digest, PublicKey, Signed};
#[cfg(feature = "registry")]
use crate::image::Reference;
use crate::image::realm::Finding;
use crate::image::{Change, Descriptor};
use crate::key::Signer;
use crate::ops::error::Error;
use crate::ops::location::Location;
use crate::progress::Progress;
use crate::scheme::SignScheme;
use crate::scheme::cosign::{
    Bundle, BundleContent, ByBundle, ByTag, Hashes, PredicateType, Statement, Statements, Tagged,
    Target,
};
use crate::store::{self, Edit, Kind, Layout, Limits, Reader, Registry, Target as _};

/// How often the run starts again because another run changed the image's attachments.
const MOST_TRIES: usize = 3;

/// The forms to make a signature in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forms {
    /// Under a tag: `.sig`, `.att`.
    pub by_tag: bool,
    /// As bundles that refer to the image.
    pub bundle: bool,
}

impl Forms {
    /// All forms, so that each verifier finds one that it knows.
    pub const ALL: Self = Self {
        by_tag: true,
        bundle: true,
    };
}

/// Signs images, or attests to them.
#[derive(Clone, Debug)]
pub struct CosignSign {
    /// The images.
    pub images: Vec<CosignImage>,
    /// What to sign about them.
    pub says: Says,
    /// Whether to sign everything that an index leads to, too.
    pub recursive: bool,
    /// The forms.
    pub forms: Forms,
    /// The hashes to sign under.
    pub hashes: Hashes,
    /// The limits on reading what hangs on the images already.
    pub hanging: Hanging,
    /// Whether to attach the signatures. If not, the run only makes them and hands them to the caller.
    pub attaches: bool,
    /// The time in RFC 3339.
    pub now: String,
}

/// What to sign about an image.
#[derive(Clone, Debug)]
pub enum Says {
    /// The signer vouches for it.
    Signature {
        /// The name by which to sign the image, if the user gives one.
        identity: Option<String>,
        /// The annotations that the signer adds.
        annotations: BTreeMap<String, String>,
    },
    /// A predicate.
    Attestation {
        /// Its type.
        kind: PredicateType,
        /// Its JSON text.
        predicate: Box<serde_json::value::RawValue>,
        /// Whether it replaces the same key's attestations of this type.
        replaces: bool,
    },
}

/// The result for one image or index.
#[derive(Clone, Debug)]
pub struct CosignSigned {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// The signatures, new or kept.
    pub made: Vec<Made>,
    /// The findings that keep realms from the app, if the place is a layout.
    pub realms: Result<Vec<Finding>, String>,
}

/// One signature.
#[derive(Clone, Debug)]
pub struct Made {
    /// `.sig`, `.att` or `bundle`.
    pub form: &'static str,
    /// Its algorithm.
    pub by: Algorithm,
    /// A new signature and the content that it signs; `None` if a valid signature was there already.
    pub new: Option<NewSignature>,
    /// How many older attestations stay that the new one was to replace.
    pub left: usize,
}

/// A signature that was made.
#[derive(Clone, Debug)]
pub struct NewSignature {
    /// What it signs.
    pub message: Vec<u8>,
    /// The signature in DER.
    pub signature: Vec<u8>,
    /// The bundle, for that form.
    pub bundle: Option<Vec<u8>>,
}

impl CosignSign {
    /// Signs image after image. Each error concerns one image.
    pub fn run(
        &self,
        signer: &dyn Signer,
        progress: &dyn Progress,
    ) -> Result<Vec<Result<Vec<CosignSigned>, Error>>, Error> {
        for image in &self.images {
            image.check_writable()?;
        }
        self.hashes.of(signer.public_key())?;
        let mut all = Vec::new();
        for image in &self.images {
            let done = self.one(image, signer, progress);
            let is_over = matches!(done, Err(Error::Key(_)));
            all.push(done);
            // The run asks a key that failed for nothing more.
            if is_over {
                break;
            }
        }
        Ok(all)
    }

    fn one(
        &self,
        image: &CosignImage,
        signer: &dyn Signer,
        progress: &dyn Progress,
    ) -> Result<Vec<CosignSigned>, Error> {
        let _ = progress;
        for _ in 0..MOST_TRIES {
            match self.once(image, signer) {
                Err(Error::Store(store::Error {
                    kind: Kind::Lost { .. },
                    ..
                })) => {}
                other => return other,
            }
        }
        let image = image.name.to_string();
        Err(CosignError::Overtaken { image }.into())
    }

    fn once(&self, image: &CosignImage, signer: &dyn Signer) -> Result<Vec<CosignSigned>, Error> {
        let limits = Limits::default();
        match &image.location {
            Location::App { registry, app } => {
                let mut layout = Registry::open(registry, limits)?.layout(app)?;
                self.in_layout(image, signer, &mut layout)
            }
            Location::Layout(path) => {
                let mut layout = Layout::at(path, limits)?;
                self.in_layout(image, signer, &mut layout)
            }
            Location::Archive { .. } => Err(CosignError::InArchive(image.location.place()).into()),
            #[cfg(feature = "registry")]
            Location::Repository(at) => {
                let reference = image.reference.clone();
                let references: Vec<Reference> = reference.into_iter().collect();
                let mut store = at.to_write().meaning(&references, limits)?;
                let elsewhere = image.elsewhere_to_write();
                let (done, edits) = {
                    let reader = Reader::new(&store, limits);
                    let beside = elsewhere.as_ref().map(|store| Reader::new(store, limits));
                    self.edits(image, signer, &reader, beside.as_ref().unwrap_or(&reader))?
                };
                match elsewhere {
                    _ if !self.attaches => {}
                    Some(elsewhere) => elsewhere.attach_all(&edits)?,
                    None => {
                        store.apply(&edits)?;
                    }
                }
                Ok(done)
            }
        }
    }

    fn in_layout(
        &self,
        image: &CosignImage,
        signer: &dyn Signer,
        layout: &mut Layout,
    ) -> Result<Vec<CosignSigned>, Error> {
        let (mut done, edits) = {
            let reader = layout.reader();
            self.edits(image, signer, &reader, &reader)?
        };
        if self.attaches && edits.is_empty() {
            layout.sync_existing()?;
        } else if self.attaches {
            layout.apply(&edits)?;
            // The image is signed: later errors do not undo that.
            let realms = layout.realm_findings().map_err(|error| error.to_string());
            if let Some(first) = done.first_mut() {
                first.realms = realms;
            }
        }
        Ok(done)
    }

    /// Signs the image and, if the user asked for it, everything that it leads to. `beside` reads what hangs on it.
    /// Writes nothing yet.
    fn edits(
        &self,
        image: &CosignImage,
        signer: &dyn Signer,
        reader: &Reader<'_>,
        beside: &Reader<'_>,
    ) -> Result<(Vec<CosignSigned>, Vec<Edit>), Error> {
        let (name, subject) = reader.subject(image.reference.as_ref())?;
        let subjects = if self.recursive {
            reader.with_all_below(&subject)?
        } else {
            vec![Arc::clone(&subject)]
        };
        let names = [subject.full_name.as_deref(), subject.tag.as_deref()];
        let (mut done, mut edits) = (Vec::new(), Vec::new());
        for descriptor in subjects {
            // The signature covers the digest that leads to the content.
            reader.whole(&descriptor)?;
            let says = self.statements(image, &names, &descriptor.digest)?;
            let made = self.sign(&says, &descriptor, signer, beside, &mut |change| {
                check_readable(beside, change)?;
                if let Change::Attach {
                    manifest,
                    blobs,
                    by,
                } = change
                {
                    let digest = descriptor.digest;
                    edits.push(beside.attach(&name, digest, manifest, blobs, by)?);
                }
                Ok(())
            })?;
            done.push(CosignSigned {
                name: name.clone(),
                digest: descriptor.digest,
                made,
                realms: Ok(Vec::new()),
            });
        }
        Ok((done, edits))
    }

    fn statements(
        &self,
        image: &CosignImage,
        names: &[Option<&str>],
        digest: &Digest,
    ) -> Result<Statements, Error> {
        Ok(match &self.says {
            Says::Signature {
                identity,
                annotations,
            } => Statements::Signature {
                docker_reference: image.identity(identity.as_deref(), names)?,
                annotations: annotations.clone(),
            },
            Says::Attestation {
                kind,
                predicate,
                replaces,
            } => {
                let name = image.identity(None, names).unwrap_or_default();
                // cosign names only the repository.
                let name = repository(&name);
                Statements::Attestation {
                    statement: Statement::attesting(name, digest, kind, predicate),
                    predicate_type: kind.uri().to_owned(),
                    replaces: *replaces,
                }
            }
        })
    }

    fn sign(
        &self,
        says: &Statements,
        descriptor: &Descriptor,
        signer: &dyn Signer,
        reader: &Reader<'_>,
        attach: &mut dyn FnMut(&Change) -> Result<(), Error>,
    ) -> Result<Vec<Made>, Error> {
        let key = signer.public_key();
        let digest = descriptor.digest;
        let attachment = says.attachment();
        let mut target = Target {
            descriptor: Descriptor {
                media_type: descriptor.media_type.clone(),
                ..descriptor.clone()
            },
            tagged: Tagged::default(),
            bundles: Vec::new(),
        };
        let algorithms = self.hashes.of(key)?;
        let mut made = Vec::new();
        if self.forms.by_tag {
            target.tagged = self.hanging.tagged(reader, &digest, attachment)?;
            let form = match attachment.ending() {
                "sig" => ".sig",
                _ => ".att",
            };
            let scheme = ByTag {
                says: says.clone(),
                hashes: self.hashes,
            };
            let (change, new) = drafted(&scheme, &target, signer)?;
            attach(&change)?;
            made.extend(algorithms.iter().map(|by| {
                Made {
                    form,
                    by: *by,
                    new: new
                        .iter()
                        .find(|(of, _)| of == by)
                        .map(|(_, new)| new.clone()),
                    left: 0,
                }
            }));
        }
        if self.forms.bundle {
            let bundles = self.hanging.bundles(reader, &digest)?;
            target.bundles = bundles.readable().collect();
            for by in algorithms {
                let scheme = ByBundle {
                    says: says.clone(),
                    by,
                    now: self.now.clone(),
                };
                let (change, new) = drafted(&scheme, &target, signer)?;
                attach(&change)?;
                let new = new.into_iter().next().map(|(_, mut new)| {
                    new.bundle = bundle_in(&change);
                    new
                });
                made.push(Made {
                    form: "bundle",
                    by,
                    new,
                    left: scheme.left(&target, key),
                });
            }
        }
        Ok(made)
    }
}

/// Drafts, signs, and makes the change.
fn drafted<S: SignScheme<Subject = Target>>(
    scheme: &S,
    target: &Target,
    signer: &dyn Signer,
) -> Result<(Change, Vec<(Algorithm, NewSignature)>), Error> {
    let draft = scheme.draft(target, signer.public_key())?;
    let mut new = Vec::new();
    let change = draft.finish(|message| {
        let bytes = message.content.bytes();
        let signature = signer.sign(message.by, Signed::Bytes(bytes))?;
        new.push((
            message.by,
            NewSignature {
                message: bytes.to_vec(),
                signature: signature.to_bytes(),
                bundle: None,
            },
        ));
        Ok::<_, crate::key::Error>(signature)
    })?;
    Ok((change, new))
}

/// The bundle that a change attaches.
fn bundle_in(change: &Change) -> Option<Vec<u8>> {
    let Change::Attach { blobs, .. } = change else {
        return None;
    };
    let mut blobs = blobs.iter();
    let bundle = blobs.find(|blob| {
        let read = Bundle::read(blob.bytes());
        read.is_ok_and(|bundle| matches!(bundle.content, BundleContent::Envelope(_)))
    })?;
    Some(bundle.bytes().to_vec())
}

/// `HOST/REPO` of a name with a tag.
pub(super) fn repository(name: &str) -> &str {
    let path = name.rfind('/').map_or(0, |at| at + 1);
    name[path..].find(':').map_or(name, |at| &name[..path + at])
}

/// Whether a key can sign here.
pub fn check_key(key: &PublicKey) -> Result<(), Error> {
    Hashes::default().of(key)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_repository_is_a_name_without_its_tag() {
        for (name, wanted) in [
            ("h.example:5000/a/b:1", "h.example:5000/a/b"),
            ("h.example:5000/a/b", "h.example:5000/a/b"),
            ("localhost/a:b", "localhost/a"),
            ("", ""),
        ] {
            assert_eq!(super::repository(name), wanted);
        }
    }
}
