//! Flags of the commands on key pairs.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::passphrase::PassphraseArgs;
use crate::cli::args::paths;
use crate::cli::args::refused::refused;
use crate::cli::args::settings::Common;
use crate::cli::args::token::TokenArgs;
use crate::crypto::Curve;
use crate::key::KeyRef;
use crate::key::pin::PinSource;
use crate::key::uri::TokenUri;

/// The curve of a new key.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CurveName {
    /// Every verifier takes it.
    #[value(help = "Every verifier takes it")]
    P256,
    /// Most verifiers take it.
    #[value(help = "Most verifiers take it")]
    P384,
    /// Few verifiers take it.
    #[value(help = "Few verifiers take it")]
    P521,
}

impl From<CurveName> for Curve {
    fn from(name: CurveName) -> Self {
        match name {
            CurveName::P256 => Self::P256,
            CurveName::P384 => Self::P384,
            CurveName::P521 => Self::P521,
        }
    }
}

// `cosign generate-key-pair`
#[derive(Debug, Args)]
pub struct GenerateKeyPair {
    /// The name of the files before .key and .pub
    #[arg(long, value_name = "PREFIX", default_value = "cosign", value_hint = ValueHint::FilePath, value_parser = paths::prefix())]
    pub output_key_prefix: PathBuf,
    /// The curve
    #[arg(long, value_enum, default_value_t = CurveName::P256)]
    pub curve: CurveName,
    /// Make the pair on this token, as pkcs11:token=...;object=LABEL
    #[arg(long, visible_alias = "pkcs11-uri", value_name = "URI")]
    pub key: Option<TokenUri>,
    /// Replace a public key file that is there already (a private key is never replaced)
    #[arg(long)]
    pub force: bool,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_parser = refused("keys are in files or on PKCS#11 tokens; nothing is asked over the network (a pair on a token: --key pkcs11:...)"))]
    kms: Option<()>,
    #[arg(short, long, hide = true)]
    yes: bool,
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `cosign import-key-pair`
#[derive(Debug, Args)]
pub struct ImportKeyPair {
    /// The private key's file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::secret_to_copy())]
    pub key: PathBuf,
    /// The name of the new files before .key and .pub
    #[arg(long, value_name = "PREFIX", default_value = "import-cosign", value_hint = ValueHint::FilePath, value_parser = paths::prefix())]
    pub output_key_prefix: PathBuf,
    /// Replace another public key file that is there already (a private key is never replaced)
    #[arg(long)]
    pub force: bool,
    /// Without effect: nothing is asked, and no private key is ever replaced
    #[arg(short, long)]
    yes: bool,
    /// Where the passphrase of FILE comes from, if it is encrypted [default: a prompt]
    #[arg(
        long,
        value_name = "file:PATH|env:NAME|fd:NUMBER",
        help_heading = "Encrypted key files"
    )]
    pub key_passphrase_source: Option<PinSource>,
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    #[command(flatten)]
    pub common: Common,
}

// `cosign public-key`
#[derive(Debug, Args)]
pub struct PublicKeyOf {
    /// The private key: a file in any form that cosign or openssl writes, or the pkcs11: URI of a key on a token
    #[arg(long, value_name = "KEY", value_parser = paths::any_private_key(), value_hint = ValueHint::FilePath)]
    pub key: KeyRef,
    /// Where the public key goes [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub outfile: Option<PathBuf>,
    /// Replace another file that is there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}
