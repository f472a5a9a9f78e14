//! `index.json` and the indexes below it.

use std::collections::{HashMap, HashSet, VecDeque, hash_map};
use std::sync::Arc;

use super::blobs::Reader;
use crate::crypto::Digest;
use crate::image::{Descriptor, Platform, media};
use crate::store::error::Error;
use crate::store::problem::{Part, Problem};

/// An entry of `index.json` or of an index below it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How many indexes lie above it.
    pub depth: usize,
    /// The entry.
    pub descriptor: Arc<Descriptor>,
    /// For an index: whether its blob is in the reader.
    pub present: bool,
}

/// The platform that all entries below an index share; `None` if the index has only attestations that no runtime could
/// run.
type Stated = Option<Platform>;

/// Results on indexes and manifests; an index may list one of them very often.
#[derive(Default)]
struct Known {
    stated: HashMap<Digest, Stated>,
    /// Whether a runtime could run a manifest, by the digest and size in its descriptor.
    can_run: HashMap<(Digest, u64), bool>,
}

/// `index.json` and the indexes below it; the tree reads each of them once.
#[derive(Default)]
pub(in crate::store) struct Tree {
    roots: Vec<Arc<Descriptor>>,
    /// The entries of each index that the layout has.
    nested: HashMap<Digest, Vec<Arc<Descriptor>>>,
    /// The `subject` of each index that has one.
    subjects: HashMap<Digest, Digest>,
    /// How many entries ir-sign may add.
    pub(in crate::store) entries_room: usize,
    /// How many bytes all indexes together may grow.
    pub(in crate::store) room: u64,
}

impl Tree {
    /// Reads everything below `roots`, the entries of an `index.json` of `size` bytes. A layout may lack indexes (a
    /// sparse layout does); an index that exists has to be right.
    pub(in crate::store) fn below(
        reader: &Reader<'_>,
        roots: Vec<Arc<Descriptor>>,
        size: u64,
    ) -> Result<Self, Error> {
        let mut nested: HashMap<_, Vec<Arc<Descriptor>>> = HashMap::new();
        let mut subjects = HashMap::new();
        let mut room = reader.limits.entries.saturating_sub(roots.len());
        let mut bytes = reader.limits.indexes.saturating_sub(size);
        // An index counts at its deepest place, however often entries further up list it.
        let mut deepest = HashMap::new();
        let mut first: HashMap<Digest, Arc<Descriptor>> = HashMap::new();
        let mut queue: VecDeque<_> = roots.iter().map(|d| (1, d.clone())).collect();
        while let Some((depth, descriptor)) = queue.pop_front() {
            let digest = descriptor.digest;
            if !media::is_index(&descriptor.media_type) {
                continue;
            }
            // Another entry for this index may state another size, or embed other content.
            let first: &Descriptor = first.entry(digest).or_insert_with(|| descriptor.clone());
            if (first.size, first.embedded) != (descriptor.size, descriptor.embedded)
                && nested.contains_key(&digest)
            {
                reader.document(&Part::Index(digest), &descriptor)?;
            }
            if deepest.get(&digest).is_some_and(|known| *known >= depth) {
                continue;
            }
            let limit = reader.limits.index_depth;
            if depth > limit {
                return Err(reader.problem(Part::Index(digest), Problem::TooDeep(limit)));
            }
            deepest.insert(digest, depth);
            let read = match nested.entry(digest) {
                hash_map::Entry::Occupied(read) => read.into_mut(),
                hash_map::Entry::Vacant(unread) => {
                    if descriptor.size > bytes && reader.store.has(&digest) != Some(false) {
                        let problem = Problem::TooManyBytes(reader.limits.indexes);
                        return Err(reader.problem(Part::Index(digest), problem));
                    }
                    let index = match reader.nested(&descriptor) {
                        Ok((_, index)) => index,
                        Err(e) if e.is_absent() => continue,
                        Err(e) => return Err(e),
                    };
                    let limit = reader.limits.entries;
                    room = room.checked_sub(index.manifests.len()).ok_or_else(|| {
                        reader.problem(Part::Index(digest), Problem::TooMany(limit))
                    })?;
                    bytes = bytes.saturating_sub(index.size);
                    subjects.extend(index.subject.map(|subject| (digest, subject)));
                    unread.insert(index.manifests)
                }
            };
            queue.extend(read.iter().map(|d| (depth + 1, d.clone())));
        }
        Ok(Self {
            roots,
            nested,
            subjects,
            entries_room: room,
            room: bytes,
        })
    }

    /// The entries of an index; empty if the layout lacks it.
    pub(in crate::store) fn children(&self, index: &Digest) -> &[Arc<Descriptor>] {
        self.nested.get(index).map_or(&[], Vec::as_slice)
    }

    /// The digest that an index refers to; `None` if the layout lacks the index.
    pub(in crate::store) fn subject(&self, index: &Digest) -> Option<Digest> {
        self.subjects.get(index).copied()
    }

    /// The indexes that the layout has, each with its entries.
    pub(in crate::store) fn indexes(&self) -> impl Iterator<Item = (&Digest, &[Arc<Descriptor>])> {
        self.nested
            .iter()
            .map(|(index, children)| (index, &children[..]))
    }

    /// Whether the layout has an index.
    pub(in crate::store) fn has(&self, index: &Digest) -> bool {
        self.nested.contains_key(index)
    }

    /// Refuses an index that an entry lists for a platform which not all images in the index state too: runtimes choose
    /// by the entry.
    pub(in crate::store) fn check_platforms(&self, reader: &Reader<'_>) -> Result<(), Error> {
        let mut known = Known::default();
        let nested = self.nested.values().flatten();
        for descriptor in self.roots.iter().chain(nested) {
            let digest = descriptor.digest;
            if let Some(listed) = descriptor.platform.as_deref()
                && media::is_index(&descriptor.media_type)
                && !listed.is_unknown()
            {
                let stated = self.stated(reader, &digest, &mut known)?;
                if stated.is_some_and(|stated| !listed.is_stated_by(&stated)) {
                    let problem = Problem::IndexPlatform(listed.clone());
                    return Err(reader.problem(Part::Index(digest), problem));
                }
            }
        }
        Ok(())
    }

    /// The platform that the entries below an index share. An entry's own claim to be an attestation does not count:
    /// its manifest has to show it.
    fn stated(
        &self,
        reader: &Reader<'_>,
        index: &Digest,
        known: &mut Known,
    ) -> Result<Stated, Error> {
        if let Some(stated) = known.stated.get(index) {
            return Ok(stated.clone());
        }
        let mut all: Stated = None;
        for child in self.children(index) {
            let attests = child.is_attestation() && !media::is_index(&child.media_type);
            let of_child = match child.platform.as_deref() {
                _ if attests && !known.can_run(reader, child)? => None,
                Some(platform) => Some(platform.clone()),
                None if media::is_index(&child.media_type) => {
                    self.stated(reader, &child.digest, known)?
                }
                None => Some(Platform::default()),
            };
            all = match (all, of_child) {
                (None, other) | (other, None) => other,
                (Some(a), Some(b)) => Some(a.common(&b)),
            };
            if all.as_ref().is_some_and(Platform::is_empty) {
                break;
            }
        }
        known.stated.insert(*index, all.clone());
        Ok(all)
    }

    /// All entries; the tree opens each index at the first entry that leads to it.
    pub(in crate::store) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut opened = HashSet::new();
        let mut stack: Vec<_> = self.roots.iter().rev().map(|d| (0, d)).collect();
        while let Some((depth, descriptor)) = stack.pop() {
            let is_index = media::is_index(&descriptor.media_type);
            if is_index && opened.insert(descriptor.digest) {
                let children = self.children(&descriptor.digest).iter().rev();
                stack.extend(children.map(|d| (depth + 1, d)));
            }
            entries.push(Entry {
                depth,
                descriptor: descriptor.clone(),
                present: !is_index || self.has(&descriptor.digest),
            });
        }
        entries
    }
}

impl Known {
    fn can_run(&mut self, reader: &Reader<'_>, descriptor: &Descriptor) -> Result<bool, Error> {
        let place = match self.can_run.entry((descriptor.digest, descriptor.size)) {
            hash_map::Entry::Occupied(known) => return Ok(*known.get()),
            hash_map::Entry::Vacant(place) => place,
        };
        Ok(*place.insert(reader.can_run(descriptor)?))
    }
}
