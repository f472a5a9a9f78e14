//! The commands below `notation`.

use clap::Subcommand;

use super::certificate::CertificateCommand;
use super::key::KeyCommand;
use super::plugin::PluginCommand;
use crate::cli::args::settings::{Settings, SettingsOf};

// `notation`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum NotationCommand {
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
    /// Put this program where notation looks for plugins
    Plugin {
        #[command(subcommand)]
        command: PluginCommand,
    },
}

impl SettingsOf for NotationCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Key { command } => command.settings(),
            Self::Certificate { command } => command.settings(),
            Self::Plugin { command } => command.settings(),
        }
    }
}
