//! Shows the content of a layout and the signers that it claims, and trusts nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::slice;
use std::sync::Arc;

use super::error::Error;
use super::keys::existing;
use super::location::Location;
use super::outputs::check_output;
use super::realms;
use crate::crypto::{Digest, Signature};
use crate::files::{self, Written};
use crate::image::realm::{Finding, called};
use crate::image::{Descriptor, Image, Platform, Reference, media};
use crate::progress::Progress;
use crate::scheme::annotation::{self, Claim};
use crate::store::{self, Entry, Layout, Limits, Place, Reader, Selected, Selection, realm_layers};

/// Inspects images of one place.
#[derive(Clone, Debug)]
pub struct Inspect {
    /// The place.
    pub location: Location,
    /// One image of the place; without it, all of them.
    pub reference: Option<Reference>,
    /// The limits on input.
    pub limits: Limits,
}

/// One entry of an index, and its content.
#[derive(Debug)]
pub struct Inspected {
    /// How many indexes lie above the entry.
    pub depth: usize,
    /// The entry.
    pub descriptor: Arc<Descriptor>,
    /// Its content; equal entries share it.
    pub content: Arc<Content>,
}

/// The content of an entry.
#[derive(Debug)]
pub enum Content {
    /// An index, whose entries follow.
    Index,
    /// An image, and its claims about its signer.
    Image(Summary, Option<Box<Claim>>),
    /// `BuildKit`'s attestation about an image, which no runtime could run.
    Attestation,
    /// Something that is not in the layout, not an image, or wrong; and why.
    Unreadable(String),
}

/// The summary of an image.
#[derive(Debug)]
pub struct Summary {
    /// The platform that its config states.
    pub platform: Platform,
    /// How many layers it has.
    pub layers: usize,
    /// Its config.
    pub config: Digest,
}

/// The content of an app.
#[derive(Debug)]
pub struct Inspection {
    /// The entries, each index before its own entries.
    pub entries: Vec<Inspected>,
    /// The findings that keep realms from the app, or why they are unknown; `None` if it is not an app.
    pub realms: Option<Result<Vec<Finding>, String>>,
    /// The image of which it is unknown whether a realm can unpack it, and why.
    pub untold: Option<String>,
}

/// The one endorsement that the images among these carry. Only its form is checked.
fn endorsement(place: Place, entries: &[Inspected]) -> Result<Signature, Error> {
    let mut found: Vec<Signature> = Vec::new();
    for entry in entries {
        if let Content::Image(_, Some(claim)) = &*entry.content
            && let Some(endorsement) = &claim.endorsement
            && !found.contains(endorsement)
        {
            found.push(endorsement.clone());
        }
    }
    match (found.len(), found.pop()) {
        (1, Some(endorsement)) => Ok(endorsement),
        (0, _) => Err(Error::NoEndorsement { place }),
        (found, _) => Err(Error::SeveralEndorsements { place, found }),
    }
}

impl Inspect {
    /// Writes the one endorsement that these entries carry, as DER. Keeps a file that holds it already.
    pub fn write_endorsement(
        &self,
        entries: &[Inspected],
        output: &Path,
        force: bool,
    ) -> Result<Written, Error> {
        let signature = endorsement(self.location.place(), entries)?.to_bytes();
        check_output("endorsement file", output, &[])?;
        files::write(output, &signature, 0o644, existing(force))
            .map_err(Error::file("endorsement file"))
    }

    /// The name of the place or image, in the spelling of image names.
    pub fn name(&self) -> String {
        let name = self.reference.as_ref().map(ToString::to_string);
        self.location.full_name(name.as_deref())
    }

    /// Reads the entries. Only a fault of the layout as a whole is an error.
    pub fn run(&self, progress: &dyn Progress) -> Result<Inspection, Error> {
        let opened = self.location.open(self.limits, progress)?;
        let reader = Reader::new(opened.store(), self.limits);
        // First, because it needs much memory.
        let of_app = opened.layout().map(Layout::realm_findings);
        let entries = match &self.reference {
            None => reader.entries()?,
            Some(reference) => {
                let selected = reader.resolve(slice::from_ref(reference), &Selection::Any)?;
                // A nested index is among the images only if it is absent.
                let entry = |selected: Selected| Entry {
                    depth: 0,
                    present: !media::is_index(&selected.descriptor.media_type),
                    descriptor: selected.descriptor,
                };
                selected.into_iter().map(entry).collect()
            }
        };
        // An index may list one manifest thousands of times.
        let mut known = HashMap::new();
        let mut of_images = OfImages::default();
        let is_app = opened.layout().is_some();
        let look = |entry: Entry| {
            let descriptor = entry.descriptor;
            let content = known.entry(Alike(descriptor.clone())).or_insert_with(|| {
                let see = |image: &Image| {
                    if is_app {
                        of_images.see(&reader, &descriptor, image, progress);
                    }
                };
                Arc::new(look(&reader, &descriptor, entry.present, see))
            });
            Inspected {
                depth: entry.depth,
                content: content.clone(),
                descriptor,
            }
        };
        let entries: Vec<_> = entries.into_iter().map(look).collect();
        let untold = of_images.untold.take();
        let realms = opened.layout().zip(of_app).map(|(layout, of_app)| {
            let found = self.realms(layout, of_app, &entries, of_images);
            found.map_err(|e| e.to_string())
        });
        Ok(Inspection {
            entries,
            realms,
            untold,
        })
    }

    /// The findings that keep realms from the app, and from the images shown.
    fn realms(
        &self,
        layout: &Layout,
        of_app: Result<Vec<Finding>, store::Error>,
        entries: &[Inspected],
        of_images: OfImages,
    ) -> Result<Vec<Finding>, store::Error> {
        let mut all = of_app?;
        all.extend(self.names(layout, entries));
        if let Some(error) = of_images.failed {
            return Err(error);
        }
        all.extend(realms::of_images(of_images.found));
        Ok(all)
    }

    /// The findings that keep realms from an image by its tag: the tag names an index. Realms get the images of an
    /// index for several platforms by their digests.
    fn names(&self, layout: &Layout, entries: &[Inspected]) -> Vec<Finding> {
        let of = |tag: Option<&Reference>, entries: &[Inspected]| {
            let image = |entry: &&Inspected| matches!(*entry.content, Content::Image(..));
            let digest = |entry: &Inspected| entry.descriptor.digest;
            let images: HashSet<_> = entries.iter().filter(image).map(digest).collect();
            layout.realm_name(tag).filter(|_| images.len() == 1)
        };
        if self.reference.is_some() {
            return of(self.reference.as_ref(), entries).into_iter().collect();
        }
        // Each with the entries below it.
        let mut rest = entries;
        let mut found = Vec::new();
        while let Some((first, after)) = rest.split_first() {
            let end = after.iter().position(|entry| entry.depth == 0);
            let (below, next) = after.split_at(end.unwrap_or(after.len()));
            rest = next;
            if let Some(tag) = first.descriptor.tag()
                && media::is_index(&first.descriptor.media_type)
            {
                found.extend(of(Some(&Reference::Tag(tag.to_owned())), below));
            }
        }
        found
    }
}

/// The findings that keep realms from the images, collected while each image was read.
#[derive(Default)]
struct OfImages {
    seen: HashSet<Digest>,
    /// By the images' names.
    found: BTreeMap<String, Vec<Finding>>,
    /// Why the findings of one image are unknown: its layers are wrong, or too large to unpack.
    untold: Option<String>,
    /// The error of reading, after which no image is read.
    failed: Option<store::Error>,
}

impl OfImages {
    fn see(
        &mut self,
        reader: &Reader<'_>,
        entry: &Descriptor,
        image: &Image,
        progress: &dyn Progress,
    ) {
        if self.failed.is_some() || !self.seen.insert(entry.digest) {
            return;
        }
        let mut found = realm_layers::check_config(image);
        match reader.check_layers_for_realms(image, progress) {
            Ok(layers) => {
                let wrong = layers.blobs.err();
                let wrong = wrong.or_else(|| layers.diff_ids.and_then(Result::err));
                let wrong = wrong.or(layers.sealed);
                let reason = || format!("image {}: {}", called(entry), wrong.unwrap_or_default());
                match layers.realm {
                    Some(of_layers) => found.extend(of_layers),
                    None => {
                        self.untold.get_or_insert_with(reason);
                    }
                }
                self.found.insert(called(entry), found);
            }
            Err(e) => self.failed = Some(e),
        }
    }
}

/// An entry, equal to those with the same content.
struct Alike(Arc<Descriptor>);

impl PartialEq for Alike {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (&*self.0, &*other.0);
        ours.digest == theirs.digest
            && ours.size == theirs.size
            && ours.media_type == theirs.media_type
            && ours.embedded == theirs.embedded
            && ours.is_attestation() == theirs.is_attestation()
    }
}

impl Eq for Alike {}

impl Hash for Alike {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
        self.0.size.hash(state);
        self.0.media_type.hash(state);
        self.0.embedded.hash(state);
    }
}

fn look(
    reader: &Reader<'_>,
    descriptor: &Arc<Descriptor>,
    present: bool,
    see: impl FnOnce(&Image),
) -> Content {
    if media::is_index(&descriptor.media_type) {
        return if present {
            Content::Index
        } else {
            Content::Unreadable(format!("is not in the {}", reader.place().kind()))
        };
    }
    match reader.is_attestation(descriptor) {
        Ok(false) => {}
        Ok(true) => return Content::Attestation,
        Err(e) => return Content::Unreadable(e.to_string()),
    }
    let selected = Selected {
        name: descriptor.digest.to_string(),
        descriptor: descriptor.clone(),
    };
    match reader.load(&selected) {
        Ok(image) => {
            see(&image);
            let claim = annotation::claim(&image).map(Box::new);
            let summary = Summary {
                platform: image.platform,
                layers: image.manifest.layers.len(),
                config: image.config.digest(),
            };
            Content::Image(summary, claim)
        }
        Err(e) => Content::Unreadable(e.to_string()),
    }
}
