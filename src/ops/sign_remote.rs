//! Signing images in a repository of a registry, where they are.

use std::collections::HashMap;

use super::endorsement::repository::choose;
use super::error::Error;
use super::repository::RepositoryAt;
use super::sign::{How, Ready, Unwritten};
use super::signed::{SignedImage, SignedImages};
use crate::image::Reference;
use crate::progress::Progress;
use crate::scheme::annotation::Vendor;
use crate::store::remote::MOST_TRIES;
use crate::store::{self, Kind, Reader, Store, Target};

/// Signs images of a repository.
#[derive(Clone, Debug)]
pub(super) struct SignInRegistry {
    /// The repository.
    pub(super) at: RepositoryAt,
    /// Which images, and with which keys.
    pub(super) how: How,
}

impl SignInRegistry {
    /// Checks and signs the images, and reads every layer. The tags in the references then lead to the signed
    /// images. If another run moves one meanwhile, this starts over, up to three times.
    pub(super) fn run(
        &self,
        ready: &Ready,
        progress: &dyn Progress,
    ) -> Result<SignedImages, Error> {
        let mut tried = 1;
        loop {
            match self.once(ready, progress) {
                Err(Error::Store(store::Error {
                    kind: Kind::Lost { .. },
                    ..
                })) if tried < MOST_TRIES => tried += 1,
                other => return other,
            }
        }
    }

    /// Does the same for each tag of the repository that leads to images.
    pub(super) fn each_tag(self) -> Result<Vec<Self>, Error> {
        let store = self.at.store();
        let reader = Reader::new(&store, self.how.limits);
        let mut all = Vec::new();
        for entry in store.entries()? {
            let Some(tag) = entry.tag().map(str::to_owned) else {
                continue;
            };
            let (images, _) = reader.all_images_of(vec![entry])?;
            if !images.is_empty() {
                let mut one = self.clone();
                one.how.all = false;
                one.how.references = vec![Reference::Tag(tag)];
                all.push(one);
            }
        }
        if all.is_empty() {
            // A run that finds nothing to sign must not look like a success.
            reader.resolve(&[], &self.how.selection)?;
        }
        Ok(all)
    }

    /// Refuses references that name no image.
    pub(super) fn check(&self) -> Result<(), Error> {
        let store = self.at.to_write();
        let store = store.meaning(&self.how.references, self.how.limits)?;
        let reader = Reader::new(&store, self.how.limits);
        reader.resolve(&self.how.references, &self.how.selection)?;
        Ok(())
    }

    fn once(&self, ready: &Ready, progress: &dyn Progress) -> Result<SignedImages, Error> {
        let how = &self.how;
        let store = self.at.to_write();
        let mut store = store.meaning(&how.references, how.limits)?;
        let reader = Reader::new(&store, how.limits).opening(&how.encrypted.keys);
        let images = how.load(&reader)?;
        let Ready { signer, endorser } = ready;
        let vendor = *signer.public_key();
        let (endorsement, source) = choose(
            endorser,
            &vendor,
            &images,
            &store,
            &reader,
            how.replaces_other_ca,
        )?;
        let ca = *endorsement.ca();
        let scheme = Vendor::new(endorsement);
        let with = (&scheme, &HashMap::new());
        let unwritten = how.edits(signer, &reader, with, images, progress)?;
        let Unwritten {
            configs,
            edits,
            sealed,
            ..
        } = unwritten;
        // Sending needs memory of its own.
        drop(reader);
        let applied = store.apply(&edits)?;
        let images = applied.images.into_iter().zip(configs);
        Ok(SignedImages {
            layout: store.place().to_string().into(),
            images: images
                .map(|(applied, config)| SignedImage { applied, config })
                .collect(),
            vendor: vendor.fingerprint(),
            ca: ca.fingerprint(),
            endorsement: source,
            unseen: Vec::new(),
            referrers: applied.referrers,
            warnings: sealed,
            mended: applied.mended,
            realms: Vec::new(),
            changed: applied.changed,
        })
    }
}
