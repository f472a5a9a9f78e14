//! Signing images in a registry.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::decryption::Encrypted;
use super::endorsement::{EndorsementFrom, Endorser, Search, Staging};
use super::error::{Error, broken_rule, is_given_up};
use super::judge::candidate;
use super::signed::{SignedImage, SignedImages};
use super::{earlier, realms};
use crate::crypto::{Digest, Signature, Signed};
use crate::image::realm::Finding;
use crate::image::{AppName, Change, Image, Reference};
use crate::key::{KeyRef, KeyRing, P384Signer};
use crate::parallel;
use crate::progress::Progress;
use crate::report::{Report, Verdict, rule};
use crate::scheme::SignScheme;
use crate::scheme::annotation::{Root, Vendor};
use crate::store::{
    Edit, ForRealms, Layout, Limits, Place, Reader, Registry, RegistryLock, Selected, Selection,
    Target, Window, realm_layers,
};

/// Which images to sign, and with which keys.
#[derive(Clone, Debug)]
pub struct How {
    /// The images; empty where the layout holds exactly one.
    pub references: Vec<Reference>,
    /// Whether the user means all images of the layout.
    pub all: bool,
    /// Which images of a multi-platform tag.
    pub selection: Selection,
    /// The vendor's private key.
    pub vendor: KeyRef,
    /// The CA's endorsement of the vendor.
    pub endorsement: EndorsementFrom,
    /// Whether to mend the layout so that realms get the images.
    pub for_realms: bool,
    /// Whether to replace an endorsement by another CA.
    pub replaces_other_ca: bool,
    /// The treatment of encrypted layers.
    pub encrypted: Encrypted,
    /// The limits on input.
    pub limits: Limits,
    /// How many signatures to request at once.
    pub jobs: NonZeroUsize,
}

/// The keys and the endorsement's source, read and checked before any image.
pub(super) struct Ready {
    pub(super) signer: P384Signer,
    pub(super) endorser: Endorser,
}

/// The layout that is signed, in its registry.
pub(super) struct Site<'a> {
    pub(super) registry: &'a Registry,
    /// The app.
    pub(super) app: &'a AppName,
    pub(super) staging: Staging<'a>,
    /// Blobs that this run hashed while it wrote them, with their sizes. It need not read them again.
    pub(super) written: &'a [(Digest, u64)],
}

/// Images that are checked and signed, but not written yet.
pub(super) struct Unwritten {
    pub(super) configs: Vec<Digest>,
    pub(super) edits: Vec<Edit>,
    /// Their encrypted layers that the run did not look into, in words.
    pub(super) sealed: Vec<String>,
    /// The findings that keep realms from them, by their names.
    pub(super) of_images: BTreeMap<String, Vec<Finding>>,
}

impl How {
    /// The keys.
    pub(super) fn keys(&self) -> Vec<&KeyRef> {
        let (EndorsementFrom::File { ca, .. } | EndorsementFrom::Ca(ca)) = &self.endorsement;
        vec![&self.vendor, ca]
    }

    /// Whether a key is on a token.
    pub(super) fn wants_token(&self) -> bool {
        let on_token = |key: &&KeyRef| matches!(key, KeyRef::Token(_));
        self.keys().iter().any(on_token)
    }

    /// Reads the keys. Refuses an endorsement that does not verify.
    pub(super) fn ready(&self, ring: &KeyRing) -> Result<Ready, Error> {
        let signer = ring.signer(&self.vendor)?;
        let endorser = self.endorsement.read(ring, signer.public_key())?;
        ring.check_passports()?;
        Ok(Ready { signer, endorser })
    }

    /// Signs images of one layout, all or none. Until the caller drops the returned lock, other runs wait with
    /// their changes in the registry.
    pub(super) fn sign(
        &self,
        ready: &Ready,
        layout: &mut Layout,
        site: &Site<'_>,
        window: Window,
        progress: &dyn Progress,
    ) -> Result<(SignedImages, RegistryLock), Error> {
        if let Some(Err(reason)) = layout.check_docker_list()? {
            return Err(Error::TwoLists {
                place: Place::Layout(layout.path().to_owned()),
                reason,
            });
        }
        let Site {
            registry,
            app,
            staging,
            ..
        } = *site;
        let reader = Reader::with_window(layout, self.limits, window).opening(&self.encrypted.keys);
        for (digest, size) in site.written {
            reader.note_written(*digest, *size);
        }
        let images = self.load(&reader)?;
        let Ready { signer, endorser } = ready;
        let vendor = *signer.public_key();
        let mut warnings = Vec::new();
        let search = Search {
            registry,
            app,
            layout,
            staging,
            images: &images,
            replaces_other_ca: self.replaces_other_ca,
        };
        let chosen = endorser.choose(&vendor, &search, &mut |text| warnings.push(text))?;
        let ca = *chosen.endorsement.ca();
        let scheme = Vendor::new(chosen.endorsement.clone());
        let earlier = match staging {
            Staging::Staged(Some(there)) => earlier::signatures(there, &scheme)?,
            _ => HashMap::new(),
        };
        let Unwritten {
            configs,
            edits,
            sealed,
            of_images,
        } = self.edits(signer, &reader, (&scheme, &earlier), images, progress)?;
        // Writing needs memory of its own.
        drop(reader);
        warnings.extend(sealed);
        // A token may take long, so this run takes the lock only now. Other runs may have been faster.
        let lock = registry.lock()?;
        if matches!(staging, Staging::InRegistry) {
            registry.check_in_place(app, layout)?;
        }
        chosen.check(&vendor, registry, app)?;
        let applied = if self.for_realms {
            let realms = ForRealms {
                references: &self.references,
                by_platform: matches!(self.selection, Selection::Platform(_)),
            };
            layout.apply_for_realms(&edits, realms)?
        } else {
            layout.apply(&edits)?
        };
        // The images are signed: later errors do not undo that.
        let found = realms::of_signed(
            layout,
            &self.references,
            &self.selection,
            applied.images.len(),
        );
        let mut realms = found.unwrap_or_else(|e| {
            warnings.push(format!("cannot tell whether realms get this app: {e}"));
            Vec::new()
        });
        realms.extend(realms::of_images(of_images));
        let unseen = if self.all {
            Ok(Vec::new())
        } else {
            layout.reader().beside_the_only_one(&self.references)
        };
        let unseen = unseen.unwrap_or_else(|e| {
            warnings.push(format!("cannot tell whether there are other images: {e}"));
            Vec::new()
        });
        let images = applied.images.into_iter().zip(configs);
        let signed = SignedImages {
            layout: registry.path_of(app),
            images: images
                .map(|(applied, config)| SignedImage { applied, config })
                .collect(),
            vendor: vendor.fingerprint(),
            ca: ca.fingerprint(),
            endorsement: chosen.source,
            unseen,
            referrers: applied.referrers,
            warnings,
            mended: applied.mended,
            realms,
            changed: applied.changed,
        };
        Ok((signed, lock))
    }

    /// Checks images of any place and signs them. Writes nothing yet.
    pub(super) fn edits(
        &self,
        signer: &P384Signer,
        reader: &Reader<'_>,
        (scheme, earlier): (&Vendor, &HashMap<Digest, Signature>),
        images: Vec<Image>,
        progress: &dyn Progress,
    ) -> Result<Unwritten, Error> {
        let verifier = Root::new(*scheme.endorsement().ca(), vec![*signer.public_key()]);
        let threads = self.threads(images.len());
        let work = Work {
            reader,
            signer,
            scheme,
            earlier,
            verifier: &verifier,
            for_realms: self.for_realms,
            allow_encrypted: self.encrypted.are_allowed,
            found: Mutex::default(),
            sealed: Mutex::default(),
            progress,
        };
        let (configs, edits) = work.all(images, threads)?.into_iter().unzip();
        let found = work.found.into_inner();
        let mut sealed = work
            .sealed
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        sealed.sort();
        // All images may carry signatures already.
        signer.prove_public()?;
        Ok(Unwritten {
            configs,
            edits,
            sealed,
            of_images: found.unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// Every image of the layout that a runtime could run.
    pub(super) fn all_images(&self, reader: &Reader<'_>) -> Result<Vec<Selected>, Error> {
        let (images, _) = reader.all_images()?;
        if images.is_empty() {
            // Zero images are an error, not a success.
            return Ok(reader.resolve(&[], &self.selection)?);
        }
        Ok(images)
    }

    /// How many images to prepare at once: one a processor, and one more for each session of a token, so that no
    /// session waits for the next image.
    pub(super) fn threads(&self, images: usize) -> usize {
        // Counting the processors takes longer than signing one image.
        if images < 2 {
            return 1;
        }
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match self.vendor {
            KeyRef::File(_) => processors,
            KeyRef::Token(_) => processors.saturating_add(self.jobs.get()),
        }
    }

    /// Reads the images' manifests and configs.
    pub(super) fn load(&self, reader: &Reader<'_>) -> Result<Vec<Image>, Error> {
        let mut selected = if self.all {
            self.all_images(reader)?
        } else if self.for_realms {
            realms::selected(reader, &self.references, &self.selection)?
        } else {
            reader.resolve(&self.references, &self.selection)?
        };
        let mut seen = HashSet::new();
        selected.retain(|selected| seen.insert(selected.descriptor.clone()));
        let images = parallel::map(&selected, usize::MAX, |_, selected| {
            reader
                .load_as_listed(selected)
                .map_err(|e| match broken_rule(&e) {
                    Some((rule, reason)) => unfit(reader.place(), &selected.name, rule, reason),
                    None => e.into(),
                })
        });
        // The platforms of all entries of an image are checked; the image is signed once.
        let mut images: Vec<Image> = images.into_iter().collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        images.retain(|image| seen.insert(image.digest()));
        Ok(images)
    }
}

fn unfit(place: &Place, image: &str, rule: &'static str, reason: String) -> Error {
    Error::Unfit {
        place: place.clone(),
        image: image.to_owned(),
        rule,
        reason,
    }
}

/// The keys and options for all images of a run.
pub(super) struct Work<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) signer: &'a P384Signer,
    pub(super) scheme: &'a Vendor,
    /// The vendor's signatures of configs in the layout that this one replaces.
    pub(super) earlier: &'a HashMap<Digest, Signature>,
    pub(super) verifier: &'a Root,
    /// Whether to refuse images that realms cannot unpack.
    pub(super) for_realms: bool,
    /// Whether to sign images with encrypted layers that no key opens.
    pub(super) allow_encrypted: bool,
    /// The findings on layers that realms cannot unpack, by the images' names.
    pub(super) found: Mutex<BTreeMap<String, Vec<Finding>>>,
    /// Encrypted layers that the run did not look into, in words.
    pub(super) sealed: Mutex<Vec<String>>,
    pub(super) progress: &'a dyn Progress,
}

impl Work<'_> {
    /// Signs all images, or returns the error of the first that cannot be signed.
    pub(super) fn all(
        &self,
        images: Vec<Image>,
        threads: usize,
    ) -> Result<Vec<(Digest, Edit)>, Error> {
        let failed = AtomicBool::new(false);
        let images: Vec<Mutex<Option<Image>>> = images
            .into_iter()
            .map(|image| Mutex::new(Some(image)))
            .collect();
        let edits = parallel::map_on(threads, &images, |_, image| {
            // The run writes nothing any more, so it spares the key.
            if failed.load(Ordering::Relaxed) {
                return None;
            }
            let image = image
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()?;
            let edit = self.one(image);
            failed.fetch_or(edit.is_err(), Ordering::Relaxed);
            Some(edit)
        });
        let left_out = edits.iter().any(Option::is_none);
        let (signed, failed): (Vec<_>, Vec<_>) =
            edits.into_iter().flatten().partition(Result::is_ok);
        let errors = failed.into_iter().filter_map(Result::err);
        if let Some(error) = errors.min_by_key(is_given_up) {
            return Err(error);
        }
        assert!(!left_out, "an image is left out only after an error");
        signed.into_iter().collect()
    }

    /// Checks all that a signature will cover, drafts, signs, and verifies the signed image.
    fn one(&self, mut image: Image) -> Result<(Digest, Edit), Error> {
        self.check(&image)?;
        if let Some(earlier) = self.earlier.get(&image.config.digest()) {
            self.scheme.add_if_unsigned(&mut image, earlier);
        }
        let draft = self
            .scheme
            .draft(&image, self.signer.signer().public_key())?;
        let change = draft.finish(|message| {
            let content = Signed::Bytes(message.content.bytes());
            self.signer.signer().sign(message.by, content)
        })?;
        let config = image.config.digest();
        Ok((config, self.self_check(image, &change)?))
    }

    fn check(&self, image: &Image) -> Result<(), Error> {
        let layers = self.reader.check_layers_for_realms(image, self.progress)?;
        let unfit = |rule, reason| unfit(self.reader.place(), &image.name, rule, reason);
        if let Err(reason) = layers.blobs {
            return Err(unfit(rule::LAYER_BLOBS, reason));
        }
        match layers.diff_ids {
            Some(Ok(())) => {
                if let Some(sealed) = layers.sealed {
                    if !self.allow_encrypted {
                        return Err(unfit(rule::DIFF_IDS, sealed));
                    }
                    let name = &image.name;
                    let told = format!(
                        "{name} is signed and {} is not checked: {sealed}",
                        rule::DIFF_IDS
                    );
                    self.sealed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(told);
                }
            }
            Some(Err(reason)) => return Err(unfit(rule::DIFF_IDS, reason)),
            None => unreachable!("diff_ids are unknown only where a blob is wrong"),
        }
        let mut found = realm_layers::check_config(image);
        found.extend(layers.realm.into_iter().flatten());
        if let (true, Some(Finding { rule, reason })) = (self.for_realms, found.first()) {
            return Err(unfit(rule, reason.clone()));
        }
        if !found.is_empty() {
            let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(image.name.clone(), found);
        }
        Ok(())
    }

    /// Verifies the image as it will be, before anything is written.
    fn self_check(&self, image: Image, change: &Change) -> Result<Edit, Error> {
        let mut signed = image;
        if let Change::Annotate(annotations) = change {
            signed.manifest.annotations.extend(annotations.clone());
        }
        let candidate = candidate(self.verifier, &signed);
        let report = Report {
            subject: signed.name.clone(),
            digest: signed.digest(),
            checks: candidate.checks,
            signatories: candidate.signatories,
        };
        match report.decide() {
            Verdict::Trusted(_) => Ok(self.reader.edit(&signed, change)?),
            Verdict::Allowed(report) | Verdict::Refused(report) => {
                let (rule, reason) = report
                    .failure()
                    .unwrap_or(("annotation", "no check passed"));
                Err(Error::SelfCheck {
                    image: signed.name,
                    rule,
                    reason: reason.to_owned(),
                })
            }
        }
    }
}
