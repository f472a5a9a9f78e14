//! The commands on resources of a key broker.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Subcommand, ValueHint};

use super::broker::BrokerArgs;
use super::paths;
use super::settings::{Common, Settings, SettingsOf};
use crate::broker::KbsUri;
use crate::ops::resource::Named;

// `resource`
#[derive(Debug, Subcommand)]
pub enum ResourceCommand {
    /// Fetch a resource from a key broker
    ///
    /// The bytes go to standard output or into a file with mode 0600. Where the broker is absent, slow, or gives no
    /// such resource, nothing is decided: exit status 3.
    Get(Get),
    /// Make the file of an offline key broker: resource names and base64, as JSON
    ///
    /// The file is aa-offline_fs_kbc-resources.json (or aa-offline_fs_kbc-keys.json for the keys of encrypted
    /// images), as attestation agents read it from /etc.
    Encode(Encode),
}

// `resource get`
#[derive(Debug, Args)]
pub struct Get {
    /// The resource.
    #[arg(value_name = "URI", help = "The resource: kbs:///REPOSITORY/TYPE/TAG")]
    pub uri: KbsUri,
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// The file for the resource [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: Option<PathBuf>,
    /// Replace an existing file with other content
    #[arg(long, requires = "output")]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

// `resource encode`
#[derive(Debug, Args)]
pub struct Encode {
    /// A resource's name, and the file with its bytes: NAME is REPOSITORY/TYPE/TAG or its kbs:/// URI, or for agents
    /// up to v0.4 Policy, "Cosign Key", "GPG Keyring" or "Sigstore Config"
    #[arg(value_name = "NAME=FILE", required = true, value_parser = named(), value_hint = ValueHint::FilePath)]
    pub resources: Vec<Named>,
    /// The file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: PathBuf,
    /// Replace an existing file with other content
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

impl SettingsOf for ResourceCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::Get(args) => args.common.into(),
            Self::Encode(args) => args.common.into(),
        }
    }
}

fn named() -> impl TypedValueParser<Value = Named> {
    OsStringValueParser::new().try_map(|text: OsString| -> Result<Named, String> {
        let bytes = text.as_bytes();
        let at = bytes.iter().position(|byte| *byte == b'=');
        let (name, file) = at
            .map(|at| (&bytes[..at], &bytes[at + 1..]))
            .filter(|(_, file)| !file.is_empty())
            .ok_or("it is not NAME=FILE")?;
        let name = String::from_utf8_lossy(name);
        Ok(Named {
            name: name.parse().map_err(|bad| format!("{name:?}: {bad}"))?,
            file: OsStr::from_bytes(file).into(),
        })
    })
}
