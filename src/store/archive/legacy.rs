//! Archives that `docker save` wrote up to engine 24. Their `manifest.json` names a config and layers for each image.
//! This finds those files, and the names that the images get in an OCI image layout.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::legacy_json::Tag;
use super::name::{self, NameId, shown};
use super::problem::Problem;
use super::walk::Names;
use crate::store::saved::{MANIFEST_FILE, Saved, saved};
use crate::store::tags::{Named, full_name};

/// How many files and tags `manifest.json` may name; each counts as often as it is named.
const MOST_NAMES: usize = 16_384;

/// The conversion of an archive.
#[derive(Debug)]
pub(super) struct Legacy {
    pub(super) images: Vec<LegacyImage>,
    /// The files that the conversion needs; true for a config.
    wanted: HashMap<NameId, bool>,
    /// The tag that the image gets, by each full name that it has.
    tags: HashMap<String, String>,
}

#[derive(Debug)]
pub(super) struct LegacyImage {
    pub(super) config: FileName,
    pub(super) layers: Vec<FileName>,
    pub(super) tags: Vec<Tag>,
}

/// A file that `manifest.json` names.
#[derive(Debug)]
pub(super) struct FileName {
    /// The name in `manifest.json`.
    pub(super) name: String,
    /// The regular member that the name leads to, through any links.
    pub(super) id: NameId,
}

impl Legacy {
    /// Reads `manifest.json` and finds the files it names among the archive's members.
    pub(super) fn plan(
        manifest: &[u8],
        names: &Names,
        links: &HashMap<NameId, NameId>,
    ) -> Result<Self, Problem> {
        let saved = read(manifest)?;
        if saved.is_empty() {
            return Err(Problem::NoImage);
        }
        let saved = merged(saved);
        let tags = tags(&saved)?;
        let find = |name: String| find(name, names, links);
        let mut wanted = HashMap::new();
        let mut images = Vec::new();
        let mut tag_of = HashMap::new();
        for (image, tags) in saved.into_iter().zip(tags) {
            let config = find(image.config)?;
            let layers = image.layers.into_iter().map(find);
            let layers = layers.collect::<Result<Vec<_>, _>>()?;
            for layer in &layers {
                wanted.entry(layer.id).or_insert(false);
            }
            wanted.insert(config.id, true);
            for (name, tag) in image.repo_tags.iter().filter_map(|name| full_name(name)) {
                let kept = tags.iter().find(|kept| kept.full_name == name);
                let kept = kept.or_else(|| tags.iter().find(|kept| kept.ref_name == tag));
                tag_of.extend(kept.map(|kept| (name, kept.ref_name.clone())));
            }
            images.push(LegacyImage {
                config,
                layers,
                tags,
            });
        }
        Ok(Self {
            images,
            wanted,
            tags: tag_of,
        })
    }

    /// Whether the conversion needs a member: `Some(true)` as a config, `Some(false)` as a layer.
    pub(super) fn wants(&self, member: NameId) -> Option<bool> {
        self.wanted.get(&member).copied()
    }

    /// The tags that the images will have, each with its config's digest: images with different configs are different
    /// images. `None` if a config's name does not state its digest, if there are no tags, or if several images have the
    /// same tag: only the digests of their manifests can tell such images apart.
    pub(super) fn tagged_configs(&self) -> Option<Vec<Named<'_>>> {
        let mut configs = Vec::new();
        for image in &self.images {
            let config = name::config_digest(&image.config.name)?;
            let tags = image.tags.iter();
            configs.extend(tags.map(|tag| Named {
                tag: Some(&tag.ref_name),
                full_name: Some(&tag.full_name),
                digest: config,
            }));
        }
        let mut owners = HashMap::new();
        let are_alone = configs
            .iter()
            .all(|named| *owners.entry(named.tag).or_insert(named.digest) == named.digest);
        (!configs.is_empty() && are_alone).then_some(configs)
    }

    /// The tag that the image with this full name will have.
    pub(super) fn tag_of(&self, name: &str) -> Option<&str> {
        let (full_name, _) = full_name(name)?;
        self.tags.get(&full_name).map(String::as_str)
    }

    /// The tags that the images will have.
    pub(super) fn ref_names(&self) -> impl Iterator<Item = &str> {
        let tags = self.images.iter().flat_map(|image| &image.tags);
        tags.map(|tag| tag.ref_name.as_str())
    }
}

/// An image of a `manifest.json` that lies beside an `index.json`.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) config: FileName,
    pub(super) repo_tags: Vec<String>,
}

/// Reads the images of a `manifest.json` that lies beside an `index.json`.
pub(super) fn listed(manifest: &[u8], names: &Names) -> Result<Vec<Listed>, Problem> {
    let no_links = HashMap::new();
    let images = read(manifest)?.into_iter();
    let images = images.map(|image| {
        Ok(Listed {
            config: find(image.config, names, &no_links)?,
            repo_tags: image.repo_tags,
        })
    });
    images.collect()
}

fn read(manifest: &[u8]) -> Result<Vec<Saved>, Problem> {
    let saved = saved(manifest).map_err(|problem| Problem::Document {
        name: MANIFEST_FILE.into(),
        problem,
    })?;
    let count = |image: &Saved| 1 + image.layers.len() + image.repo_tags.len();
    if saved.iter().map(count).sum::<usize>() > MOST_NAMES {
        return Err(Problem::TooManyNames(MOST_NAMES));
    }
    Ok(saved)
}

/// The images, each once: crane lists an image once for each of its names.
fn merged(saved: Vec<Saved>) -> Vec<Saved> {
    let mut images: Vec<Saved> = Vec::new();
    let mut places = HashMap::new();
    for mut image in saved {
        match places.entry((image.config.clone(), image.layers.clone())) {
            Entry::Vacant(vacant) => {
                vacant.insert(images.len());
                images.push(image);
            }
            Entry::Occupied(place) => images[*place.get()].repo_tags.append(&mut image.repo_tags),
        }
    }
    images
}

fn find(name: String, names: &Names, links: &HashMap<NameId, NameId>) -> Result<FileName, Problem> {
    let absent = || Problem::Absent(shown(name.as_bytes()));
    let id = NameId::of(&name::normalised(name.as_bytes()).map_err(|_| absent())?);
    let id = links.get(&id).copied().unwrap_or(id);
    if names.has_file(id) {
        Ok(FileName { name, id })
    } else {
        Err(absent())
    }
}

/// The names of each image. The name is the tag alone, once, as docker from engine 25 on writes it, or the full name if
/// that tag would mean several images. If several images have the same full name, all of them keep it: docker gives it
/// to the last image and skopeo takes the first, so asking for it is an error that lists the images.
fn tags(images: &[Saved]) -> Result<Vec<Vec<Tag>>, Problem> {
    /// The meaning of a tag.
    struct Meaning {
        image: usize,
        several: bool,
    }
    let mut meanings: HashMap<&str, Meaning> = HashMap::new();
    for (image, repo_tag, name) in repo_tags(images) {
        let (_, tag) = name.ok_or_else(|| bad_tag(repo_tag))?;
        match meanings.entry(tag) {
            Entry::Vacant(vacant) => {
                vacant.insert(Meaning {
                    image,
                    several: false,
                });
            }
            Entry::Occupied(mut meaning) => {
                let meaning = meaning.get_mut();
                meaning.several |= meaning.image != image;
            }
        }
    }
    let mut tags: Vec<Vec<Tag>> = images.iter().map(|_| Vec::new()).collect();
    let mut owners: HashMap<String, HashSet<usize>> = HashMap::new();
    for (image, _, name) in repo_tags(images) {
        if let Some((full_name, _)) = name {
            owners.entry(full_name).or_default().insert(image);
        }
    }
    for (image, repo_tag, name) in repo_tags(images) {
        let (full_name, tag) = name.ok_or_else(|| bad_tag(repo_tag))?;
        // The list has the same name twice, perhaps spelt in two ways.
        if tags[image].iter().any(|known| known.full_name == full_name) {
            continue;
        }
        let shared = owners.get(&full_name).is_some_and(|all| all.len() > 1);
        let several = meanings.get(tag).is_some_and(|m| m.several);
        // buildah writes two names with the same tag for one image: the name that the user built it with, and
        // docker.io's.
        if !several && tags[image].iter().any(|known| known.ref_name == tag) {
            continue;
        }
        tags[image].push(Tag {
            // With two spellings this would look like two names.
            ref_name: match (shared, several) {
                (true, _) => full_name.clone(),
                (_, true) => repo_tag.to_owned(),
                (_, false) => tag.to_owned(),
            },
            full_name,
        });
    }
    Ok(tags)
}

type RepoTag<'a> = (usize, &'a str, Option<(String, &'a str)>);

fn repo_tags(images: &[Saved]) -> impl Iterator<Item = RepoTag<'_>> {
    let numbered = images.iter().enumerate();
    numbered.flat_map(|(n, image)| {
        let tags = image.repo_tags.iter();
        tags.map(move |repo_tag| (n, repo_tag.as_str(), full_name(repo_tag)))
    })
}

fn bad_tag(repo_tag: &str) -> Problem {
    Problem::RepoTag(shown(repo_tag.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(repo_tags: &[&str]) -> Saved {
        Saved {
            config: String::new(),
            layers: Vec::new(),
            repo_tags: repo_tags.iter().map(|t| (*t).to_owned()).collect(),
        }
    }

    fn ref_names(images: &[Saved]) -> Vec<Vec<String>> {
        let tags = tags(images).expect("good tags");
        let names = |tags: Vec<Tag>| tags.into_iter().map(|t| t.ref_name).collect();
        tags.into_iter().map(names).collect()
    }

    #[test]
    fn tags_that_would_meet_are_spelt_in_full() {
        assert_eq!(
            ref_names(&[saved(&["a:1", "a:2"]), saved(&["b:1"]), saved(&[])]),
            [vec!["a:1", "2"], vec!["b:1"], vec![]]
        );
        assert_eq!(ref_names(&[saved(&["a:1", "b:1", "a:2"])]), [["1", "2"]]);
        assert_eq!(
            ref_names(&[saved(&["a:1", "docker.io/library/a:1", "a:1"])]),
            [["1"]]
        );
        for second in ["a:1", "docker.io/library/a:1"] {
            let images = [saved(&["a:1", "b:2"]), saved(&[second])];
            let shared = "docker.io/library/a:1";
            assert_eq!(ref_names(&images), [vec![shared, "2"], vec![shared]]);
        }
    }
}
