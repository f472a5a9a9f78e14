//! Verifying images wherever they are.

use std::collections::HashSet;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
#[cfg(feature = "registry")]
use super::fleet::Fleet;
use super::found::{Counted, Found, Sink, Totals};
use super::judge::Judge;
#[cfg(feature = "registry")]
use super::location::Location;
use super::location::{Asked, Opened};
use super::order::Order;
use super::realms;
use super::shard::Shard;
use crate::crypto::{Digest, P384Key};
use crate::image::Descriptor;
#[cfg(feature = "registry")]
use crate::image::Reference;
use crate::image::realm::Finding;
use crate::key::{KeyRef, KeyRing};
use crate::ocicrypt::Keys;
use crate::progress::{Progress, Silent};
use crate::report::{Check, rule};
use crate::scheme::annotation::Roots;
#[cfg(feature = "registry")]
use crate::store::remote::AT_ONCE;
use crate::store::{Limits, Reader, Selected, Selection};
use crate::{files, parallel};

/// Verifies images for a user who trusts a CA.
#[derive(Clone, Debug)]
pub struct VerifyImages {
    /// The places of the images, and which images of them.
    pub asked: Vec<Asked>,
    /// Whether the user meant all images of these places.
    pub all: bool,
    /// Which images of a multi-platform tag.
    pub selection: Selection,
    /// The shard of the images that the user meant.
    pub shard: Option<Shard>,
    /// The trusted public keys of the CAs: files with a DER `SubjectPublicKeyInfo`, or a token's.
    pub cas: Vec<KeyRef>,
    /// The public keys of the vendors that may have signed; empty for any that the CA endorsed.
    pub vendors: Vec<KeyRef>,
    /// Whether to leave out the layers.
    pub config_only: bool,
    /// Whether to check that realms get the images, too.
    pub for_realms: bool,
    /// How much the run reads before it gives up.
    pub limits: Limits,
    /// The keys for encrypted layers.
    pub decryption: Arc<Keys>,
}

/// An image, and the findings that keep realms from it by the name that the user gave.
type Named = (Selected, Option<Finding>);

/// The chosen images, and the entries that the run ignored.
#[derive(Default)]
struct Chosen {
    images: Vec<Named>,
    ignored: Vec<Arc<Descriptor>>,
    /// The names that led to nothing, each with the reason.
    failed: Vec<(String, Error)>,
}

impl VerifyImages {
    /// Verifies the images, several at a time, and hands on what it finds as soon as it does: in the order in which the
    /// user named the images or the index has them. With all tags of a repository, the order is that of the decisions.
    /// An error concerns all images; if the user named several places, this hands on the error of one place.
    pub fn run(
        &self,
        ring: &KeyRing,
        progress: &dyn Progress,
        sink: &mut Sink<'_>,
    ) -> Result<Totals, Error> {
        self.check_before_a_pin(ring)?;
        let all = |keys: &[KeyRef]| -> Result<Vec<P384Key>, _> {
            keys.iter().map(|key| ring.public(key)).collect()
        };
        let cas = all(&self.cas)?;
        let scheme = Roots::new(cas, &all(&self.vendors)?);
        let judge = Judge {
            scheme: &scheme,
            config_only: self.config_only,
            for_realms: self.for_realms,
            progress,
        };
        let mut found = Counted::new(sink);
        for asked in &self.asked {
            let done = self.at(asked, judge, &mut found);
            match done {
                Err(error) if self.asked.len() > 1 => found.take(Found::Failed {
                    reference: asked.name(),
                    error,
                }),
                other => other?,
            }
            if found.is_over {
                break;
            }
        }
        Ok(found.totals)
    }

    /// An image's name among the images of all places.
    fn name(&self, asked: &Asked, name: &str) -> String {
        if self.asked.len() > 1 {
            asked.location.full_name(Some(name))
        } else {
            name.to_owned()
        }
    }

    /// Verifies the images of one place.
    fn at(
        &self,
        asked: &Asked,
        judge: Judge<'_>,
        found: &mut Counted<'_, '_>,
    ) -> Result<(), Error> {
        if self.for_realms && !asked.location.is_layout() {
            return Err(Error::NotForRealms(asked.location.place()));
        }
        #[cfg(feature = "registry")]
        if let (true, Location::Repository(at)) = (self.all, &asked.location) {
            if !asked.references.is_empty() {
                return Err(Error::NamedAndAll(asked.location.place()));
            }
            let name = |name: &str| self.name(asked, name);
            let fleet = Fleet {
                at,
                shard: self.shard,
                limits: self.limits,
                decryption: &self.decryption,
                name: &name,
            };
            return fleet.run(judge, found);
        }
        let mut opened = asked.location.open(self.limits, judge.progress)?;
        let window = opened.take_window();
        let reader = Reader::with_window(opened.store(), self.limits, window);
        let reader = reader.opening(&self.decryption);
        let mut chosen = self.select(asked, &opened, &reader)?;
        let of_app = match opened.layout() {
            Some(layout) if self.for_realms => layout.realm_findings()?,
            _ => Vec::new(),
        };
        let listed = opened.check_docker_list(&reader)?.map(|same| match same {
            Ok(()) => Check::passed(rule::DOCKER_LIST),
            Err(reason) => Check::failed(rule::DOCKER_LIST, reason),
        });
        let unseen = if self.all {
            Vec::new()
        } else {
            reader.beside_the_only_one(&asked.references)?
        };
        self.keep_shard(&mut chosen.images, found);
        for (name, error) in chosen.failed {
            let reference = self.name(asked, &name);
            found.take(Found::Failed { reference, error });
        }
        let images = chosen.images;
        let order = Mutex::new(Order::new(
            images.iter().map(|(one, _)| one),
            self.all,
            found,
        ));
        parallel::map(&images, usize::MAX, |n, (selected, of_name)| {
            let order = || order.lock().unwrap_or_else(PoisonError::into_inner);
            if order().is_over() {
                return;
            }
            let outcome = judge.report(&reader, selected).map(|mut report| {
                report.subject = self.name(asked, &report.subject);
                report.checks.extend(listed.clone());
                if self.for_realms {
                    let checks = realms::checks(&of_app, of_name.as_ref());
                    report.checks.extend(checks);
                }
                report.decide()
            });
            let outcome = outcome.map_err(|error| (self.name(asked, &selected.name), error));
            order().decided(n, outcome);
        });
        drop(order);
        let rest = chosen.ignored.into_iter().map(Found::Ignored);
        rest.chain(unseen.into_iter().map(Found::Unseen))
            .for_each(|one| found.take(one));
        Ok(())
    }

    /// Takes out the images of other shards, and counts them.
    fn keep_shard(&self, images: &mut Vec<Named>, found: &mut Counted<'_, '_>) {
        let Some(shard) = self.shard else {
            return;
        };
        let mut others: HashSet<Digest> = HashSet::new();
        images.retain(|(selected, _)| {
            let digest = selected.descriptor.digest;
            let is_here = shard.holds(&digest);
            if !is_here {
                others.insert(digest);
            }
            is_here
        });
        found.totals.in_other_shards += others.len();
    }

    /// Report what the user can put right before asking for a PIN.
    fn check_before_a_pin(&self, ring: &KeyRing) -> Result<(), Error> {
        let keys = || self.cas.iter().chain(&self.vendors);
        let is_file = |key: &&KeyRef| matches!(key, KeyRef::File(_));
        if keys().all(|key| is_file(&key)) {
            return Ok(());
        }
        // Standard input can be read only once.
        let is_lasting =
            |key: &&KeyRef| matches!(key, KeyRef::File(path) if !files::is_standard(path));
        for key in keys().filter(is_lasting) {
            ring.public(key)?;
        }
        for asked in &self.asked {
            // Looking through an archive takes time, and asking a registry too.
            if asked.location.is_layout() {
                let opened = asked.location.open(self.limits, &Silent)?;
                let reader = Reader::new(opened.store(), self.limits);
                self.select(asked, &opened, &reader)?;
            }
        }
        Ok(())
    }

    /// The images, each with the findings that keep realms from it by its name, and the entries that the run ignored.
    fn select(&self, asked: &Asked, opened: &Opened, reader: &Reader<'_>) -> Result<Chosen, Error> {
        let unnamed = |all: Vec<Selected>| all.into_iter().map(|one| (one, None)).collect();
        if self.all {
            if !asked.references.is_empty() {
                return Err(Error::NamedAndAll(asked.location.place()));
            }
            let (mut images, ignored) = reader.all_images()?;
            if images.is_empty() {
                // A run that finds nothing to verify must not look like a success.
                images = reader.resolve(&[], &self.selection)?;
            }
            return Ok(Chosen {
                images: unnamed(images),
                ignored,
                failed: Vec::new(),
            });
        }
        let references = &asked.references;
        if let (true, Some(layout)) = (self.for_realms, opened.layout()) {
            let mut all = Chosen::default();
            let each = references
                .iter()
                .map(|reference| (slice::from_ref(reference), Some(reference)));
            let none = references.is_empty().then_some((&[][..], None));
            for (references, reference) in each.chain(none) {
                let of_name = layout.realm_name(reference);
                let selected = reader.resolve(references, &self.selection)?;
                let named = selected.into_iter().map(|one| (one, of_name.clone()));
                all.images.extend(named);
            }
            return Ok(all);
        }
        #[cfg(feature = "registry")]
        if references.len() > 1 && matches!(asked.location, Location::Repository(_)) {
            return Ok(self.each_of(references, reader));
        }
        let images = unnamed(reader.resolve(references, &self.selection)?);
        Ok(Chosen {
            images,
            ..Chosen::default()
        })
    }

    /// Asks a registry for each of these names by itself: if one is missing, the others may still be there.
    #[cfg(feature = "registry")]
    fn each_of(&self, references: &[Reference], reader: &Reader<'_>) -> Chosen {
        let resolved = parallel::map_on(AT_ONCE, references, |_, reference| {
            reader.resolve(slice::from_ref(reference), &self.selection)
        });
        let mut chosen = Chosen::default();
        for (reference, resolved) in references.iter().zip(resolved) {
            match resolved {
                Ok(images) => chosen
                    .images
                    .extend(images.into_iter().map(|one| (one, None))),
                Err(error) => chosen.failed.push((reference.to_string(), error.into())),
            }
        }
        chosen
    }
}
