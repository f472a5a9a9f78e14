//! Flags of the commands about policies.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::dialect::DialectArgs;
use super::paths;
use super::policy_check::PolicyCheckArgs;
use super::settings::{Common, Settings, SettingsOf};

// `policy`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum PolicyCommand {
    /// Check whether a policy lets images run, and why
    ///
    /// Only the scope nearest to an image counts; its requirements are checked up to the first that is not met.
    /// An image is trusted, allowed (no signature was asked for) or refused. Prints the digest of each image that may
    /// run, one a line.
    Check(Box<PolicyCheckArgs>),
    /// Show in words what a policy asks of images
    ///
    /// Reads the whole policy first: a file with an error is refused with line and member. --for shows the one scope
    /// that counts for an image.
    Show(PolicyShow),
    /// Write a policy as skopeo, podman and CRI-O read it, without the requirement types of ir-sign
    ///
    /// Those programs refuse a policy with types that they do not know. A list from which a requirement was taken lets
    /// nothing in, unless --drop is given. Says on standard error what it left out or changed.
    Export(PolicyExport),
}

impl SettingsOf for PolicyCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Check(args) => Settings {
                json_lines: args.many.fleet.json_lines,
                ..args.common.into()
            },
            Self::Show(args) => args.common.into(),
            Self::Export(args) => args.common.into(),
        }
    }
}

// `policy show`
#[derive(Debug, Args)]
pub struct PolicyShow {
    /// The policy
    #[arg(value_name = "FILE", value_parser = paths::stream(), value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub dialect: DialectArgs,
    /// Show the scope that counts for this image, and why
    #[arg(long = "for", value_name = "IMAGE")]
    pub image: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

// `policy export`
#[derive(Debug, Args)]
pub struct PolicyExport {
    /// The policy
    #[arg(value_name = "FILE", value_parser = paths::stream(), value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub dialect: DialectArgs,
    /// Write the policy to this file, else to standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: Option<PathBuf>,
    /// Keep the rest of a list from which a requirement was taken; a list without any rest lets nothing in
    #[arg(long)]
    pub drop: bool,
    /// Replace an existing file with other content
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}
