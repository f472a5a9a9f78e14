//! Descriptors (OCI image-spec, "Content Descriptors"), and content that was checked against one.

use std::borrow::Cow;
use std::sync::Arc;

use base64ct::Base64;

use super::media;
use super::platform::Platform;
use crate::crypto::{Digest, HashAlgorithm, Hasher};

/// Points to content: its type, digest and size, and annotations about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: Cow<'static, str>,
    /// The digest of the content.
    pub digest: Digest,
    /// How many bytes the content has.
    pub size: u64,
    /// The tag, for an entry of `index.json`: of the descriptor's annotations, [`REF_NAME`].
    pub tag: Option<String>,
    /// The full name, for an entry of `index.json`: of the annotations, [`IMAGE_NAME`].
    pub full_name: Option<Box<str>>,
    /// The platform of the content, in an index.
    /// On the heap: most entries of a large index state none.
    pub platform: Option<Box<Platform>>,
    /// The state of its embedded `data`.
    pub embedded: Embedded,
}

/// The state of a descriptor's embedded `data`. The data may be as long as a document, so it is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Embedded {
    /// There is none.
    #[default]
    Nothing,
    /// The content that it points to, base64 (RFC 4648, section 4, padded).
    Content,
    /// Something else.
    Other,
}

impl Embedded {
    /// Decodes the text, and compares it with that digest and size.
    pub fn of(data: &str, digest: &Digest, size: u64) -> Self {
        const STEP: usize = 64 << 10;
        // The decoder would ignore a newline at the end, but other programs may not.
        if data.len() as u64 != size.div_ceil(3).saturating_mul(4) {
            return Self::Other;
        }
        let mut hasher = Hasher::new(digest.algorithm());
        let mut found = 0;
        // The decoder takes no empty text.
        if !data.is_empty() {
            let Ok(mut decoder) = base64ct::Decoder::<Base64>::new(data.as_bytes()) else {
                return Self::Other;
            };
            // Piece by piece, to save memory.
            let mut buffer = vec![0; decoder.remaining_len().min(STEP)];
            while !decoder.is_finished() {
                let length = decoder.remaining_len().min(STEP);
                let Ok(bytes) = decoder.decode(&mut buffer[..length]) else {
                    return Self::Other;
                };
                hasher.update(bytes);
                found += bytes.len() as u64;
            }
        }
        if found == size && hasher.digest() == *digest {
            Self::Content
        } else {
            Self::Other
        }
    }
}

/// The annotation that holds a tag in `index.json`.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The annotation that holds an image's full name in `index.json`, by which containerd and docker (engine 25 and
/// newer) know it.
pub const IMAGE_NAME: &str = "io.containerd.image.name";

/// The annotation with which `BuildKit` links an attestation manifest to the image it is about.
pub const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

impl Descriptor {
    /// The tag, for an entry of `index.json`.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Whether the entry is for no platform at all, as `BuildKit`'s attestations about images are. Any other
    /// platform, or none, is one that runtimes choose by, and they look at no annotation that calls the
    /// content an attestation.
    pub fn is_attestation(&self) -> bool {
        self.platform.as_deref().is_some_and(Platform::is_unknown)
    }

    /// Refuses a descriptor that embeds something else than the content.
    pub fn check_embedded(&self) -> Result<(), Mismatch> {
        match self.embedded {
            Embedded::Nothing | Embedded::Content => Ok(()),
            Embedded::Other => Err(Mismatch::Data),
        }
    }

    /// Whether all that this one states of its content, another descriptor of the same content
    /// states too.
    pub fn is_covered_by(&self, other: &Self) -> bool {
        let kind = |text| media::oci_equivalent(text).unwrap_or(text).to_owned();
        let same_platform = |ours: &Platform| {
            let theirs = other.platform.as_deref();
            theirs.is_some_and(|theirs| ours.is_stated_by(theirs))
        };
        self.digest == other.digest
            && self.size == other.size
            && (self.media_type == other.media_type
                || kind(&self.media_type) == kind(&other.media_type))
            && (self.embedded == Embedded::Nothing || self.embedded == other.embedded)
            && self.platform.as_deref().is_none_or(same_platform)
    }
}

/// How content differs from its descriptor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The number of bytes differs.
    #[error("has a size mismatch: expected {expected} bytes, found {found}")]
    Size {
        /// Bytes stated.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The digest differs.
    #[error("has a digest mismatch: expected {expected}, found {found}")]
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

/// Content with a verified digest and size.
///
/// A copy shares the bytes: a document may be large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    digest: Digest,
    bytes: Arc<Vec<u8>>,
}

impl Blob {
    /// Checks content against its descriptor: size, embedded copy if there is one, and digest.
    pub fn verified(bytes: Vec<u8>, descriptor: &Descriptor) -> Result<Self, Mismatch> {
        let found = bytes.len() as u64;
        if found != descriptor.size {
            return Err(Mismatch::Size {
                expected: descriptor.size,
                found,
            });
        }
        descriptor.check_embedded()?;
        let digest = Digest::of(descriptor.digest.algorithm(), &bytes);
        if digest != descriptor.digest {
            return Err(Mismatch::Digest {
                expected: descriptor.digest,
                found: digest,
            });
        }
        Ok(Self {
            digest,
            bytes: bytes.into(),
        })
    }

    /// New content, under the digest that it has.
    pub fn new(algorithm: HashAlgorithm, bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(algorithm, &bytes),
            bytes: bytes.into(),
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
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base64::base64;

    #[test]
    fn embedded_data_is_the_content_in_one_spelling() {
        for size in [0, 1, 2, 3, 4, 70_000] {
            let content = vec![0xfb; size];
            let digest = Digest::of(HashAlgorithm::Sha256, &content);
            let of = |data: &str, size: usize| Embedded::of(data, &digest, size as u64);
            let data = base64(&content);
            assert_eq!(of(&data, size), Embedded::Content, "{size}");
            assert_eq!(of(&data, size + 1), Embedded::Other, "{size}");
            for other in [
                format!("{data}\n"),
                format!("{data}===="),
                format!("{data}AAAA"),
                format!(" {data}"),
            ] {
                assert_eq!(of(&other, size), Embedded::Other, "{size}");
            }
            if size > 0 {
                for other in [
                    data[1..].to_owned(),
                    data.replace('+', "-"),
                    data.replace("+/", "+\n"),
                    data.replace('=', ""),
                    data.replace('=', "A"),
                    base64(&vec![0xfc; size]),
                ] {
                    let as_is = other == data;
                    assert_eq!(of(&other, size) == Embedded::Content, as_is, "{size}");
                }
            }
        }
        // The last bits of these do not belong to the content.
        let digest = Digest::of(HashAlgorithm::Sha256, b"A");
        assert_eq!(Embedded::of("QQ==", &digest, 1), Embedded::Content);
        assert_eq!(Embedded::of("QR==", &digest, 1), Embedded::Other);
    }
}
