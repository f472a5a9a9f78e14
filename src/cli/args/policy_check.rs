//! `policy check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint};

#[cfg(not(feature = "registry"))]
use super::broker::ReachArgs;
use super::decryption::DecryptionArgs;
use super::dialect::DialectArgs;
use super::fleet::ManyArgs;
use super::image::{LimitArgs, Platforms};
use super::paths;
#[cfg(feature = "registry")]
use super::registry::RemoteArgs;
use super::settings::Common;
use crate::broker::KbsUri;
use crate::image::ImageName;
use crate::ops::policy::check::PolicyAt;

// `policy check`
#[derive(Debug, Args)]
pub struct PolicyCheckArgs {
    /// The images.
    #[arg(
        value_name = "IMAGE",
        required = true,
        help = "The image (several allowed): docker://HOST[:PORT]/REPO[:TAG][@DIGEST] in a registry, oci:DIR[:TAG] in a layout, oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME] in an archive, dir:PATH in a folder as skopeo writes it"
    )]
    pub images: Vec<ImageName>,
    /// The policy: a file, or a resource kbs:///… of the key broker
    /// [default: $HOME/.config/containers/policy.json, else /etc/containers/policy.json]
    #[arg(long, value_name = "FILE|kbs://…", value_parser = policy_at(), value_hint = ValueHint::FilePath)]
    pub policy: Option<PolicyAt>,
    #[command(flatten)]
    pub dialect: DialectArgs,
    /// The folder that says where signatures are [default: $HOME/.config/containers/registries.d, else
    /// /etc/containers/registries.d]
    #[arg(long = "registries.d", value_name = "DIR", value_parser = paths::place(), value_hint = ValueHint::DirPath)]
    pub registries_d: Option<PathBuf>,
    /// A revocation list, PEM or DER, of an issuer of certificates in Notary signatures (several allowed)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub crl: Vec<PathBuf>,
    #[command(flatten)]
    pub decryption: DecryptionArgs,
    #[command(flatten)]
    pub platforms: Platforms,
    #[command(flatten)]
    pub many: ManyArgs,
    #[cfg(feature = "registry")]
    #[command(flatten)]
    pub remote: RemoteArgs,
    #[cfg(not(feature = "registry"))]
    #[command(flatten)]
    pub reach: ReachArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub common: Common,
}

fn policy_at() -> impl TypedValueParser<Value = PolicyAt> {
    OsStringValueParser::new().try_map(|text: OsString| -> Result<PolicyAt, String> {
        if let Some(uri) = text.to_str().filter(|text| KbsUri::is_meant(text)) {
            let uri = KbsUri::parse(uri).map_err(|bad| bad.to_string())?;
            return Ok(PolicyAt::Resource(uri));
        }
        Ok(PolicyAt::File(text.into()))
    })
}
