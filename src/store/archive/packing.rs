//! The packing of content, by its first bytes.

use std::fmt;

use crate::image::Compression;

/// The packing, if ir-sign reads it. Zstandard may begin with a skippable frame, as pzstd writes it (RFC 8878, section
/// 3.1.2).
pub(in crate::store) fn compression(start: &[u8]) -> Compression {
    match start {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// A packing that ir-sign does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// xz, which docker and podman read.
    Xz,
    /// bzip2, which docker and podman read.
    Bzip2,
    /// The older format of xz's program.
    Lzma,
    /// lz4.
    Lz4,
    /// lzip.
    Lzip,
    /// The format of the program `compress`.
    Compress,
    /// A zip archive.
    Zip,
    /// A 7z archive.
    SevenZip,
}

impl Packing {
    /// Recognises a packing by a file's first eight bytes.
    pub(in crate::store) fn of(start: &[u8]) -> Option<Self> {
        Some(match start {
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            // LZMA's properties, then the size of the dictionary: a power of two in little-endian bytes.
            [0x5d, 0, 0, _, _, ..] => Self::Lzma,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [b'L', b'Z', b'I', b'P', ..] => Self::Lzip,
            [0x1f, 0x9d, ..] => Self::Compress,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Self::SevenZip,
            _ => return None,
        })
    }

    /// The program that unpacks a file to its standard output, with `-dc`; `None` for an archive that is more than one
    /// packed file.
    pub const fn program(self) -> Option<&'static str> {
        match self {
            Self::Xz | Self::Lzma => Some("xz"),
            Self::Bzip2 => Some("bzip2"),
            Self::Lz4 => Some("lz4"),
            Self::Lzip => Some("lzip"),
            Self::Compress => Some("gzip"),
            Self::Zip | Self::SevenZip => None,
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xz => "packed with xz",
            Self::Bzip2 => "packed with bzip2",
            Self::Lzma => "packed with lzma",
            Self::Lz4 => "packed with lz4",
            Self::Lzip => "packed with lzip",
            Self::Compress => "packed with compress",
            Self::Zip => "a zip archive",
            Self::SevenZip => "a 7z archive",
        })
    }
}
