//! Why a file shows no public key.

use super::file_error::KeyFileError;
use super::pkcs11::PassportError;
use crate::crypto::public_key::PublicKeyError;

/// Why a file's public key is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The bytes are none of what is known.
    #[error("it is no public key, certificate or passport, and no private key in DER SEC1")]
    Unknown,
    /// The bytes are a private key in a form that is not read.
    #[error("it is a private key, and of those only DER SEC1 is read")]
    Private,
    /// The PEM text does not hold together.
    #[error("its PEM does not hold together ({0})")]
    Pem(String),
    /// The certificate is not in DER.
    #[error("it is not a DER certificate ({0})")]
    Certificate(String),
    /// It is a public key that signatures are not verified with.
    #[error(transparent)]
    Public(#[from] PublicKeyError),
    /// It is not a private key of the one kind that is read.
    #[error(transparent)]
    Sec1(#[from] KeyFileError),
    /// It is a passport that does not hold.
    #[error(transparent)]
    Passport(#[from] PassportError),
}
