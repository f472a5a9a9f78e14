//! OCI values: descriptors, blobs, images and the changes made to them. Nothing here does I/O.
//!
//! Source: OCI Image Format Specification 1.1 ("Content Descriptors", "Image Index", "Image
//! Manifest", "Image Configuration").

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::crypto::digest::DigestError;
use crate::crypto::{Digest, HashAlgorithm};

/// Media types this program knows.
pub mod media {
    /// An OCI image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An OCI image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// An uncompressed layer.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

    const PAIRS: [(&str, &str); 7] = [
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
            "application/vnd.oci.image.layer.v1.tar+gzip",
        ),
        (
            "application/vnd.docker.image.rootfs.diff.tar.zstd",
            "application/vnd.oci.image.layer.v1.tar+zstd",
        ),
        (
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        ),
    ];

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
    /// Reads it off a layer's media type; `None` for a type that is not a layer's.
    pub fn of_layer(media_type: &str) -> Option<Self> {
        let media_type = media::oci_equivalent(media_type).unwrap_or(media_type);
        let rest = media_type.strip_prefix("application/vnd.oci.image.layer.")?;
        match rest.strip_prefix("nondistributable.").unwrap_or(rest) {
            "v1.tar" => Some(Self::None),
            "v1.tar+gzip" => Some(Self::Gzip),
            "v1.tar+zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// A platform, as a descriptor states it and as `--platform` takes it: `OS/ARCH[/VARIANT]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// The operating system, `linux`.
    pub os: String,
    /// The CPU architecture, `amd64`.
    pub architecture: String,
    /// The variant of the architecture, `v8`.
    pub variant: Option<String>,
}

impl Platform {
    /// Whether an image for `self` is one that a user who asked for `wanted` means: a variant that
    /// was not asked for may be any.
    pub fn serves(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || self.variant == wanted.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .as_ref()
            .map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// A text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a platform; the form is OS/ARCH[/VARIANT], as in linux/arm64/v8")]
pub struct PlatformError(String);

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        match (os, architecture, parts.next()) {
            (Some(os), Some(architecture), None)
                if !os.is_empty() && !architecture.is_empty() && variant.as_deref() != Some("") =>
            {
                Ok(Self {
                    os,
                    architecture,
                    variant,
                })
            }
            _ => Err(PlatformError(text.to_owned())),
        }
    }
}

/// Points to content: its type, digest and size, and what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// How many bytes the content has.
    pub size: u64,
    /// Annotations of the descriptor, not of the content.
    pub annotations: BTreeMap<String, String>,
    /// For which platform the content is, in an index.
    pub platform: Option<Platform>,
    /// The content itself, base64, where the descriptor embeds it.
    pub data: Option<String>,
}

/// The annotation that holds a tag in `index.json`.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation with which BuildKit links an attestation manifest to the image it is about.
pub const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

impl Descriptor {
    /// The tag, for an entry of `index.json`.
    pub fn tag(&self) -> Option<&str> {
        self.annotations.get(REF_NAME).map(String::as_str)
    }

    /// Whether the entry is BuildKit's attestation about another image rather than an image.
    pub fn is_attestation(&self) -> bool {
        let is = |key: &str, value: &str| self.annotations.get(key).is_some_and(|v| v == value);
        is("vnd.docker.reference.type", "attestation-manifest")
            || self
                .platform
                .as_ref()
                .is_some_and(|p| p.os == "unknown" && p.architecture == "unknown")
    }
}

/// How content differs from its descriptor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The number of bytes differs.
    #[error("has {found} bytes, and {expected} are stated")]
    Size {
        /// Bytes stated.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The digest differs.
    #[error("has digest {found}, and {expected} is stated")]
    Digest {
        /// Digest stated.
        expected: Digest,
        /// Digest found.
        found: Digest,
    },
    /// The descriptor's embedded copy differs.
    #[error("differs from the copy that its descriptor embeds as \"data\"")]
    Data,
}

/// Content that has the digest and size by which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    digest: Digest,
    bytes: Vec<u8>,
}

impl Blob {
    /// Checks content against its descriptor: size, digest, and the embedded copy if there is one.
    pub fn verified(bytes: Vec<u8>, descriptor: &Descriptor) -> Result<Self, Mismatch> {
        let found = bytes.len() as u64;
        if found != descriptor.size {
            return Err(Mismatch::Size {
                expected: descriptor.size,
                found,
            });
        }
        let digest = Digest::of(descriptor.digest.algorithm(), &bytes);
        if digest != descriptor.digest {
            return Err(Mismatch::Digest {
                expected: descriptor.digest,
                found: digest,
            });
        }
        if let Some(data) = &descriptor.data
            && *data != base64(&bytes)
        {
            return Err(Mismatch::Data);
        }
        Ok(Self { digest, bytes })
    }

    /// New content, under the digest that it has.
    pub fn new(algorithm: HashAlgorithm, bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(algorithm, &bytes),
            bytes,
        }
    }

    /// The digest.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The content.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes there are.
    pub const fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// The base64 form (RFC 4648, section 4, padded) of a descriptor's embedded `data`.
pub fn base64(bytes: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    Base64::encode_string(bytes)
}

/// An image manifest as it was read.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The config.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// The manifest's own annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest that this one refers to.
    pub subject: Option<Digest>,
}

/// One image whose manifest and config have the digests that lead to them.
#[derive(Clone, Debug)]
pub struct Image {
    /// What the image was asked for by, for messages.
    pub name: String,
    /// The platform that its config states.
    pub platform: Platform,
    /// The manifest's bytes.
    pub manifest_blob: Blob,
    /// The manifest, read from those bytes.
    pub manifest: Manifest,
    /// The config's bytes, which the signature is made over.
    pub config: Blob,
    /// The digests of the uncompressed layers, read from the config.
    pub diff_ids: Vec<Digest>,
}

impl Image {
    /// The manifest's digest, by which the image is known.
    pub const fn digest(&self) -> Digest {
        self.manifest_blob.digest()
    }
}

/// What a scheme wants done to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Set these annotations of the manifest.
    Annotate(BTreeMap<String, String>),
}

/// How a user names an image in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// By the value of its entry's `org.opencontainers.image.ref.name`.
    Tag(String),
    /// By its manifest's digest.
    Digest(Digest),
}

/// A text that cannot name an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has the form of a digest and is not one.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It is not a tag either.
    #[error(
        "\"{0}\" is not a tag; a tag has letters, digits and . _ - : @ / + and starts with a letter, a digit or _"
    )]
    Tag(String),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Digest first: a text in a digest's form is never a tag.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if Digest::is_digest_form(text) {
            return Ok(Self::Digest(text.parse()?));
        }
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = |c: char| first(c) || "._-:@/+".contains(c);
        if text.len() <= 512 && text.starts_with(first) && text.chars().all(rest) {
            Ok(Self::Tag(text.to_owned()))
        } else {
            Err(ReferenceError::Tag(text.to_owned()))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// The name of an image's folder in a registry directory: one path component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppName(String);

/// A text that is not an app's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not an app name; it names one folder in the registry: letters, digits and . _ - + @, not starting with a dot or a dash"
)]
pub struct AppNameError(String);

impl AppName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppName {
    type Err = AppNameError;

    fn from_str(text: &str) -> Result<Self, AppNameError> {
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = |c: char| first(c) || ".-+@".contains(c);
        if text.len() <= 200 && text.starts_with(first) && text.chars().all(rest) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AppNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_digest_form_is_never_a_tag() {
        let digest = Digest::of(HashAlgorithm::Sha256, b"x");
        assert_eq!(digest.to_string().parse(), Ok(Reference::Digest(digest)));
        for text in ["sha256:abc", "sha512:", "SHA256:00", "blake3:00"] {
            assert!(text.parse::<Reference>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn app_names_stay_in_the_registry() {
        for bad in [
            "", ".", "..", "/", "a/b", "../a", "/a", "-a", ".a", "a\0", "a\nb", "ä",
        ] {
            assert!(bad.parse::<AppName>().is_err(), "{bad:?} was taken");
        }
        for good in ["hello", "hello-1.0", "A_b+c@d"] {
            assert!(good.parse::<AppName>().is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn layer_types() {
        let of = Compression::of_layer;
        assert_eq!(of(media::LAYER), Some(Compression::None));
        assert_eq!(
            of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
            Some(Compression::Gzip)
        );
        assert_eq!(of("application/vnd.in-toto+json"), None);
        assert_eq!(of("application/vnd.oci.image.layer.v1.tar+bzip2"), None);
    }

    proptest! {
        #[test]
        fn references_print_as_they_were_read(text in "\\PC{0,40}|[a-z0-9:/.]{1,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn an_app_name_is_one_path_component(text in "\\PC{0,20}|[a-z./]{1,8}") {
            if let Ok(name) = text.parse::<AppName>() {
                let mut parts = std::path::Path::new(name.as_str()).components();
                prop_assert!(matches!(parts.next(), Some(std::path::Component::Normal(_))));
                prop_assert!(parts.next().is_none());
            }
        }

        #[test]
        fn platforms_print_as_they_were_read(text in "[a-z0-9/]{0,20}") {
            if let Ok(platform) = text.parse::<Platform>() {
                prop_assert_eq!(platform.to_string(), text);
            }
        }
    }
}
