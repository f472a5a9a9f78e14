//! Signatures of files, in the forms in which cosign leaves them beside the file.

use serde::Deserialize;

use super::bundle::{Bundle, Content};
use crate::encoding::base64::unbase64;
use crate::encoding::strict;
use crate::scheme::malformed::Malformed;

const WHAT: &str = "signature of a file";
/// No signature is longer.
const MOST_SIGNATURE: usize = 16 << 10;

/// A signature of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobBundle {
    /// A Sigstore bundle, version 0.3.
    Bundle(Bundle),
    /// The bundle that cosign 2 wrote: for keys, only a signature.
    Old(OldBundle),
}

/// cosign 2's bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldBundle {
    /// The signature.
    pub signature: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "base64Signature")]
    signature: String,
    #[serde(default, rename = "cert")]
    _cert: Option<serde::de::IgnoredAny>,
    #[serde(default, rename = "rekorBundle")]
    _log: Option<serde::de::IgnoredAny>,
}

impl BlobBundle {
    /// Reads a bundle of either version.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        match strict::read::<Text>(bytes) {
            Ok(text) => {
                let signature = unbase64(&text.signature);
                let bad = || Malformed::new(WHAT, "base64Signature is not base64");
                let signature = signature.ok_or_else(bad)?;
                Ok(Self::Old(OldBundle { signature }))
            }
            Err(_) => Bundle::read(bytes).map(Self::Bundle),
        }
    }
}

/// Reads a signature file: base64, with line ends or without, or the bytes themselves.
pub fn signature_of(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    if bytes.len() > MOST_SIGNATURE {
        return Err(Malformed::new("signature", "it has more than 16 KiB"));
    }
    let text = std::str::from_utf8(bytes).ok().and_then(|text| {
        let in_one: String = text.split_ascii_whitespace().collect();
        unbase64(&in_one).filter(|read| !read.is_empty())
    });
    // A signature in bytes is not text: DER holds control characters, and other signatures look random.
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    match text {
        None if bytes.iter().all(is_text) => Err(Malformed::new(
            WHAT,
            "it is neither base64 nor the bytes of one",
        )),
        None => Ok(bytes.to_vec()),
        Some(read) => Ok(read),
    }
}

impl Bundle {
    /// The signature of a file, if it holds one.
    pub const fn message(&self) -> Option<(&crate::crypto::Digest, &Vec<u8>)> {
        match &self.content {
            Content::Message { digest, signature } => Some((digest, signature)),
            Content::Envelope(_) => None,
        }
    }

    /// The signed statement, if it holds one.
    pub const fn envelope(&self) -> Option<&super::envelope::Envelope> {
        match &self.content {
            Content::Envelope(envelope) => Some(envelope),
            Content::Message { .. } => None,
        }
    }
}
