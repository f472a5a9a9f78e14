//! The types of requirements, as values.

use super::asked::Asked;
use super::dialect::Dialect;
use super::identity::{Identity, NotAdmitted};
use super::scheme::Added;

/// The requirements of a policy for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `reject`: nothing meets it.
    Reject,
    /// `insecureAcceptAnything`: every image meets it.
    InsecureAcceptAnything,
    /// `signedBy`: an `OpenPGP` signature.
    SignedBy(SignedBy),
    /// `sigstoreSigned`: a signature as cosign makes it.
    SigstoreSigned(SigstoreSigned),
    /// `signedBaseLayer`: nothing meets it yet.
    SignedBaseLayer(Identity),
    /// `endorsedBy`, of this program: the annotations that `ir-sign sign-image` makes.
    EndorsedBy(EndorsedBy),
    /// `notarySigned`, of this program: a signature of Notary Project.
    NotarySigned(NotarySigned),
    /// A type of a scheme that was added to [`SCHEMES`](super::SCHEMES).
    Added(Added),
}

impl Requirement {
    /// The name of the type in a policy.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::InsecureAcceptAnything => "insecureAcceptAnything",
            Self::SignedBy(_) => "signedBy",
            Self::SigstoreSigned(_) => "sigstoreSigned",
            Self::SignedBaseLayer(_) => "signedBaseLayer",
            Self::EndorsedBy(_) => "endorsedBy",
            Self::NotarySigned(_) => "notarySigned",
            Self::Added(added) => added.name,
        }
    }

    /// Whether only this program knows the type: others refuse a policy that has it.
    pub const fn is_ours(&self) -> bool {
        match self {
            Self::EndorsedBy(_) | Self::NotarySigned(_) | Self::Added(_) => true,
            Self::Reject
            | Self::InsecureAcceptAnything
            | Self::SignedBy(_)
            | Self::SigstoreSigned(_)
            | Self::SignedBaseLayer(_) => false,
        }
    }
}

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// `keyPath`: a path; in image-rs's dialect also `file://…` or `kbs://…`.
    Path(String),
    /// `keyPaths`: one of them suffices, and all must be readable.
    Paths(Vec<String>),
    /// `keyData`: the bytes of the key, without the base64 around it.
    Data(Vec<u8>),
    /// `keyDatas`: one of them suffices, and all must be readable.
    Datas(Vec<Vec<u8>>),
    /// The requirement parses, but nothing can meet it, for this reason.
    Unusable(&'static str),
}

/// The parameters of `signedBy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// `keyType`. Only `GPGKeys` can be met.
    pub key_type: String,
    /// The key rings.
    pub keys: Keys,
    /// The name that a signature must bear.
    pub identity: Identity,
    pub(super) dialect: Dialect,
}

impl SignedBy {
    /// Whether a signature with this name counts for the requested image.
    pub fn admits(&self, asked: &Asked, signed: &str) -> Result<(), NotAdmitted> {
        match self.dialect {
            Dialect::Containers => self.identity.admits(asked, signed),
            Dialect::ImageRs => self.identity.admits_in_image_rs(asked, signed),
        }
    }
}

/// The parameters of `sigstoreSigned`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigstoreSigned {
    /// Who may sign.
    pub signers: Signers,
    /// `rekorPublicKey…`: the keys of a transparency log that must have logged the signature.
    pub rekor: Option<Keys>,
    /// The name that a signature must bear; `None` where the dialect does not check it.
    pub identity: Option<Identity>,
    pub(super) dialect: Dialect,
}

impl SigstoreSigned {
    /// Whether a signature with this name counts for the requested image.
    pub fn admits(&self, asked: &Asked, signed: &str) -> Result<(), NotAdmitted> {
        match (&self.identity, self.dialect) {
            (None, _) => Ok(()),
            (Some(identity), Dialect::Containers) => identity.admits(asked, signed),
            (
                Some(identity @ (Identity::MatchRepository | Identity::ExactRepository(_))),
                Dialect::ImageRs,
            ) => identity.admits_in_image_rs(asked, signed),
            (Some(other), Dialect::ImageRs) => Err(NotAdmitted::Unsupported(other.kind())),
        }
    }
}

/// Who may sign for `sigstoreSigned`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signers {
    /// Holders of keys.
    Keys(Keys),
    /// `fulcio`: people whom a certificate authority knows for a few minutes. Nothing meets it in this program.
    Fulcio(Fulcio),
    /// `pki`: owners of certificates. Nothing meets it in this program.
    Pki(Pki),
}

/// The parameters of `fulcio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulcio {
    /// `caPath` or `caData`: the authority's certificates.
    pub ca: Keys,
    /// `oidcIssuer`: who says so.
    pub oidc_issuer: String,
    /// `subjectEmail`: the signer.
    pub subject_email: String,
}

/// The parameters of `pki`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pki {
    /// `caRootsPath` or `caRootsData`: root certificates.
    pub roots: Keys,
    /// `caIntermediatesPath` or `caIntermediatesData`: certificates between a root and the signer's.
    pub intermediates: Option<Keys>,
    /// `subjectEmail`; empty where any is taken.
    pub subject_email: String,
    /// `subjectHostname`; empty where any is taken.
    pub subject_hostname: String,
}

/// The parameters of `endorsedBy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndorsedBy {
    /// `caKeyPath`: a path or a `kbs://` URI of the root CA's public key, SPKI in DER or PEM.
    pub ca_key_path: String,
    /// `vendors`: the vendors who may sign; any vendor of the CA where it is empty.
    pub vendors: Vec<Vendor>,
}

/// A vendor who may sign for `endorsedBy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// The path of a public key.
    Path(String),
    /// `sha384:HEX`: the digest of the public key's SPKI in DER, in lower-case hexadecimal digits.
    Sha384(String),
}

/// The parameters of `notarySigned`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotarySigned {
    /// `trustPolicy`: a path or a `kbs://` URI of a trustpolicy.json.
    pub trust_policy: String,
    /// `trustStore`: the folder that holds `x509/`.
    pub trust_store: String,
    /// `scope`: the registry scope to look up; the image's repository where it is absent.
    pub scope: Option<String>,
}
