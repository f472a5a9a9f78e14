//! Files as images have them, the same at every run: text, tables of numbers, packed data.

use std::io::{self, Read, Write};

/// Bytes of one file that are made at a time.
const STEP: usize = 64 * 1024;

/// A source of numbers that look random (`SplitMix64`).
pub struct Numbers(u64);

impl Numbers {
    /// Starts a sequence.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let product = u128::from(self.next()) * limit as u128;
        usize::try_from(product >> 64).expect("it is below the limit")
    }
}

/// The content of a file.
#[derive(Clone, Copy)]
enum Kind {
    /// Words, some far more often than others, as in scripts, documents and symbol tables.
    Text,
    /// Records of which most bytes repeat the record before, as in machine code and databases.
    Records,
    /// Content that cannot be packed: pictures, archives.
    Random,
}

/// Makes files one after the other.
pub struct Files {
    numbers: Numbers,
    words: Vec<Vec<u8>>,
}

/// One file: how long it is, and its bytes as they are read.
pub struct File<'a> {
    files: &'a mut Files,
    kind: Kind,
    pub length: usize,
    left: usize,
    buffer: Vec<u8>,
    at: usize,
}

impl Files {
    /// Files that differ with the seed.
    pub fn new(seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let words = (0..4096)
            .map(|_| {
                let length = 2 + numbers.below(10);
                let letter = |_| b"etaoinshrdlucmfwypvbgkjqxz_/.-"[numbers.below(30)];
                (0..length).map(letter).collect()
            })
            .collect();
        Self { numbers, words }
    }

    /// A file of up to `limit` bytes; most are small, and most bytes are in large ones.
    pub fn file(&mut self, limit: usize) -> File<'_> {
        let magnitude = 8 + self.numbers.below(14);
        let length = (1 << magnitude) + self.numbers.below(1 << magnitude);
        self.file_of(length.min(limit))
    }

    /// A file of that length.
    pub fn file_of(&mut self, length: usize) -> File<'_> {
        let kind = match self.numbers.below(10) {
            0..5 => Kind::Text,
            5..8 => Kind::Records,
            _ => Kind::Random,
        };
        File {
            files: self,
            kind,
            length,
            left: length,
            buffer: Vec::with_capacity(STEP + 64),
            at: 0,
        }
    }

    /// Writes files without names until there are that many bytes.
    pub fn write(&mut self, output: &mut impl Write, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 {
            let limit = usize::try_from(bytes).unwrap_or(usize::MAX);
            bytes -= io::copy(&mut self.file(limit), output)?;
        }
        Ok(())
    }

    fn fill(&mut self, kind: Kind, buffer: &mut Vec<u8>) {
        let mut record = [0u8; 32];
        while buffer.len() < STEP {
            match kind {
                Kind::Text => {
                    // The product of two numbers favours the first words.
                    let limit = 1 + self.numbers.below(self.words.len());
                    let word = self.numbers.below(limit);
                    buffer.extend_from_slice(&self.words[word]);
                    buffer.push(if word.is_multiple_of(11) { b'\n' } else { b' ' });
                }
                Kind::Records => {
                    let fresh = self.numbers.next().to_le_bytes();
                    let at = self.numbers.below(record.len() - fresh.len());
                    record[at..at + 5].copy_from_slice(&fresh[..5]);
                    buffer.extend_from_slice(&record);
                }
                Kind::Random => buffer.extend_from_slice(&self.numbers.next().to_le_bytes()),
            }
        }
    }
}

impl Read for File<'_> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            self.files.fill(self.kind, &mut self.buffer);
        }
        let ready = &self.buffer[self.at..];
        let n = ready.len().min(output.len()).min(self.left);
        output[..n].copy_from_slice(&ready[..n]);
        self.at += n;
        self.left -= n;
        Ok(n)
    }
}
