//! What can be wrong with a key's certificates.

/// What is wrong with the certificates of a key on a token, or with those that are to be put there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// None has the key's id and its public key.
    #[error("the token holds no certificate of it{}", if *.0 { ": that of its id is of another key" } else { "" })]
    None(bool),
    /// Several fit.
    #[error("the token holds several certificates of {0}; only one may be there")]
    Several(String),
    /// The first certificate of the file is of another key.
    #[error("certificate \"{subject}\" is of another key (fingerprint {fingerprint})")]
    OtherKey {
        /// The subject.
        subject: String,
        /// The fingerprint of its key.
        fingerprint: String,
    },
    /// The next certificate is not its issuer's.
    #[error("certificate \"{subject}\" was not issued by \"{next}\", which follows it")]
    Order {
        /// The subject.
        subject: String,
        /// The next certificate's subject.
        next: String,
    },
    /// The key has no id, and a certificate finds its key by that.
    #[error("it has no id, and a certificate belongs to the key of its id")]
    NoId,
    /// Another certificate is there already.
    #[error("the token holds another certificate of its id already: \"{0}\"")]
    There(String),
    /// The token gave other bytes than it got.
    #[error(
        "the token gives certificate \"{0}\" with other bytes than it was given; it was removed"
    )]
    Changed(String),
}
