//! The tags that lead to images through indexes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::crypto::Digest;
use crate::image::{Descriptor, media};
use crate::store::reader::tree::Tree;

/// How many tags a message names. Very many tags may lead to each of very many images.
const MOST: usize = 20;

/// The positions of the first few entries of `index.json` that lead to a manifest or index.
#[derive(Clone, Default)]
struct Places {
    first: Vec<usize>,
    /// Whether more entries lead to it.
    more: bool,
}

impl Places {
    fn add(&mut self, other: &Self) {
        self.first.extend(&other.first);
        self.first.sort_unstable();
        self.first.dedup();
        self.more |= other.more || self.first.len() > MOST;
        self.first.truncate(MOST);
    }
}

/// The tags above the images and indexes that the caller asks about.
pub(in crate::store) struct TagsAbove<'a> {
    roots: &'a [Arc<Descriptor>],
    /// The indexes that hold a manifest or index.
    holders: HashMap<Digest, Vec<Digest>>,
    /// The tagged entries that lead to an index; the search adds the entries above that index when it has found them.
    places: HashMap<Digest, Places>,
    known: HashSet<Digest>,
}

impl<'a> TagsAbove<'a> {
    pub(in crate::store) fn new(
        roots: &'a [Arc<Descriptor>],
        tree: &Tree,
        matters: impl Fn(&Digest) -> bool,
    ) -> Self {
        let mut holders: HashMap<Digest, Vec<Digest>> = HashMap::new();
        for (index, children) in tree.indexes() {
            let is_document = |d: &Descriptor| {
                media::is_manifest(&d.media_type) || media::is_index(&d.media_type)
            };
            for child in children
                .iter()
                .filter(|d| is_document(d) && matters(&d.digest))
            {
                let holders = holders.entry(child.digest).or_default();
                if holders.last() != Some(index) {
                    holders.push(*index);
                }
            }
        }
        let mut places: HashMap<Digest, Places> = HashMap::new();
        for (n, root) in roots.iter().enumerate() {
            if root.tag().is_some() && media::is_index(&root.media_type) && matters(&root.digest) {
                let this = Places {
                    first: vec![n],
                    more: false,
                };
                places.entry(root.digest).or_default().add(&this);
            }
        }
        Self {
            roots,
            holders,
            places,
            known: HashSet::new(),
        }
    }

    /// The tags of indexes that lead to an image, and whether there are more tags.
    pub(in crate::store) fn of(&mut self, image: &Digest) -> (Vec<String>, bool) {
        let places = self.above(image);
        let tags = places.first.iter().filter_map(|n| self.roots[*n].tag());
        // Two entries may have the same tag.
        let mut seen = HashSet::new();
        let tags = tags.filter(|tag| seen.insert(*tag)).map(str::to_owned);
        (tags.collect(), places.more)
    }

    fn above(&mut self, thing: &Digest) -> Places {
        let mut all = Places::default();
        for holder in self.holders.get(thing).cloned().unwrap_or_default() {
            if self.known.insert(holder) {
                let above = self.above(&holder);
                self.places.entry(holder).or_default().add(&above);
            }
            if let Some(places) = self.places.get(&holder) {
                all.add(places);
            }
        }
        all
    }
}
