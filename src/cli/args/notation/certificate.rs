//! `notation certificate …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::cli::args::paths;
use crate::cli::args::settings::{Common, Settings, SettingsOf};
use crate::ops::notation::certificates::StoreName;
use crate::trust::notary::StoreKind;

// `notation certificate`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum CertificateCommand {
    /// List the files in the trust stores
    #[command(visible_alias = "ls")]
    List(List),
    /// Put certificates into a trust store
    ///
    /// Each file holds certificates in PEM or DER, of CAs or signed by their own key. All are put there or none.
    Add(Add),
    /// Show the certificates of a file in a trust store
    Show(Show),
    /// Delete a file from a trust store, or the store
    Delete(Delete),
}

fn kind(text: &str) -> Result<StoreKind, &'static str> {
    StoreKind::named(text).ok_or("the types of trust stores are ca, signingAuthority and tsa")
}

// The store.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// The store's type: ca, signingAuthority or tsa
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = kind)]
    pub kind: StoreKind,
    /// The store's name
    #[arg(short, long, value_name = "NAME")]
    pub store: StoreName,
}

// `notation certificate list`
#[derive(Debug, Args)]
pub struct List {
    /// Only stores of this type: ca, signingAuthority or tsa
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = kind)]
    pub kind: Option<StoreKind>,
    /// Only stores of this name
    #[arg(short, long, value_name = "NAME")]
    pub store: Option<StoreName>,
    #[command(flatten)]
    pub common: Common,
}

// `notation certificate add`
#[derive(Debug, Args)]
pub struct Add {
    /// The files: PEM or DER
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub common: Common,
}

// `notation certificate show`
#[derive(Debug, Args)]
pub struct Show {
    /// The file's name in the store
    #[arg(value_name = "FILE")]
    pub file: StoreName,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub common: Common,
}

// `notation certificate delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// The file's name in the store
    #[arg(value_name = "FILE", required_unless_present = "all")]
    pub file: Option<StoreName>,
    /// Delete the whole store
    #[arg(short, long, conflicts_with = "file")]
    pub all: bool,
    /// Do not ask first
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub common: Common,
}

impl SettingsOf for CertificateCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::List(args) => args.common.into(),
            Self::Add(args) => args.common.into(),
            Self::Show(args) => args.common.into(),
            Self::Delete(args) => args.common.into(),
        }
    }
}
