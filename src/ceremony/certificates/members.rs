//! The members of a plan that are about certificates, as its TOML has them.

use std::path::PathBuf;

use serde::Deserialize;

use super::time::Time;

/// The root's own certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::ceremony) struct RootTerms {
    pub(in crate::ceremony) subject: String,
    pub(in crate::ceremony) not_before: Time,
    pub(in crate::ceremony) not_after: Time,
    pub(in crate::ceremony) path_len: Option<u8>,
}

/// The profile of a certificate to issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::ceremony) enum PlannedProfile {
    Ca,
    Signer,
}

/// A certificate to issue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::ceremony) struct Issue {
    pub(in crate::ceremony) request: PathBuf,
    pub(in crate::ceremony) sha384: String,
    pub(in crate::ceremony) profile: PlannedProfile,
    pub(in crate::ceremony) path_len: Option<u8>,
    pub(in crate::ceremony) subject: Option<String>,
    pub(in crate::ceremony) not_before: Time,
    pub(in crate::ceremony) not_after: Time,
    pub(in crate::ceremony) crl_url: Option<String>,
    pub(in crate::ceremony) certificate: PathBuf,
}

/// The CRL to sign.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::ceremony) struct Crl {
    pub(in crate::ceremony) previous: Option<Previous>,
    pub(in crate::ceremony) this_update: Time,
    pub(in crate::ceremony) next_update: Time,
}

/// The CRL before it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::ceremony) struct Previous {
    pub(in crate::ceremony) file: PathBuf,
    pub(in crate::ceremony) sha384: String,
}

/// A certificate to revoke: its file, or its serial number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::ceremony) struct Revocation {
    pub(in crate::ceremony) certificate: Option<PathBuf>,
    pub(in crate::ceremony) sha384: Option<String>,
    pub(in crate::ceremony) serial: Option<String>,
    pub(in crate::ceremony) reason: Option<String>,
}
