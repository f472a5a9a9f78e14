//! Signing and verifying files, a vendor's public key among them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::keys::{existing, inputs};
use super::outputs::check_output;
use crate::crypto::p384::signature_from_der;
use crate::crypto::{self, HashAlgorithm, P384Key, Prehash, Signature, StreamHasher};
use crate::files::{self, Written};
use crate::key::{self, KeyRef, KeyRing};
use crate::progress::Progress;
use crate::scheme::annotation::Endorsement;

/// The most bytes of a signature file; a P-384 signature has at most 104.
const MAX_SIGNATURE_FILE: usize = 4 << 10;

/// Signs a file: ECDSA over its SHA-384, as `openssl dgst -sha384 -sign` does.
#[derive(Clone, Debug)]
pub struct SignFile {
    /// The private key.
    pub key: KeyRef,
    /// The file.
    pub file: PathBuf,
    /// The file for the DER signature.
    pub signature: PathBuf,
    /// Whether to replace an existing file with other content.
    pub force: bool,
    /// Whether the file has to be a P-384 public key: a CA's endorsement of a vendor.
    pub endorse: bool,
}

/// The signing key, and the vendor's.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The key that signed.
    pub key: P384Key,
    /// The vendor's key, where one was endorsed.
    pub endorsed: Option<P384Key>,
    /// Whether this run wrote the signature file.
    pub written: Written,
}

impl SignFile {
    /// Keeps a file that holds a valid signature by this key over this file. Makes every refusal that needs no key
    /// before the PIN prompt.
    pub fn run(&self, ring: &KeyRing, progress: &dyn Progress) -> Result<Signed, Error> {
        let mut inputs = inputs(ring, &[&self.key]);
        inputs.push(&self.file);
        check_output("signature file", &self.signature, &inputs)?;
        let content = if self.endorse {
            Content::Vendor(key::read_public(&self.file)?)
        } else {
            let file = files::open(&self.file).map_err(Error::file("file"))?;
            match ring.longest_message(&self.key) {
                None => Content::File(file),
                Some(most) => Content::Message(whole(file, &self.file, most)?),
            }
        };
        let there = self.there()?;
        let signer = ring.signer(&self.key)?;
        ring.check_passports()?;
        let key = *signer.public_key();
        let (message, hash, endorsed) = match content {
            Content::Vendor(vendor) => (Endorsement::message(&vendor), None, Some(vendor)),
            Content::Message(message) => (message, None, None),
            Content::File(file) => (
                Vec::new(),
                Some(hash_file(file, &self.file, progress)?),
                None,
            ),
        };
        let what = match &hash {
            Some(prehash) => crypto::Signed::Hashed(prehash),
            None => crypto::Signed::Bytes(&message),
        };
        let prehash = what.prehash(HashAlgorithm::Sha384);
        let outcome = |written| Signed {
            key,
            endorsed,
            written,
        };
        if let Some(there) = there {
            if key.verifies(&prehash, &there) {
                signer.prove_public()?;
                files::sync_existing(&self.signature).map_err(Error::file("signature file"))?;
                return Ok(outcome(Written::Same));
            }
            if !self.force {
                return Err(self.differs());
            }
        }
        let signature = signer.sign(what)?.to_bytes();
        files::write(&self.signature, &signature, 0o644, existing(self.force))
            .map(outcome)
            .map_err(Error::file("signature file"))
    }

    /// The signature that already exists. Refuses to replace another file, unless the user asked for that.
    fn there(&self) -> Result<Option<Signature>, Error> {
        // Writing refuses anything but a regular file.
        let metadata = self.signature.symlink_metadata();
        let is_file = metadata.is_ok_and(|metadata| metadata.is_file());
        if files::is_standard(&self.signature) || !is_file {
            files::check_writable(&self.signature).map_err(Error::file("signature file"))?;
            return Ok(None);
        }
        match read_signature(&self.signature) {
            Ok(signature) => Ok(Some(signature)),
            Err(Error::NotASignature { .. } | Error::File { .. }) if self.force => Ok(None),
            Err(
                Error::NotASignature { .. }
                | Error::File {
                    source: files::Error::TooLarge { .. },
                    ..
                },
            ) => Err(self.differs()),
            Err(e) => Err(e),
        }
    }

    fn differs(&self) -> Error {
        let path = self.signature.clone();
        Error::file("signature file")(files::Error::Differs { path })
    }
}

/// The bytes to sign.
enum Content {
    /// A vendor's public key.
    Vendor(P384Key),
    /// A file, which may be a pipe: it is opened once.
    File(File),
    /// The content of a file, for a key that hashes by itself.
    Message(Vec<u8>),
}

/// Verifies a file's signature, as `openssl dgst -sha384 -verify` does.
#[derive(Clone, Debug)]
pub struct VerifyFile {
    /// The public key: a file with its DER `SubjectPublicKeyInfo`, or a token's.
    pub key: KeyRef,
    /// The file.
    pub file: PathBuf,
    /// The DER signature.
    pub signature: PathBuf,
}

impl VerifyFile {
    /// Returns the key that signed, or an error. Reads files before the PIN prompt.
    pub fn run(&self, ring: &KeyRing, progress: &dyn Progress) -> Result<P384Key, Error> {
        let signature = read_signature(&self.signature)?;
        let file = files::open(&self.file).map_err(Error::file("file"))?;
        let key = ring.public(&self.key)?;
        let prehash = hash_file(file, &self.file, progress)?;
        if key.verifies(&prehash, &signature) {
            Ok(key)
        } else {
            Err(Error::BadSignature {
                path: self.signature.clone(),
                key: key.fingerprint(),
                file: self.file.clone(),
            })
        }
    }
}

/// Reads a signature file: strict DER.
pub(super) fn read_signature(path: &Path) -> Result<Signature, Error> {
    let bytes =
        files::read_wiped(path, MAX_SIGNATURE_FILE).map_err(Error::file("signature file"))?;
    signature_from_der(&bytes).map_err(|source| Error::NotASignature {
        path: path.to_owned(),
        source,
    })
}

/// The content of a file, which a token hashes by itself.
fn whole(file: File, path: &Path, most: usize) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    match file.take(most as u64 + 1).read_to_end(&mut content) {
        Ok(length) if length <= most => Ok(content),
        Ok(_) => Err(Error::LongForToken {
            path: path.to_owned(),
            most,
        }),
        Err(source) => Err(Error::file("file")(files::Error::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })),
    }
}

fn hash_file(mut file: File, path: &Path, progress: &dyn Progress) -> Result<Prehash, Error> {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    progress.begin("hashing", length);
    let mut hasher = StreamHasher::new(HashAlgorithm::Sha384);
    loop {
        match hasher.update_with(|buffer| files::read_some(&mut file, buffer)) {
            Ok(0) => return Ok(hasher.prehash()),
            Ok(n) => progress.advance(n as u64),
            Err(source) => {
                return Err(Error::file("file")(files::Error::Io {
                    path: path.to_owned(),
                    action: "read",
                    source,
                }));
            }
        }
    }
}
