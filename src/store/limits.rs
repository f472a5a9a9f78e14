//! The limits on input.

/// The limits on input. They keep hostile input from filling memory or disk, and from taking for ever.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of `index.json`, an image index, a manifest or a config. Registries accept manifests of 4 MiB (OCI
    /// distribution-spec, "Pushing Manifests").
    pub document: u64,
    /// Bytes of an image's manifest and config together.
    pub documents: u64,
    /// How deep indexes may be nested.
    pub index_depth: usize,
    /// Entries of all indexes that ir-sign follows together, `index.json` included.
    pub entries: usize,
    /// Bytes of all indexes that ir-sign follows together, `index.json` included.
    pub indexes: u64,
    /// Bytes of one layer, packed or unpacked.
    pub layer: u64,
    /// Bytes of all layers of an image; each layer counts with its packed or unpacked size, whichever is larger. Also
    /// the bytes of an unpacked archive.
    pub image: u64,
    /// Members of an archive.
    pub members: usize,
    /// Bytes of memory for the window that unpacks zstd: a power of two from 1 KiB to 2 GiB; any other value means the
    /// next lower power. All decoders have to support 8 MiB (RFC 8878, section 3.1.1.1.2).
    pub window: u64,
    /// Bytes of that window if the signatures over an image's config are valid: the signer has unpacked its layers.
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
            // zstd's own program unpacks a window of this size without being asked.
            signed_window: 128 << 20,
        }
    }
}
