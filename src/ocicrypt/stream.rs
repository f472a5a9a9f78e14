//! Decrypting a layer while it is read, in bounded memory.

use std::io::{self, Read};

use super::error::Error;
use super::layer::LayerKey;
use crate::crypto::aes::{BLOCK_LEN, Counter};
use crate::crypto::hmac256::{Hmac256, TAG_LEN};

const PIECE: usize = 64 << 10;

/// A layer that is being decrypted. Nothing that was read is to be trusted before [`Opening::finish`] says so.
pub struct Opening<R> {
    ciphertext: R,
    counter: Counter,
    hmac: Hmac256,
    wanted: [u8; TAG_LEN],
    encrypted: Vec<u8>,
    decrypted: Vec<u8>,
}

impl LayerKey {
    /// Decrypts this layer.
    pub fn open<R: Read>(&self, ciphertext: R) -> Opening<R> {
        Opening {
            ciphertext,
            counter: Counter::new(&self.key, &self.block),
            hmac: Hmac256::new(&*self.key),
            wanted: self.hmac,
            encrypted: vec![0; PIECE],
            decrypted: vec![0; PIECE + BLOCK_LEN],
        }
    }
}

impl<R: Read> Opening<R> {
    /// Reads the rest, and checks the HMAC over the whole ciphertext.
    pub fn finish(mut self) -> io::Result<Result<(), Error>> {
        while self.next(PIECE)? > 0 {}
        let is_right = self.hmac.is(&self.wanted);
        Ok(if is_right { Ok(()) } else { Err(Error::Hmac) })
    }

    /// Reads at most so many bytes of ciphertext, and hashes them.
    fn next(&mut self, most: usize) -> io::Result<usize> {
        let room = &mut self.encrypted[..most.min(PIECE)];
        let length = loop {
            match self.ciphertext.read(room) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        self.hmac.update(&room[..length]);
        Ok(length)
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.next(buffer.len())?;
        self.counter
            .apply(&self.encrypted[..length], &mut self.decrypted);
        buffer[..length].copy_from_slice(&self.decrypted[..length]);
        Ok(length)
    }
}
