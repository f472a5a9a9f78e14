//! Finding the entries of an `index.json` that a reference means, and the referrers of a digest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::blobs::Reader;
use crate::crypto::Digest;
use crate::image::{Descriptor, Reference, media};
use crate::parallel;
use crate::store::error::Error;
use crate::store::tags::{Named, check_tags, places_of};

impl Reader<'_> {
    /// The entries among these that a reference means; a digest also finds entries of the indexes below them.
    pub(in crate::store) fn find_among(
        &self,
        entries: &[Arc<Descriptor>],
        reference: &Reference,
    ) -> Result<Vec<Arc<Descriptor>>, Error> {
        match reference {
            Reference::Tag(name) => {
                check_tags(self.place(), entries)?;
                let named = entries.iter().map(|entry| Named::of(entry));
                let places = places_of(self.place(), named, name)?;
                Ok(places.into_iter().map(|n| entries[n].clone()).collect())
            }
            Reference::Digest(digest) => {
                let is_meant = |entry: &Arc<Descriptor>| entry.digest == *digest;
                let at_the_top: Vec<_> = entries.iter().filter(|e| is_meant(e)).cloned().collect();
                if !at_the_top.is_empty() {
                    return Ok(at_the_top);
                }
                let below = self.tree()?.entries().into_iter();
                let below = below.map(|entry| entry.descriptor);
                Ok(below.filter(is_meant).collect())
            }
        }
    }

    /// The manifests and indexes that name this digest as their `subject`, out of everything that the entries lead to;
    /// each once.
    pub(in crate::store) fn referrers_among(
        &self,
        subject: &Digest,
    ) -> Result<Vec<Arc<Descriptor>>, Error> {
        let tree = self.tree()?;
        let mut found: Vec<Arc<Descriptor>> = Vec::new();
        for entry in tree.entries() {
            let descriptor = entry.descriptor;
            if found.iter().any(|known| known.digest == descriptor.digest) {
                continue;
            }
            let refers_to = if media::is_index(&descriptor.media_type) {
                tree.subject(&descriptor.digest)
            } else if media::is_manifest(&descriptor.media_type) {
                self.subject_of(&descriptor)?
            } else {
                None
            };
            if refers_to == Some(*subject) {
                found.push(descriptor);
            }
        }
        Ok(found)
    }

    /// All referrers by the digest that they name, each once. A caller that asks about many digests of a local place
    /// saves time by it.
    pub fn all_referrers(&self) -> Result<HashMap<Digest, Vec<Arc<Descriptor>>>, Error> {
        let tree = self.tree()?;
        let mut seen = HashSet::new();
        let entries = tree.entries().into_iter().map(|entry| entry.descriptor);
        let entries: Vec<_> = entries.filter(|entry| seen.insert(entry.digest)).collect();
        let subjects = parallel::map(&entries, usize::MAX, |_, descriptor| {
            if media::is_index(&descriptor.media_type) {
                Ok(tree.subject(&descriptor.digest))
            } else if media::is_manifest(&descriptor.media_type) {
                self.subject_of(descriptor)
            } else {
                Ok(None)
            }
        });
        let mut all: HashMap<Digest, Vec<Arc<Descriptor>>> = HashMap::new();
        for (descriptor, subject) in entries.iter().zip(subjects) {
            if let Some(subject) = subject? {
                all.entry(subject).or_default().push(Arc::clone(descriptor));
            }
        }
        Ok(all)
    }
}
