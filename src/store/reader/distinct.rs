//! Entries for the same content, without those that state nothing new about it.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use super::selected::Selected;
use crate::crypto::Digest;
use crate::image::Descriptor;

/// How many entries with one digest this list keeps if they state different things. Among this many entries some
/// contradict each other, so at least one is wrong. More entries change no verdict, and there may be very many.
const MOST_DIFFERENT: usize = 16;

/// Entries without those that say nothing new. Entries with the same digest may contradict each other, and readers
/// choose differently among them, so the list keeps each entry that says something else.
#[derive(Default)]
pub(in crate::store) struct Distinct {
    pub(in crate::store) selected: Vec<Selected>,
    /// The position of the first entry of each digest.
    pub(in crate::store) first: HashMap<Digest, usize>,
    /// The positions of the other entries. Most layouts have none, and some have very many.
    others: HashMap<Digest, Vec<usize>>,
}

impl Distinct {
    /// The positions of the entries with a digest.
    fn places(&self, digest: &Digest) -> impl Iterator<Item = usize> {
        let others = self.others.get(digest).into_iter().flatten();
        self.first.get(digest).into_iter().chain(others).copied()
    }

    /// Whether a kept entry says everything that this entry does, or the list already has the most entries with this
    /// digest.
    pub(in crate::store) fn covers(&self, descriptor: &Descriptor) -> bool {
        let mut known = 0;
        self.places(&descriptor.digest).any(|n| {
            known += 1;
            known == MOST_DIFFERENT || descriptor.is_covered_by(&self.selected[n].descriptor)
        })
    }

    /// Adds an entry, unless it says nothing new.
    pub(in crate::store) fn add(&mut self, new: Selected) {
        let digest = new.descriptor.digest;
        if self.covers(&new.descriptor) {
            return;
        }
        let says_less = |n: &usize| self.selected[*n].descriptor.is_covered_by(&new.descriptor);
        let less = self.places(&digest).find(says_less);
        if let Some(n) = less {
            self.selected[n].descriptor = new.descriptor;
            return;
        }
        let place = self.selected.len();
        match self.first.entry(digest) {
            Vacant(first) => {
                first.insert(place);
            }
            Occupied(_) => self.others.entry(digest).or_default().push(place),
        }
        self.selected.push(new);
    }
}
