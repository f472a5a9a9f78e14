//! The referrers of a replaced manifest or index.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::crypto::Digest;
use crate::image::media;
use crate::parallel;
use crate::store::edit::Referrer;
use crate::store::editor::Editor;
use crate::store::error::Error;

impl Editor<'_> {
    /// The referrers of a replaced manifest or index: by their `subject`, or by a tag that spells the digest
    /// (`sha256-HEX`, the referrers tag schema, and what cosign derives from it).
    pub(in crate::store) fn referrers(&self) -> Result<Vec<Referrer>, Error> {
        let new = |old: &Digest| self.replaced.get(old).map(|new| new.blob.digest());
        let replaced = self.replaced.keys().copied();
        let replaced: HashSet<_> = replaced.filter(|old| new(old) != Some(*old)).collect();
        let mut found = Vec::new();
        if replaced.is_empty() {
            return Ok(found);
        }
        let mut seen = HashSet::new();
        let spelt: BTreeMap<_, _> = replaced
            .iter()
            .map(|digest| (format!("{}-{}", digest.algorithm(), digest.hex()), *digest))
            .collect();
        let entries = self.tree.entries();
        let mut subjects: HashMap<Digest, Option<Digest>> = HashMap::new();
        // Reads each entry once, in groups, so that the subjects of a group take little memory.
        for some in entries.chunks(256) {
            let mut new = Vec::new();
            for descriptor in some.iter().map(|entry| &entry.descriptor) {
                let media_type = &descriptor.media_type;
                let is_index = media::is_index(media_type);
                if (is_index || media::is_manifest(media_type))
                    && let Entry::Vacant(place) = subjects.entry(descriptor.digest)
                {
                    // The tree has read the indexes already.
                    place.insert(self.tree.subject(&descriptor.digest));
                    if !is_index {
                        new.push(descriptor);
                    }
                }
            }
            let found = parallel::map(&new, usize::MAX, |_, descriptor| {
                self.reader.subject_of(descriptor)
            });
            for (descriptor, subject) in new.iter().zip(found) {
                subjects.insert(descriptor.digest, subject?);
            }
        }
        for entry in &entries {
            let descriptor = &entry.descriptor;
            let tag = descriptor.tag().map(str::to_owned);
            let by_tag = tag.as_deref().and_then(|tag| {
                let stem = tag.split('.').next().unwrap_or(tag);
                spelt.get(stem).copied()
            });
            let by_subject = || {
                let subject = subjects.get(&descriptor.digest).copied().flatten();
                subject.filter(|subject| replaced.contains(subject))
            };
            if let Some(subject) = by_tag.or_else(by_subject)
                && seen.insert((descriptor.digest, tag.clone()))
            {
                found.push(Referrer {
                    // This run may have replaced the referrer itself.
                    digest: new(&descriptor.digest).unwrap_or(descriptor.digest),
                    tag,
                    subject,
                });
            }
        }
        Ok(found)
    }
}
