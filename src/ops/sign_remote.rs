//! Signing images in a repository of a registry, where they are.

use std::collections::HashMap;
use std::sync::Mutex;

use super::endorsement::repository::settle;
use super::error::Error;
use super::place::At;
use super::sign::{How, Ready, SignedImage, SignedImages, Work};
use crate::crypto::Digest;
use crate::key::KeyRing;
use crate::progress::Progress;
use crate::scheme::annotation::{Root, Vendor};
use crate::store::remote::MOST_TRIES;
use crate::store::{self, Edit, Kind, Reader, Store, Target, window};

/// Signs images of a repository.
#[derive(Clone, Debug)]
pub struct SignInRegistry {
    /// The repository.
    pub at: At,
    /// Which images, and with which keys.
    pub how: How,
}

impl SignInRegistry {
    /// Checks and signs the images: every layer is read. The tags by which they are named lead to what was signed; where
    /// another run moves one meanwhile, all is done again from the start, three times.
    pub fn run(&self, ring: &KeyRing, progress: &dyn Progress) -> Result<SignedImages, Error> {
        if self.how.wants_token() {
            // What the user can put right is told before a PIN is asked for.
            self.how.vouch.check_files()?;
            let store = self.at.to_write();
            let store = store.meaning(&self.how.references, self.how.limits)?;
            let reader = Reader::new(&store, self.how.limits);
            reader.resolve(&self.how.references, &self.how.selection)?;
        }
        let ready = self.how.ready(ring)?;
        let mut tried = 1;
        loop {
            match self.once(&ready, progress) {
                Err(Error::Store(store::Error {
                    kind: Kind::Lost { .. },
                    ..
                })) if tried < MOST_TRIES => tried += 1,
                other => return other,
            }
        }
    }

    fn once(&self, ready: &Ready, progress: &dyn Progress) -> Result<SignedImages, Error> {
        let how = &self.how;
        let store = self.at.to_write();
        let mut store = store.meaning(&how.references, how.limits)?;
        let reader = Reader::new(&store, how.limits);
        let images = how.load(&reader)?;
        let Ready { signer, voucher } = ready;
        let vendor = *signer.public_key();
        let (endorsement, source) = settle(voucher, &vendor, &images, &store, &reader)?;
        let ca = *endorsement.ca();
        let scheme = Vendor::new(endorsement);
        let verifier = Root::new(ca, vec![vendor]);
        let threads = how.threads(images.len());
        let work = Work {
            reader: &reader,
            signer: &**signer,
            scheme: &scheme,
            earlier: &HashMap::new(),
            verifier: &verifier,
            for_realms: false,
            found: Mutex::default(),
            progress,
        };
        let (configs, edits): (Vec<Digest>, Vec<Edit>) =
            work.all(images, threads)?.into_iter().unzip();
        drop(work);
        // All images may carry signatures already.
        signer.prove_public()?;
        window::release();
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
            warnings: Vec::new(),
            mended: applied.mended,
            realms: Vec::new(),
            changed: applied.changed,
        })
    }
}
