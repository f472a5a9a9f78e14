//! Puts verdicts in the order of the images, though the run looks at several images at once.

use std::collections::{BTreeMap, HashMap};

use super::error::Error;
use super::found::{Counted, Found};
use crate::crypto::Digest;
use crate::report::Verdict;
use crate::store::Selected;

/// The outcome for an image: its name, and a verdict or the error in place of a verdict.
type Outcome = Result<Verdict, (String, Error)>;

/// One of the requested images: a user who names several of its tags asks for it several times, unless the user means
/// all.
type Key = (Option<String>, Digest);

/// The state of one image that several entries may lead to.
#[derive(Default)]
struct Entries {
    undecided: usize,
    has_failed: bool,
}

/// Hands on one verdict for each image, in order and as soon as possible. If entries state different things about it,
/// this looks at each entry, and one bad entry decides.
pub(super) struct Order<'a, 'b, 'c> {
    keys: Vec<Key>,
    images: HashMap<Key, Entries>,
    /// The outcomes that wait for earlier ones.
    waiting: BTreeMap<usize, Outcome>,
    next: usize,
    found: &'c mut Counted<'a, 'b>,
}

impl<'a, 'b, 'c> Order<'a, 'b, 'c> {
    /// For these images.
    pub(super) fn new<'s>(
        images: impl Iterator<Item = &'s Selected>,
        all: bool,
        found: &'c mut Counted<'a, 'b>,
    ) -> Self {
        let key = |one: &Selected| ((!all).then(|| one.name.clone()), one.descriptor.digest);
        let keys: Vec<Key> = images.map(key).collect();
        let mut images: HashMap<Key, Entries> = HashMap::new();
        for key in &keys {
            images.entry(key.clone()).or_default().undecided += 1;
        }
        Self {
            keys,
            images,
            waiting: BTreeMap::new(),
            next: 0,
            found,
        }
    }

    /// Whether the receiver takes nothing more.
    pub(super) const fn is_over(&self) -> bool {
        self.found.is_over
    }

    /// Takes note of the outcome for one image.
    pub(super) fn decided(&mut self, n: usize, outcome: Outcome) {
        if let Some(image) = self.images.get_mut(&self.keys[n]) {
            image.undecided -= 1;
            image.has_failed |= matches!(&outcome, Ok(verdict) if !verdict.is_trusted());
        }
        self.waiting.insert(n, outcome);
        while let Some(first) = self.waiting.first_entry() {
            let image = &self.images[&self.keys[self.next]];
            if *first.key() != self.next || image.undecided > 0 {
                break;
            }
            self.next += 1;
            match first.remove() {
                Ok(verdict) if verdict.is_trusted() && image.has_failed => {}
                Ok(verdict) => self.found.take(Found::Verdict(verdict)),
                Err((reference, error)) => self.found.take(Found::Failed { reference, error }),
            }
        }
    }
}
