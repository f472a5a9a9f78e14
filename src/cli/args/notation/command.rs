//! The commands below `notation`.

use clap::Subcommand;

use super::certificate::CertificateCommand;
use super::image::{Inspect, List, Sign, Verify};
use super::key::KeyCommand;
use super::plugin::PluginCommand;
use super::policy::{CrlCommand, PolicyCommand};
use crate::cli::args::settings::{Settings, SettingsOf};

// `notation`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum NotationCommand {
    /// Sign images so that notation verifies them
    ///
    /// The signature refers to the image, and the image stays as it is. One that is there already and holds is kept. Prints
    /// the digest of what was signed, one line an image.
    Sign(Box<Sign>),
    /// Verify images by the trust policy
    ///
    /// Prints the digest of each image that the policy trusts, one line an image.
    Verify(Box<Verify>),
    /// List the signatures of an image, trusting nothing
    #[command(visible_alias = "ls")]
    List(Box<List>),
    /// Show what the signatures of an image say, trusting nothing
    Inspect(Box<Inspect>),
    /// Manage the list of signing keys, signingkeys.json
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Manage the trust stores: the certificates that are trusted
    #[command(visible_alias = "cert")]
    Certificate {
        #[command(subcommand)]
        command: CertificateCommand,
    },
    /// Manage the trust policy: whom to trust for which images
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Bring revocation lists to notation
    Crl {
        #[command(subcommand)]
        command: CrlCommand,
    },
    /// Put this program where notation looks for plugins
    Plugin {
        #[command(subcommand)]
        command: PluginCommand,
    },
}

impl SettingsOf for NotationCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Sign(args) => args.family.common.into(),
            Self::Verify(args) => Settings {
                json_lines: args.many.fleet.json_lines,
                ..args.family.common.into()
            },
            Self::List(args) => args.family.common.into(),
            Self::Inspect(args) => args.family.common.into(),
            Self::Policy { command } => command.settings(),
            Self::Crl { command } => command.settings(),
            Self::Key { command } => command.settings(),
            Self::Certificate { command } => command.settings(),
            Self::Plugin { command } => command.settings(),
        }
    }
}
