//! The rules of a certificate.

/// The certificates that lead to a root are there.
pub const PATH: &str = "cert.path";
/// The key of each next one signed the one before it, under an algorithm that is not broken.
pub const SIGNATURES: &str = "cert.signatures";
/// Each CA in the chain may issue, and the certificate is fit for its use.
pub const PROFILE: &str = "cert.profile";
/// All of them are valid at the time.
pub const VALIDITY: &str = "cert.validity";
/// One of them is a trusted certificate.
pub const TRUSTED: &str = "cert.trusted";
/// No given revocation list has any of them, and the user gave the list of the certificate's issuer.
pub const REVOCATION: &str = "cert.revocation";
