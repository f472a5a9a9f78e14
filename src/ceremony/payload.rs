//! Payloads that a ceremony signs, as cosign signs them, and the files of their signatures.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::error::Error;
use super::transcript::bytes_of;
use crate::crypto::{Algorithm, Curve, P384Key, PublicKey, Signed};
use crate::encoding::base64::{base64, unbase64};
use crate::files;
use crate::scheme::cosign::{Malformed, Prepared, for_signing, signature_lines};

/// The most bytes of a payload: the transcript holds it.
pub(super) const MAX_PAYLOAD: usize = 64 * 1024;
/// The most bytes of a file of signatures.
const MAX_SIGNATURES: usize = 4 * 1024;

/// A payload to sign.
#[derive(Clone, Debug)]
pub struct PlannedPayload {
    /// Its file, as the plan spells it.
    pub name: String,
    /// Its meaning.
    pub prepared: Prepared,
    /// The file for its signatures.
    pub signature: PathBuf,
    bytes: Vec<u8>,
}

/// The algorithms to sign a payload with, in the order of the signatures.
pub(super) fn algorithms() -> Vec<Algorithm> {
    for_signing(Curve::P384)
}

impl PlannedPayload {
    pub(super) fn read(
        name: String,
        signature: PathBuf,
        bytes: Vec<u8>,
    ) -> Result<Self, Malformed> {
        let prepared = Prepared::read(&bytes)?;
        Ok(Self {
            name,
            prepared,
            signature,
            bytes,
        })
    }

    /// The message of its signatures.
    pub(super) fn message(&self) -> Vec<u8> {
        self.prepared.message(&self.bytes)
    }

    /// The members of a transcript's lines about it.
    pub(super) fn about(&self) -> Value {
        json!({ "payload": base64(&self.bytes), "says": self.prepared.says() })
    }

    /// The signatures of this key that are in its file already: exactly those that a ceremony would write there.
    pub(super) fn signed_there(&self, root: &P384Key) -> Result<Option<Signatures>, Error> {
        if self.signature.symlink_metadata().is_err() {
            return Ok(None);
        }
        let bytes =
            files::read(&self.signature, MAX_SIGNATURES).map_err(Error::file("signatures"))?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let read: Option<Vec<_>> = text.lines().map(unbase64).collect();
        let read = read.map(Signatures).filter(|read| read.text() == text);
        Ok(read.filter(|read| read.hold(root, &self.message())))
    }
}

/// The signatures of a payload, in DER: one for each algorithm.
#[derive(Clone, Debug)]
pub(super) struct Signatures(pub Vec<Vec<u8>>);

impl Signatures {
    /// Those of a transcript's line.
    pub(super) fn of(line: &Value) -> Option<Self> {
        let all = line["signatures"].as_array()?;
        all.iter().map(bytes_of).collect::<Option<_>>().map(Self)
    }

    /// In the form of a transcript's line.
    pub(super) fn json(&self) -> Value {
        self.0.iter().map(|der| base64(der)).collect()
    }

    /// The text of their file.
    pub(super) fn text(&self) -> String {
        signature_lines(self.0.iter().map(|der| &**der))
    }

    /// Whether there is one signature for each algorithm, in their order, and the key made all over the message.
    pub(super) fn hold(&self, root: &P384Key, message: &[u8]) -> bool {
        let (key, by) = (PublicKey::from(*root), algorithms());
        let mut pairs = by.iter().zip(&self.0);
        by.len() == self.0.len()
            && pairs.all(|(by, der)| key.verify(*by, Signed::Bytes(message), der).is_ok())
    }
}

/// The payload of a transcript's line.
pub(super) fn payload_of(line: &Value) -> Option<(Vec<u8>, Prepared)> {
    let bytes = bytes_of(&line["payload"])?;
    let prepared = Prepared::read(&bytes).ok()?;
    Some((bytes, prepared))
}

/// The name of a file as one text: `./x` and `x` are one file.
pub(super) fn plain(path: &Path) -> PathBuf {
    let path: PathBuf = path.components().collect();
    path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)
}
