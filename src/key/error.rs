//! Why there is no key.

use std::path::{Path, PathBuf};

use super::any::{PrivateFileError, PublicFileError};
use super::file_error::KeyFileError;
use super::form_error::FormError;
use super::passphrase::PassphraseError;
use super::pkcs11;
use crate::class::Class;
use crate::crypto::p384::PublicKeyError;
use crate::crypto::{Algorithm, KeyKind};
use crate::files;
use crate::x509::CertificateError;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file was not read or written.
    #[error("key file {0}")]
    File(#[from] files::Error),
    /// The file is not a DER SEC1 private key on secp384r1.
    #[error("key file {}: {source}", .path.display())]
    Private {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyFileError,
    },
    /// The file of a new key pair was not written.
    #[error("key file {0}")]
    PairFile(files::Error),
    /// The file is not a DER public key on secp384r1.
    #[error("public key file {}: {source}", .path.display())]
    Public {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PublicKeyError,
    },
    /// The file is not a private key in any form that is read.
    #[error("key file {}: {source}", .path.display())]
    PrivateFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PrivateFileError,
    },
    /// The file is not a public key of any kind.
    #[error("public key file {}: {source}", .path.display())]
    PublicFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PublicFileError,
    },
    /// The file holds no chain of certificates.
    #[error("certificate file {}: {source}", .path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The file of certificates was not read.
    #[error("certificate file {0}")]
    CertificateFile(files::Error),
    /// There is no passphrase for the file.
    #[error("key file {}: {source}", .path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
        /// Why there is none.
        source: PassphraseError,
    },
    /// The file holds no key to fingerprint.
    #[error("file {}: {source}", .path.display())]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FormError,
    },
    /// The key is of another kind than the algorithm's.
    #[error("no {key} key makes signatures by {by}")]
    Algorithm {
        /// The key's kind.
        key: KeyKind,
        /// The algorithm.
        by: Algorithm,
    },
    /// The token failed.
    #[error(transparent)]
    Token(#[from] Box<pkcs11::Error>),
    /// An earlier signature failed, so nobody asked the key for this one.
    #[error("the key was not asked for this signature: an earlier one failed")]
    GivenUp,
    /// The key made a signature that does not verify with its own public key.
    #[error(
        "{key}: the signature it made does not verify with its own public key; it was thrown away"
    )]
    Faulty {
        /// The key, as the user named it.
        key: String,
    },
}

impl Error {
    /// Names the file that there is no passphrase for.
    pub(super) fn passphrase(path: &Path) -> impl FnOnce(PassphraseError) -> Self {
        move |source| Self::Passphrase {
            path: path.to_owned(),
            source,
        }
    }

    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::File(source) | Self::PairFile(source) | Self::CertificateFile(source) => {
                source.class()
            }
            Self::Private { .. }
            | Self::Public { .. }
            | Self::PrivateFile { .. }
            | Self::PublicFile { .. }
            | Self::Certificates { .. }
            | Self::Unrecognised { .. }
            | Self::Algorithm { .. }
            | Self::Faulty { .. } => Class::Refused,
            Self::Token(source) => source.class(),
            Self::Passphrase { .. } | Self::GivenUp => Class::Undecided,
        }
    }
}

impl From<pkcs11::Error> for Error {
    fn from(error: pkcs11::Error) -> Self {
        Self::Token(Box::new(error))
    }
}
