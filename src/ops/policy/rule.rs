//! The rules by which a policy is judged.

/// Only the nearest scope counts, and the image meets each of its requirements.
pub const REQUIREMENTS: &str = "policy.requirements";
/// The file or the attachment has the form of a signature.
pub const FORM: &str = "policy.form";
/// A key that the policy names made the signature, with the algorithm that the dialect accepts from it.
pub const SIGNED: &str = "policy.signed";
/// The signed payload names this very manifest or index, by its digest.
pub const SUBJECT: &str = "policy.subject";
/// The signed payload has a name that the requirement's `signedIdentity` admits.
pub const IDENTITY: &str = "policy.identity";
/// If the policy names keys of a transparency log, that log must have logged the signature. ir-sign cannot verify this,
/// so nothing meets it.
pub const LOG: &str = "policy.log";
