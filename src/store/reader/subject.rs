//! Images and indexes that signatures and referrers refer to: the whole thing that a user signs, and everything
//! attached to it.

use std::collections::HashSet;
use std::sync::Arc;

use super::blobs::Reader;
use super::tree::Tree;
use crate::image::{Blob, Descriptor, Reference, media};
use crate::store::error::Error;
use crate::store::problem::Part;

impl Reader<'_> {
    /// The manifest or index that a reference leads to, and its name; without a reference, the only one there is.
    pub fn subject(
        &self,
        reference: Option<&Reference>,
    ) -> Result<(String, Arc<Descriptor>), Error> {
        let (name, found) = match reference {
            None => self.only_image()?,
            Some(reference) => (reference.to_string(), self.store.find(reference)?),
        };
        // All entries lead to one digest.
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

    /// Reads an index whole, with what it names directly.
    pub fn index(&self, descriptor: &Descriptor) -> Result<(Blob, Vec<Arc<Descriptor>>), Error> {
        let (blob, index) = self.nested(descriptor)?;
        Ok((blob, index.manifests))
    }

    /// Everything that an index leads to, each once, with the index first; for a manifest, only the manifest.
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

    /// Reads the whole blob of an attachment to an image, if it has at most `most` bytes.
    pub fn attached_blob(&self, descriptor: &Descriptor, most: u64) -> Result<Blob, Error> {
        self.document_up_to(&Part::Blob(descriptor.digest), descriptor, most)
    }
}
