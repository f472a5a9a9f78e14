//! Why a file is not a private key.

use crate::crypto::public_key::PublicKeyError;
use crate::encoding::pem_text::PemError;

/// Why a file is not a private key that signs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateFileError {
    /// The bytes have no known form.
    #[error(
        "it is not a private key: neither a cosign key file, nor DER or PEM of SEC1, PKCS#8 or PKCS#1"
    )]
    Unknown,
    /// The PEM text does not hold together.
    #[error("its PEM does not hold together: {0}")]
    Pem(#[from] PemError),
    /// The PEM text holds something else.
    #[error("it holds no private key, but {0} in PEM")]
    Label(String),
    /// The PEM text holds more than the key.
    #[error("it holds more than a private key in PEM")]
    More,
    /// It is a public key.
    #[error("it is a public key; expected a private key")]
    PublicKey,
    /// It is a certificate.
    #[error("it is a certificate; expected a private key")]
    Certificate,
    /// It is a PKCS#12 container.
    #[error("it is PKCS#12, which is not read")]
    Pkcs12,
    /// The key signs by another algorithm.
    #[error(
        "it is a key for {0}; signatures are made with RSA keys and EC keys on P-256, P-384 or P-521"
    )]
    Algorithm(String),
    /// The key is on another curve.
    #[error("it is a key on {0}; signatures are made on P-256, P-384 and P-521")]
    Curve(String),
    /// The key does not name its curve.
    #[error("it does not name its curve")]
    NoCurve,
    /// The curve is spelt out in explicit parameters.
    #[error("it spells its curve out in explicit parameters, which are not read")]
    ExplicitCurve,
    /// The inner structure names another curve than the outer one.
    #[error("it names two curves")]
    TwoCurves,
    /// It is not one DER structure.
    #[error("it is not one {form} in DER ({reason})")]
    Der {
        /// The expected structure.
        form: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// More follows the key.
    #[error("bytes follow the DER private key")]
    TrailingBytes,
    /// The scalar is too long or short, is zero, or is not below the group's order.
    #[error("its private part is not a number from 1 to n - 1")]
    Scalar,
    /// The public part is the scalar's, in the hybrid form.
    #[error("the point of its public part is in the hybrid form, which is not read")]
    Hybrid,
    /// The public part is not the scalar's.
    #[error("its public part does not belong to its private part")]
    Mismatch,
    /// The modulus or the public exponent of the RSA key is none that is read.
    #[error(transparent)]
    Rsa(#[from] PublicKeyError),
    /// The numbers of the RSA key contradict each other.
    #[error("its numbers do not belong together")]
    Numbers,
    /// The algorithm of the RSA key has parameters other than NULL.
    #[error("its algorithm has parameters that RSA does not have")]
    Parameters,
    /// The RSA key has more than two primes.
    #[error("it is an RSA key of more than two primes, which is not read")]
    Primes,
    /// The PEM text is encrypted in the way of RFC 1421.
    #[error("it is encrypted the old way of openssl (Proc-Type: 4,ENCRYPTED), which is not read")]
    OldEncryption,
    /// The encryption of PKCS#8 is another than PBES2 with a known cipher.
    #[error("it is encrypted by {0}, which is not read; PBES2 with AES is")]
    Encryption(String),
    /// The key would be derived from the passphrase in a way that takes too long, or too much memory.
    #[error("{0}")]
    Costly(String),
    /// The text in cosign's PEM is not the JSON of a key file.
    #[error("it is not a cosign key file: {0}")]
    Cosign(String),
    /// The passphrase is wrong.
    #[error("wrong passphrase (or the file is damaged)")]
    WrongPassphrase,
}
