//! An archive's content as one stream, unpacked and counted.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::open::Archive;
use super::problem::Problem;
use crate::files;
use crate::image::Compression;
use crate::progress::Progress;
use crate::store::error::{Error, Kind};
use crate::store::place::Place;
use crate::store::window::{self, Window};

const READ_SIZE: usize = 256 << 10;
const SKIP_SIZE: usize = 64 << 10;

/// The content of an archive from its start.
pub(super) struct Source<'a> {
    path: &'a Path,
    stream: Stream<'a>,
    /// How many bytes this source has read or skipped.
    position: u64,
    limit: u64,
    /// The largest window that a zstd stream may ask for.
    window: u64,
}

enum Stream<'a> {
    Plain(At<'a>),
    Packed(Box<dyn Read + 'a>),
}

impl Archive {
    /// The content from its start, unpacked.
    pub(super) fn source<'a>(
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

impl<'a> Source<'a> {
    pub(super) fn new(
        archive: &'a Archive,
        length: u64,
        progress: &'a dyn Progress,
        window: &'a mut Window,
    ) -> Result<Self, Error> {
        let at = At {
            file: &archive.file,
            position: 0,
            length,
            progress,
        };
        let path = archive.path.as_path();
        let most = archive.limits.window;
        let buffered = |at| BufReader::with_capacity(READ_SIZE, at);
        let stream = match archive.compression {
            Compression::None => Stream::Plain(at),
            Compression::Gzip => Stream::Packed(Box::new(MultiGzDecoder::new(buffered(at)))),
            Compression::Zstd => {
                let decoder = window.unpack(buffered(at), most);
                let decoder = decoder.map_err(|e| failed(path, e, most))?;
                Stream::Packed(Box::new(decoder))
            }
        };
        Ok(Self {
            path,
            stream,
            position: 0,
            limit: archive.limits.image,
            window: most,
        })
    }

    /// The archive's path, for messages.
    pub(super) const fn path(&self) -> &'a Path {
        self.path
    }

    pub(super) fn problem(&self, problem: Problem) -> Error {
        Error::archive(self.path, problem)
    }

    /// How far the reading has come.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// Reads some bytes; returns 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let read = match &mut self.stream {
            Stream::Plain(at) => files::read_some(at, buffer),
            Stream::Packed(reader) => files::read_some(reader, buffer),
        };
        let n = read.map_err(|e| failed(self.path, e, self.window))?;
        self.count(n as u64)?;
        Ok(n)
    }

    /// Fills the buffer unless the stream ends first; returns how many bytes it read.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }

    /// Skips bytes; seeks in a plain archive on disk.
    pub(super) fn skip(&mut self, mut length: u64) -> Result<(), Error> {
        if let Stream::Plain(at) = &mut self.stream {
            if !at.skip(length) {
                return Err(self.problem(Problem::Truncated));
            }
            return self.count(length);
        }
        let mut scratch = vec![0; SKIP_SIZE.min(usize::try_from(length).unwrap_or(SKIP_SIZE))];
        while length > 0 {
            let step = scratch
                .len()
                .min(usize::try_from(length).unwrap_or(scratch.len()));
            match self.read(&mut scratch[..step])? {
                0 => return Err(self.problem(Problem::Truncated)),
                n => length -= n as u64,
            }
        }
        Ok(())
    }

    /// Reads to the end, and refuses anything but zeros. This also checks the end of the packed stream.
    pub(super) fn only_zeros(&mut self) -> Result<(), Error> {
        let mut scratch = vec![0; SKIP_SIZE];
        loop {
            match self.read(&mut scratch)? {
                0 => return Ok(()),
                n if scratch[..n].iter().all(|b| *b == 0) => {}
                _ => return Err(self.problem(Problem::Trailing)),
            }
        }
    }

    /// Counts unpacked bytes against the limit, so that a small packed archive cannot cost much time.
    fn count(&mut self, more: u64) -> Result<(), Error> {
        self.position = self.position.saturating_add(more);
        if self.position > self.limit {
            let kind = Kind::Bomb {
                what: "the archive".into(),
                limit: self.limit,
                flag: "--max-image-size",
            };
            return Err(kind.at(Place::Archive(self.path.to_owned())));
        }
        Ok(())
    }
}

/// An error of the operating system is the disk's fault; any other error is the packed stream's.
fn failed(path: &Path, error: io::Error, window: u64) -> Error {
    if error.raw_os_error().is_some() {
        Error::io(path, "read", error)
    } else {
        Error::archive(path, Problem::Packing(window::reason(&error, window)))
    }
}

/// A file from an offset on. It keeps its own offset, because both passes use one open file.
struct At<'a> {
    file: &'a File,
    position: u64,
    length: u64,
    progress: &'a dyn Progress,
}

impl At<'_> {
    /// Moves on, unless the new offset would be beyond the end.
    fn skip(&mut self, length: u64) -> bool {
        match self.position.checked_add(length) {
            Some(position) if position <= self.length => {
                self.position = position;
                self.progress.skip(length);
                true
            }
            _ => false,
        }
    }
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.position)?;
        self.position += n as u64;
        self.progress.advance(n as u64);
        Ok(n)
    }
}
