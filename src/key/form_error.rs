//! Why a file shows no public key.

use super::file_error::KeyFileError;
use super::pkcs11::PassportError;
use crate::crypto::public_key::PublicKeyError;

/// Why a file yields no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The bytes have no known form.
    #[error("it is not a public key, certificate, passport or private key in DER SEC1")]
    Unknown,
    /// The bytes are a private key in another form than DER SEC1.
    #[error("it is a private key, and of those only DER SEC1 is read")]
    Private,
    /// The PEM text is malformed.
    #[error("its PEM is malformed ({0})")]
    Pem(String),
    /// The certificate is not in DER.
    #[error("it is not a DER certificate ({0})")]
    Certificate(String),
    /// It is a public key of a kind that ir-sign does not verify with.
    #[error(transparent)]
    Public(#[from] PublicKeyError),
    /// It is not a DER SEC1 private key on secp384r1.
    #[error(transparent)]
    Sec1(#[from] KeyFileError),
    /// It is a passport whose signature does not verify.
    #[error(transparent)]
    Passport(#[from] PassportError),
}
