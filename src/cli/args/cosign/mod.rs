//! cosign's commands and their flags.

pub mod blob;
mod command;
pub mod common;
pub mod hanging;
pub mod image;
mod keys;
mod local;
mod passphrase;
mod unknown;
pub use command::CosignCommand;
pub use keys::{GenerateKeyPair, ImportKeyPair, PublicKeyOf};
pub use passphrase::PassphraseArgs;
pub use unknown::refused_command;
