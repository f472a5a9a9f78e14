//! `notation key …`.

use clap::{Args, Subcommand};

use crate::cli::args::settings::{Common, Settings, SettingsOf};

// `notation key`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum KeyCommand {
    /// List the signing keys; a star marks the default
    #[command(visible_alias = "ls")]
    List(List),
    /// Add a key that a plugin has: with the plugin ir-sign, one on a token
    ///
    /// `ir-sign notation sign` signs with it by itself, and notation through the plugin. Without `certificate_chain` the
    /// token's own certificates of the key's id are used.
    Add(Add),
    /// Make a key the default
    #[command(visible_alias = "set")]
    Update(Update),
    /// Take keys off the list; the keys themselves stay where they are
    Delete(Delete),
}

// `notation key list`
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub common: Common,
}

// `notation key add`
#[derive(Debug, Args)]
pub struct Add {
    /// The key's name in the list
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The plugin that has the key
    #[arg(long, value_name = "NAME")]
    pub plugin: String,
    /// The plugin's name of the key: with ir-sign its `pkcs11:` URI
    #[arg(long, value_name = "ID")]
    pub id: String,
    /// A setting for the plugin (several allowed): ir-sign takes `certificate_chain=FILE`, `pin_source=SPEC` and
    /// `pkcs11_module=PATH`
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub plugin_config: Vec<(String, String)>,
    /// Make it the default
    #[arg(long)]
    pub default: bool,
    #[command(flatten)]
    pub common: Common,
}

// `notation key update`
#[derive(Debug, Args)]
pub struct Update {
    /// The key's name in the list
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Make it the default
    #[arg(long, required = true)]
    default: bool,
    #[command(flatten)]
    pub common: Common,
}

// `notation key delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// The keys' names in the list
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    #[command(flatten)]
    pub common: Common,
}

impl SettingsOf for KeyCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::List(args) => args.common.into(),
            Self::Add(args) => args.common.into(),
            Self::Update(args) => args.common.into(),
            Self::Delete(args) => args.common.into(),
        }
    }
}

/// Reads `KEY=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a pair is KEY=VALUE"),
    }
}
