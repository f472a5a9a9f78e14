//! `policy check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint};

use super::image::{LimitArgs, Platforms};
use super::paths;
#[cfg(feature = "registry")]
use super::registry::RemoteArgs;
use super::settings::Common;
use crate::image::ImageName;
use crate::ops::policy::check::PolicyAt;
use crate::ops::policy::is_resource;
use crate::trust::Dialect;

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
    /// Whose policy it is: that of skopeo, podman and CRI-O, or that of image-rs
    #[arg(long, value_name = "containers|image-rs", default_value = "containers", value_parser = dialect)]
    pub dialect: Dialect,
    /// The folder that says where signatures are [default: $HOME/.config/containers/registries.d, else
    /// /etc/containers/registries.d]
    #[arg(long = "registries.d", value_name = "DIR", value_parser = paths::place(), value_hint = ValueHint::DirPath)]
    pub registries_d: Option<PathBuf>,
    #[command(flatten)]
    pub platforms: Platforms,
    /// Print each image as a line of JSON on standard output once it is decided
    #[arg(long, conflicts_with = "json")]
    pub json_lines: bool,
    #[cfg(feature = "registry")]
    #[command(flatten)]
    pub remote: RemoteArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub common: Common,
}

fn policy_at() -> impl TypedValueParser<Value = PolicyAt> {
    OsStringValueParser::new().map(|text: OsString| match text.to_str() {
        Some(uri) if is_resource(uri) => PolicyAt::Resource(uri.to_owned()),
        _ => PolicyAt::File(text.into()),
    })
}

/// Reads the name of a dialect.
pub fn dialect(text: &str) -> Result<Dialect, String> {
    [Dialect::Containers, Dialect::ImageRs]
        .into_iter()
        .find(|dialect| dialect.to_string() == text)
        .ok_or_else(|| "the dialects are containers and image-rs".into())
}
