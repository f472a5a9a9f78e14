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

/// What all entries below an index state of their platforms; `None` where there are none but attestations that
/// nobody could run.
type Stated = Option<Platform>;

/// Findings on indexes and manifests, because one may be listed very often.
#[derive(Default)]
struct Known {
    stated: HashMap<Digest, Stated>,
    /// Whether a manifest, by the digest and the size that lead to it, is one that could be run.
    can_run: HashMap<(Digest, u64), bool>,
}

/// `index.json` and the indexes below it, each read once.
#[derive(Default)]
pub(in crate::store) struct Tree {
    roots: Vec<Arc<Descriptor>>,
    /// What each index holds whose blob the layout has.
    nested: HashMap<Digest, Vec<Arc<Descriptor>>>,
    /// What each of these refers to that refers to something.
    subjects: HashMap<Digest, Digest>,
    /// Entries that may be added.
    pub(in crate::store) entries_room: usize,
    /// Bytes by which all of them may grow.
    pub(in crate::store) room: u64,
}

impl Tree {
    /// Reads what lies below `roots`, which stand in an `index.json` of `size` bytes. A layout may lack
    /// indexes (a sparse one does); an index that is there has to be right.
    pub(in crate::store) fn below(
        reader: &Reader<'_>,
        roots: Vec<Arc<Descriptor>>,
        size: u64,
    ) -> Result<Self, Error> {
        let mut nested: HashMap<_, Vec<Arc<Descriptor>>> = HashMap::new();
        let mut subjects = HashMap::new();
        let mut room = reader.limits.entries.saturating_sub(roots.len());
        let mut bytes = reader.limits.indexes.saturating_sub(size);
        // An index counts where it lies deepest, however often it is listed further up.
        let mut deepest = HashMap::new();
        let mut first: HashMap<Digest, Arc<Descriptor>> = HashMap::new();
        let mut queue: VecDeque<_> = roots.iter().map(|d| (1, d.clone())).collect();
        while let Some((depth, descriptor)) = queue.pop_front() {
            let digest = descriptor.digest;
            if !media::is_index(&descriptor.media_type) {
                continue;
            }
            // Another entry that leads there may state another size, or other content.
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

    /// The entries of an index; empty where the layout lacks it.
    pub(in crate::store) fn children(&self, index: &Digest) -> &[Arc<Descriptor>] {
        self.nested.get(index).map_or(&[], Vec::as_slice)
    }

    /// What an index refers to; none where the layout lacks the index.
    pub(in crate::store) fn subject(&self, index: &Digest) -> Option<Digest> {
        self.subjects.get(index).copied()
    }

    /// The indexes that the layout has, and what each holds.
    pub(in crate::store) fn indexes(&self) -> impl Iterator<Item = (&Digest, &[Arc<Descriptor>])> {
        self.nested
            .iter()
            .map(|(index, children)| (index, &children[..]))
    }

    /// Whether the layout has an index.
    pub(in crate::store) fn has(&self, index: &Digest) -> bool {
        self.nested.contains_key(index)
    }

    /// Refuses an index that is listed for a platform which not all that it holds states too: runtimes
    /// choose by what is listed.
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

    /// What the entries below an index state. That one is an attestation is nobody's word: its manifest
    /// has to show it.
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

    /// All entries, each index opened where it is met first.
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
