//! The limits on input.

/// The limits on input, so that hostile input cannot fill memory or disk, or take for ever.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of `index.json`, an image index, a manifest or a config. Registries take manifests of
    /// 4 MiB (OCI distribution-spec, "Pushing Manifests").
    pub document: u64,
    /// Bytes of an image's manifest and config together.
    pub documents: u64,
    /// Indexes that may be nested in one another.
    pub index_depth: usize,
    /// Entries of all indexes that are followed together, `index.json`'s among them.
    pub entries: usize,
    /// Bytes of all indexes that are followed together, `index.json` among them.
    pub indexes: u64,
    /// Bytes of one layer, packed or unpacked.
    pub layer: u64,
    /// Bytes of all layers of an image, each packed or unpacked, whichever is more, and of an archive unpacked.
    pub image: u64,
    /// Members of an archive.
    pub members: usize,
    /// Bytes of the window that unpacking zstd takes, which is memory: a power of two from 1 KiB to 2 GiB, or the
    /// one below is meant. All decoders have to support 8 MiB (RFC 8878, section 3.1.1.1.2).
    pub window: u64,
    /// The same where the signatures over an image's config hold: who signed it has unpacked its layers.
    pub signed_window: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document: 4 << 20,
            documents: 9 << 19,
            index_depth: 8,
            entries: 12 << 10,
            indexes: 4 << 20,
            layer: 8 << 30,
            image: 32 << 30,
            members: 100_000,
            window: 8 << 20,
            // zstd's own program unpacks such a one unasked.
            signed_window: 128 << 20,
        }
    }
}
