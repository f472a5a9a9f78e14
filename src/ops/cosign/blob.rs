//! Signing and verifying files.

use std::path::{Path, PathBuf};

use super::error::Error as CosignError;
use crate::crypto::{
    Algorithm, Digest, HashAlgorithm, KeyKind, Prehash, PublicKey, Signed, StreamHasher,
};
use crate::encoding::base64::unbase64;
use crate::files;
use crate::key::Signer;
use crate::ops::error::Error;
use crate::progress::Progress;
use crate::report::{Check, Report, Signatory, Verdict};
use crate::scheme::cosign::{
    BlobBundle, Bundle, BundleContent, Envelope, Hashes, Met, PAYLOAD_TYPE, PredicateType,
    Statement, Wanted, bundle_of, for_verifying, of_bundle, pae, rule, signature_of,
};

/// No bundle file is longer.
const MOST_BUNDLE: usize = 128 << 20;
/// No signature file is longer.
const MOST_SIGNATURE: usize = 64 << 10;
/// The longest file that a key verifies which hashes the message itself: it is held in memory.
const MOST_IN_MEMORY: usize = 1 << 30;
/// The name of either kind of file in errors.
const BUNDLE: &str = "bundle file";
const SIGNATURE: &str = "signature file";
/// How many bytes of a file to read at a time.
const PIECE: usize = 64 << 10;

/// A signature of a file.
#[derive(Clone, Debug)]
pub struct BlobSigned {
    /// The file's digest.
    pub digest: Digest,
    /// The signature, as files hold it.
    pub signature: Vec<u8>,
    /// The same as a bundle.
    pub bundle: Vec<u8>,
}

/// Signs a file by its SHA-256, or the hash that the user wants. Reads the file once, piece by piece.
pub fn sign_blob(
    path: &Path,
    signer: &dyn Signer,
    hash: Option<HashAlgorithm>,
    progress: &dyn Progress,
) -> Result<BlobSigned, Error> {
    let hash = hash.unwrap_or(HashAlgorithm::Sha256);
    let by = Hashes(Some(hash)).of(signer.public_key())?[0];
    let prehash = hashes_of(path, &[hash], progress)?[0];
    let digest = prehash.digest();
    let signature = signer.sign(by, Signed::Hashed(&prehash))?.to_bytes();
    let content = BundleContent::Message {
        digest,
        signature: signature.clone(),
    };
    Ok(BlobSigned {
        digest,
        bundle: bundle_of(signer.public_key(), &content),
        signature,
    })
}

/// Attests to a file: an envelope around a statement about it.
pub fn attest_blob(
    path: &Path,
    kind: &PredicateType,
    predicate: &serde_json::value::RawValue,
    signer: &dyn Signer,
    hash: Option<HashAlgorithm>,
    progress: &dyn Progress,
) -> Result<(Envelope, BlobSigned), Error> {
    let by = Hashes(Some(hash.unwrap_or(HashAlgorithm::Sha256))).of(signer.public_key())?[0];
    let digest = hashes_of(path, &[HashAlgorithm::Sha256], progress)?[0].digest();
    let name = path.file_name().map(|name| name.to_string_lossy());
    let name = name.unwrap_or_default();
    let statement = Statement::attesting(&name, &digest, kind, predicate);
    let message = pae(PAYLOAD_TYPE, &statement);
    let signature = signer.sign(by, Signed::Bytes(&message))?.to_bytes();
    let envelope = Envelope::of(statement, signature.clone());
    let bundle = bundle_of(
        signer.public_key(),
        &BundleContent::Envelope(envelope.clone()),
    );
    Ok((
        envelope,
        BlobSigned {
            digest,
            signature,
            bundle,
        },
    ))
}

/// The signature to verify a file by.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A bundle, of version 0.3 or of cosign 2.
    Bundle(PathBuf),
    /// A signature: base64, or its bytes.
    Signature(PathBuf),
}

/// Verifies a file by any of the keys.
pub fn verify_blob(
    path: &Path,
    proof: &Proof,
    keys: &[PublicKey],
    progress: &dyn Progress,
) -> Result<Verdict, Error> {
    let (signature, stated) = proof.of_file()?;
    let mut more = vec![HashAlgorithm::Sha256];
    more.extend(stated.map(|stated| stated.algorithm()));
    let content = Content::read(path, keys, &more, progress)?;
    let mut checks = vec![Check::passed(rule::FORM)];
    let mut signatories = Vec::new();
    if let Some((key, by)) = content.signed_by(keys, &signature) {
        checks.push(Check::passed(rule::SIGNED).about(by.to_string()));
        signatories.push(Signatory {
            role: "key",
            fingerprint: key.fingerprint(),
        });
    } else {
        let reason = "no trusted key made this signature of this file";
        checks.push(Check::failed(rule::SIGNED, reason));
    }
    // The digest that the bundle states must be right too: some readers tell files apart only by it.
    let other = stated.filter(|stated| content.digest(stated.algorithm()) != *stated);
    let is_signed = !signatories.is_empty();
    checks.push(match other {
        _ if !is_signed => Check::blocked(rule::SUBJECT),
        Some(stated) => {
            let found = content.digest(stated.algorithm());
            let reason = format!("the bundle is about {stated}, and the file is {found}");
            Check::failed(rule::SUBJECT, reason)
        }
        None => Check::passed(rule::SUBJECT),
    });
    let report = Report {
        subject: path.display().to_string(),
        digest: content.digest(HashAlgorithm::Sha256),
        checks,
        signatories,
    };
    Ok(report.decide())
}

impl Proof {
    /// The signature of a file, and the digest that a bundle states.
    fn of_file(&self) -> Result<(Vec<u8>, Option<Digest>), Error> {
        match self {
            Self::Signature(path) => {
                let bytes = files::read(path, MOST_SIGNATURE);
                let bytes = bytes.map_err(Error::file(SIGNATURE))?;
                let signature = signature_of(&bytes);
                let signature = signature.map_err(|source| malformed(SIGNATURE, path, source))?;
                Ok((signature, None))
            }
            Self::Bundle(path) => {
                let bytes = files::read(path, MOST_BUNDLE).map_err(Error::file(BUNDLE))?;
                let read = BlobBundle::read(&bytes);
                match read.map_err(|source| malformed(BUNDLE, path, source))? {
                    BlobBundle::Old(old) => Ok((old.signature, None)),
                    BlobBundle::Bundle(bundle) => match bundle.message() {
                        Some((digest, signature)) => Ok((signature.clone(), Some(*digest))),
                        None => Err(CosignError::Nothing {
                            image: format!("{BUNDLE} {}", path.display()),
                            what: "signature of a file in it, but an attestation",
                        }
                        .into()),
                    },
                }
            }
        }
    }

    /// The attestation to a file, as a bundle.
    fn attestation(&self, keys: &[PublicKey]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Bundle(path) => {
                let bytes = files::read(path, MOST_BUNDLE).map_err(Error::file(BUNDLE))?;
                Bundle::read(&bytes).map_err(|source| malformed(BUNDLE, path, source))?;
                Ok(bytes)
            }
            Self::Signature(path) => {
                let bytes = files::read(path, MOST_BUNDLE).map_err(Error::file(SIGNATURE))?;
                // cosign writes the envelope in base64 or as plain JSON.
                let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
                let bytes = unbase64(text).unwrap_or(bytes);
                let envelope = Envelope::read(&bytes);
                let envelope = envelope.map_err(|source| malformed(SIGNATURE, path, source))?;
                let content = BundleContent::Envelope(envelope);
                let key = keys.first().expect("a key is always named");
                Ok(bundle_of(key, &content))
            }
        }
    }
}

/// Verifies an attestation to a file. Returns its statement if it holds.
pub fn verify_blob_attestation(
    path: &Path,
    proof: &Proof,
    kind: &PredicateType,
    keys: &[PublicKey],
    progress: &dyn Progress,
) -> Result<(Verdict, Option<Met>), Error> {
    let bundle = proof.attestation(keys)?;
    let digest = hashes_of(path, &[HashAlgorithm::Sha256], progress)?[0].digest();
    let wanted = Wanted::default();
    let (candidate, met) = of_bundle(&bundle, &digest, keys, Some(kind.uri()), &wanted);
    let report = Report {
        subject: path.display().to_string(),
        digest,
        checks: candidate.checks,
        signatories: candidate.signatories,
    };
    Ok((report.decide(), met))
}

fn malformed(role: &str, path: &Path, source: crate::scheme::cosign::Malformed) -> Error {
    let name = format!("{role} {}", path.display());
    CosignError::Malformed { name, source }.into()
}

/// A file's content, as far as its keys want it. The file is read once, because it may be a pipe.
struct Content {
    hashes: Vec<Prehash>,
    /// The message itself, for keys that hash messages themselves.
    message: Option<Vec<u8>>,
}

impl Content {
    fn read(
        path: &Path,
        keys: &[PublicKey],
        more: &[HashAlgorithm],
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let of_keys = keys.iter().flat_map(|key| for_verifying(key.kind()));
        let mut hashes: Vec<_> = of_keys.filter_map(Algorithm::hash).collect();
        hashes.extend(more);
        hashes.sort_unstable();
        hashes.dedup();
        if keys.iter().any(|key| key.kind() == KeyKind::Ed25519) {
            let message = files::read(path, MOST_IN_MEMORY).map_err(Error::file("file"))?;
            let hashes = hashes.into_iter().map(|hash| Prehash::of(hash, &message));
            return Ok(Self {
                hashes: hashes.collect(),
                message: Some(message),
            });
        }
        Ok(Self {
            hashes: hashes_of(path, &hashes, progress)?,
            message: None,
        })
    }

    fn hash(&self, hash: HashAlgorithm) -> &Prehash {
        let mut hashes = self.hashes.iter();
        let found = hashes.find(|found| found.algorithm() == hash);
        found.expect("it was asked for when the file was read")
    }

    fn digest(&self, hash: HashAlgorithm) -> Digest {
        self.hash(hash).digest()
    }

    /// The key and the algorithm by which a signature verifies.
    fn signed_by(&self, keys: &[PublicKey], signature: &[u8]) -> Option<(PublicKey, Algorithm)> {
        keys.iter().find_map(|key| {
            let by = for_verifying(key.kind()).into_iter().find(|by| {
                let hashed = by.hash().map(|hash| Signed::Hashed(self.hash(hash)));
                let message = self.message.as_deref().unwrap_or_default();
                let what = hashed.unwrap_or(Signed::Bytes(message));
                key.verify(*by, what, signature).is_ok()
            });
            by.map(|by| (key.clone(), by))
        })
    }
}

/// The hashes of a file, read once and piece by piece.
fn hashes_of(
    path: &Path,
    hashes: &[HashAlgorithm],
    progress: &dyn Progress,
) -> Result<Vec<Prehash>, Error> {
    let mut file = files::open(path).map_err(Error::file("file"))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    progress.begin("hashing", length);
    // Each hashes on a thread of its own while this one reads.
    let mut running: Vec<_> = hashes.iter().map(|hash| StreamHasher::new(*hash)).collect();
    let mut buffer = vec![0; PIECE];
    loop {
        match files::read_some(&mut file, &mut buffer) {
            Ok(0) => return Ok(running.into_iter().map(StreamHasher::prehash).collect()),
            Ok(n) => {
                for hasher in &mut running {
                    hasher.update(&buffer[..n]);
                }
                progress.advance(n as u64);
            }
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
