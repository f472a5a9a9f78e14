//! Why a command of notation's family failed.

use std::io;
use std::path::PathBuf;

use super::signing_keys::SigningKeysError;
use crate::class::Class;
use crate::files;
use crate::scheme::notary::{DraftError, Reserved};
use crate::store::Place;
use crate::trust::notary::{PolicyError, StoreFault};
use crate::x509::{CertificateError, ChainFault};

/// Why a command of notation's family failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No variable says where the configuration is.
    #[error("notation's folders are nowhere: none of {own}, {xdg} and HOME is set")]
    NoHome {
        /// notation's own variable.
        own: &'static str,
        /// The desktop's.
        xdg: &'static str,
    },
    /// A variable holds a path that is another one in each folder.
    #[error("notation's folders are nowhere: {variable} holds a relative path")]
    RelativeHome {
        /// The variable.
        variable: &'static str,
    },
    /// A folder of the configuration cannot be used.
    #[error("{}: cannot {action} the folder: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The action, as a verb.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A file was not read or written.
    #[error("{role} {source}")]
    File {
        /// The file's role.
        role: &'static str,
        /// What is wrong.
        source: files::Error,
    },
    /// The list of signing keys is malformed, or has no such key.
    #[error("{}: {source}", .path.display())]
    SigningKeys {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        source: SigningKeysError,
    },
    /// A file holds no certificates.
    #[error("certificate file {}: {source}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CertificateError,
    },
    /// A certificate cannot be trusted as a store's are.
    #[error("certificate file {}: {reason}", .path.display())]
    NotTrusted {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A trust store is not there, or something else is.
    #[error("trust store {}: {reason}", .path.display())]
    Store {
        /// The store's folder.
        path: PathBuf,
        /// Why it is none.
        reason: &'static str,
    },
    /// A trust policy cannot be used.
    #[error("trust policy {name}: {source}")]
    TrustPolicy {
        /// The file or the resource.
        name: String,
        /// What is wrong.
        source: PolicyError,
    },
    /// A new trust policy is wrong, and the old one stays.
    #[error("trust policy {}: {source}", .path.display())]
    NewPolicy {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PolicyError,
    },
    /// The flags make no trust policy.
    #[error("the new trust policy is wrong: {0}")]
    Flags(PolicyError),
    /// Another trust policy is there.
    #[error("trust policy {source}")]
    OtherPolicy {
        /// What is wrong.
        source: files::Error,
    },
    /// A trust store cannot be used.
    #[error(transparent)]
    TrustStore(#[from] StoreFault),
    /// A text is not the name of a store or of a file in it.
    #[error("{name:?} is not a {what}: only letters, digits and _ . - are allowed")]
    Name {
        /// The text.
        name: String,
        /// What it should be.
        what: &'static str,
    },
    /// Nobody can answer a question that the run has to ask.
    #[error("nobody answers whether {what} is to be deleted")]
    NobodyAnswers {
        /// The thing.
        what: String,
    },
    /// A plugin that is not this program.
    #[error(
        "key {name:?} is one of the plugin {plugin}, but this program signs only with its own keys: {own}"
    )]
    OtherPlugin {
        /// The key.
        name: String,
        /// Its plugin.
        plugin: String,
        /// The plugin that this program is.
        own: &'static str,
    },
    /// There is no trust policy.
    #[error("{}: there is no trust policy in it, neither trustpolicy.oci.json nor trustpolicy.json", .folder.display())]
    NoPolicy {
        /// The folder.
        folder: PathBuf,
    },
    /// The policy is about other images.
    #[error("{image}: no statement of the trust policy has the scope {scope:?} or \"*\"")]
    NoStatement {
        /// The image.
        image: String,
        /// Its scope.
        scope: String,
    },
    /// The scope of an image in a registry is its repository.
    #[error(
        "{image}: --scope is for images in layouts and archives, and this one's scope is its repository"
    )]
    ScopeOfRegistry {
        /// The image.
        image: String,
    },
    /// A file holds no revocation list that can be used.
    #[error("revocation list {}: {reason}", .path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// No known certificate gives the address at which notation looks for a list.
    #[error("revocation list {}: no certificate at hand names the address of its issuer's lists", .path.display())]
    NoAddress {
        /// The file.
        path: PathBuf,
    },
    /// ir-sign writes signatures only into layouts and registries.
    #[error("{0}: nothing is written into an archive")]
    InArchive(Place),
    /// The first certificate is another key's.
    #[error("the first certificate of the chain, \"{subject}\", is not the signing key's")]
    OtherKey {
        /// Its subject.
        subject: String,
    },
    /// The chain signs nothing now.
    #[error("the certificates of the signing key: {0}")]
    Chain(ChainFault),
    /// There is no chain.
    #[error("{key}: nothing says where its certificates are")]
    NoCertificates {
        /// The key.
        key: String,
    },
    /// A name of metadata is the specification's own.
    #[error(transparent)]
    Reserved(Reserved),
    /// A name of metadata is given twice.
    #[error("metadata {name:?} is given twice")]
    MetadataTwice {
        /// The name.
        name: String,
    },
    /// Nothing was signed.
    #[error(transparent)]
    Draft(Box<DraftError>),
    /// Other runs changed the place again and again.
    #[error("{image}: others changed its place meanwhile, three times; nothing of theirs is lost")]
    Overtaken {
        /// The image.
        image: String,
    },
    /// A plugin's configuration has no such member.
    #[error("plugin configuration {name:?}: {reason}")]
    PluginConfig {
        /// The member.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl Error {
    /// The exit status follows this class. A configuration that the run cannot use leaves everything undecided.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoHome { .. }
            | Self::RelativeHome { .. }
            | Self::Folder { .. }
            | Self::NoPolicy { .. }
            | Self::Overtaken { .. }
            | Self::Store { .. } => Class::Undecided,
            Self::Draft(source) => source.class(),
            Self::File { source, .. } | Self::OtherPolicy { source } => source.class(),
            Self::TrustPolicy { source, .. } => source.class(),
            Self::TrustStore(source) => source.class(),
            Self::SigningKeys { source, .. } => source.class(),
            Self::Certificate { .. }
            | Self::NotTrusted { .. }
            | Self::NewPolicy { .. }
            | Self::NoStatement { .. }
            | Self::List { .. }
            | Self::OtherKey { .. }
            | Self::Chain(_) => Class::Refused,
            Self::Name { .. }
            | Self::ScopeOfRegistry { .. }
            | Self::NoAddress { .. }
            | Self::InArchive(_)
            | Self::NoCertificates { .. }
            | Self::Reserved(_)
            | Self::MetadataTwice { .. }
            | Self::NobodyAnswers { .. }
            | Self::OtherPlugin { .. }
            | Self::Flags(_)
            | Self::PluginConfig { .. } => Class::Usage,
        }
    }
}
