//! Changing images: one transaction writes a new manifest, and all documents that lead to it.
//!
//! This code never edits a document in place. It writes new blobs beside the old ones and syncs them. Then one rename
//! of `index.json` replaces the old images by the new ones.

use std::collections::HashMap;

use crate::crypto::{Digest, HashAlgorithm};
use crate::store::access::Target;
use crate::store::dir::Lock;
use crate::store::documents::Index;
use crate::store::edit::{Applied, Edit};
use crate::store::editor::Editor;
use crate::store::error::{Error, Kind};
use crate::store::layout::attach;
use crate::store::layout::folder::{INDEX_FILE, Layout, index_bytes, read_index};
use crate::store::layout::mend::{ForRealms, Mend, retain_reachable};
use crate::store::layout::tags_above::TagsAbove;
use crate::store::layout::transaction::Transaction;
use crate::store::problem::{Part, Problem};
use crate::store::reader::tree::Tree;

impl Target for Layout {
    /// Makes the changes to the images, all or none.
    ///
    /// Each manifest gets its new digest and size, under the algorithm of its old one, and so does every index on the
    /// way up to `index.json`. On that way this refreshes embedded `data` and the attestations'
    /// `vnd.docker.reference.digest`, adds a missing `mediaType`, and turns docker's media types into OCI's. All other
    /// members keep their text and order. Every entry that led to an old manifest leads to the new one.
    ///
    /// Another run may change the layout until this call takes its lock: if an image has changed, the result is
    /// [`Kind::Lost`].
    fn apply(&mut self, edits: &[Edit]) -> Result<Applied, Error> {
        self.change(edits, None)
    }
}

impl Layout {
    /// Makes the changes as [`Target::apply`] does, and makes the app one that the server for realms loads: it leaves
    /// out content that the server refuses, turns docker's media types into OCI's in all manifests, and shortens tags.
    pub fn apply_for_realms(
        &mut self,
        edits: &[Edit],
        realms: ForRealms<'_>,
    ) -> Result<Applied, Error> {
        self.change(edits, Some(realms))
    }

    /// Syncs a change that the layout has already: a killed run may have made it without syncing it.
    pub fn sync_existing(&self) -> Result<(), Error> {
        self.dir.sync_existing()
    }

    fn change(&mut self, edits: &[Edit], realms: Option<ForRealms<'_>>) -> Result<Applied, Error> {
        // This opens the folder a second time, so that the lock ends with this call.
        let lock = self.dir.dir(".")?;
        lock.lock(Lock::Exclusive)?;
        // The old index and the one that this call reads would take too much memory together.
        self.index = Index::default();
        let (text, index) = read_index(&self.dir, self.limits)?;
        let (roots, size) = (index.manifests, index.size);
        // For the same reason this call drops the texts of `index.json` and of the indexes below it.
        let known = Digest::of(HashAlgorithm::Sha256, &text);
        drop(text);
        let reader = self.reader();
        let mut editor = Editor {
            reader: &reader,
            tree: Tree::below(&reader, roots.clone(), size)?,
            replaced: HashMap::new(),
            visited: HashMap::new(),
            blobs: Vec::new(),
            grown: 0,
        };
        let mut images = editor.edit_manifests(edits)?;
        let plan = if let Some(realms) = realms {
            Some(Mend::new(&mut editor, edits).plan(&roots, realms)?)
        } else {
            for root in &roots {
                editor.edit_below(root)?;
            }
            None
        };
        let matters = |digest: &Digest| editor.replaced.contains_key(digest);
        let mut above = TagsAbove::new(&roots, &editor.tree, matters);
        for image in &mut images {
            // The layout may have had the signed manifest before.
            let digests = [image.old, image.new];
            let leads_there = roots.iter().filter(|d| digests.contains(&d.digest));
            let tags = leads_there.filter_map(|d| d.tag().map(str::to_owned));
            image.tags = tags.collect();
            (image.index_tags, image.more_index_tags) = above.of(&image.old);
        }
        drop(above);
        let mut referrers = editor.referrers()?;
        if let Some(plan) = &plan {
            referrers.retain(|referrer| !plan.gone.contains(&referrer.digest));
        }
        drop(roots);
        // From here on this needs only the text of index.json, not the values read from it.
        let tree = std::mem::take(&mut editor.tree);
        let (room, entries_room) = (tree.room, tree.entries_room);
        drop(tree);
        let text = index_bytes(&self.dir, self.limits)?;
        if Digest::of(HashAlgorithm::Sha256, &text) != known {
            let name = edits.first().map(|e| e.name.clone()).unwrap_or_default();
            return Err(self.error(Kind::Lost { name }));
        }
        let new_index = match &plan {
            Some(plan) => plan.edit_index(&mut editor, &text)?,
            None => editor.edit_index(&Part::IndexJson, &text)?,
        };
        let edited = new_index.as_deref().unwrap_or(&text);
        let new_index = attach::edit_index(&mut editor, entries_room, edits, edited)?.or(new_index);
        if editor.grown > room {
            let problem = Problem::TooManyBytes(self.limits.indexes);
            return Err(self.problem(Part::IndexJson, problem));
        }
        drop(text);
        let mut blobs = editor.blobs;
        if let (Some(_), Some(bytes)) = (&plan, &new_index) {
            retain_reachable(&mut blobs, bytes);
        }
        blobs.extend(attach::blobs(self, edits));
        let is_changed = new_index.is_some() || !blobs.is_empty();
        if is_changed {
            self.make_algorithm_dirs(&blobs)?;
            let mut transaction = Transaction::new(&self.dir)?;
            let files: Vec<_> = blobs
                .iter()
                .map(|blob| {
                    let dir = self
                        .algorithm_dir(blob.digest().algorithm())
                        .expect("the folder was there or has been made");
                    (dir, blob.digest().hex(), blob.bytes())
                })
                .collect();
            transaction.add(&files)?;
            if let Some(bytes) = new_index {
                transaction.add_last(INDEX_FILE, &bytes)?;
            }
            transaction.commit()?;
        } else {
            // A killed run may have made this change without syncing it.
            self.dir.sync_existing()?;
        }
        self.index = read_index(&self.dir, self.limits)?.1;
        let mended = match plan {
            Some(plan) => {
                self.retag(&mut images)?;
                plan.told
            }
            None => Vec::new(),
        };
        Ok(Applied {
            images,
            referrers,
            mended,
            changed: is_changed,
        })
    }
}
