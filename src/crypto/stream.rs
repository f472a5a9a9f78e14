//! Hashes while reading: a second thread hashes long input while the first thread fetches more.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use super::digest::{Digest, HashAlgorithm, Hasher, Prehash};

/// Bytes in one buffer: short input never starts a thread. Waking the other thread costs as much as
/// hashing some kilobytes, so there are few buffers, and large ones.
const BUFFER: usize = 1 << 20;
/// Buffers that may wait for the hashing thread.
const BUFFERS: usize = 1;

/// A running hash that is fed buffer by buffer.
pub struct StreamHasher {
    hasher: Option<Hasher>,
    buffer: Vec<u8>,
    filled: usize,
    worker: Option<Worker>,
}

struct Worker {
    full: SyncSender<(Vec<u8>, usize)>,
    empty: Receiver<Vec<u8>>,
    handle: JoinHandle<Hasher>,
}

impl StreamHasher {
    /// Starts a hash.
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self {
            hasher: Some(Hasher::new(algorithm)),
            buffer: Vec::new(),
            filled: 0,
            worker: None,
        }
    }

    /// Lets `fill` put bytes into the free part of a buffer and return how many, and hashes them.
    pub fn update_with(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; BUFFER];
        }
        let added = fill(&mut self.buffer[self.filled..])?;
        self.filled += added;
        if self.filled == self.buffer.len() {
            self.hand_over();
        }
        Ok(added)
    }

    /// Hashes bytes that are somewhere else already.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let step = self.update_with(|buffer| {
                let n = buffer.len().min(bytes.len());
                buffer[..n].copy_from_slice(&bytes[..n]);
                Ok(n)
            });
            bytes = &bytes[step.unwrap_or(0)..];
        }
    }

    /// Ends the hash as a content digest.
    pub fn digest(self) -> Digest {
        self.finish().digest()
    }

    /// Ends the hash as the value a signature is made over.
    pub fn prehash(self) -> Prehash {
        self.finish().prehash()
    }

    fn hand_over(&mut self) {
        if let Some(hasher) = &mut self.hasher {
            match Worker::start(hasher.clone()) {
                Ok(worker) => {
                    self.worker = Some(worker);
                    self.hasher = None;
                }
                // If the system gives no second thread, this thread hashes too.
                Err(_) => hasher.update(&self.buffer[..self.filled]),
            }
        }
        let Some(worker) = &self.worker else {
            self.filled = 0;
            return;
        };
        // New ones are made only while all others wait or are being hashed, so there are few.
        let next = worker.empty.try_recv();
        let next = next.unwrap_or_else(|_| vec![0; BUFFER]);
        let full = std::mem::replace(&mut self.buffer, next);
        worker
            .full
            .send((full, self.filled))
            .expect("the hashing thread outlives us");
        self.filled = 0;
    }

    fn finish(self) -> Hasher {
        let mut hasher = match self.worker {
            None => self.hasher.expect("no worker has taken it"),
            Some(worker) => {
                drop(worker.full);
                worker.handle.join().expect("hashing does not panic")
            }
        };
        hasher.update(&self.buffer[..self.filled]);
        hasher
    }
}

impl Worker {
    fn start(mut hasher: Hasher) -> io::Result<Self> {
        let (full, input) = sync_channel::<(Vec<u8>, usize)>(BUFFERS);
        let (output, empty) = channel();
        let handle = thread::Builder::new().spawn(move || {
            for (buffer, filled) in input {
                hasher.update(&buffer[..filled]);
                // The other side may have ended and not want its buffers back.
                let _ = output.send(buffer);
            }
            hasher
        })?;
        Ok(Self {
            full,
            empty,
            handle,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_hashing_in_one_go() {
        let bytes: Vec<u8> = (0..5_000_000u32)
            .map(|i| (i ^ (i >> 7)).to_le_bytes()[0])
            .collect();
        for len in [
            0,
            1,
            BUFFER - 1,
            BUFFER,
            BUFFER + 1,
            3 * BUFFER,
            bytes.len(),
        ] {
            for step in [4096, 77_777, usize::MAX] {
                let mut stream = StreamHasher::new(HashAlgorithm::Sha384);
                for chunk in bytes[..len].chunks(step.min(bytes.len())) {
                    stream.update(chunk);
                }
                let whole = Digest::of(HashAlgorithm::Sha384, &bytes[..len]);
                assert_eq!(stream.digest(), whole, "{len} bytes in steps of {step}");
            }
        }
    }
}
