//! Why bytes are not a private key.

use crate::crypto::forms::Pem;

/// Why bytes are not a DER SEC1 private key on secp384r1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The bytes are PEM text.
    #[error("it is {0}; expected a private key in DER SEC1")]
    Pem(Pem),
    /// The bytes are PKCS#8 `PrivateKeyInfo`.
    #[error("it is PKCS#8; expected DER SEC1")]
    Pkcs8,
    /// The bytes are PKCS#8 `PrivateKeyInfo` of a key that is not on an elliptic curve.
    #[error("it is PKCS#8 with a key for {0}; expected an EC key on secp384r1")]
    Algorithm(String),
    /// The bytes are the bare numbers of a key that is not on an elliptic curve.
    #[error("it is a private key for {0}; expected an EC key on secp384r1")]
    Numbers(&'static str),
    /// The bytes are PKCS#8 `EncryptedPrivateKeyInfo`.
    #[error(
        "it is an encrypted PKCS#8 key, which does not say for which algorithm; expected DER SEC1"
    )]
    EncryptedPkcs8,
    /// The bytes are a PKCS#12 container.
    #[error("it is PKCS#12; expected a private key in DER SEC1")]
    Pkcs12,
    /// The bytes are a public key.
    #[error("it is a public key; expected a private key")]
    PublicKey,
    /// The bytes are not one DER `ECPrivateKey`.
    #[error("it is not a DER SEC1 private key ({0})")]
    Der(String),
    /// More follows the key.
    #[error("bytes follow the DER SEC1 private key")]
    TrailingBytes,
    /// The key is on another curve.
    #[error("it is a key on {0}; expected secp384r1")]
    Curve(String),
    /// The key does not name its curve.
    #[error("it does not name its curve; expected secp384r1")]
    NoCurve,
    /// The curve is spelt out in explicit parameters.
    #[error("it spells its curve out in explicit parameters; expected the named curve secp384r1")]
    ExplicitCurve,
    /// The scalar has not 48 bytes, is zero, or is not below the group's order.
    #[error("its scalar is not a number from 1 to n - 1 in 48 bytes")]
    Scalar,
    /// The public part belongs to the scalar, but is in the hybrid form.
    #[error("the point of its public part is in the hybrid form, which is not read")]
    Hybrid,
    /// The public part does not belong to the scalar.
    #[error("its public part does not belong to its private part")]
    Mismatch,
}
