//! Flags that several commands of the family have.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};

use super::passphrase::PassphraseArgs;
use super::unknown::Refused;
use crate::cli::args::paths;
#[cfg(feature = "registry")]
use crate::cli::args::registry::RemoteArgs;
use crate::cli::args::settings::Common;
use crate::cli::args::token::{PassportArgs, TokenArgs};
use crate::crypto::HashAlgorithm;
use crate::image::ImageName;
use crate::key::KeyRef;
#[cfg(feature = "registry")]
use crate::store::remote::{ClientFiles, Options};

// Where what a command prints goes.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// The file to write it to [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output_file: Option<PathBuf>,
    /// Replace another output file that is there already
    #[arg(long)]
    pub force: bool,
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl FromStr for Annotation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("an annotation is NAME=VALUE"),
        }
    }
}

/// The name that a signature states: one by which clusters ask a registry for the image.
pub(super) fn identity(text: &str) -> Result<String, String> {
    match image(text)? {
        ImageName::Docker { .. } if !text.contains("://") => Ok(text.to_owned()),
        _ => Err("it is not the name of an image in a registry: HOST/REPO:TAG".into()),
    }
}

// The private key.
#[derive(Debug, Args)]
pub struct PrivateKeyArgs {
    /// The private key: cosign's key file, SEC1 or PKCS#8 in PEM or DER, or a `pkcs11:` URI
    #[arg(long, value_name = "KEY", value_parser = paths::any_private_key(), value_hint = ValueHint::FilePath)]
    pub key: KeyRef,
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// Sign only under this hash [default: SHA-256, and the curve's own]
    #[arg(long, value_name = "sha256|sha384|sha512", value_parser = hash)]
    pub signature_digest_algorithm: Option<HashAlgorithm>,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub passports: PassportArgs,
}

// The public keys.
#[derive(Debug, Args)]
pub struct PublicKeyArgs {
    /// The public key, in PEM or DER, or a `pkcs11:` URI (several allowed: any of them is trusted)
    #[arg(long = "key", value_name = "PUB", required = true, value_parser = paths::public_key(), value_hint = ValueHint::FilePath)]
    pub keys: Vec<KeyRef>,
    #[command(flatten)]
    pub tokens: TokenArgs,
}

// What is read of what hangs on an image.
#[derive(Clone, Debug, Args)]
pub struct HangingArgs {
    /// Which of cosign's forms: `true` for bundles, `false` for tags that end in `.sig` or `.att` [default: both]
    #[arg(long, value_name = "true|false", value_parser = BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub new_bundle_format: Option<bool>,
    /// A prefix for the names of the tags
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub attachment_tag_prefix: String,
}

// Flags of cosign's that change nothing here, for what they ask for is what is done.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Without effect here")]
pub struct WithoutEffect {
    /// Ask no questions: none is asked
    #[arg(short, long)]
    yes: bool,
    /// No log is written to
    #[arg(long, value_name = "false", value_parser = only_false, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tlog_upload: Option<bool>,
    /// No log is asked
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "true|false")]
    insecure_ignore_tlog: Option<bool>,
    /// No service is asked
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "true|false")]
    private_infrastructure: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    use_signing_config: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    offline: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = only_true)]
    check_claims: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    insecure_ignore_sct: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    experimental_oci11: Option<bool>,
    #[arg(long, hide = true)]
    trusted_root: Option<PathBuf>,
    #[arg(long, hide = true)]
    max_workers: Option<usize>,
    #[arg(long, hide = true)]
    registry_referrers_mode: Option<String>,
    /// As -v
    #[arg(short, hide = true, action = ArgAction::Count)]
    d: u8,
    #[command(flatten)]
    refused: Refused,
}

/// Nothing else is meant than what is done.
fn only_false(text: &str) -> Result<bool, &'static str> {
    match text {
        "false" => Ok(false),
        _ => Err("no transparency log is ever written to here"),
    }
}

fn only_true(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        _ => Err("what a signature says is always checked"),
    }
}

pub(super) fn hash(text: &str) -> Result<HashAlgorithm, &'static str> {
    let mut known = HashAlgorithm::ALL.into_iter();
    let found = known.find(|hash| hash.name() == text);
    found.ok_or("the hashes are sha256, sha384 and sha512")
}

// Images, and what every command on them has.
#[derive(Debug, Args)]
pub struct FamilyArgs {
    #[cfg(feature = "registry")]
    #[command(flatten)]
    remote: RemoteArgs,
    /// The client's certificate for the registry, in PEM [default: that of --cert-dir or the system's certs.d]
    #[cfg(feature = "registry")]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place(), requires = "registry_client_key")]
    registry_client_cert: Option<PathBuf>,
    /// The private key of the client's certificate, in PEM
    #[cfg(feature = "registry")]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place(), requires = "registry_client_cert")]
    registry_client_key: Option<PathBuf>,
    #[command(flatten)]
    pub without_effect: WithoutEffect,
    #[command(flatten)]
    pub common: Common,
}

#[cfg(feature = "registry")]
impl FamilyArgs {
    /// How registries are talked to.
    pub fn options(&self) -> Options {
        let files = (&self.registry_client_cert, &self.registry_client_key);
        let client = match files {
            (Some(certificate), Some(key)) => Some(Box::new(ClientFiles {
                certificate: certificate.clone(),
                key: key.clone(),
            })),
            _ => None,
        };
        Options {
            client,
            ..self.remote.options()
        }
    }
}

/// Reads a name as cosign reads it: without a host it is one of docker.io.
pub fn image(text: &str) -> Result<ImageName, String> {
    ImageName::or_docker_hub(text).map_err(|error| error.to_string())
}
