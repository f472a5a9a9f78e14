//! One pass over a layer's blob: hashed as it lies, hashed as it unpacks, and shown to the watch.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Mutex, PoisonError};

use flate2::bufread::{GzDecoder, MultiGzDecoder};

use crate::crypto::{Digest, HashAlgorithm, Hasher};
use crate::files;
use crate::image::realm::rule;
use crate::image::{Compression, Descriptor};
use crate::progress::Progress;
use crate::store::problem::Part;
use crate::store::realm_layers::{Faults, Watch};
use crate::store::window::{self, Window};

pub(super) const READ_SIZE: usize = 64 << 10;

/// The unpacked content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unpacked {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// How much of it came from the first gzip member or zstd frame.
    pub(super) first: u64,
}

impl Unpacked {
    /// A realm has what the first member or frame unpacks to, and no more; others without content do no harm.
    pub(super) fn check_first(&self, layer: &Descriptor, part: &Part, faults: &mut Faults) {
        if self.first == self.size {
            return;
        }
        let (rule, what) = match Compression::of_layer(&layer.media_type) {
            Some(Compression::Zstd) => (rule::ZSTD_FRAMES, "zstd frame"),
            _ => (rule::GZIP_MEMBERS, "gzip member"),
        };
        let (first, size) = (self.first, self.size);
        faults.add(rule, || {
            format!("{part} is more than one {what}, and a realm unpacks the first: {first} of {size} bytes")
        });
    }
}

/// A blob that is hashed as it is read.
pub(super) struct Tee<'a> {
    stream: io::Take<Box<dyn Read + Send + 'a>>,
    hasher: Hasher,
    progress: &'a dyn Progress,
    /// The error of the stream: the disk's or the network's fault, not the layer's.
    error: Option<io::Error>,
}

impl<'a> Tee<'a> {
    pub(super) fn new(
        stream: Box<dyn Read + Send + 'a>,
        size: u64,
        algorithm: HashAlgorithm,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            stream: stream.take(size),
            hasher: Hasher::new(algorithm),
            progress,
            error: None,
        }
    }

    /// Reads what is left, and says what digest the blob has.
    pub(super) fn finish(mut self) -> io::Result<Digest> {
        let rest = read_all(&mut self, |_| true);
        self.error.take().map_or(rest, Err)?;
        Ok(self.hasher.digest())
    }
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match files::read_some(&mut self.stream, buffer) {
            Ok(n) => {
                self.hasher.update(&buffer[..n]);
                self.progress.advance(n as u64);
                Ok(n)
            }
            Err(e) => {
                let kind = e.kind();
                self.error = Some(e);
                Err(kind.into())
            }
        }
    }
}

/// Takes what a layer unpacks to, up to `limit` bytes and as long as `go_on` agrees with how many it is.
pub(super) struct Sink<'a> {
    hasher: Hasher,
    size: u64,
    limit: u64,
    go_on: &'a mut dyn FnMut(u64) -> bool,
    watch: Option<&'a mut Watch>,
    stopped: bool,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        algorithm: HashAlgorithm,
        limit: u64,
        go_on: &'a mut dyn FnMut(u64) -> bool,
        watch: Option<&'a mut Watch>,
    ) -> Self {
        Self {
            hasher: Hasher::new(algorithm),
            size: 0,
            limit,
            go_on,
            watch,
            stopped: false,
        }
    }

    fn take(&mut self, reader: impl Read) -> io::Result<()> {
        let left = self.limit - self.size;
        read_all(reader.take(left), |bytes| {
            self.hasher.update(bytes);
            self.size += bytes.len() as u64;
            if let Some(watch) = &mut self.watch {
                watch.feed(bytes);
            }
            self.stopped = !(self.go_on)(self.size);
            !self.stopped
        })?;
        self.stopped |= self.size == self.limit;
        Ok(())
    }

    fn unpacked(self, first: u64) -> Unpacked {
        Unpacked {
            digest: self.hasher.digest(),
            size: self.size,
            first,
        }
    }

    /// Takes what is not packed.
    pub(super) fn plain(mut self, packed: &mut Tee<'_>) -> io::Result<Unpacked> {
        self.take(packed)?;
        let size = self.size;
        Ok(self.unpacked(size))
    }

    /// Unpacks all members of a gzip file.
    pub(super) fn gzip(mut self, packed: &mut Tee<'_>) -> io::Result<Unpacked> {
        let mut packed = BufReader::with_capacity(READ_SIZE, packed);
        self.take(GzDecoder::new(&mut packed))?;
        let first = self.size;
        if !self.stopped && !packed.fill_buf()?.is_empty() {
            self.take(MultiGzDecoder::new(packed))?;
        }
        Ok(self.unpacked(first))
    }

    /// Unpacks all zstd frames, when the window is free.
    pub(super) fn zstd(
        mut self,
        packed: &mut Tee<'_>,
        most: u64,
        shared: &Mutex<Window>,
    ) -> io::Result<Unpacked> {
        let mut window = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut packed = BufReader::with_capacity(READ_SIZE, packed);
        self.take(window.unpack(&mut packed, most)?.single_frame())?;
        let first = self.size;
        if !self.stopped && !packed.fill_buf()?.is_empty() {
            self.take(window.unpack(packed, most)?)?;
        }
        Ok(self.unpacked(first))
    }
}

/// What is wrong with a layer that does not unpack.
pub(super) fn reason(error: &io::Error, window: u64) -> String {
    format!("does not unpack: {}", window::reason(error, window))
}

/// Shows the watch what is hashed once, because it is not packed.
pub(super) fn show(packed: &mut Tee<'_>, watch: &mut Watch) -> io::Result<()> {
    read_all(packed, |bytes| {
        watch.feed(bytes);
        true
    })
}

/// Reads to the end, or until `take` wants no more.
fn read_all(mut reader: impl Read, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; READ_SIZE];
    loop {
        match files::read_some(&mut reader, &mut buffer)? {
            0 => return Ok(()),
            n if take(&buffer[..n]) => {}
            _ => return Ok(()),
        }
    }
}
