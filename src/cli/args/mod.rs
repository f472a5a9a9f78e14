//! The commands and their flags.
//!
//! Above a group of flags stands an ordinary comment: clap would take one of documentation for what its command does.

pub mod ceremony;
mod command;
pub mod copy;
pub mod image;
mod keys;
mod paths;
pub mod registry;
mod secrets;
mod settings;
pub mod token;

pub use command::{Cli, Command};
pub use keys::{ExtractPublic, Fingerprint, GenKey, Sign, Verify};
pub use secrets::{hide_secrets, is_clean};
pub use settings::{Color, Settings, SettingsOf};
