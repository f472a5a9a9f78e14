//! Recognising the output of `docker export`: the files of a container, not an image.

use super::name;
use super::open::Archive;
use crate::progress::Silent;
use crate::store::error::Error;
use crate::store::layout::folder::INDEX_FILE;
use crate::store::saved::MANIFEST_FILE;
use crate::store::tar_header::{self as header, BLOCK};

/// Folders at the top of a root file system. (`var` or `lib` may be anywhere.)
const FOLDERS: [&str; 10] = [
    "bin", "boot", "dev", "etc", "proc", "root", "sbin", "sys", "tmp", "usr",
];
/// How many of these folders show that an archive is a root file system.
const ENOUGH: usize = 3;
/// docker puts this file into every container.
const DOCKER_ENV: &str = ".dockerenv";

impl Archive {
    /// Looks only at the names; the survey has found any other fault of the archive before.
    pub(super) fn is_root_fs(&self) -> bool {
        self.find_root_fs().unwrap_or(false)
    }

    fn find_root_fs(&self) -> Result<bool, Error> {
        let mut window = self.window();
        let mut source = self.source("looking through", &Silent, &mut window)?;
        let mut folders = [false; FOLDERS.len()];
        let mut has_env = false;
        for _ in 0..self.limits.members {
            let mut block = tar::Header::new_old();
            let length = source.fill(block.as_mut_bytes())?;
            if length as u64 != BLOCK || !header::checksum_fits(&block) {
                break;
            }
            let raw = block.path_bytes();
            let path = raw.strip_prefix(b"/").unwrap_or(&raw);
            let path = name::normalised(path).unwrap_or_default();
            if [INDEX_FILE, MANIFEST_FILE].contains(&&*path) {
                return Ok(false);
            }
            has_env |= path == DOCKER_ENV;
            let top = path.split('/').next();
            if let Some(n) = FOLDERS.iter().position(|folder| Some(*folder) == top) {
                folders[n] = true;
            }
            let Some(size) = header::size(&block) else {
                break;
            };
            source.skip(size)?;
            source.skip((BLOCK - size % BLOCK) % BLOCK)?;
        }
        let found = folders.iter().filter(|found| **found).count();
        Ok(has_env || found >= ENOUGH)
    }
}
