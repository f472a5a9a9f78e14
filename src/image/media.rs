//! Media types (OCI image-spec, "OCI Image Media Types") and docker's names for the same things.

use std::borrow::Cow;

/// An OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// An uncompressed layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer packed by gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer packed by Zstandard.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

const PAIRS: [(&str, &str); 8] = [
    (
        "application/vnd.docker.distribution.manifest.list.v2+json",
        INDEX,
    ),
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        MANIFEST,
    ),
    ("application/vnd.docker.container.image.v1+json", CONFIG),
    ("application/vnd.docker.image.rootfs.diff.tar", LAYER),
    (
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        LAYER_GZIP,
    ),
    (
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        LAYER_ZSTD,
    ),
    (
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ),
    (
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ),
];

/// A media type; the common ones share their memory.
pub fn shared(media_type: String) -> Cow<'static, str> {
    let often = [INDEX, MANIFEST, CONFIG, LAYER].into_iter();
    let mut often = often.chain(PAIRS.into_iter().flat_map(|(docker, oci)| [docker, oci]));
    let same = often.find(|known| *known == media_type);
    same.map_or(Cow::Owned(media_type), Cow::Borrowed)
}

/// The OCI media type that means the same as this docker one.
pub fn oci_equivalent(media_type: &str) -> Option<&'static str> {
    PAIRS
        .iter()
        .find(|(docker, _)| *docker == media_type)
        .map(|(_, oci)| *oci)
}

/// Whether it is an index (or docker's manifest list).
pub fn is_index(media_type: &str) -> bool {
    media_type == INDEX || oci_equivalent(media_type) == Some(INDEX)
}

/// Whether it is an image manifest, OCI's or docker's.
pub fn is_manifest(media_type: &str) -> bool {
    media_type == MANIFEST || oci_equivalent(media_type) == Some(MANIFEST)
}

/// Whether it is a layer of files, packed or encrypted in whatever way.
pub fn is_layer(media_type: &str) -> bool {
    let prefixes = [
        "application/vnd.oci.image.layer.",
        "application/vnd.docker.image.rootfs.",
    ];
    prefixes.iter().any(|prefix| media_type.starts_with(prefix))
}

/// The media type of what an encrypted layer decrypts to; `None` where the layer is not encrypted (containers/ocicrypt,
/// `spec.md`).
pub fn decrypted(media_type: &str) -> Option<&str> {
    let plain = media_type.strip_suffix("+encrypted");
    plain.filter(|_| is_layer(media_type))
}

/// How a layer's tar archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// The packing that a layer's media type states; `None` for a type that is not a layer's.
    pub fn of_layer(media_type: &str) -> Option<Self> {
        let media_type = oci_equivalent(media_type).unwrap_or(media_type);
        let rest = media_type.strip_prefix("application/vnd.oci.image.layer.")?;
        match rest.strip_prefix("nondistributable.").unwrap_or(rest) {
            "v1.tar" => Some(Self::None),
            "v1.tar+gzip" => Some(Self::Gzip),
            "v1.tar+zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_types() {
        let of = Compression::of_layer;
        assert_eq!(of(LAYER), Some(Compression::None));
        assert_eq!(
            of("application/vnd.docker.image.rootfs.foreign.diff.tar"),
            Some(Compression::None)
        );
        assert_eq!(
            of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
            Some(Compression::Gzip)
        );
        assert_eq!(of("application/vnd.in-toto+json"), None);
        assert_eq!(of("application/vnd.oci.image.layer.v1.tar+bzip2"), None);
    }

    #[test]
    fn an_encrypted_layer_names_what_it_decrypts_to() {
        let encrypted = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted";
        assert_eq!(decrypted(encrypted), Some(LAYER_GZIP));
        assert_eq!(Compression::of_layer(encrypted), None);
        assert_eq!(decrypted(LAYER_GZIP), None);
        assert_eq!(decrypted("application/vnd.in-toto+json+encrypted"), None);
    }
}
