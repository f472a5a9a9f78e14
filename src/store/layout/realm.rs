//! Walks a layout as the server for realms does, to find everything that the server would refuse.
//!
//! The server loads a whole app or nothing, so everything below `index.json` counts, signed or not. ir-sign refuses a
//! document that readers understand differently; so it counts as if the server refused it.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::sync::Arc;

use crate::crypto::{Digest, Hasher};
use crate::files;
use crate::image::realm::{Finding, called, is_served, is_tag, rule};
use crate::image::{Descriptor, Mismatch, Reference, media};
use crate::store::access::Store;
use crate::store::documents;
use crate::store::error::{Error, Kind};
use crate::store::layout::folder::{Layout, index_bytes};
use crate::store::problem::{Part, Problem};
use crate::store::reader::blobs::Reader;

/// How many descriptors the walk looks at.
const MOST: usize = 100_000;
/// How many reasons the report gives for one rule.
const TOLD: usize = 3;

impl Layout {
    /// The findings that keep the server from loading the app, one for each broken rule. An error means that ir-sign
    /// could not read something.
    pub fn realm_findings(&self) -> Result<Vec<Finding>, Error> {
        let mut walk = Walk {
            layout: self,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            found: Found::default(),
        };
        walk.all()?;
        Ok(walk.found.findings())
    }

    /// The finding for a name that leads to an index: the server has the image, but a realm cannot get it. Without a
    /// reference this looks at the only tag.
    pub fn realm_name(&self, reference: Option<&Reference>) -> Option<Finding> {
        let is_meant = |entry: &&Arc<Descriptor>| match reference {
            Some(Reference::Tag(tag)) => entry.tag() == Some(tag),
            Some(Reference::Digest(digest)) => entry.digest == *digest,
            None => entry.tag().is_some(),
        };
        let mut meant = self.index.manifests.iter().filter(is_meant);
        let entry = meant.find(|entry| !media::is_manifest(&entry.media_type))?;
        let name = match (reference, entry.tag()) {
            (Some(Reference::Digest(digest)), _) => digest.to_string(),
            (_, tag) => format!("tag \"{}\"", tag.unwrap_or_default()),
        };
        Some(Finding::new(
            rule::TAG_IMAGE,
            format_args!("{name} names an image index, but a realm needs the image itself"),
        ))
    }
}

impl Reader<'_> {
    /// Whether a blob that `index.json` lists has the digest that its entry states; the server checks this.
    pub(in crate::store) fn hashed(&self, entry: &Descriptor) -> Result<Result<(), String>, Error> {
        let stream = match self.store.open(entry) {
            Ok(stream) => stream,
            Err(e) => return Ok(Err(e.into_problem()?.to_string())),
        };
        let expected = entry.digest;
        let found = digest_of(stream, expected).map_err(|e| self.unread(entry, e))?;
        let mismatch = Mismatch::Digest { expected, found };
        Ok(if found == expected {
            Ok(())
        } else {
            Err(mismatch.to_string())
        })
    }
}

/// The findings by rule: the first reasons, and how many there are.
#[derive(Default)]
struct Found(BTreeMap<&'static str, (Vec<String>, usize)>);

impl Found {
    fn add(&mut self, rule: &'static str, reason: impl FnOnce() -> String) {
        let (reasons, count) = self.0.entry(rule).or_default();
        *count += 1;
        if reasons.len() < TOLD {
            reasons.push(reason());
        }
    }

    fn findings(mut self) -> Vec<Finding> {
        let of = |rule| {
            let (reasons, count) = self.0.remove(rule)?;
            let reason = reasons.join("; ");
            Some(match count - reasons.len() {
                0 => Finding { rule, reason },
                more => Finding::new(rule, format_args!("{reason}; and {more} more")),
            })
        };
        rule::OF_APPS.into_iter().filter_map(of).collect()
    }
}

/// An object that a descriptor leads to, and the place of the descriptor.
#[derive(Clone)]
struct Step {
    descriptor: Arc<Descriptor>,
    /// The index that holds it; `None` for `index.json`.
    within: Option<Digest>,
}

impl Step {
    fn name(&self) -> String {
        let name = called(&self.descriptor);
        self.within.map_or_else(
            || format!("entry {name} of index.json"),
            |index| format!("{name} in image index {index}"),
        )
    }
}

struct Walk<'a> {
    layout: &'a Layout,
    /// Hashes of the objects that the walk has looked at: there may be very many objects.
    seen: HashSet<u64>,
    hasher: RandomState,
    found: Found,
}

impl Walk<'_> {
    fn all(&mut self) -> Result<(), Error> {
        let bytes = index_bytes(&self.layout.dir, self.layout.limits)?;
        self.check_document(&|| "index.json".into(), &bytes, media::INDEX);
        drop(bytes);
        let mut tags = HashSet::new();
        let layout = self.layout;
        let mut steps = Vec::new();
        for entry in &layout.index.manifests {
            if let Some(tag) = entry.tag() {
                if !is_tag(tag) {
                    let reason = || format!("no server takes the tag \"{tag}\"");
                    self.found.add(rule::TAG_FORM, reason);
                }
                if !tags.insert(tag) {
                    let reason = || format!("more than one entry has the tag \"{tag}\"");
                    self.found.add(rule::TAG_ONCE, reason);
                }
            }
            steps.push(Step {
                descriptor: entry.clone(),
                within: None,
            });
        }
        // The walk starts with the first entry.
        steps.reverse();
        while let Some(step) = steps.pop() {
            self.step(&step, &mut steps)?;
        }
        Ok(())
    }

    /// Whether the walk sees this descriptor for the first time. The server would look at it again, and find the same.
    fn is_new(&mut self, descriptor: &Descriptor, is_root: bool) -> bool {
        let Descriptor {
            media_type,
            digest,
            size,
            ..
        } = descriptor;
        let hash = self.hasher.hash_one((media_type, digest, size, is_root));
        if self.seen.len() >= MOST && !self.seen.contains(&hash) {
            let reason =
                || format!("there are more than {MOST} descriptors, the limit of this check");
            self.found.add(rule::DOCUMENTS, reason);
            return false;
        }
        self.seen.insert(hash)
    }

    fn step(&mut self, step: &Step, steps: &mut Vec<Step>) -> Result<(), Error> {
        let descriptor = &step.descriptor;
        let is_root = step.within.is_none();
        if !self.is_new(descriptor, is_root) {
            return Ok(());
        }
        let is_document = matches!(&*descriptor.media_type, media::INDEX | media::MANIFEST);
        let name = || step.name();
        let Some(bytes) = self.open(&name, descriptor, is_root, is_document)? else {
            return Ok(());
        };
        let is_index = descriptor.media_type == media::INDEX;
        if is_index && self.check_document(&name, &bytes, media::INDEX) {
            if let Ok(index) = documents::index(&bytes) {
                let below = |descriptor| Step {
                    descriptor,
                    within: Some(step.descriptor.digest),
                };
                steps.extend(index.manifests.into_iter().rev().map(below));
            }
        } else if !is_index && self.check_document(&name, &bytes, media::MANIFEST) {
            self.below_manifest(descriptor.digest, &bytes, steps)?;
        }
        Ok(())
    }

    fn below_manifest(
        &mut self,
        digest: Digest,
        bytes: &[u8],
        steps: &mut Vec<Step>,
    ) -> Result<(), Error> {
        let Ok(manifest) = documents::manifest(bytes, media::MANIFEST) else {
            return Ok(());
        };
        let parts = std::iter::once((0, manifest.config));
        for (n, part) in parts.chain((1..).zip(manifest.layers)) {
            if matches!(&*part.media_type, media::INDEX | media::MANIFEST) {
                // No tool writes an index like this; the server would walk on all the same.
                steps.push(Step {
                    descriptor: part.into(),
                    within: Some(digest),
                });
            } else if self.is_new(&part, false) {
                let kind = if n == 0 {
                    Part::Config(part.digest)
                } else {
                    Part::Layer(n, part.digest)
                };
                self.open(
                    &|| format!("{kind} of manifest {digest}"),
                    &part,
                    false,
                    false,
                )?;
            }
        }
        Ok(())
    }

    /// Looks at the blob that a descriptor leads to. Returns the bytes of a document if the server can read it.
    fn open(
        &mut self,
        name: &dyn Fn() -> String,
        descriptor: &Descriptor,
        is_root: bool,
        is_document: bool,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Descriptor {
            media_type,
            digest,
            size,
            ..
        } = descriptor;
        if !is_served(media_type) {
            let reason = || {
                format!(
                    "{} has media type \"{media_type}\", which no server hands out",
                    name()
                )
            };
            self.found.add(rule::MEDIA_TYPES, reason);
        }
        let mut stream = match self.layout.open(descriptor) {
            Ok(stream) => stream,
            Err(Error {
                kind: Kind::Part { problem, .. },
                ..
            }) => {
                let rule = match problem {
                    Problem::Mismatch(Mismatch::Size { .. }) => rule::BLOB_SIZES,
                    _ => rule::BLOBS,
                };
                self.found.add(rule, || format!("{} {problem}", name()));
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        let failed = |e| self.layout.unread(descriptor, e);
        let limit = self.layout.limits.document;
        let mut bytes = Vec::new();
        let mut found = None;
        if is_document && *size <= limit {
            (&mut stream)
                .take(*size)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
            found = is_root.then(|| Digest::of(digest.algorithm(), &bytes));
        } else if is_root {
            found = Some(digest_of(stream, *digest).map_err(failed)?);
        }
        if let Some(found) = found
            && found != *digest
        {
            let mismatch = Mismatch::Digest {
                expected: *digest,
                found,
            };
            self.found
                .add(rule::DIGESTS, || format!("{} {mismatch}", name()));
            return Ok(None);
        }
        if is_document && *size > limit {
            let problem = Problem::TooLarge { size: *size, limit };
            self.found
                .add(rule::DOCUMENTS, || format!("{} {problem}", name()));
            return Ok(None);
        }
        Ok(is_document.then_some(bytes))
    }

    /// Whether the server can read a document; this also checks the members in which the document describes itself.
    fn check_document(
        &mut self,
        name: &dyn Fn() -> String,
        bytes: &[u8],
        wanted: &'static str,
    ) -> bool {
        match documents::check_served(bytes, wanted) {
            Ok(()) => true,
            Err(problem) => {
                let rule = match problem {
                    Problem::MediaType { .. }
                    | Problem::MediaTypes { .. }
                    | Problem::NoMediaType(_) => rule::DOCUMENT_TYPES,
                    _ => rule::DOCUMENTS,
                };
                self.found.add(rule, || format!("{} {problem}", name()));
                rule == rule::DOCUMENT_TYPES
            }
        }
    }
}

/// The digest of a stream, by the algorithm of the expected digest.
fn digest_of(mut stream: impl Read, expected: Digest) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new(expected.algorithm());
    let mut buffer = vec![0; 64 << 10];
    loop {
        match files::read_some(&mut stream, &mut buffer)? {
            0 => return Ok(hasher.digest()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
