//! The rules of a certificate.

/// The certificates that lead to a root are there.
pub const PATH: &str = "cert.path";
/// Each of them is signed by the key of the next, under an algorithm that is not broken.
pub const SIGNATURES: &str = "cert.signatures";
/// Each CA of them may issue, and the certificate is fit for its use.
pub const PROFILE: &str = "cert.profile";
/// All of them hold at the time.
pub const VALIDITY: &str = "cert.validity";
/// One of them is among those that are trusted.
pub const TRUSTED: &str = "cert.trusted";
/// None of them is on a revocation list that was given, and the certificate's issuer has one.
pub const REVOCATION: &str = "cert.revocation";
