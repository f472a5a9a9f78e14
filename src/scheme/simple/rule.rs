//! The rules of this scheme, and whose they are.

/// The signature is one OpenPGP message of one signer: a one-pass signature, literal data, a signature.
pub const FORM: &str = "simple.form";
/// A key of the ring, or a signing subkey that such a key vouches for, signed exactly the bytes that are read.
pub const SIGNED: &str = "simple.signed";
/// Neither the key nor the signature has expired, the key is not revoked and is not younger than the signature.
pub const VALID: &str = "simple.valid";
/// The signed text is a simple-signing payload.
pub const PAYLOAD: &str = "simple.payload";

/// All rules, in the order of the checks.
pub const ALL: [&str; 4] = [FORM, SIGNED, VALID, PAYLOAD];

/// The program whose rules judge a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// gpg's, through which skopeo and podman verify.
    Gpg,
    /// image-rs's: only primary keys sign, only the first armoured block of a ring counts, and dates and revocations do
    /// not matter. ir-sign looks at these all the same, and warns.
    ImageRs,
}
