//! Payloads for an offline machine: written on the machine with the image, signed on the machine with the key.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::Error as CosignError;
use super::image::CosignImage;
use crate::crypto::{Algorithm, Signed};
use crate::files;
use crate::key::Signer;
use crate::ops::error::Error;
use crate::progress::Progress;
use crate::scheme::cosign::{Hashes, Payload, Prepared, Statement};
use crate::store::{Limits, Reader};

/// No payload is longer.
const MOST_PAYLOAD: usize = 4 << 20;

/// Writes the payload of an image to a file, and reads no layer.
#[derive(Clone, Debug)]
pub struct Generate {
    /// The image.
    pub image: CosignImage,
    /// The name by which to sign the image, if the user gives one.
    pub identity: Option<String>,
    /// The annotations that the signer adds.
    pub annotations: BTreeMap<String, String>,
    /// Whether the user wants the statement of a bundle.
    pub statement: bool,
}

impl Generate {
    /// The bytes, without an end of line.
    pub fn run(&self, progress: &dyn Progress) -> Result<Vec<u8>, Error> {
        let limits = Limits::default();
        let opened = self.image.location.open(limits, progress)?;
        let reader = Reader::new(opened.store(), limits);
        let (_, descriptor) = reader.subject(self.image.reference.as_ref())?;
        reader.whole(&descriptor)?;
        let digest = descriptor.digest;
        if self.statement {
            return Ok(Statement::of_image(&digest, &self.annotations));
        }
        let names = [descriptor.full_name.as_deref(), descriptor.tag.as_deref()];
        let name = self.image.identity(self.identity.as_deref(), &names)?;
        let payload = Payload::new(name, digest).with(&self.annotations);
        Ok(payload.to_bytes())
    }
}

/// The algorithm of a signature, and the signature in DER.
pub type Made = (Algorithm, Vec<u8>);

/// Signs a payload file under each hash that verifiers want; the signatures in DER, in the order of the hashes.
pub fn sign_payload(
    path: &Path,
    signer: &dyn Signer,
    hashes: Hashes,
) -> Result<(Prepared, Vec<Made>), Error> {
    let (prepared, bytes) = read_prepared(path)?;
    let message = prepared.message(&bytes);
    let mut signatures = Vec::new();
    for by in hashes.of(signer.public_key())? {
        let signature = signer.sign(by, Signed::Bytes(&message))?;
        signatures.push((by, signature.to_bytes()));
    }
    Ok((prepared, signatures))
}

/// Reads a payload or a statement to sign, and its bytes.
pub(super) fn read_prepared(path: &Path) -> Result<(Prepared, Vec<u8>), Error> {
    let bytes = read_payload(path)?;
    let prepared = Prepared::read(&bytes).map_err(|source| CosignError::Malformed {
        name: format!("payload file {}", path.display()),
        source,
    })?;
    Ok((prepared, bytes))
}

/// Reads a payload file.
pub(super) fn read_payload(path: &Path) -> Result<Vec<u8>, Error> {
    files::read(path, MOST_PAYLOAD).map_err(Error::file("payload file"))
}
