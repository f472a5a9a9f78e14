//! Entries with the same content, without those that state nothing new of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use super::selected::Selected;
use crate::crypto::Digest;
use crate::image::Descriptor;

/// How many entries of one digest are kept that state different things of it. Some of so many contradict
/// each other, so that one does not hold at least: more of them change no verdict, and may be very many.
const MOST_DIFFERENT: usize = 16;

/// Targets without those that say nothing new. Entries that lead to one digest may contradict each
/// other, and readers choose differently among them: each that says something else stands here.
#[derive(Default)]
pub(in crate::store) struct Distinct {
    pub(in crate::store) selected: Vec<Selected>,
    /// Where the first of each digest stands.
    pub(in crate::store) first: HashMap<Digest, usize>,
    /// Where the others do. There are none in most layouts, and in some very many images.
    others: HashMap<Digest, Vec<usize>>,
}

impl Distinct {
    /// Where those with a digest stand.
    fn places(&self, digest: &Digest) -> impl Iterator<Item = usize> {
        let others = self.others.get(digest).into_iter().flatten();
        self.first.get(digest).into_iter().chain(others).copied()
    }

    /// Whether one that stands here says all that this entry does, or so many stand here that it does not
    /// matter.
    pub(in crate::store) fn covers(&self, descriptor: &Descriptor) -> bool {
        let mut known = 0;
        self.places(&descriptor.digest).any(|n| {
            known += 1;
            known == MOST_DIFFERENT || descriptor.is_covered_by(&self.selected[n].descriptor)
        })
    }

    /// Adds one, unless that says nothing new.
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
