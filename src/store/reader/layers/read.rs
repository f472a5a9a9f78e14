//! One pass over a layer's blob: this hashes the packed bytes and the unpacked bytes, and shows the unpacked bytes to
//! the watch.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Mutex, PoisonError};

use flate2::bufread::{GzDecoder, MultiGzDecoder};

use crate::crypto::{Digest, HashAlgorithm, Hasher};
use crate::files;
use crate::image::realm::rule;
use crate::image::{Compression, Descriptor, media};
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
    /// How many of its bytes came from the first gzip member or zstd frame.
    pub(super) first: u64,
}

impl Unpacked {
    /// A realm unpacks only the first member or frame; more members or frames do no harm if they are empty.
    pub(super) fn check_first(&self, layer: &Descriptor, part: &Part, faults: &mut Faults) {
        if self.first == self.size {
            return;
        }
        let media_type = media::decrypted(&layer.media_type).unwrap_or(&layer.media_type);
        let (rule, what) = match Compression::of_layer(media_type) {
            Some(Compression::Zstd) => (rule::ZSTD_FRAMES, "zstd frame"),
            _ => (rule::GZIP_MEMBERS, "gzip member"),
        };
        let (first, size) = (self.first, self.size);
        faults.add(rule, || {
            format!("{part} is more than one {what}, but a realm unpacks only the first: {first} of {size} bytes")
        });
    }
}

/// Hashes a blob while the caller reads it.
pub(super) struct Tee<'a> {
    stream: io::Take<Box<dyn Read + Send + 'a>>,
    hasher: Hasher,
    progress: &'a dyn Progress,
    /// An error of the stream: the disk or the network failed, and the layer may be right.
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

    /// Reads the rest, and returns the digest of the blob.
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

/// Takes the unpacked bytes of a layer, up to `limit` bytes and as long as `go_on` accepts the count so far.
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

    /// Takes the bytes of a layer that is not packed.
    pub(super) fn plain(mut self, packed: &mut dyn Read) -> io::Result<Unpacked> {
        self.take(packed)?;
        let size = self.size;
        Ok(self.unpacked(size))
    }

    /// Unpacks all members of a gzip file.
    pub(super) fn gzip(mut self, packed: &mut dyn Read) -> io::Result<Unpacked> {
        let mut packed = BufReader::with_capacity(READ_SIZE, packed);
        self.take(GzDecoder::new(&mut packed))?;
        let first = self.size;
        if !self.stopped && !packed.fill_buf()?.is_empty() {
            self.take(MultiGzDecoder::new(packed))?;
        }
        Ok(self.unpacked(first))
    }

    /// Unpacks all zstd frames as soon as the window is free.
    pub(super) fn zstd(
        mut self,
        packed: &mut dyn Read,
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

/// Why a layer does not unpack.
pub(super) fn reason(error: &io::Error, window: u64) -> String {
    format!("does not unpack: {}", window::reason(error, window))
}

/// Shows the watch the bytes of an unpacked layer; one hash serves for both digests.
pub(super) fn show(packed: &mut Tee<'_>, watch: &mut Watch) -> io::Result<()> {
    read_all(packed, |bytes| {
        watch.feed(bytes);
        true
    })
}

/// Reads to the end, or until `take` wants no more bytes.
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
