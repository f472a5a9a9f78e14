//! The first pass: finding the content of an archive without writing anything.

use std::collections::HashMap;
use std::sync::Arc;

use super::legacy::{Legacy, Listed, listed};
use super::name::{self, NameId, Place, shown};
use super::open::Archive;
use super::problem::Problem;
use super::walk::{Data, Kind, Links, Member, Names, walk};
use crate::crypto::Digest;
use crate::image::{Descriptor, Reference, media};
use crate::progress::Progress;
use crate::store::documents;
use crate::store::error::{Error, Kind as ErrorKind};
use crate::store::layout::folder::{
    INDEX_FILE, LAYOUT_FILE, SKOPEO_FILE, SKOPEO_START, check_layout_version,
};
use crate::store::place::Place as StorePlace;
use crate::store::problem::{Part, Problem as PartProblem};
use crate::store::saved::{LONGEST_MANIFEST, MANIFEST_FILE, OLDER_LISTS};
use crate::store::tags::{Named, names, only_one, places_of};

/// The content of an archive.
#[derive(Debug)]
pub struct Survey {
    place: StorePlace,
    pub(super) names: Names,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// An OCI image layout.
    Layout {
        /// The bytes of `oci-layout`.
        layout_file: Vec<u8>,
        /// The bytes of `index.json`.
        index: Vec<u8>,
        /// The entries of `index.json`.
        entries: Vec<Arc<Descriptor>>,
        /// The images of a `manifest.json` beside `index.json`.
        listed: Vec<Listed>,
    },
    /// An archive that `docker save` wrote up to engine 24.
    Legacy(Legacy),
}

impl Archive {
    /// Reads the headers of all members and the files that lead to the images. Refuses every fault that these show: see
    /// [`Problem`]; [`store::Kind::Bomb`](crate::store::Kind::Bomb) if a size exceeds the limits. Writes nothing. Skips
    /// the content of a plain archive; unpacks and drops the content of a packed one.
    pub fn survey(&self, progress: &dyn Progress) -> Result<Survey, Error> {
        let mut found = Found::default();
        let mut window = self.window();
        let mut source = self.source("looking through", progress, &mut window)?;
        let walked = walk(
            &mut source,
            &self.limits,
            Links::ToLayers,
            &mut |member, data| found.take(self, member, data),
        );
        drop(source);
        drop(window);
        let read = walked.and_then(|names| Ok((found.content(self, &names)?, names)));
        let (content, names) = read.map_err(|error| match error {
            // A file system is full of files that no image archive holds, so this message replaces the first fault
            // found.
            Error {
                kind:
                    ErrorKind::Archive {
                        problem:
                            Problem::Kind { .. }
                            | Problem::Link { .. }
                            | Problem::Name { .. }
                            | Problem::NoImage,
                    },
                ..
            } if self.is_root_fs() => self.problem(Problem::RootFs),
            other => other,
        })?;
        Ok(Survey {
            place: StorePlace::Archive(self.path.clone()),
            names,
            content,
        })
    }
}

/// The state of the survey.
#[derive(Default)]
struct Found {
    layout_file: Option<Vec<u8>>,
    index: Option<Vec<u8>>,
    /// The bytes of `manifest.json`, or its size if it is too large.
    manifest: Option<Result<Vec<u8>, u64>>,
    links: HashMap<NameId, NameId>,
    first_link: Option<String>,
    /// Whether the archive has the file with which skopeo marks a `dir:`.
    by_skopeo: bool,
    /// The fault that the images are in a folder, with that folder.
    in_folder: Option<Problem>,
}

/// Keeps the content of the first member with a name. Says whether a later member with that name has the same content.
fn is_first_or_same<T: PartialEq>(kept: &mut Option<T>, read: T) -> bool {
    let same = kept.as_ref().is_none_or(|before| *before == read);
    kept.get_or_insert(read);
    same
}

impl Found {
    fn take(
        &mut self,
        archive: &Archive,
        member: Member,
        data: &mut Data<'_, '_>,
    ) -> Result<(), Error> {
        let limits = &archive.limits;
        let name = &member.name;
        // Another member with the same name must have the same content. The second pass compares the content that this
        // pass does not read.
        let is_same = match member.kind {
            Kind::File(Place::LayoutFile) => {
                is_first_or_same(&mut self.layout_file, data.read(name, limits.document)?)
            }
            Kind::File(Place::Index) => {
                is_first_or_same(&mut self.index, data.read(name, limits.document)?)
            }
            Kind::File(Place::Manifest) => {
                // If the `index.json` beside it leads nowhere, `manifest.json` counts.
                let limit = limits.document.min(LONGEST_MANIFEST);
                let manifest = if data.left() > limit {
                    Err(data.left())
                } else {
                    Ok(data.read(name, limit)?)
                };
                is_first_or_same(&mut self.manifest, manifest)
            }
            Kind::File(Place::Blob(_)) => true,
            Kind::File(Place::Other) => {
                self.note_foreign(name, data)?;
                true
            }
            Kind::Link(target) => {
                let target = NameId::of(&target);
                let before = self.links.insert(NameId::of(name), target);
                self.first_link.get_or_insert_with(|| name.clone());
                before.is_none_or(|before| before == target)
            }
        };
        if is_same {
            return Ok(());
        }
        Err(archive.problem(Problem::Duplicate(shown(name.as_bytes()))))
    }

    /// Looks for signs of files that people often mistake for image archives.
    fn note_foreign(&mut self, name: &str, data: &mut Data<'_, '_>) -> Result<(), Error> {
        if name == SKOPEO_FILE {
            let mut start = [0; SKOPEO_START.len()];
            let length = data.fill(&mut start)?;
            self.by_skopeo = start[..length] == *SKOPEO_START;
        } else if let Some((folder, file)) = name.split_once('/')
            && let Some(file) = [INDEX_FILE, MANIFEST_FILE].into_iter().find(|f| *f == file)
        {
            let folder = shown(folder.as_bytes());
            self.in_folder
                .get_or_insert(Problem::InFolder { file, folder });
        }
        Ok(())
    }

    fn content(self, archive: &Archive, names: &Names) -> Result<Content, Error> {
        let document = |problem| {
            let name = INDEX_FILE.into();
            archive.problem(Problem::Document { name, problem })
        };
        let read = self.index.as_deref().map(documents::index).transpose();
        let read = read.map_err(document)?;
        // Some engines write an empty index beside the images that they saved by digest.
        let leads = |read: &documents::Index| !read.manifests.is_empty() || self.manifest.is_none();
        let Some(read) = read.filter(leads) else {
            return self.legacy(archive, names);
        };
        if let Some(name) = self.first_link {
            return Err(archive.problem(Problem::Kind {
                name: shown(name.as_bytes()),
                kind: "a symbolic link",
            }));
        }
        let not_a_layout = |reason| archive.problem(Problem::NotALayout(reason));
        let layout_file = self
            .layout_file
            .ok_or_else(|| not_a_layout(format!("it has no file {LAYOUT_FILE}")))?;
        check_layout_version(&layout_file).map_err(not_a_layout)?;
        let listed = match self.manifest {
            Some(manifest) => manifest
                .map_err(|size| too_large(archive, size))
                .and_then(|manifest| listed(&manifest, names)),
            None => match OLDER_LISTS
                .iter()
                .find(|list| names.has_file(NameId::of(list)))
            {
                Some(list) => Err(Problem::OlderList(list)),
                None => Ok(Vec::new()),
            },
        };
        Ok(Content::Layout {
            layout_file,
            index: self.index.unwrap_or_default(),
            listed: listed.map_err(|problem| archive.problem(problem))?,
            entries: read.manifests,
        })
    }

    fn legacy(self, archive: &Archive, names: &Names) -> Result<Content, Error> {
        if self.by_skopeo {
            return Err(archive.problem(Problem::SkopeoDir));
        }
        self.manifest
            .ok_or_else(|| self.in_folder.unwrap_or(Problem::NoImage))
            .and_then(|manifest| manifest.map_err(|size| too_large(archive, size)))
            .and_then(|manifest| Legacy::plan(&manifest, names, &self.links))
            .map(Content::Legacy)
            .map_err(|problem| archive.problem(problem))
    }
}

fn too_large(archive: &Archive, size: u64) -> Problem {
    Problem::TooLarge {
        name: MANIFEST_FILE.into(),
        size,
        limit: archive.limits.document.min(LONGEST_MANIFEST),
    }
}

impl Survey {
    /// Refuses a reference that cannot be in the archive, before ir-sign writes anything: a tag that no image has, or a
    /// digest that neither `index.json` nor a blob has. Without a reference, refuses unless there is exactly one image.
    /// The digests of images that ir-sign has yet to convert are not known; this lets them pass.
    pub fn check_reference(&self, reference: Option<&Reference>) -> Result<(), Error> {
        let found = match (reference, &self.content) {
            (Some(Reference::Digest(digest)), Content::Layout { entries, .. }) => {
                entries.iter().any(|d| d.digest == *digest)
                    || self.names.has_file(NameId::of(&name::of_blob(digest)))
            }
            (Some(Reference::Digest(_)), Content::Legacy(_)) => true,
            (None, content) => {
                self.check_tags()?;
                self.check_only(content)?;
                true
            }
            (Some(Reference::Tag(tag)), Content::Layout { entries, .. }) => {
                self.check_tags()?;
                let entries = entries.iter().map(|entry| Named::of(entry));
                !places_of(&self.place, entries, tag)?.is_empty()
            }
            (Some(Reference::Tag(tag)), Content::Legacy(legacy)) => {
                self.check_tags()?;
                legacy.ref_names().any(|t| t == tag) || legacy.tag_of(tag).is_some()
            }
        };
        match reference {
            Some(reference) if !found => {
                let kind = ErrorKind::NoSuchImage {
                    reference: reference.clone(),
                    present: self.present(),
                    unreferenced: false,
                };
                Err(kind.at(self.place.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The reference to use after unpacking: a converted image has only its tag, not all the names that it had.
    pub fn unpacked_reference(&self, reference: &Reference) -> Reference {
        match (reference, &self.content) {
            (Reference::Tag(tag), Content::Legacy(legacy))
                if legacy.ref_names().all(|t| t != tag) =>
            {
                let tag = legacy.tag_of(tag).unwrap_or(tag);
                Reference::Tag(tag.to_owned())
            }
            _ => reference.clone(),
        }
    }

    /// Refuses an archive that certainly holds no image or several. Only the manifests show which of them are
    /// artifacts, and ir-sign reads those after it has unpacked the archive.
    fn check_only(&self, content: &Content) -> Result<(), Error> {
        let only = match content {
            Content::Layout { entries, .. } => {
                let only = only_one(&self.place, entries.iter().map(|entry| Named::of(entry)));
                let may_be_no_image = |d: &Arc<Descriptor>| media::is_manifest(&d.media_type);
                // If there are tags, the user can name an image, so ir-sign does not unpack the archive just to ask for
                // a name.
                let has_tags = entries.iter().any(|d| d.tag().is_some());
                match only {
                    Err(Error {
                        kind: ErrorKind::NotOneImage { found: 2.., .. },
                        ..
                    }) if !has_tags && entries.iter().any(may_be_no_image) => {
                        return Ok(());
                    }
                    only => only,
                }
            }
            Content::Legacy(legacy) => match legacy.tagged_configs() {
                Some(configs) => only_one(&self.place, configs.into_iter()),
                None => return Ok(()),
            },
        };
        only.map(drop)
    }

    fn tags(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match &self.content {
            Content::Layout { entries, .. } => {
                Box::new(entries.iter().filter_map(|entry| entry.tag()))
            }
            Content::Legacy(legacy) => Box::new(legacy.ref_names()),
        }
    }

    /// The images by name, as [`ErrorKind::NoSuchImage`] lists them.
    fn present(&self) -> Vec<String> {
        match &self.content {
            Content::Layout { entries, .. } => names(entries.iter().map(|entry| Named::of(entry))),
            Content::Legacy(_) => self.tags().map(str::to_owned).collect(),
        }
    }

    /// Refuses tags that resolving would refuse later.
    fn check_tags(&self) -> Result<(), Error> {
        match self.tags().find(|tag| Digest::is_digest_form(tag)) {
            Some(tag) => {
                let problem = PartProblem::DigestTag(tag.to_owned());
                Err(Error::part(&self.place, Part::IndexJson, problem))
            }
            None => Ok(()),
        }
    }
}
