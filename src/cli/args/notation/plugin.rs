//! `notation plugin …`.

use clap::{Args, Subcommand};

use crate::cli::args::settings::{Common, Settings, SettingsOf};

// `notation plugin`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum PluginCommand {
    /// Copy this program to where notation looks for the plugin ir-sign
    ///
    /// notation then signs with keys on tokens through it. Prints the path.
    #[command(alias = "add")]
    Install(Install),
}

// `notation plugin install`
#[derive(Debug, Args)]
pub struct Install {
    /// Replace another version that is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

impl SettingsOf for PluginCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Install(args) => args.common.into(),
        }
    }
}
