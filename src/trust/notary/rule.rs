//! The rules of Notary Project signatures.

/// The envelope has the form of one, its chain signs for the Notary Project, and the leaf's key signed it.
pub const INTEGRITY: &str = "notary.integrity";
/// The signature asks for nothing that ir-sign leaves undone: it asks for no plugin.
pub const PLUGIN: &str = "notary.plugin";
/// A certificate of the chain is in a trust store of the policy.
pub const TRUST_STORE: &str = "notary.trust-store";
/// The leaf's subject is an identity of the policy.
pub const IDENTITY: &str = "notary.identity";
/// The signature has not expired.
pub const EXPIRY: &str = "notary.expiry";
/// The certificates live, and the signature was not made in the future.
pub const TIMESTAMP: &str = "notary.timestamp";
/// No certificate of the chain is revoked.
pub const REVOCATION: &str = "notary.revocation";
/// The signed payload names this very artifact: its media type, digest and size.
pub const SUBJECT: &str = "notary.subject";
/// The signed payload has the metadata that the user asked for.
pub const METADATA: &str = "notary.metadata";

/// All rules, in the order of the checks.
pub const ALL: [&str; 9] = [
    INTEGRITY,
    PLUGIN,
    TRUST_STORE,
    IDENTITY,
    EXPIRY,
    TIMESTAMP,
    REVOCATION,
    SUBJECT,
    METADATA,
];
