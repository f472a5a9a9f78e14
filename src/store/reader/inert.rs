//! Manifests that no runtime can run, whatever entry leads to them.
//!
//! containerd unpacks layers by their media types whatever the config's is, and skopeo and podman unpack layers of any
//! type where the config is an image's. So a manifest counts as one that could be run unless its content shows that
//! it is not.

use std::io::{self, BufReader, Read};

use serde::de::IgnoredAny;

use super::blobs::Reader;
use crate::crypto::Hasher;
use crate::image::{Descriptor, Manifest};
use crate::store::error::{Error, Kind};
use crate::store::problem::Part;

/// Bytes of a block of a tar archive.
const BLOCK: usize = 512;

impl Reader<'_> {
    /// Whether a manifest has nothing that a runtime could unpack: its config is `{}` and no image's, and no layer is
    /// one of files; or each layer is a text of JSON and no archive, as `BuildKit`'s attestations are (in-toto
    /// statements).
    pub(in crate::store) fn is_inert(&self, manifest: &Manifest) -> Result<bool, Error> {
        if manifest.has_files() {
            return Ok(false);
        }
        if manifest.is_artifact() {
            return Ok(true);
        }
        for layer in &manifest.layers {
            if !self.is_statement(layer)? {
                return Ok(false);
            }
        }
        Ok(!manifest.layers.is_empty())
    }

    /// Whether a layer is in the layout, is what its descriptor states, and is JSON that nobody could take for an
    /// archive. It may be long, so it is read piece by piece.
    fn is_statement(&self, layer: &Descriptor) -> Result<bool, Error> {
        if layer.size > self.limits.layer || layer.check_embedded().is_err() {
            return Ok(false);
        }
        let part = Part::Blob(layer.digest);
        let stream = match self.open_blob(&part, layer) {
            Ok(stream) => stream,
            Err(e) if matches!(e.kind, Kind::Part { .. }) => return Ok(false),
            Err(e) => return Err(e),
        };
        // The stream may have grown.
        let mut content = Content {
            inner: stream.take(layer.size + 1),
            hasher: Hasher::new(layer.digest.algorithm()),
            start: Vec::with_capacity(BLOCK),
            size: 0,
        };
        let read = serde_json::from_reader::<_, IgnoredAny>(BufReader::new(&mut content));
        match read {
            Ok(IgnoredAny) => {}
            Err(e) if e.is_io() => {
                return Err(self.unread(layer, io::Error::from(e)));
            }
            Err(_) => return Ok(false),
        }
        Ok(content.size == layer.size
            && content.hasher.digest() == layer.digest
            && !starts_archive(&content.start))
    }
}

/// What is read, hashed on the way.
struct Content<R> {
    inner: R,
    hasher: Hasher,
    /// The first block.
    start: Vec<u8>,
    size: u64,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let bytes = &buffer[..length];
        let room = BLOCK - self.start.len();
        self.start.extend_from_slice(&bytes[..length.min(room)]);
        self.hasher.update(bytes);
        self.size += length as u64;
        Ok(length)
    }
}

/// Whether a tar archive may start so: readers go by the checksum alone (POSIX, "ustar Interchange Format"), some take
/// bytes as signed numbers, and JSON may have any such sum in its text. What is shorter than a block is no archive to
/// them, and packed archives start with bytes that no JSON does.
fn starts_archive(start: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    const SPACES: i64 = 8 * b' ' as i64;
    if start.len() < BLOCK {
        return false;
    }
    let stated = start[SUM].trim_ascii_start();
    let digits = stated.iter().take_while(|b| (b'0'..=b'7').contains(b));
    let stated = digits.fold(0, |sum, b| sum * 8 + i64::from(b - b'0'));
    let others = || start[..SUM.start].iter().chain(&start[SUM.end..]);
    let unsigned = SPACES + others().map(|b| i64::from(*b)).sum::<i64>();
    let signed = SPACES + others().map(|b| i64::from(b.cast_signed())).sum::<i64>();
    stated == unsigned || stated == signed
}
