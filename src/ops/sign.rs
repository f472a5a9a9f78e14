//! Signing images in a registry.

use std::path::PathBuf;

use super::endorsement::{Search, Source, Vouch, Voucher};
use super::{Error, broken_rule};
use crate::crypto::p384::Fingerprint;
use crate::crypto::{Digest, Signer};
use crate::image::{AppName, Change, Image, Reference};
use crate::key::{KeyRef, KeyRing};
use crate::progress::Progress;
use crate::report::{Report, rule};
use crate::scheme::annotation::{Root, Vendor};
use crate::scheme::{SignScheme, VerifyScheme};
use crate::store::{AppliedImage, Edit, Layout, Limits, Referrer, Registry, Selection};

/// Signs images of an app that is in the registry.
#[derive(Clone, Debug)]
pub struct SignImages {
    /// The registry directory.
    pub registry: PathBuf,
    /// The app.
    pub app: AppName,
    /// Which images, and with which keys.
    pub how: How,
}

/// Which images are signed, and with which keys.
#[derive(Clone, Debug)]
pub struct How {
    /// The images; empty where the layout holds exactly one.
    pub references: Vec<Reference>,
    /// Which of a multi-platform tag's.
    pub selection: Selection,
    /// The vendor's private key.
    pub vendor: KeyRef,
    /// The CA's word for the vendor.
    pub vouch: Vouch,
    /// How much is read before giving up.
    pub limits: Limits,
}

/// What was signed.
#[derive(Clone, Debug)]
pub struct SignedImages {
    /// The layout.
    pub layout: PathBuf,
    /// The images.
    pub images: Vec<SignedImage>,
    /// The vendor's key.
    pub vendor: Fingerprint,
    /// The CA's key.
    pub ca: Fingerprint,
    /// Where the endorsement comes from.
    pub endorsement: Source,
    /// What still refers to an unsigned manifest.
    pub referrers: Vec<Referrer>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Whether anything was written.
    pub changed: bool,
}

/// One signed image.
#[derive(Clone, Debug)]
pub struct SignedImage {
    /// What became of its manifest.
    pub applied: AppliedImage,
    /// The config that was signed.
    pub config: Digest,
}

impl SignedImage {
    /// Whether the image carried this very signature already.
    pub fn was_signed(&self) -> bool {
        self.applied.old == self.applied.new
    }
}

/// Keys and the CA's word, read and checked before any image is touched.
pub(super) struct Ready {
    signer: Box<dyn Signer>,
    voucher: Voucher,
}

impl How {
    /// Reads the keys. An endorsement that does not hold is refused here.
    pub(super) fn ready(&self) -> Result<Ready, Error> {
        let mut ring = KeyRing::new();
        let signer = ring.signer(&self.vendor)?;
        let voucher = self.vouch.read(&mut ring, signer.public_key())?;
        Ok(Ready { signer, voucher })
    }

    /// Signs images of one layout, all or none.
    pub(super) fn sign(
        &self,
        ready: Ready,
        layout: &mut Layout,
        registry: &Registry,
        app: &AppName,
        present: Option<&Layout>,
        progress: &dyn Progress,
    ) -> Result<SignedImages, Error> {
        let images = self.load(layout, progress)?;
        let Ready { signer, voucher } = ready;
        let vendor = *signer.public_key();
        let mut warnings = Vec::new();
        let search = Search {
            registry,
            app,
            layouts: &[Some(&*layout), present]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
            images: &images,
        };
        let (endorsement, source) =
            voucher.settle(&vendor, &search, &mut |text| warnings.push(text))?;
        let ca = *endorsement.ca();
        let scheme = Vendor::new(endorsement);
        let verifier = Root::new(ca, vec![vendor]);
        let mut edits = Vec::new();
        let mut configs = Vec::new();
        for image in images {
            let change = scheme.sign(&image, &*signer)?;
            configs.push(image.config.digest());
            // No more of the image is kept than is needed yet.
            edits.push(self_check(image, change, &verifier)?);
        }
        let applied = layout.apply(&edits)?;
        let images = applied.images.into_iter().zip(configs);
        Ok(SignedImages {
            layout: registry.path_of(app),
            images: images
                .map(|(applied, config)| SignedImage { applied, config })
                .collect(),
            vendor: vendor.fingerprint(),
            ca: ca.fingerprint(),
            endorsement: source,
            referrers: applied.referrers,
            warnings,
            changed: applied.changed,
        })
    }

    /// Reads the images and checks all that a signature will vouch for.
    fn load(&self, layout: &Layout, progress: &dyn Progress) -> Result<Vec<Image>, Error> {
        let mut targets = Vec::new();
        if self.references.is_empty() {
            targets = layout.resolve(None, &self.selection)?;
        }
        for reference in &self.references {
            targets.extend(layout.resolve(Some(reference), &self.selection)?);
        }
        let mut images: Vec<Image> = Vec::new();
        for target in targets {
            if images
                .iter()
                .any(|i| i.digest() == target.descriptor.digest)
            {
                continue;
            }
            let unfit = |rule, reason| Error::Unfit {
                layout: layout.path().to_owned(),
                image: target.name.clone(),
                rule,
                reason,
            };
            let image = layout.load(&target).map_err(|e| match broken_rule(&e) {
                Some((rule, reason)) => unfit(rule, reason),
                None => e.into(),
            })?;
            let layers = layout.check_layers(&image, progress)?;
            if let Err(reason) = layers.blobs {
                return Err(unfit(rule::LAYER_BLOBS, reason));
            }
            match layers.diff_ids {
                Some(Ok(())) => images.push(image),
                Some(Err(reason)) => return Err(unfit(rule::DIFF_IDS, reason)),
                None => unreachable!("only a wrong blob keeps diff_ids from being told"),
            }
        }
        Ok(images)
    }
}

/// Verifies the image as it will be, before anything is written.
fn self_check(image: Image, change: Change, verifier: &Root) -> Result<Edit, Error> {
    let Change::Annotate(annotations) = &change;
    let mut signed = image;
    signed.manifest.annotations.extend(annotations.clone());
    let findings = verifier.verify(&signed);
    let report = Report {
        subject: signed.name.clone(),
        digest: signed.digest(),
        checks: findings.checks,
        signatories: findings.signatories,
    };
    match report.decide() {
        Ok(_) => Ok(Edit {
            name: signed.name,
            manifest: signed.manifest_blob,
            change,
        }),
        Err(report) => {
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

impl SignImages {
    /// Checks and signs the images. Each change of the layout is made whole or not at all.
    pub fn run(&self, progress: &dyn Progress) -> Result<SignedImages, Error> {
        let ready = self.how.ready()?;
        let registry = Registry::open(&self.registry, self.how.limits)?;
        let mut layout = registry.layout(&self.app)?;
        self.how
            .sign(ready, &mut layout, &registry, &self.app, None, progress)
    }
}
