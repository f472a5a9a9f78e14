//! Signatures of the Notary Project, as notation makes and takes them: JWS and COSE envelopes under an X.509 key.
//!
//! [`Envelope::read`] takes bytes apart, and [`Envelope::check`] says whether the leaf's key signed them and the chain
//! signs at all; whom to trust is another's question. [`draft`] gives the bytes to sign, and the envelope once they are
//! signed.
//!
//! ```
//! use ir_sign::scheme::notary::{Envelope, Format, Malformed};
//!
//! fn signer_of(envelope: &[u8]) -> Result<String, Malformed> {
//!     let envelope = Envelope::read(Format::Jws, envelope)?;
//!     Ok(envelope.leaf().subject().to_string())
//! }
//! assert!(signer_of(b"{}").is_err());
//! assert_eq!(Format::Cose.media_type(), "application/cose");
//! ```
//!
//! Sources: notaryproject/specifications, "Signature Specification", "Signature Envelope JWS", "Signature Envelope
//! COSE"; RFC 7515, RFC 9052, RFC 9360.

mod algorithm;
mod attributes;
mod chains;
mod cose;
mod draft;
mod envelope;
mod format;
mod jws;
mod manifest;
mod parts;
mod payload;
mod terms;

pub use super::malformed::Malformed;
pub use algorithm::for_key;
pub use attributes::{Attributes, Plugin, SigningScheme};
pub use chains::{Chain, Chains};
pub use draft::{Draft, DraftError, draft};
pub use envelope::{Envelope, NotIntact};
pub use format::{Form, Format, MOST_ENVELOPE, MOST_MANIFEST, SIGNATURE_TYPE};
pub use manifest::{SignatureManifest, THUMBPRINTS, attach};
pub use payload::{Payload, RESERVED, Reserved};
pub use terms::Terms;
