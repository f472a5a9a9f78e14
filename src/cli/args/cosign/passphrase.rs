//! The flags for encrypted key files.

use clap::Args;

use crate::key::pin::PinSource;

// Where the passphrase of an encrypted key file comes from; for every command that takes a private key.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Encrypted key files")]
pub struct PassphraseArgs {
    /// Where the passphrase comes from [default: `COSIGN_PASSWORD`, or a prompt]
    #[arg(long, value_name = "file:PATH|env:NAME|fd:NUMBER")]
    pub passphrase_source: Option<PinSource>,
}
