//! The rules of this scheme.

/// What is attached has the form of a signature or an attestation.
pub const FORM: &str = "cosign.form";
/// The signature is one of the trusted keys' over exactly the bytes that are read.
pub const SIGNED: &str = "cosign.signed";
/// What is signed names this very image, by its digest.
pub const SUBJECT: &str = "cosign.subject";
/// What is signed is of the kind that was asked for: a signature of an image, or an attestation of this type.
pub const KIND: &str = "cosign.kind";
/// What is signed has every annotation that was asked for.
pub const ANNOTATIONS: &str = "cosign.annotations";

/// All of them, in the order in which they are checked.
pub const ALL: [&str; 5] = [FORM, SIGNED, SUBJECT, KIND, ANNOTATIONS];
