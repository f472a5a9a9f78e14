//! Signatures as cosign makes and takes them: simple-signing payloads under the tag `sha256-HEX.sig`, and Sigstore
//! bundles (v0.3) with DSSE envelopes, which refer to the image that they are about.
//!
//! A signature under SHA-256 is what cosign and skopeo verify with every key, and one under the curve's own hash is what
//! sigstore-rs and image-rs verify with a P-384 or P-521 key: where the two differ both are made.
//!
//! ```
//! use ir_sign::crypto::{Digest, HashAlgorithm};
//! use ir_sign::scheme::cosign::Payload;
//!
//! let image = Digest::of(HashAlgorithm::Sha256, b"{}");
//! let payload = Payload::new("registry.example.com/app:1.0", image);
//! let read = Payload::read(&payload.to_bytes())?;
//! assert_eq!(read, payload);
//! # Ok::<(), ir_sign::scheme::cosign::Malformed>(())
//! ```
//!
//! Sources: cosign's `specs/SIGNATURE_SPEC.md` and `specs/BUNDLE_SPEC.md`; containers-signature(5); sigstore's
//! `protobuf-specs`; DSSE (secure-systems-lab/dsse, `protocol.md`); the in-toto attestation framework.

mod algorithms;
mod artifact;
mod blob_bundle;
mod bundle;
mod candidate;
mod envelope;
mod go_manifest;
mod log_entry;
mod named;
mod payload;
mod prepared;
pub mod rule;
mod sig_manifest;
mod sign;
mod statement;
mod stored_text;
mod wanted;

pub use super::malformed::Malformed;
pub use algorithms::{for_signing, for_verifying};
pub use artifact::{BundleManifest, bundle_manifest};
pub use blob_bundle::{BlobBundle, OldBundle, signature_of};
pub use bundle::{BUNDLE_TYPE, Bundle, Content as BundleContent, bundle_of};
pub use candidate::{
    Looked, Met, Said, of_attestation, of_bundle, of_layer, of_payload, only_under, unreadable,
};
pub use envelope::{Envelope, PAYLOAD_TYPE, pae};
pub use go_manifest::{check_as_go, check_kind};
pub use named::{NamedPayload, Rules};
pub use payload::{PAYLOAD_MEDIA_TYPE, Payload};
pub use prepared::{Fact, Prepared, signature_lines};
pub use sig_manifest::{Attachment, Layer, SIGNATURE_ANNOTATION, SigManifest, attachment, tag_of};
pub use sign::{ByBundle, ByTag, Hashes, Statements, Tagged, Target};
pub use statement::{PredicateType, Statement, Subject};
pub use stored_text::StoredText;
pub use wanted::Wanted;
