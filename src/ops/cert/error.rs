//! Why a command on certificates failed.

use crate::class::Class;
use crate::x509::{
    CertificateError, ChainFault, CrlError, IssueError, NoSigner, RequestError, RevokeError,
    ValidityError,
};

/// Why a command on certificates failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file holds no certificates that are read.
    #[error("{name}: {source}")]
    Certificate {
        /// The file.
        name: String,
        /// Why it holds none.
        source: CertificateError,
    },
    /// A file holds no request that gets a certificate.
    #[error("{name}: {source}")]
    Request {
        /// The file.
        name: String,
        /// Why it holds none.
        source: RequestError,
    },
    /// A file holds no revocation list that is read.
    #[error("{name}: {source}")]
    Crl {
        /// The file.
        name: String,
        /// Why it holds none.
        source: CrlError,
    },
    /// A file holds several certificates instead of one.
    #[error("{name}: it holds {found} certificates; expected one")]
    Several {
        /// The file.
        name: String,
        /// How many.
        found: usize,
    },
    /// A file holds nothing that is shown.
    #[error("{0}: it is not a certificate, request or revocation list in PEM or DER")]
    Unknown(String),
    /// The times of the new certificate or list.
    #[error("the times: {0}")]
    Times(#[from] ValidityError),
    /// Only CAs have one.
    #[error("a signer's certificate has no path length")]
    PathLen,
    /// The certificates after the CA's are not its chain.
    #[error("the chain of the CA: {0}")]
    Chain(ChainFault),
    /// The key cannot sign certificates.
    #[error(transparent)]
    NoSigner(#[from] NoSigner),
    /// No certificate is issued.
    #[error("no certificate is issued: {0}")]
    Issue(#[from] IssueError),
    /// No revocation list is made.
    #[error("no revocation list is made: {0}")]
    Revoke(#[from] RevokeError),
    /// The new certificate or list does not verify.
    #[error("the {what} that was made does not hold ({reason}); nothing was written")]
    SelfCheck {
        /// What was made.
        what: &'static str,
        /// Why it does not.
        reason: String,
    },
    /// The system gave no random bytes.
    #[error("no random serial number: {0}")]
    Random(std::io::Error),
}

impl Error {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::Times(_) | Self::PathLen => Class::Usage,
            Self::Random(_) => Class::Undecided,
            Self::Certificate { .. }
            | Self::Request { .. }
            | Self::Crl { .. }
            | Self::Several { .. }
            | Self::Unknown(_)
            | Self::Chain(_)
            | Self::NoSigner(_)
            | Self::Issue(_)
            | Self::Revoke(_)
            | Self::SelfCheck { .. } => Class::Refused,
        }
    }
}
