//! Files with signatures, as folders of `dir:` and lookasides hold them.

/// A file with a signature. ir-sign has checked nothing about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFile {
    /// Its name, for messages.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// containers/image takes a place with this many files of one image for a fault.
pub(super) const MOST_FILES: usize = 128;
/// The most bytes of such a file (containers/image, `internal/iolimits`).
pub(super) const MOST_BYTES: u64 = 4 << 20;
