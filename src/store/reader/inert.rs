//! Manifests that no runtime can run, whatever entry leads to them.
//!
//! containerd unpacks layers by their media types, whatever the config's type is. skopeo and podman unpack layers of
//! any type if the config is an image's. So ir-sign assumes that a runtime could run a manifest, unless its content
//! shows otherwise.

use std::io::{self, BufReader, Read};

use serde::de::IgnoredAny;

use super::blobs::Reader;
use crate::crypto::Hasher;
use crate::image::{Descriptor, Manifest};
use crate::store::error::{Error, Kind};
use crate::store::problem::Part;

/// The size of a block of a tar archive, in bytes.
const BLOCK: usize = 512;

impl Reader<'_> {
    /// Whether a manifest has nothing that a runtime could unpack. This holds if its config is `{}` and no image's, and
    /// no layer is of a type that holds files. It also holds if each layer is JSON text and no archive, as `BuildKit`'s
    /// attestations are (in-toto statements).
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

    /// Whether the layout has a layer, the layer is as its descriptor states, and it is JSON that no reader could
    /// mistake for an archive. A layer may be long, so this reads it piece by piece.
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
        // The stream may have grown; one byte beyond the stated size shows that.
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

/// Hashes the content while the JSON parser reads it.
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

/// Whether a tar archive may start with these bytes. Readers go only by the checksum (POSIX, "ustar Interchange
/// Format"), and some take bytes as signed numbers; JSON text may have any such sum. Readers take nothing shorter than
/// a block for an archive, and packed archives start with bytes that no JSON has.
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
