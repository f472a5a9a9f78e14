//! Images and indexes as things that others refer to: what is signed as a whole, and what hangs on it.

use std::collections::HashSet;
use std::sync::Arc;

use super::blobs::Reader;
use super::tree::Tree;
use crate::image::{Blob, Descriptor, Reference, media};
use crate::store::error::Error;
use crate::store::problem::Part;

impl Reader<'_> {
    /// What a name leads to as a whole, be it an index, and what it is called; without a name, the only thing there is.
    pub fn subject(
        &self,
        reference: Option<&Reference>,
    ) -> Result<(String, Arc<Descriptor>), Error> {
        let (name, found) = match reference {
            None => self.only_image()?,
            Some(reference) => (reference.to_string(), self.store.find(reference)?),
        };
        // All of them lead to one digest.
        match (found.into_iter().next(), reference) {
            (Some(descriptor), _) => Ok((name, descriptor)),
            (None, Some(reference)) => Err(self.store.no_such_image(reference)),
            (None, None) => unreachable!("the only image has an entry"),
        }
    }

    /// Reads an image's manifest or an index whole, checked against the descriptor.
    pub fn whole(&self, descriptor: &Descriptor) -> Result<Blob, Error> {
        if media::is_index(&descriptor.media_type) {
            Ok(self.nested(descriptor)?.0)
        } else {
            Ok(self.manifest(descriptor)?.0)
        }
    }

    /// All that an index leads to, itself first, each once; a manifest leads to nothing more.
    pub fn with_all_below(
        &self,
        descriptor: &Arc<Descriptor>,
    ) -> Result<Vec<Arc<Descriptor>>, Error> {
        let tree = Tree::below(self, vec![descriptor.clone()], self.store.index_size())?;
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for entry in tree.entries() {
            if !entry.present {
                return Err(self.absent(Part::Index(entry.descriptor.digest)));
            }
            if seen.insert(entry.descriptor.digest) {
                all.push(entry.descriptor);
            }
        }
        Ok(all)
    }

    /// Reads a blob of what is attached to an image whole, if it has no more bytes than these.
    pub fn attached_blob(&self, descriptor: &Descriptor, most: u64) -> Result<Blob, Error> {
        self.document_up_to(&Part::Blob(descriptor.digest), descriptor, most)
    }
}
