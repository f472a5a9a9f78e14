//! cosign's commands and their flags.

mod command;
mod keys;
mod passphrase;
mod refused;
pub use command::CosignCommand;
pub use keys::{GenerateKeyPair, ImportKeyPair, PublicKeyOf};
pub use passphrase::PassphraseArgs;
