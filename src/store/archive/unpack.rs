//! The second pass: writing the layout.

use std::collections::{HashMap, HashSet};

use super::legacy::{FileName, Legacy, Listed};
use super::legacy_json::{self, Converted, Descriptor};
use super::name::{self, NameId, Place, shown};
use super::open::Archive;
use super::problem::Problem;
use super::repeats::Repeats;
use super::survey::{Content, Survey};
use super::walk::{Data, Kind, Links, Member, walk};
use super::write::Writer;
use crate::crypto::{Digest, HashAlgorithm};
use crate::progress::Progress;
use crate::store::dir::Dir;
use crate::store::documents;
use crate::store::error::Error;
use crate::store::layout::folder::INDEX_FILE;
use crate::store::saved::SavedImage;

/// The `oci-layout` of a converted archive (OCI image-spec, "oci-layout file").
const LAYOUT_CONTENT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The result of [`Archive::unpack`].
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// The blobs of 1 MiB and more, with their sizes; ir-sign hashed them as it wrote them.
    pub blobs: Vec<(Digest, u64)>,
    /// docker's list of the images, if it lies beside an `index.json`: each config with its names.
    pub listed: Vec<SavedImage>,
}

impl Archive {
    /// Writes the surveyed layout into an empty folder. When this returns, all of it is durable, except the
    /// folder's own name.
    ///
    /// The digest of every blob matches its name. `index.json` and `oci-layout` are the files that the survey read.
    /// After an error the caller removes the files.
    pub fn unpack(
        &self,
        survey: &Survey,
        into: &Dir,
        progress: &dyn Progress,
    ) -> Result<Unpacked, Error> {
        let writer = Writer::new(into)?;
        let repeats = Repeats::new(self, &survey.names);
        match &survey.content {
            Content::Layout {
                layout_file,
                index,
                listed,
                ..
            } => {
                let (writer, listed) = self.unpack_layout(writer, progress, repeats, listed)?;
                let blobs = writer.finish(layout_file, index)?;
                Ok(Unpacked { blobs, listed })
            }
            Content::Legacy(legacy) => Ok(Unpacked {
                blobs: self.convert(writer, progress, repeats, legacy)?,
                listed: Vec::new(),
            }),
        }
    }

    fn unpack_layout<'w>(
        &self,
        mut writer: Writer<'w>,
        progress: &dyn Progress,
        mut repeats: Repeats<'_>,
        listed: &[Listed],
    ) -> Result<(Writer<'w>, Vec<SavedImage>), Error> {
        let listed_ids: HashSet<_> = listed.iter().map(|image| image.config.id).collect();
        let mut configs = HashMap::new();
        let mut window = self.window();
        let mut source = self.source("unpacking", progress, &mut window)?;
        let mut write = |member: Member, data: &mut Data<'_, '_>| {
            if repeats.is_copy(&member, data)? {
                return Ok(());
            }
            let mut written = None;
            if let Kind::File(Place::Blob(digest)) = member.kind {
                let found = writer.named(&digest, data)?.digest;
                self.check_digest(&member.name, digest, found)?;
                written = Some(found);
            }
            let id = NameId::of(&member.name);
            if listed_ids.contains(&id) {
                let digest = match written {
                    Some(digest) => digest,
                    None => self.config_digest(&member.name, data)?,
                };
                written = Some(digest);
                configs.insert(id, digest);
            }
            repeats.note(&member.name, written, data)
        };
        walk(&mut source, &self.limits, Links::Refused, &mut write)?;
        let listed = listed.iter().map(|image| {
            let name = &image.config.name;
            // The survey saw all configs: if one is missing, the archive has changed since.
            let absent = || self.problem(Problem::Absent(shown(name.as_bytes())));
            let config = configs.get(&image.config.id).copied();
            Ok(SavedImage {
                config: config.ok_or_else(absent)?,
                repo_tags: image.repo_tags.clone(),
            })
        });
        let listed = listed.collect::<Result<_, Error>>()?;
        Ok((writer, listed))
    }

    /// The digest of a config that is not a blob, by the algorithm that its name states.
    fn config_digest(&self, name: &str, data: &mut Data<'_, '_>) -> Result<Digest, Error> {
        let bytes = data.read(name, self.limits.document)?;
        let stated = name::config_digest(name);
        let algorithm = stated.map_or(HashAlgorithm::Sha256, |digest| digest.algorithm());
        Ok(Digest::of(algorithm, &bytes))
    }

    fn convert(
        &self,
        mut writer: Writer<'_>,
        progress: &dyn Progress,
        mut repeats: Repeats<'_>,
        legacy: &Legacy,
    ) -> Result<Vec<(Digest, u64)>, Error> {
        let mut converted = HashMap::new();
        let mut window = self.window();
        let mut source = self.source("unpacking", progress, &mut window)?;
        let mut write = |member: Member, data: &mut Data<'_, '_>| {
            if repeats.is_copy(&member, data)? {
                return Ok(());
            }
            let id = NameId::of(&member.name);
            let mut written = None;
            if let (Kind::File(place), Some(is_config)) = (member.kind, legacy.wants(id)) {
                let file = if is_config {
                    self.convert_config(&mut writer, &member.name, place, data)?
                } else {
                    self.convert_layer(&mut writer, &member.name, place, data)?
                };
                written = Some(file.digest);
                converted.insert(id, file);
            }
            repeats.note(&member.name, written, data)
        };
        walk(&mut source, &self.limits, Links::ToLayers, &mut write)?;
        let index = self.write_images(&mut writer, legacy, &converted)?;
        writer.finish(LAYOUT_CONTENT, &index)
    }

    fn convert_config(
        &self,
        writer: &mut Writer<'_>,
        name: &str,
        place: Place,
        data: &mut Data<'_, '_>,
    ) -> Result<Converted, Error> {
        let bytes = data.read(name, self.limits.document)?;
        let stated = match place {
            Place::Blob(digest) => Some(digest),
            _ => name::config_digest(name),
        };
        let algorithm = stated.map_or(HashAlgorithm::Sha256, |digest| digest.algorithm());
        let written = writer.bytes(algorithm, &bytes)?;
        self.check_digest(name, stated.unwrap_or(written.digest), written.digest)?;
        let config = documents::config(&bytes).map_err(|problem| {
            self.problem(Problem::Document {
                name: shown(name.as_bytes()),
                problem,
            })
        })?;
        Ok(Converted {
            digest: written.digest,
            size: written.size,
            compression: written.compression,
            platform: Some(config.platform),
        })
    }

    fn convert_layer(
        &self,
        writer: &mut Writer<'_>,
        name: &str,
        place: Place,
        data: &mut Data<'_, '_>,
    ) -> Result<Converted, Error> {
        let stated = match place {
            Place::Blob(digest) => Some(digest),
            _ => None,
        };
        let algorithm = stated.map_or(HashAlgorithm::Sha256, |digest| digest.algorithm());
        // This does not write under the stated name: a file with another name may have become that blob before.
        let written = writer.unnamed(algorithm, data)?;
        self.check_digest(name, stated.unwrap_or(written.digest), written.digest)?;
        Ok(Converted {
            digest: written.digest,
            size: written.size,
            compression: written.compression,
            platform: None,
        })
    }

    /// Writes a manifest for each image, and returns the `index.json` that leads to them.
    fn write_images(
        &self,
        writer: &mut Writer<'_>,
        legacy: &Legacy,
        converted: &HashMap<NameId, Converted>,
    ) -> Result<Vec<u8>, Error> {
        // The survey saw all files: if one is missing, the archive has changed since.
        let find = |file: &FileName| {
            let absent = || self.problem(Problem::Absent(shown(file.name.as_bytes())));
            converted.get(&file.id).ok_or_else(absent)
        };
        let mut entries = Vec::new();
        for image in &legacy.images {
            let config = find(&image.config)?;
            let layers = image.layers.iter().map(find);
            let layers = layers.collect::<Result<Vec<_>, _>>()?;
            let manifest =
                legacy_json::manifest(config, &layers).map_err(|e| self.unwritten(&e))?;
            let written = writer.bytes(HashAlgorithm::Sha256, &manifest)?;
            let platform = config.platform.as_ref();
            let entry = |tag| Descriptor::entry(written.digest, written.size, platform, tag);
            if image.tags.is_empty() {
                entries.push(entry(None));
            }
            entries.extend(image.tags.iter().map(|tag| entry(Some(tag))));
        }
        let index = legacy_json::index(&entries).map_err(|e| self.unwritten(&e))?;
        let limit = self.limits.document;
        if index.len() as u64 > limit {
            return Err(self.problem(Problem::TooLarge {
                name: INDEX_FILE.into(),
                size: index.len() as u64,
                limit,
            }));
        }
        Ok(index)
    }

    fn check_digest(&self, name: &str, stated: Digest, found: Digest) -> Result<(), Error> {
        if stated == found {
            return Ok(());
        }
        let name = shown(name.as_bytes());
        Err(self.problem(Problem::Blob { name, found }))
    }

    fn unwritten(&self, error: &serde_json::Error) -> Error {
        let error = std::io::Error::other(error.to_string());
        Error::io(&self.path, "convert", error)
    }
}
