//! The rules of this scheme.

/// The attached content has the form of a signature or an attestation.
pub const FORM: &str = "cosign.form";
/// One of the trusted keys signed exactly the bytes that the run reads.
pub const SIGNED: &str = "cosign.signed";
/// The signed content names this very image, by its digest.
pub const SUBJECT: &str = "cosign.subject";
/// The signed content is of the kind that the user asked for: a signature of an image, or an attestation of this type.
pub const KIND: &str = "cosign.kind";
/// The signed content has every annotation that the user asked for.
pub const ANNOTATIONS: &str = "cosign.annotations";

/// All rules, in the order of the checks.
pub const ALL: [&str; 5] = [FORM, SIGNED, SUBJECT, KIND, ANNOTATIONS];
