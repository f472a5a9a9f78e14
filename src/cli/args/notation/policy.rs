//! `notation policy …`, `notation crl …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::cli::args::paths;
use crate::cli::args::settings::{Common, Settings, SettingsOf};

// `notation policy`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum PolicyCommand {
    /// Print the trust policy, as it is written
    ///
    /// That is trustpolicy.oci.json, if it is there, else trustpolicy.json.
    Show(Show),
    /// Check a trust policy, and make it the one that counts
    ///
    /// It goes to trustpolicy.oci.json where that is there, else to trustpolicy.json, which notation 1.3 reads too.
    Import(Import),
    /// Write a first trust policy: one statement for all images
    Init(Init),
}

// `notation policy show`
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    pub common: Common,
}

// `notation policy import`
#[derive(Debug, Args)]
pub struct Import {
    /// The policy
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub file: PathBuf,
    /// Replace another policy that is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

// `notation policy init`
#[derive(Debug, Args)]
pub struct Init {
    /// The statement's name
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub name: String,
    /// The trust stores of signers (several allowed)
    #[arg(
        long = "trust-store",
        value_name = "TYPE:NAME",
        default_value = "ca:default"
    )]
    pub stores: Vec<String>,
    /// The signers (several allowed): `*`, or "x509.subject: C=…, ST=…, O=…"
    #[arg(
        long = "trusted-identity",
        value_name = "IDENTITY",
        default_value = "*"
    )]
    pub identities: Vec<String>,
    /// Replace another policy that is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

impl SettingsOf for PolicyCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Show(args) => args.common.into(),
            Self::Import(args) => args.common.into(),
            Self::Init(args) => args.common.into(),
        }
    }
}

// `notation crl`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum CrlCommand {
    /// Put revocation lists where notation looks for them, so that it verifies without a network
    ///
    /// notation looks under the address that a certificate names. That is taken from the certificates of the list's issuer:
    /// those of signing keys, in trust stores and of --certificate; or it is named by --url.
    Add(AddCrl),
}

// `notation crl add`
#[derive(Debug, Args)]
pub struct AddCrl {
    /// The lists: PEM or DER
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub files: Vec<PathBuf>,
    /// The address under which notation looks for the list
    #[arg(long, value_name = "URL", value_parser = address)]
    pub url: Option<String>,
    /// Certificates that name the address of their list: PEM or DER (several allowed)
    #[arg(long = "certificate", value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub certificates: Vec<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

impl SettingsOf for CrlCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Add(args) => args.common.into(),
        }
    }
}

/// An address as certificates name it. notation asks no others.
fn address(text: &str) -> Result<String, &'static str> {
    let rest = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(rest) if !rest.is_empty() => Ok(text.to_owned()),
        _ => Err("the address of a list begins with http:// or https://"),
    }
}
