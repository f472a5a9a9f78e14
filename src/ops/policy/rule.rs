//! The rules by which a policy is judged.

/// The nearest scope counts alone, and each of its requirements holds.
pub const REQUIREMENTS: &str = "policy.requirements";
/// The file or the attachment has the form of a signature.
pub const FORM: &str = "policy.form";
/// A key that the policy names made the signature, with the algorithm that the dialect takes of it.
pub const SIGNED: &str = "policy.signed";
/// The signed payload names this very manifest or index, by its digest.
pub const SUBJECT: &str = "policy.subject";
/// The signed payload has a name that the requirement's `signedIdentity` admits.
pub const IDENTITY: &str = "policy.identity";
/// Where the policy names keys of a transparency log, it must have logged the signature. Nothing meets this here.
pub const LOG: &str = "policy.log";
