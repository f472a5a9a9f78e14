//! Referrers that `cosign save` wrote into a layout without an entry in `index.json`. cosign 3 finds bundles that way:
//! it looks at each blob (cosign, `getLocalBundleDescriptors`).

use std::collections::HashSet;
use std::sync::Arc;

use super::folder::Layout;
use crate::crypto::Digest;
use crate::image::{Descriptor, Embedded, media};
use crate::store::error::Error;

impl Layout {
    /// The manifests among the blobs that name this digest as their `subject`, without those that are known.
    pub(super) fn unlisted_referrers(
        &self,
        subject: &Digest,
        known: &[Arc<Descriptor>],
    ) -> Result<Vec<Arc<Descriptor>>, Error> {
        let known: HashSet<_> = known.iter().map(|descriptor| descriptor.digest).collect();
        let reader = self.reader();
        let mut found = Vec::new();
        for (algorithm, dir) in &self.algorithms {
            let mut names: Vec<_> = dir.entries()?.into_iter().collect();
            names.retain(|(_, kind)| kind.is_file());
            // The same order in every run.
            names.sort_by(|(one, _), (other, _)| one.cmp(other));
            for (name, _) in names {
                let digest = format!("{}:{name}", algorithm.name()).parse();
                let Some(digest) = digest.ok().filter(|digest| !known.contains(digest)) else {
                    continue;
                };
                let (_, size) = dir.file(&name)?;
                if size > self.limits.document {
                    continue;
                }
                let descriptor = Descriptor {
                    media_type: media::MANIFEST.into(),
                    digest,
                    size,
                    tag: None,
                    full_name: None,
                    platform: None,
                    embedded: Embedded::Nothing,
                };
                if reader.subject_of(&descriptor)? == Some(*subject) {
                    found.push(Arc::new(descriptor));
                }
            }
        }
        Ok(found)
    }
}
