//! The commands and their flags.
//!
//! A group of flags has an ordinary comment above it: clap would print a documentation comment as the command's help.

pub mod broker;
pub mod ceremony;
pub mod cert;
mod command;
pub mod copy;
pub mod cosign;
pub mod decryption;
pub mod dialect;
mod duration;
pub mod fleet;
pub mod image;
mod keys;
pub mod notation;
mod paths;
pub mod policy;
pub mod policy_check;
mod refused;
pub mod registry;
pub mod resource;
mod secrets;
mod settings;
mod time;
pub mod token;

pub use command::{Cli, Command};
pub use keys::{ExtractPublic, Fingerprint, GenKey, Sign, Verify};
pub use secrets::{hide_secrets, is_clean};
pub use settings::{Color, Json, Settings, SettingsOf};
