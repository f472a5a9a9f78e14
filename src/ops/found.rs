//! The findings of a verification of several images, as they come in.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::error::Error;
use crate::class::Class;
use crate::image::Descriptor;
use crate::report::Verdict;

/// One finding.
#[derive(Debug)]
pub enum Found {
    /// A verdict on an image.
    Verdict(Verdict),
    /// An error that kept an image, a tag or a place from a verdict.
    Failed {
        /// The name by which the user asked for it.
        reference: String,
        /// What went wrong.
        error: Error,
    },
    /// Something that is not an image and that the run passed over.
    Ignored(Arc<Descriptor>),
    /// Another image, where the user named none and the run chose one: the run did not look at it.
    Unseen(Arc<Descriptor>),
    /// A tag that the registry listed, and that was gone when the run asked for it.
    Gone(String),
    /// How many names the registry listed that no tag can have.
    Unnameable(usize),
    /// Why the run looks at nothing more of a place.
    GaveUp(Error),
}

/// Takes the findings, from one thread at a time. When it breaks off, the run ends as soon as it can.
pub type Sink<'a> = dyn FnMut(Found) -> ControlFlow<()> + Send + 'a;

/// How many findings of each kind there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Images that are trusted.
    pub trusted: usize,
    /// Images that a policy lets in without a signature.
    pub allowed: usize,
    /// Images that are refused.
    pub refused: usize,
    /// Images, tags and places without a verdict.
    pub undecided: usize,
    /// Things that are not images; the run ignored them.
    pub ignored: usize,
    /// Images of other shards.
    pub in_other_shards: usize,
    /// Tags that the registry listed, and that were gone when the run asked for them.
    pub gone: usize,
    /// Images and tags that the run did not look at: it chose another image, or it gave up before.
    pub not_looked_at: usize,
}

impl Totals {
    /// Everything that the run reported on: trusted, allowed, refused or undecided.
    pub const fn images(&self) -> usize {
        self.trusted + self.allowed + self.refused + self.undecided
    }

    /// Whether there are more than those.
    pub const fn are_partial(&self) -> bool {
        self.in_other_shards + self.gone + self.not_looked_at > 0
    }

    /// Counts a finding.
    pub(super) fn count(&mut self, found: &Found) {
        match found {
            Found::Verdict(Verdict::Trusted(_)) => self.trusted += 1,
            // The user trusts a CA, so an image needs a signature.
            Found::Verdict(Verdict::Allowed(_) | Verdict::Refused(_)) => self.refused += 1,
            Found::Failed { error, .. } => match error.class() {
                Class::Refused => self.refused += 1,
                Class::Usage | Class::Undecided => self.undecided += 1,
            },
            Found::Ignored(_) => self.ignored += 1,
            Found::Gone(_) => self.gone += 1,
            Found::Unseen(_) => self.not_looked_at += 1,
            Found::Unnameable(_) | Found::GaveUp(_) => {}
        }
    }
}

/// A sink that counts the findings on the way.
pub(super) struct Counted<'a, 'b> {
    pub(super) totals: Totals,
    sink: &'a mut Sink<'b>,
    /// Whether the sink broke off.
    pub(super) is_over: bool,
}

impl<'a, 'b> Counted<'a, 'b> {
    pub(super) fn new(sink: &'a mut Sink<'b>) -> Self {
        Self {
            totals: Totals::default(),
            sink,
            is_over: false,
        }
    }

    /// Hands a finding on, unless the sink takes nothing more.
    pub(super) fn take(&mut self, found: Found) {
        if !self.is_over {
            self.totals.count(&found);
            self.is_over = (self.sink)(found).is_break();
        }
    }
}
