//! The endorsement that a vendor has in a registry.
//!
//! A realm's measurement, and the key of its data, derive from the exact bytes of the endorsement. With another valid
//! signature of the same CA over the same key the realm loses its data. So ir-sign finds the endorsement in use and
//! uses it again. It never replaces it by another of the same CA.

mod in_use;
mod other_ca;
#[cfg(feature = "registry")]
pub(super) mod repository;
mod search;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use in_use::Use;
use other_ca::check_ca;
use search::search_layout;

use super::endorse;
use super::error::Error;
use super::file::read_signature;
use super::way::Way;
use crate::crypto::{Digest, P384Key};
use crate::files;
use crate::image::{AppName, Image, Manifest};
use crate::key::{self, KeyRef, KeyRing, P384Signer};
use crate::scheme::annotation::{self, Endorsement};
use crate::store::{self, Layout, Registry};

/// The source of the endorsement.
#[derive(Clone, Debug)]
pub enum EndorsementFrom {
    /// A file: the CA signed the vendor's key in a separate step.
    File {
        /// The DER signature of the vendor's DER `SubjectPublicKeyInfo`.
        signature: PathBuf,
        /// The CA's public key: a file with its DER `SubjectPublicKeyInfo`, or a token's.
        ca: KeyRef,
    },
    /// The CA's private key.
    Ca(KeyRef),
}

/// The source of the endorsement, read and checked as far as possible without the images.
pub(super) enum Endorser {
    Given(Box<Endorsement>, PathBuf),
    Signer(P384Signer),
}

impl EndorsementFrom {
    /// Refuses files that hold no signature or no key, before the PIN prompt.
    pub(super) fn check_files(&self) -> Result<(), Error> {
        if let Self::File { signature, ca } = self {
            // Standard input can be read only once.
            if let KeyRef::File(ca) = ca
                && !files::is_standard(ca)
            {
                key::read_public(ca)?;
            }
            if !files::is_standard(signature) {
                read_signature(signature)?;
            }
        }
        Ok(())
    }

    /// Reads the user's files and keys. Refuses an endorsement that does not verify.
    pub(super) fn read(&self, ring: &KeyRing, vendor: &P384Key) -> Result<Endorser, Error> {
        match self {
            Self::File { signature, ca } => {
                let ca = ring.public(ca)?;
                let given = read_signature(signature)?;
                let endorsement = Endorsement::verified(*vendor, ca, given).map_err(|source| {
                    Error::NotEndorsed {
                        path: signature.clone(),
                        source,
                    }
                })?;
                Ok(Endorser::Given(Box::new(endorsement), signature.clone()))
            }
            Self::Ca(key) => Ok(Endorser::Signer(ring.signer(key)?)),
        }
    }
}

/// The origin of the endorsement that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The user gave it.
    Given,
    /// It was on an image.
    Found(String),
    /// The vendor had no endorsement, and the CA's key made one.
    Made,
}

/// The place of the signed layout.
#[derive(Clone, Copy)]
pub(super) enum Staging<'a> {
    /// In the registry.
    InRegistry,
    /// In a staging folder, with the layout that it will replace, if any.
    Staged(Option<&'a Layout>),
}

/// The images that the search for endorsements in use covers.
pub(super) struct Search<'a> {
    pub(super) registry: &'a Registry,
    /// The signed app.
    pub(super) app: &'a AppName,
    /// The signed layout.
    pub(super) layout: &'a Layout,
    /// The place of that layout.
    pub(super) staging: Staging<'a>,
    /// The signed images.
    pub(super) images: &'a [Image],
    /// Whether to replace an endorsement by another CA.
    pub(super) replaces_other_ca: bool,
}

impl Endorser {
    fn ca(&self) -> P384Key {
        match self {
            Self::Given(endorsement, _) => *endorsement.ca(),
            Self::Signer(signer) => *signer.public_key(),
        }
    }

    /// Chooses the endorsement: the one on the images themselves, or on another image of the app, or of the
    /// registry. Refuses a different one that the user gave, unless only other apps carry the one in use, or images
    /// of the app carry both; then this calls `warn`.
    pub(super) fn choose(
        &self,
        vendor: &P384Key,
        search: &Search<'_>,
        warn: &mut dyn FnMut(String),
    ) -> Result<ChosenEndorsement, Error> {
        let ca = self.ca();
        let mut in_app = search.on_images(vendor, &ca);
        let own = in_app.len();
        search.warn_of_replaced(vendor, &ca, warn)?;
        // If the user gave an endorsement, an unreadable image gets a warning: it might carry another. If this run
        // may have to make one, it must first know that there is none.
        let given = matches!(self, Self::Given(..));
        let mut unread = |error: store::Error| {
            if given {
                warn(format!("{error}; {UNREAD}"));
                Ok(())
            } else {
                Err(error)
            }
        };
        let mut searched = SearchedApps::default();
        let (there, beside) = match search.staging {
            Staging::InRegistry => (Some(search.layout), None),
            Staging::Staged(there) => (there, Some(search.layout)),
        };
        let mut of = |layout| {
            let found = search_layout(layout, vendor, &ca, search.images, &mut unread);
            found.map_err(unknown(vendor))
        };
        if let Some(layout) = beside {
            in_app.extend(of(layout)?);
        }
        let beside = in_app.len();
        if let Some(there) = there {
            in_app.extend(of(there)?);
            searched.insert(search.app.clone(), there.index_digest());
        }
        match self {
            Self::Given(given, path) => {
                let (refused, others) = search.beside_given(given, &in_app, own, beside);
                if let Some(other) = refused {
                    let path = path.display().to_string();
                    return Err(conflict(other, given, vendor, &ca, path, Way::InUse));
                }
                let other_apps = search.other_apps(vendor, &ca, &mut unread);
                let (uses, _) = other_apps.map_err(unknown(vendor))?;
                let differs = |u: &&Use| u.endorsement != **given;
                for other in others.into_iter().chain(uses.iter().filter(differs)) {
                    warn(format!("{} {OTHER_USE}", other.image));
                }
                Ok(ChosenEndorsement {
                    endorsement: (**given).clone(),
                    source: Source::Given,
                    searched,
                    in_registry: false,
                })
            }
            Self::Signer(signer) => {
                // The images' own endorsements come first. Only if they have none do the others count, and those of
                // the app that is replaced.
                let mut candidates = in_app;
                let replaced = match search.staging {
                    Staging::InRegistry => Vec::new(),
                    Staging::Staged(_) => candidates.split_off(beside),
                };
                if own > 0 {
                    candidates.truncate(own);
                }
                check_replaced(&candidates, &replaced, vendor, &ca)?;
                candidates.extend(replaced);
                let in_registry = candidates.is_empty();
                if in_registry {
                    let others = search.other_apps(vendor, &ca, &mut unread);
                    let (uses, others) = others.map_err(unknown(vendor))?;
                    candidates = uses;
                    searched.extend(others);
                }
                let (endorsement, source) = match candidates.first() {
                    None => (endorse::make(*vendor, signer)?, Source::Made),
                    Some(first) => {
                        let differs = |u: &&Use| u.endorsement != first.endorsement;
                        if let Some(other) = candidates.iter().find(differs) {
                            let used = &first.endorsement;
                            let is_there =
                                in_registry || matches!(search.staging, Staging::InRegistry);
                            let way = Way::out(own > 0, is_there, &first.carrier);
                            let first = first.image.clone();
                            return Err(conflict(other, used, vendor, &ca, first, way));
                        }
                        signer.prove_public()?;
                        let source = Source::Found(first.image.clone());
                        (first.endorsement.clone(), source)
                    }
                };
                Ok(ChosenEndorsement {
                    endorsement,
                    source,
                    searched,
                    in_registry,
                })
            }
        }
    }
}

/// The searched apps, each with the digest of its `index.json` at that time.
type SearchedApps = BTreeMap<AppName, Digest>;

/// The chosen endorsement, and the state of the registry at that time.
pub(super) struct ChosenEndorsement {
    pub(super) endorsement: Endorsement,
    pub(super) source: Source,
    searched: SearchedApps,
    /// Whether endorsements in other apps count too.
    in_registry: bool,
}

impl ChosenEndorsement {
    /// Refuses the endorsement if another run has added another one since. The caller locks the registry until this
    /// one is written.
    pub(super) fn check(
        &self,
        vendor: &P384Key,
        registry: &Registry,
        app: &AppName,
    ) -> Result<(), Error> {
        let ca = *self.endorsement.ca();
        let mut apps = Vec::new();
        if registry.has(app)? {
            apps.push(app.clone());
        }
        if self.in_registry {
            let others = registry.apps(&mut Err)?.into_iter();
            apps.extend(others.filter(|other| other != app));
        }
        for app in apps {
            if self.searched.get(&app) == Some(&registry.index_digest(&app)?) {
                continue;
            }
            let layout = registry.layout(&app)?;
            // An image that was unreadable before is unreadable now.
            let given = matches!(self.source, Source::Given);
            let mut unread = |error| if given { Ok(()) } else { Err(error) };
            let found = search_layout(&layout, vendor, &ca, &[], &mut unread);
            let found = found.map_err(unknown(vendor))?;
            if let Some(other) = found.iter().find(|u| u.endorsement != self.endorsement) {
                return Err(Error::Overtaken {
                    found_on: other.image.clone(),
                    vendor: vendor.fingerprint(),
                    ca: ca.fingerprint(),
                });
            }
        }
        Ok(())
    }
}

const NOT_OF_CA: &str = "carries an endorsement of this vendor that is not by CA";
const OF_VENDOR: &str = "carries the endorsement of another vendor,";
const REPLACED: &str = "it is replaced, and a realm that was started with it loses its data";
const OTHER_USE: &str = "carries another valid endorsement of this vendor by this CA";
const UNREAD: &str = "whether it carries another endorsement of this vendor cannot be told";

impl Search<'_> {
    /// Looks through the app's endorsements: the first `own` are on the images that this run signs, and those from
    /// `beside` on are in the app that it replaces. Returns one that forbids the given endorsement, and those that
    /// differ from it and stay in the app. Signed images and a replaced app keep the endorsement that they have. Where
    /// the app's other images carry several, the user may choose any of these.
    fn beside_given<'u>(
        &self,
        given: &Endorsement,
        in_app: &'u [Use],
        own: usize,
        beside: usize,
    ) -> (Option<&'u Use>, Vec<&'u Use>) {
        let (replaced, others) = match self.staging {
            Staging::InRegistry => (&[][..], &in_app[own..]),
            Staging::Staged(_) => (&in_app[beside..], &in_app[own..beside]),
        };
        let differs = |u: &&Use| u.endorsement != *given;
        let is_chosen = in_app.iter().any(|u| u.endorsement == *given);
        let others: Vec<_> = others.iter().filter(differs).collect();
        let mut kept = in_app[..own].iter().chain(replaced).filter(differs);
        let refused = kept.next();
        (
            refused.or_else(|| others.first().copied().filter(|_| !is_chosen)),
            others,
        )
    }

    /// The endorsements on the signed images.
    fn on_images(&self, vendor: &P384Key, ca: &P384Key) -> Vec<Use> {
        let place = self.registry.path_of(self.app);
        let of = |image: &Image| {
            let named = (&*place, &*image.name, image.digest());
            Use::on(&image.manifest, named, vendor, ca)
        };
        self.images.iter().filter_map(of).collect()
    }

    /// Warns of endorsements that are replaced because they are of another vendor or by another CA: those on the
    /// images, and in the app that is replaced. Refuses to replace one by another CA unless the user allowed it.
    fn warn_of_replaced(
        &self,
        vendor: &P384Key,
        ca: &P384Key,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), Error> {
        let place = self.registry.path_of(self.app);
        let place = place.display();
        let mut tell = |manifest: &Manifest, name: &str| -> Result<(), Error> {
            let Some(endorsed) = annotation::endorsed(manifest) else {
                return Ok(());
            };
            check_ca(manifest, (&place, name), ca, self.replaces_other_ca)?;
            if endorsed != *vendor {
                let other = endorsed.fingerprint();
                warn(format!(
                    "{place}: image {name} {OF_VENDOR} {other}; {REPLACED}"
                ));
            } else if Endorsement::on_manifest(manifest, vendor, ca).is_none() {
                let ca = ca.fingerprint();
                warn(format!(
                    "{place}: image {name} {NOT_OF_CA} {ca}; {REPLACED}"
                ));
            }
            Ok(())
        };
        for image in self.images {
            tell(&image.manifest, &image.name)?;
        }
        if let Staging::Staged(Some(there)) = self.staging {
            let told: HashSet<_> = self.images.iter().map(Image::digest).collect();
            // The search for endorsements reports images that it cannot read.
            let reader = there.reader();
            for selected in reader.reachable_images().unwrap_or_default() {
                if !told.contains(&selected.descriptor.digest)
                    && let Ok((_, manifest)) = reader.manifest(&selected.descriptor)
                {
                    tell(&manifest, &selected.name)?;
                }
            }
        }
        Ok(())
    }

    /// The endorsements of this vendor in the registry's other apps, and these apps. Calls `unread` with each error
    /// of reading.
    fn other_apps(
        &self,
        vendor: &P384Key,
        ca: &P384Key,
        unread: &mut dyn FnMut(store::Error) -> Result<(), store::Error>,
    ) -> Result<(Vec<Use>, SearchedApps), store::Error> {
        let mut found = Vec::new();
        let mut searched = SearchedApps::default();
        let apps = self.registry.apps(unread);
        for app in apps.or_else(|e| unread(e).map(|()| Vec::new()))? {
            if app == *self.app {
                continue;
            }
            match self.registry.layout(&app) {
                Ok(layout) => {
                    found.extend(search_layout(&layout, vendor, ca, &[], unread)?);
                    searched.insert(app, layout.index_digest());
                }
                Err(e) => unread(e)?,
            }
        }
        Ok((found, searched))
    }
}

fn unknown(vendor: &P384Key) -> impl Fn(store::Error) -> Error {
    let vendor = vendor.fingerprint();
    move |source| Error::Endorsements { vendor, source }
}

/// Refuses an archive whose images carry another endorsement than those that they would replace.
fn check_replaced(
    archive: &[Use],
    replaced: &[Use],
    vendor: &P384Key,
    ca: &P384Key,
) -> Result<(), Error> {
    if let Some(first) = archive.first()
        && let Some(other) = replaced.iter().find(|u| u.endorsement != first.endorsement)
    {
        return Err(Error::ArchiveEndorsement {
            found_on: other.image.clone(),
            vendor: vendor.fingerprint(),
            ca: ca.fingerprint(),
        });
    }
    Ok(())
}

fn conflict(
    other: &Use,
    used: &Endorsement,
    vendor: &P384Key,
    ca: &P384Key,
    given: String,
    way: Way,
) -> Error {
    Error::OtherEndorsement {
        found_on: other.image.clone(),
        vendor: vendor.fingerprint(),
        ca: ca.fingerprint(),
        given,
        changed: other.endorsement.is_other_form_of(used),
        way,
    }
}
