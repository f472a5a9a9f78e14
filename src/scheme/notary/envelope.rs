//! One envelope, whatever its format.

use std::sync::Arc;

use super::algorithm;
use super::attributes::Attributes;
use super::chains::{Chain, Chains};
use super::format::Format;
use super::payload::Payload;
use super::{cose, jws};
use crate::crypto::{Algorithm, KeyKind, Signature, Signed};
use crate::scheme::malformed::Malformed;
use crate::x509::{Certificate, ChainFault};

/// A signature with everything that its envelope says about it. None of this counts before [`check`](Self::check)
/// passes, and even then nobody trusts the signer yet.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The format.
    pub format: Format,
    /// How it says that it was signed.
    pub algorithm: Algorithm,
    /// What is signed.
    pub payload: Payload,
    /// The signed attributes.
    pub attributes: Attributes,
    /// The certificates, the leaf first.
    pub chain: Arc<Chain>,
    /// The program that made it, as it says itself. Unsigned.
    pub agent: Option<String>,
    /// An RFC 3161 timestamp token of the signature. Unsigned, and not read.
    pub timestamp: Option<Vec<u8>>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// Why an envelope does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotIntact {
    /// The chain signs nothing.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// The leaf's key signs by another algorithm.
    #[error("it says that it was signed by {by}, and a key of the kind {kind} never signs so")]
    Algorithm {
        /// The algorithm that the envelope names.
        by: Algorithm,
        /// The leaf's key.
        kind: KeyKind,
    },
    /// The bytes of the signature are not an `r‖s` of the curve.
    #[error("its signature is not r and s of {0}, one behind the other")]
    Form(Algorithm),
    /// The leaf's key did not sign.
    #[error("the signature is not by the key of \"{0}\"")]
    Signature(String),
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// Refuses everything that makes readers differ: repeated members or members in other capitals, values of
    /// indefinite length, algorithms that no key has, critical attributes that are unknown, repeated, absent or need
    /// not be critical, malformed times, and a payload of another type.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, Malformed> {
        Self::read_with(format, bytes, &Chains::new())
    }

    /// The same, with chains that were met before.
    pub fn read_with(format: Format, bytes: &[u8], chains: &Chains) -> Result<Self, Malformed> {
        let (what, read) = match format {
            Format::Jws => (jws::WHAT, jws::read(bytes)?),
            Format::Cose => (cose::WHAT, cose::read(bytes)?),
        };
        let chain = chains.get(&read.certificates);
        let chain =
            chain.map_err(|error| Malformed::new(what, format!("its certificates: {error}")))?;
        Ok(Self {
            format,
            algorithm: read.algorithm,
            payload: read.payload,
            attributes: read.attributes,
            chain,
            agent: read.agent,
            timestamp: read.timestamp,
            message: read.message,
            signature: read.signature,
        })
    }

    /// The signer's certificate.
    pub fn leaf(&self) -> &Certificate {
        &self.chain.certificates()[0]
    }

    /// The bytes that are signed.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The signature, as it stands in the envelope: `r‖s`, or RSA's bytes.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Checks that the chain signs for the Notary Project, and that the leaf's key signed this very envelope.
    ///
    /// No time is looked at, and nobody is trusted.
    pub fn check(&self) -> Result<(), NotIntact> {
        self.chain.check()?;
        let key = self.leaf().public_key();
        let (by, kind) = (self.algorithm, key.kind());
        if algorithm::for_key(kind) != Some(by) {
            return Err(NotIntact::Algorithm { by, kind });
        }
        let of_curve;
        let signature = match by {
            Algorithm::Ecdsa(curve, _) => {
                let read = Signature::from_raw(curve, &self.signature);
                of_curve = read.map_err(|_| NotIntact::Form(by))?.to_bytes();
                &of_curve
            }
            Algorithm::RsaPss(_) | Algorithm::RsaPkcs1(_) | Algorithm::Ed25519 => &self.signature,
        };
        let verified = key.verify(by, Signed::Bytes(&self.message), signature);
        verified.map_err(|_| NotIntact::Signature(self.leaf().subject().to_string()))
    }
}
