//! The plan for `index.json`: which entries stay, and with which tags.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::fates::{Below, Fate, Mend};
use super::root::Root;
use super::words::{ForRealms, Mended};
use crate::crypto::Digest;
use crate::encoding::json::Object;
use crate::image::realm::{called, short_tag};
use crate::image::{Descriptor, Reference, media};
use crate::store::edit::Edit;
use crate::store::editor::Editor;
use crate::store::error::{Error, Kind};
use crate::store::manifest_text::set_media_type;
use crate::store::problem::{Part, Problem};
use crate::store::tags::{Named, places_of};

/// An entry that wants a tag; whether it gets the tag is not decided yet.
struct Wish<'a> {
    root: usize,
    entry: &'a Descriptor,
    image: Option<Below>,
    short: String,
    /// Whether the user named the entry, or the image that it will lead to.
    is_named: bool,
    leads_to: Digest,
}
/// The plan for mending a layout.
pub(in crate::store) struct Plan {
    pub(super) roots: Vec<Vec<Root>>,
    /// The changes, for the report.
    pub(in crate::store) told: Vec<Mended>,
    /// The content that mending leaves out.
    pub(in crate::store) gone: HashSet<Digest>,
}
impl Mend<'_, '_> {
    /// Edits everything below `index.json`, and decides what happens to the entries of `index.json`.
    pub(in crate::store) fn plan(
        mut self,
        roots: &[Arc<Descriptor>],
        realms: ForRealms<'_>,
    ) -> Result<Plan, Error> {
        let named = self.named(roots, realms.references)?;
        let mut wishes = Vec::new();
        let mut planned: Vec<Vec<Root>> = Vec::new();
        for (n, entry) in roots.iter().enumerate() {
            planned.push(Vec::new());
            let images = match self.root(entry)? {
                Fate::Goes(reason) => {
                    self.leave_out(called(entry), reason);
                    continue;
                }
                Fate::Stays(images) => images,
            };
            let untagged = Root {
                tag: None,
                image: None,
            };
            let Some(tag) = entry.tag() else {
                planned[n].push(untagged);
                continue;
            };
            let is_named = named.contains(&n);
            let image = self.meant(entry, &images, realms, is_named);
            if image.is_some() && images.len() > 1 {
                planned[n].push(untagged);
            }
            let Some(short) = short_tag(tag).map(str::to_owned) else {
                self.tell_tag(tag, None, entry.digest);
                planned[n].push(Root { tag: None, image });
                continue;
            };
            if image.is_none() && images.len() > 1 {
                self.told.push(Mended::Several {
                    tag: short.clone(),
                    images: images.iter().map(|image| image.digest).collect(),
                });
            }
            let leads_to = image.map_or_else(|| self.now(&entry.digest), |image| image.digest);
            wishes.push(Wish {
                root: n,
                entry,
                image,
                short,
                is_named: is_named || self.is_named_by_digest(leads_to, realms.references),
                leads_to,
            });
        }
        self.grant(wishes, realms, &mut planned)?;
        let gone = self
            .fates
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Goes(_)));
        let gone = gone.map(|((digest, ..), _)| *digest).collect();
        Ok(Plan {
            roots: planned,
            told: self.told,
            gone,
        })
    }
    /// The image that a tag will name instead of an index: the only image, or the one for the platform.
    fn meant(
        &self,
        entry: &Descriptor,
        images: &[Below],
        realms: ForRealms<'_>,
        is_named: bool,
    ) -> Option<Below> {
        if !media::is_index(&entry.media_type) {
            return None;
        }
        if let [only] = images {
            return Some(*only);
        }
        let is_meant = realms.references.is_empty() || is_named;
        if !realms.by_platform || !is_meant {
            return None;
        }
        let signed: HashSet<_> = self.edits.iter().map(Edit::digest).collect();
        let mut signed = images.iter().filter(|image| signed.contains(&image.digest));
        signed.next().copied().filter(|_| signed.next().is_none())
    }

    /// Gives each entry its tag, unless another entry has the same tag.
    fn grant(
        &mut self,
        wishes: Vec<Wish<'_>>,
        realms: ForRealms<'_>,
        planned: &mut [Vec<Root>],
    ) -> Result<(), Error> {
        let mut by_tag: BTreeMap<String, Vec<Wish<'_>>> = BTreeMap::new();
        for wish in wishes {
            by_tag.entry(wish.short.clone()).or_default().push(wish);
        }
        for (tag, wishes) in by_tag {
            let all: HashSet<_> = wishes.iter().map(|wish| wish.leads_to).collect();
            let chosen: HashSet<_> = wishes
                .iter()
                .filter(|wish| wish.is_named)
                .map(|wish| wish.leads_to)
                .collect();
            let winner = match (all.len(), chosen.len()) {
                (1, _) => all.iter().next(),
                (_, 1) => chosen.iter().next(),
                // The user asked for none of them by this tag.
                (_, 0) if !realms.references.is_empty() => None,
                _ => {
                    let called =
                        |wish: &Wish<'_>| format!("{} ({})", called(wish.entry), wish.entry.digest);
                    let entries = wishes.iter().map(called).collect();
                    return Err(self.editor.reader.error(Kind::SameTag { tag, entries }));
                }
            };
            let mut is_given = false;
            for Wish {
                root,
                entry,
                image,
                leads_to,
                ..
            } in wishes
            {
                let from = entry.tag().unwrap_or_default();
                if winner != Some(&leads_to) {
                    self.tell_tag(from, None, leads_to);
                    planned[root].push(Root { tag: None, image });
                } else if is_given {
                    let reason = format!("another entry already names it by the tag \"{tag}\"");
                    self.leave_out(from.to_owned(), reason);
                } else {
                    is_given = true;
                    if image.is_some() {
                        self.told.push(Mended::Named {
                            tag: tag.clone(),
                            digest: leads_to,
                        });
                    }
                    if from != tag {
                        self.tell_tag(from, Some(tag.clone()), leads_to);
                    }
                    planned[root].push(Root {
                        tag: Some(tag.clone()),
                        image,
                    });
                }
            }
        }
        Ok(())
    }

    /// The positions of the entries that the user named by tag, full name or digest.
    fn named(
        &self,
        roots: &[Arc<Descriptor>],
        references: &[Reference],
    ) -> Result<HashSet<usize>, Error> {
        let mut named = HashSet::new();
        for reference in references {
            match reference {
                Reference::Tag(tag) => {
                    let roots = roots.iter().map(|root| Named::of(root));
                    named.extend(places_of(self.editor.reader.place(), roots, tag)?);
                }
                Reference::Digest(digest) => {
                    let roots = roots.iter().enumerate();
                    named.extend(roots.filter(|(_, r)| r.digest == *digest).map(|(n, _)| n));
                }
            }
        }
        Ok(named)
    }

    fn is_named_by_digest(&self, leads_to: Digest, references: &[Reference]) -> bool {
        references.iter().any(|reference| match reference {
            Reference::Tag(_) => false,
            Reference::Digest(digest) => self.now(digest) == leads_to,
        })
    }

    fn tell_tag(&mut self, from: &str, to: Option<String>, digest: Digest) {
        let from = from.to_owned();
        self.told.push(Mended::Tag { from, to, digest });
    }

    pub(super) fn leave_out(&mut self, name: String, reason: String) {
        self.told.push(Mended::LeftOut { name, reason });
    }
}

impl Plan {
    /// The new text of `index.json`; `None` if it does not change.
    pub(in crate::store) fn edit_index(
        &self,
        editor: &mut Editor<'_>,
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let part = Part::IndexJson;
        let this = &*editor;
        let edit = || -> Result<Option<Vec<u8>>, serde_json::Error> {
            let mut index: Object = serde_json::from_slice(bytes)?;
            index.replace_items("manifests", |n, entry| {
                let new = self.roots[n]
                    .iter()
                    .map(|root| root.edit(this, entry.clone()));
                new.collect()
            })?;
            set_media_type(&mut index, media::INDEX)?;
            index.is_changed().then(|| index.to_bytes()).transpose()
        };
        let edited = edit().map_err(|e| editor.reader.problem(part.clone(), Problem::json(e)))?;
        if let Some(new) = &edited {
            editor.reader.check_document(&part, new)?;
            editor.grown += new.len().saturating_sub(bytes.len()) as u64;
        }
        Ok(edited)
    }
}
