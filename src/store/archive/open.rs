//! Opening an archive.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FileType, Mode, OFlags};

use super::packing::{Packing, compression};
use super::problem::Problem;
use crate::files;
use crate::image::Compression;
use crate::progress::Progress;
use crate::store::dir::Dir;
use crate::store::error::{Error, Kind};
use crate::store::layout::folder::is_skopeo_dir;
use crate::store::limits::Limits;
use crate::store::place::Place;
use crate::store::window::Window;

/// An archive held open.
#[derive(Debug)]
pub struct Archive {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) compression: Compression,
    pub(super) limits: Limits,
    /// The window that the passes unpack with, one after another.
    pub(super) window: Mutex<Window>,
}

impl Archive {
    /// Opens an archive that the user named: it must be a regular file, because ir-sign reads it twice. The first bytes
    /// of the file show how it is packed (RFC 1952, section 2.3.1; RFC 8878, section 3.1.1).
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        // Without NONBLOCK a named pipe would hang the open.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map(File::from)
            .map_err(|e| Error::io(path, "open", e))?;
        let stat = rustix::fs::fstat(&file).map_err(|e| Error::io(path, "look at", e))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory && Dir::open(path).is_ok_and(|dir| is_skopeo_dir(&dir)) {
            return Err(Kind::SkopeoDir.at_file(path));
        }
        if kind != FileType::RegularFile {
            return Err(Kind::NotAFile.at_file(path));
        }
        Self::of(file, path.to_owned(), limits)
    }

    /// An archive from standard input. Two passes read it, so this first copies a pipe into an unnamed temporary file
    /// beside the apps.
    pub fn receive(
        mut input: File,
        registry: &Path,
        limits: Limits,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let name = PathBuf::from("standard input");
        let metadata = input.metadata();
        let is_file = metadata.is_ok_and(|metadata| metadata.is_file());
        if is_file && input.stream_position().is_ok_and(|at| at == 0) {
            return Self::of(input, name, limits);
        }
        progress.begin("receiving the archive", 0);
        let place = registry.join(format!(".archive.{}.tmp", files::random_name()));
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o600);
        let kept = options.open(&place);
        let mut kept = kept.map_err(|e| Error::io(&place, "create", e))?;
        fs::remove_file(&place).map_err(|e| Error::io(&place, "remove", e))?;
        let mut buffer = vec![0; 256 << 10];
        let mut received = 0;
        loop {
            let n = files::read_some(&mut input, &mut buffer);
            let n = n.map_err(|e| Error::io(&name, "read", e))?;
            if n == 0 {
                return Self::of(kept, name, limits);
            }
            received += n as u64;
            if received > limits.image {
                let kind = Kind::Bomb {
                    what: "the archive".into(),
                    limit: limits.image,
                    flag: "--max-image-size",
                };
                return Err(kind.at(Place::Archive(name)));
            }
            let written = kept.write_all(&buffer[..n]);
            written.map_err(|e| Error::io(registry, "write", e))?;
        }
    }

    /// A regular file as an archive.
    pub(super) fn of(file: File, path: PathBuf, limits: Limits) -> Result<Self, Error> {
        let mut archive = Self {
            path,
            file,
            compression: Compression::None,
            limits,
            window: Mutex::default(),
        };
        let mut magic = [0; 8];
        let length = archive
            .file
            .read_at(&mut magic, 0)
            .map_err(|e| Error::io(&archive.path, "read", e))?;
        if length == 0 {
            return Err(archive.problem(Problem::Empty));
        }
        if let Some(packing) = Packing::of(&magic) {
            return Err(archive.problem(Problem::OtherPacking(packing)));
        }
        archive.compression = compression(&magic);
        Ok(archive)
    }

    /// The window that the archive was unpacked with; the caller can use it again for layers.
    pub fn into_window(self) -> Window {
        self.window
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The window, for one pass.
    pub(super) fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn problem(&self, problem: Problem) -> Error {
        Error::archive(&self.path, problem)
    }
}
