//! Why a file is not a public key to verify with.

use crate::crypto::public_key::PublicKeyError;
use crate::encoding::pem_text::PemError;

/// Why a file is not a public key to verify with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicFileError {
    /// The bytes have no known form.
    #[error("it is not a public key: neither a SubjectPublicKeyInfo in DER nor one in PEM")]
    Unknown,
    /// The PEM text does not hold together.
    #[error("its PEM does not hold together: {0}")]
    Pem(#[from] PemError),
    /// The PEM text holds something else.
    #[error("it holds no public key, but {0} in PEM")]
    Label(String),
    /// The PEM text holds more than the key.
    #[error("it holds more than one key in PEM")]
    More,
    /// It is a private key.
    #[error("it is a private key; expected a public key")]
    Private,
    /// It is a certificate, which says more than its key, and may have ended.
    #[error("it is a certificate; expected a public key")]
    Certificate,
    /// It is a bare RSA key, without a `SubjectPublicKeyInfo`.
    #[error("it is an RSA key in PKCS#1; expected a SubjectPublicKeyInfo")]
    Pkcs1,
    /// ir-sign verifies no signatures with such a key.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
}
