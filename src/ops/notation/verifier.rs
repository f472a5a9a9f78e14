//! The Notary Project signatures of an artifact: found, read, and decided on, until one holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::error::Error as NotationError;
use crate::crypto::Digest;
use crate::image::{Descriptor, media};
use crate::ops::error::Error;
use crate::scheme::notary::{Chains, Envelope, Malformed, SignatureManifest};
use crate::store::{self, Kind, Reader};
use crate::trust::notary::{Decision, Question, Revocations, Statement, Stores, decide};

/// How many signatures of an artifact are looked at, if the user says nothing else.
pub const MOST_SIGNATURES: usize = 100;
/// How many manifests that refer to an artifact are read to find them.
const MOST_REFERRERS: usize = 10_000;

/// A signature of an artifact.
#[derive(Debug)]
pub struct Found {
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest and the envelope, or the reason why they are malformed.
    pub read: Result<(SignatureManifest, Envelope), Malformed>,
}

/// Why a place gave no signature: it could not be read.
type Unread = Box<store::Error>;

/// The signatures of an artifact, in the order of the place. Reads each when the caller asks for it.
pub struct Signatures<'a> {
    reader: &'a Reader<'a>,
    artifact: &'a Descriptor,
    chains: &'a Chains,
    referrers: std::vec::IntoIter<Result<Arc<Descriptor>, store::Error>>,
    /// How many manifests that refer to the artifact are beyond those that are read.
    pub left_out: usize,
}

impl<'a> Signatures<'a> {
    /// Asks the place what refers to the artifact.
    pub fn of(
        reader: &'a Reader<'a>,
        artifact: &'a Descriptor,
        chains: &'a Chains,
    ) -> Result<Self, Error> {
        let referrers = reader.each_referrer(&artifact.digest)?;
        Ok(Self::new(referrers, reader, artifact, chains))
    }

    /// The same where what refers to the artifact is known.
    pub fn among(
        referrers: Vec<Arc<Descriptor>>,
        reader: &'a Reader<'a>,
        artifact: &'a Descriptor,
        chains: &'a Chains,
    ) -> Self {
        let referrers = referrers.into_iter().map(Ok).collect();
        Self::new(referrers, reader, artifact, chains)
    }

    fn new(
        mut referrers: Vec<Result<Arc<Descriptor>, store::Error>>,
        reader: &'a Reader<'a>,
        artifact: &'a Descriptor,
        chains: &'a Chains,
    ) -> Self {
        referrers.retain(|one| {
            one.as_ref()
                .map_or(true, |one| media::is_manifest(&one.media_type))
        });
        let left_out = referrers.len().saturating_sub(MOST_REFERRERS);
        referrers.truncate(MOST_REFERRERS);
        Self {
            reader,
            artifact,
            chains,
            referrers: referrers.into_iter(),
            left_out,
        }
    }

    /// Reads a manifest, and its envelope if it is one of a signature. Wrong content is a malformed signature, and
    /// content that cannot be read an error.
    fn read(&self, referrer: &Descriptor) -> Result<Option<Found>, Unread> {
        let digest = referrer.digest;
        let broken = |error: store::Error| match error.kind {
            Kind::Part { .. } => Ok(Some(Found {
                digest,
                read: Err(Malformed::unread(error.to_string())),
            })),
            _ => Err(Box::new(error)),
        };
        let (blob, manifest) = match self.reader.manifest(referrer) {
            Ok(read) => read,
            Err(error) => return broken(error),
        };
        let kind = manifest.artifact_type.as_deref();
        if SignatureManifest::form_of(kind, &manifest.config.media_type).is_none() {
            return Ok(None);
        }
        let found = |read| Ok(Some(Found { digest, read }));
        let manifest = match SignatureManifest::read_for(blob.bytes(), self.artifact) {
            Ok(manifest) => manifest,
            Err(malformed) => return found(Err(malformed)),
        };
        let most = crate::scheme::notary::MOST_ENVELOPE;
        let envelope = match self.reader.attached_blob(&manifest.envelope, most) {
            Ok(envelope) => envelope,
            Err(error) => return broken(error),
        };
        let envelope = Envelope::read_with(manifest.format, envelope.bytes(), self.chains);
        found(envelope.map(|envelope| (manifest, envelope)))
    }
}

impl Iterator for Signatures<'_> {
    type Item = Result<Found, Unread>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let referrer = match self.referrers.next()? {
                Ok(referrer) => referrer,
                Err(error) => return Some(Err(Box::new(error))),
            };
            match self.read(&referrer) {
                Ok(None) => {}
                Ok(Some(found)) => return Some(Ok(found)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The conditions for all artifacts of a run.
pub struct Verifier<'a> {
    /// The trust stores.
    pub stores: &'a (dyn Stores + Sync),
    /// The revocation lists at hand.
    pub lists: &'a (dyn Revocations + Sync),
    /// The metadata that a signature has to have.
    pub metadata: BTreeMap<String, String>,
    /// How many signatures of an artifact are looked at.
    pub most: usize,
    /// The time of the decision.
    pub now: SystemTime,
    /// Chains that were met before.
    pub chains: Chains,
}

/// The findings on one artifact.
#[derive(Debug, Default)]
pub struct Findings {
    /// The signatures that were looked at, the one that holds being the last.
    pub looked_at: Vec<(Digest, Decision)>,
    /// Whether there are more than ir-sign looks at.
    pub are_more: bool,
    /// How many manifests that refer to the artifact were not read.
    pub left_out: usize,
}

impl Findings {
    /// The signature that holds.
    pub fn held(&self) -> Option<&(Digest, Decision)> {
        self.looked_at.last().filter(|(_, one)| one.holds())
    }
}

impl Verifier<'_> {
    /// Looks at the signatures of an artifact up to the first that holds by the statement, which does not skip all.
    ///
    /// A signature that cannot be read leaves it undecided, unless another one holds; so does a trust store that cannot
    /// be used.
    pub fn verify(
        &self,
        reader: &Reader<'_>,
        artifact: &Descriptor,
        statement: &Statement,
    ) -> Result<Findings, Error> {
        let signatures = Signatures::of(reader, artifact, &self.chains)?;
        self.verify_among(signatures, artifact, statement)
    }

    /// The same of signatures that were found.
    pub fn verify_among(
        &self,
        signatures: Signatures<'_>,
        artifact: &Descriptor,
        statement: &Statement,
    ) -> Result<Findings, Error> {
        let mut findings = Findings {
            left_out: signatures.left_out,
            ..Findings::default()
        };
        let mut unread = None;
        let question = Question {
            statement,
            stores: self.stores,
            lists: self.lists,
            artifact,
            metadata: &self.metadata,
            now: self.now,
        };
        for found in signatures {
            if findings.looked_at.len() == self.most {
                findings.are_more = true;
                break;
            }
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    unread.get_or_insert(error);
                    continue;
                }
            };
            let envelope = found.read.as_ref().map(|(_, envelope)| envelope);
            let decision = decide(envelope, &question).map_err(NotationError::from)?;
            let holds = decision.holds();
            findings.looked_at.push((found.digest, decision));
            if holds {
                return Ok(findings);
            }
        }
        match unread {
            Some(error) => Err(Error::Store(*error)),
            None => Ok(findings),
        }
    }
}
