//! Drafting a signature: the bytes to be signed, and the envelope once they are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::algorithm::{self, Named};
use super::envelope::{Envelope, NotIntact};
use super::format::Format;
use super::terms::Terms;
use super::{cose, jws};
use crate::class::Class;
use crate::crypto::{Algorithm, Signature};
use crate::scheme::malformed::Malformed;
use crate::x509::{Certificate, ChainFault, chain};

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// The chain signs nothing, or not now.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// It would expire before it is signed.
    #[error("a signature cannot expire at the time of signing or before")]
    Expiry,
    /// The signature is by another key than the leaf's.
    #[error("what was signed does not hold: {0}")]
    Signature(#[from] NotIntact),
    /// The envelope does not read back.
    #[error("what was drafted does not read back: {0}")]
    Envelope(#[from] Malformed),
}

impl DraftError {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::Chain(_) | Self::Expiry | Self::Signature(_) | Self::Envelope(_) => {
                Class::Refused
            }
        }
    }
}

/// A signature that lacks only its signature bytes.
pub struct Draft {
    terms: Terms,
    named: &'static Named,
    message: Vec<u8>,
    chain: Vec<Certificate>,
}

/// Drafts a signature under this chain, the leaf first, down to the root.
///
/// This refuses a chain that may not sign for the Notary Project, or is not valid at the time of signing, before any
/// key signs.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::time::SystemTime;
/// use ir_sign::crypto::{Algorithm, Signature};
/// use ir_sign::image::Descriptor;
/// use ir_sign::scheme::notary::{Format, Payload, Terms, draft};
/// use ir_sign::x509::Certificate;
///
/// fn sign(
///     image: &Descriptor,
///     chain: &[Certificate],
///     key: impl FnOnce(Algorithm, &[u8]) -> Signature,
/// ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
///     let draft = draft(
///         Terms {
///             format: Format::Jws,
///             payload: Payload::new(image, BTreeMap::new())?,
///             signing_time: SystemTime::now(),
///             expiry: None,
///             agent: "ir-sign/1.0".into(),
///         },
///         chain,
///     )?;
///     let signature = key(draft.algorithm(), draft.message());
///     Ok(draft.finish(&signature)?)
/// }
/// ```
pub fn draft(terms: Terms, chain: &[Certificate]) -> Result<Draft, DraftError> {
    let terms = Terms {
        signing_time: whole(terms.signing_time),
        expiry: terms.expiry.map(whole),
        ..terms
    };
    chain::check(chain)?;
    chain::check_validity(chain, terms.signing_time)?;
    let late = |expiry: SystemTime| expiry <= terms.signing_time;
    if terms.expiry.is_some_and(late) {
        return Err(DraftError::Expiry);
    }
    // The chain's check leaves only kinds of keys that sign.
    let leaf = chain.first().ok_or(ChainFault::Empty)?;
    let named = algorithm::named(leaf.public_key().kind()).ok_or(ChainFault::Empty)?;
    let message = match terms.format {
        Format::Jws => jws::message(&terms, named),
        Format::Cose => cose::message(&terms, named),
    };
    Ok(Draft {
        terms,
        named,
        message,
        chain: chain.to_vec(),
    })
}

/// The time without its fraction of a second.
fn whole(at: SystemTime) -> SystemTime {
    let fraction = |since: Duration| Duration::from_nanos(since.subsec_nanos().into());
    at.duration_since(UNIX_EPOCH)
        .map_or(at, |since| at - fraction(since))
}

impl Draft {
    /// The bytes to be signed.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// How they are to be signed.
    pub const fn algorithm(&self) -> Algorithm {
        self.named.by
    }

    /// The envelope with this signature. It is read back and checked: a signature by another key than the leaf's is
    /// refused.
    pub fn finish(self, signature: &Signature) -> Result<Vec<u8>, DraftError> {
        self.finish_raw(&signature.to_raw())
    }

    /// The same with the bytes that stand in an envelope: `r‖s`, or RSA's.
    pub fn finish_raw(self, signature: &[u8]) -> Result<Vec<u8>, DraftError> {
        let Self {
            terms,
            named,
            message,
            chain,
        } = self;
        let bytes = match terms.format {
            Format::Jws => jws::envelope(&message, signature, &chain, &terms.agent),
            Format::Cose => {
                cose::envelope(cose::parts(&terms, named), signature, &chain, &terms.agent)
            }
        };
        Envelope::read(terms.format, &bytes)?.check()?;
        Ok(bytes)
    }
}
