//! A comparison of docker's list of images in a layout's folder with `index.json`.

use std::path::{Component, Path};

use crate::crypto::{Digest, HashAlgorithm};
use crate::store::dir::{Dir, absent_is_none};
use crate::store::error::Error;
use crate::store::layout::folder::Layout;
use crate::store::saved::{LONGEST_MANIFEST, MANIFEST_FILE, OLDER_LISTS, SavedImage, saved};

impl Layout {
    /// Compares docker's list of images in the layout's folder with `index.json`; `None` if there is no list. `Err`
    /// inside says how they differ.
    pub fn check_docker_list(&self) -> Result<Option<Result<(), String>>, Error> {
        let limit = self.limits.document.min(LONGEST_MANIFEST);
        let Some(bytes) = absent_is_none(self.dir.read(MANIFEST_FILE, limit))? else {
            for list in OLDER_LISTS {
                if self.file_below(list)?.is_some() {
                    let reason = format!("it has a \"{list}\", from which old engines load images");
                    return Ok(Some(Err(reason)));
                }
            }
            return Ok(None);
        };
        let saved = match saved(&bytes) {
            Ok(saved) => saved,
            Err(problem) => return Ok(Some(Err(format!("{MANIFEST_FILE} {problem}")))),
        };
        let mut images = Vec::new();
        for image in saved {
            let Some(config) = self.file_below(&image.config)? else {
                let reason = format!(
                    "{MANIFEST_FILE} names \"{}\", which is not in the layout",
                    image.config.escape_debug()
                );
                return Ok(Some(Err(reason)));
            };
            images.push(SavedImage {
                config,
                repo_tags: image.repo_tags,
            });
        }
        self.reader().compare_docker_list(&images).map(Some)
    }

    /// The digest of a file in the folder, whatever its name; `None` if there is no such file.
    fn file_below(&self, path: &str) -> Result<Option<Digest>, Error> {
        let mut names = Vec::new();
        for component in Path::new(path).components() {
            match component {
                Component::Normal(name) => names.extend(name.to_str()),
                Component::CurDir => {}
                _ => return Ok(None),
            }
        }
        let Some((file, folders)) = names.split_last() else {
            return Ok(None);
        };
        let mut dir: Option<Dir> = None;
        for folder in folders {
            let inner = dir.as_ref().unwrap_or(&self.dir).dir_if_any(folder)?;
            let Some(inner) = inner else {
                return Ok(None);
            };
            dir = Some(inner);
        }
        let dir = dir.as_ref().unwrap_or(&self.dir);
        let bytes = absent_is_none(dir.read(file, self.limits.document))?;
        let algorithm = HashAlgorithm::ALL
            .into_iter()
            .find(|algorithm| folders.last() == Some(&algorithm.name()));
        let algorithm = algorithm.unwrap_or(HashAlgorithm::Sha256);
        Ok(bytes.map(|bytes| Digest::of(algorithm, &bytes)))
    }
}
