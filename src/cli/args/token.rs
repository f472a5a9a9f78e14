//! The flags for keys on tokens, and the commands on tokens.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::paths;
use super::settings::{Common, Settings, SettingsOf};
use crate::key::pin::PinSource;
use crate::key::pkcs11::{FACTS, SignMechanism};
use crate::key::uri::TokenUri;

// The options for tokens; for every command that takes a key.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Keys on tokens")]
pub struct TokenArgs {
    /// The PKCS#11 module [default: the URI's module-path, `PKCS11_MODULE_PATH`, or p11-kit's proxy]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub pkcs11_module: Option<PathBuf>,
    /// The source of one token's PIN [default: the URI's pin-source, the token's PIN pad, or a prompt]
    #[arg(long, value_name = "file:PATH|env:NAME|fd:NUMBER")]
    pub pin_source: Option<PinSource>,
    /// Send a PIN even to a token that one more wrong PIN locks
    #[arg(long)]
    pub allow_final_try: bool,
    /// Keep the PIN for this run, for keys that ask for it at each signature
    #[arg(long)]
    pub keep_pin: bool,
    /// The mechanism that a token signs by: ir-sign hashes, or with `CKM_ECDSA_SHA384` the token hashes a message
    /// of 4 MiB at most, for tokens that offer nothing else [default: `CKM_ECDSA`]
    #[arg(long, value_name = "CKM_ECDSA|CKM_ECDSA_SHA384")]
    pub mechanism: Option<SignMechanism>,
    /// The public key of a key whose token does not show it (several allowed)
    #[arg(long = "public-key", value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub public_keys: Vec<PathBuf>,
}

impl TokenArgs {
    /// The flags of a command that names no source of a PIN, or sends none.
    pub fn of_module(pkcs11_module: Option<PathBuf>) -> Self {
        Self {
            pkcs11_module,
            ..Self::default()
        }
    }
}

// The passports that keys on tokens must have.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Keys on tokens")]
pub struct PassportArgs {
    /// Refuse a token, key or attribute that differs from this passport (several allowed)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub require_passport: Vec<PathBuf>,
}

// `token`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List a module's slots and tokens, and the problems of each
    ///
    /// No PIN is sent.
    List(List),
    /// List the private keys and the certificates of a token
    ///
    /// Logs in and prints each one's URI. The fingerprints are of the public keys that the token shows; no
    /// signature proves them. `token doctor --login` proves them.
    Keys(Keys),
    /// Set a token up: its label, SO PIN and user PIN
    Init(Init),
    /// Import the private key of a file into a token
    ///
    /// For migration: such a key was outside the token, and its attributes say so for ever. Leaves the file as it
    /// is.
    Import(Import),
    /// Put the certificate of a key on the key's token
    ///
    /// The first certificate of the file must be the key's own: it gets the key's label and id. Its issuers, which may
    /// follow it in order, get ids of their own. One that is there with the same bytes stays; another one of the key's
    /// id is refused.
    ImportCertificate(ImportCertificate),
    /// Try each step of signing, and report every obstacle
    ///
    /// Sends no PIN unless --login is given.
    Doctor(Doctor),
    /// Write a key's passport: a statement of its token, its public key and its attributes, signed by the key
    ///
    /// Refuses a key that was not made on its token or could leave it.
    Passport(MakePassport),
}

// `token list`
#[derive(Debug, Args)]
pub struct List {
    /// A URI that names the module, or tokens of it
    #[arg(value_name = "URI", default_value_t, hide_default_value = true)]
    pub uri: TokenUri,
    /// The PKCS#11 module [default: the URI's module-path, `PKCS11_MODULE_PATH`, or p11-kit's proxy]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub pkcs11_module: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

// `token keys`
#[derive(Debug, Args)]
pub struct Keys {
    /// The token [default: the only one]
    #[arg(value_name = "URI", default_value_t, hide_default_value = true)]
    pub uri: TokenUri,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `token init`
#[derive(Debug, Args)]
pub struct Init {
    /// The token, by slot-id or serial [default: the only one that is not initialised]
    #[arg(value_name = "URI", default_value_t, hide_default_value = true)]
    pub uri: TokenUri,
    /// The token's new label, 1 to 32 bytes
    #[arg(long)]
    pub label: String,
    /// The source of the SO PIN [default: a prompt]
    #[arg(long, value_name = "SOURCE")]
    pub so_pin_source: Option<PinSource>,
    /// The source of the new user PIN [default: a prompt]
    #[arg(long, value_name = "SOURCE")]
    pub new_pin_source: Option<PinSource>,
    /// Erase the initialised token of this label, with all keys on it
    #[arg(long, value_name = "LABEL")]
    pub erase: Option<String>,
    /// The PKCS#11 module
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub pkcs11_module: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

// `token import`
#[derive(Debug, Args)]
pub struct Import {
    /// The private key file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::secret())]
    pub key: PathBuf,
    /// The token, and the key's label and id there
    #[arg(long, value_name = "URI")]
    pub pkcs11_uri: TokenUri,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `token import-certificate`
#[derive(Debug, Args)]
pub struct ImportCertificate {
    /// The key
    #[arg(value_name = "URI")]
    pub uri: TokenUri,
    /// Its certificate, or its chain, in PEM or DER
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `token doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// The token [default: the only one]
    #[arg(value_name = "URI", default_value_t, hide_default_value = true)]
    pub uri: TokenUri,
    /// Log in and try the private keys too, with one attempt
    #[arg(long)]
    pub login: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `token passport`
#[derive(Debug, Args)]
pub struct MakePassport {
    /// The key
    #[arg(value_name = "URI")]
    pub uri: TokenUri,
    /// Write the passport to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: PathBuf,
    /// Accept this attribute although it differs from that of a key that never left its token; the passport records
    /// its value (several allowed)
    #[arg(long, value_name = "CKA_NAME", value_parser = fact)]
    pub accept: Vec<String>,
    /// Replace an existing file with other content
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

/// The name of an attribute that a passport holds.
fn fact(name: &str) -> Result<String, String> {
    let known = FACTS.iter().any(|(_, known)| *known == name);
    if known {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = FACTS.iter().map(|(_, name)| *name).collect();
    Err(format!("the attributes are {}", names.join(", ")))
}

impl SettingsOf for TokenCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::List(args) => args.common.into(),
            Self::Keys(args) => args.common.into(),
            Self::Init(args) => args.common.into(),
            Self::Import(args) => args.common.into(),
            Self::ImportCertificate(args) => args.common.into(),
            Self::Doctor(args) => args.common.into(),
            Self::Passport(args) => args.common.into(),
        }
    }
}
