//! The keys for encrypted layers.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint};

use super::broker::KbsArgs;
use super::paths;
use crate::broker::KbsUri;
use crate::ops::decryption::KeySource;

// Opening encrypted layers.
#[derive(Clone, Debug, Args)]
pub struct DecryptionArgs {
    /// A key for encrypted layers.
    #[arg(long = "decryption-key", help = "A key for encrypted layers (several allowed): a file with its 32 bytes, a file as aa-offline_fs_kbc-keys.json, or a resource kbs:///REPOSITORY/TYPE/TAG of the key broker", value_name = "KEY", value_parser = key(), value_hint = ValueHint::FilePath)]
    pub keys: Vec<KeySource>,
    #[command(flatten)]
    pub kbs: KbsArgs,
}

fn key() -> impl TypedValueParser<Value = KeySource> {
    OsStringValueParser::new().try_map(|text: OsString| -> Result<KeySource, String> {
        if let Some(uri) = text.to_str().filter(|text| KbsUri::is_meant(text)) {
            let uri = KbsUri::parse(uri).map_err(|bad| bad.to_string())?;
            return Ok(KeySource::Resource(uri));
        }
        paths::check_secret(&text).map_err(|bad| bad.to_string())?;
        Ok(KeySource::File(PathBuf::from(text)))
    })
}
