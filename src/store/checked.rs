//! Content on its way from one place to another; this checks it against its descriptor.

use std::io::{self, Read};

use super::access::Store;
use super::error::Error;
use super::problem::{Part, Problem};
use crate::crypto::Hasher;
use crate::image::{Descriptor, Mismatch};

/// The content of a descriptor; the caller reads it once. The bytes are unchecked until the caller has called
/// [`Checked::finish`].
pub struct Checked<'a> {
    store: &'a dyn Store,
    descriptor: &'a Descriptor,
    stream: Box<dyn Read + Send + 'a>,
    hasher: Hasher,
    passed: u64,
}

impl<'a> Checked<'a> {
    /// Opens the content in a place.
    pub fn open(store: &'a dyn Store, descriptor: &'a Descriptor) -> Result<Self, Error> {
        Ok(Self {
            store,
            descriptor,
            stream: store.open(descriptor)?,
            hasher: Hasher::new(descriptor.digest.algorithm()),
            passed: 0,
        })
    }

    /// Reads the next bytes; returns 0 at the end, and after as many bytes as the descriptor states.
    pub fn next(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let left = self.descriptor.size - self.passed;
        let room = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let n = self.read_some(room, buffer)?;
        self.hasher.update(&buffer[..n]);
        self.passed += n as u64;
        Ok(n)
    }

    /// Checks that the bytes so far are the content: all of it, nothing more, and with its digest.
    pub fn finish(mut self) -> Result<(), Error> {
        let more = self.read_some(1, &mut [0; 1])?;
        let (expected, found) = (self.descriptor.size, self.passed + more as u64);
        if found != expected {
            return Err(self.mismatch(Mismatch::Size { expected, found }));
        }
        let expected = self.descriptor.digest;
        let found = std::mem::replace(&mut self.hasher, Hasher::new(expected.algorithm()));
        let found = found.digest();
        if found == expected {
            Ok(())
        } else {
            Err(self.mismatch(Mismatch::Digest { expected, found }))
        }
    }

    fn read_some(&mut self, room: usize, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.stream.read(&mut buffer[..room]) {
                Ok(n) => return Ok(n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.store.unread(self.descriptor, e)),
            }
        }
    }

    fn mismatch(&self, mismatch: Mismatch) -> Error {
        let part = Part::Blob(self.descriptor.digest);
        Error::part(self.store.place(), part, Problem::Mismatch(mismatch))
    }
}
