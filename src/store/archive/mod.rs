//! Archives that images come in: a tar archive, plain or packed with gzip or zstd, of an OCI image
//! layout, or one that `docker save` wrote before there were layouts in it (engine 24 and older),
//! which is converted to a layout.
//!
//! An archive is read twice: [`Archive::survey`] reads all headers and writes nothing, so that
//! whatever can be refused early is; [`Archive::unpack`] writes the layout. Both go through the same
//! rules, member by member, so an archive that changes in between gains nothing.
//!
//! Sources: POSIX.1-2017 `pax` ("ustar Interchange Format", "pax Header Block"), the GNU tar manual
//! ("Basic Tar Format"), OCI image-spec ("Image Layout"), docker engine's `image/tarexport`.

mod header;
mod legacy;
mod legacy_json;
mod name;
mod packing;
mod problem;
mod repeats;
mod root_fs;
mod source;
mod survey;
mod sync;
mod unpack;
mod walk;
mod write;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};

pub use packing::Packing;
pub(super) use packing::compression;
pub use problem::Problem;
pub use survey::Survey;
pub use unpack::Unpacked;

use super::dir::Dir;
use super::layout::is_skopeo_dir;
use super::window::Window;
use super::{Error, Limits};
use crate::image::Compression;
use crate::progress::Progress;
use source::Source;

/// An archive held open.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    compression: Compression,
    limits: Limits,
}

impl Archive {
    /// Opens an archive that the user named: a regular file, for it is read twice. How it is packed
    /// is read off its first bytes (RFC 1952, section 2.3.1; RFC 8878, section 3.1.1).
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        // Without NONBLOCK a named pipe would hang the open.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map(File::from)
            .map_err(|e| Error::io(path, "open", e))?;
        let stat = rustix::fs::fstat(&file).map_err(|e| Error::io(path, "look at", e))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory && Dir::open(path).is_ok_and(|dir| is_skopeo_dir(&dir)) {
            return Err(Error::SkopeoDir(path.to_owned()));
        }
        if kind != FileType::RegularFile {
            return Err(Error::NotAFile(path.to_owned()));
        }
        let mut archive = Self {
            path: path.to_owned(),
            file,
            compression: Compression::None,
            limits,
        };
        let mut magic = [0; 8];
        let length = archive
            .file
            .read_at(&mut magic, 0)
            .map_err(|e| Error::io(path, "read", e))?;
        if length == 0 {
            return Err(archive.problem(Problem::Empty));
        }
        if let Some(packing) = Packing::of(&magic) {
            return Err(archive.problem(Problem::OtherPacking(packing)));
        }
        archive.compression = compression(&magic);
        Ok(archive)
    }

    fn problem(&self, problem: Problem) -> Error {
        problem.of(&self.path)
    }

    /// The content from its start, unpacked.
    fn source<'a>(
        &'a self,
        what: &str,
        progress: &'a dyn Progress,
        window: &'a mut Window,
    ) -> Result<Source<'a>, Error> {
        let name = self.path.file_name().unwrap_or_default().display();
        let metadata = self.file.metadata();
        let length = metadata
            .map_err(|e| Error::io(&self.path, "look at", e))?
            .len();
        progress.begin(&format!("{what} {name}"), length);
        Source::new(self, length, progress, window)
    }
}
