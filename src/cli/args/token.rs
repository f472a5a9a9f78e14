//! The flags for keys on tokens, and the commands on tokens.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::paths;
use super::settings::{Common, Settings, SettingsOf};
use crate::key::pin::PinSource;
use crate::key::pkcs11::{FACTS, SignMechanism};
use crate::key::uri::TokenUri;

// How tokens are reached; for every command that takes a key.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Keys on tokens")]
pub struct TokenArgs {
    /// The PKCS#11 module [default: the URI's module-path, `PKCS11_MODULE_PATH`, or p11-kit's proxy]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, value_parser = paths::place())]
    pub pkcs11_module: Option<PathBuf>,
    /// Where the PIN of one token comes from [default: the URI's pin-source, the token's PIN pad, or
    /// a prompt]
    #[arg(long, value_name = "file:PATH|env:NAME|fd:NUMBER")]
    pub pin_source: Option<PinSource>,
    /// Send a PIN even to a token that one more wrong PIN locks
    #[arg(long)]
    pub allow_final_try: bool,
    /// Keep the PIN for this run, for keys that ask for it at each signature
    #[arg(long)]
    pub keep_pin: bool,
    /// What a token signs by: a hash that is made here, or with `CKM_ECDSA_SHA384` the message itself, of 4
    /// MiB at most, for tokens that offer nothing else [default: `CKM_ECDSA`]
    #[arg(long, value_name = "CKM_ECDSA|CKM_ECDSA_SHA384")]
    pub mechanism: Option<SignMechanism>,
    /// The public key of a key whose token does not show it (several allowed)
    #[arg(long = "public-key", value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub public_keys: Vec<PathBuf>,
}

impl TokenArgs {
    /// Those of a command that sends no PIN from a source it names, or none at all.
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
    /// List a module's slots and tokens, and what is wrong with each
    ///
    /// No PIN is sent.
    List(List),
    /// List the private keys of a token
    ///
    /// Logs in. Prints each key's URI. The fingerprints are of what the token shows: no signature proves
    /// them, as `token doctor --login` does.
    Keys(Keys),
    /// Set a token up: its label, SO PIN and user PIN
    Init(Init),
    /// Bring the private key of a file onto a token
    ///
    /// For migration: such a key was outside, and the token says so for ever. The file is left as
    /// it is.
    Import(Import),
    /// Try what signing needs, and say what is in the way
    ///
    /// Sends no PIN unless --login is given.
    Doctor(Doctor),
    /// Write a key's passport: token, key and attributes as they are, signed by the key
    ///
    /// Refused for a key that was not made on its token or could leave it.
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
    /// The token; may be left out where there is only one
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
    /// The token, by slot-id or serial; may be left out where only one is not initialised
    #[arg(value_name = "URI", default_value_t, hide_default_value = true)]
    pub uri: TokenUri,
    /// The label it gets, 1 to 32 bytes
    #[arg(long)]
    pub label: String,
    /// Where the SO PIN comes from [default: a prompt]
    #[arg(long, value_name = "SOURCE")]
    pub so_pin_source: Option<PinSource>,
    /// Where the new user PIN comes from [default: a prompt]
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
    /// The token, and what the key is called there
    #[arg(long, value_name = "URI")]
    pub pkcs11_uri: TokenUri,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `token doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// The token; may be left out where there is only one
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
    /// Where the passport goes
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: PathBuf,
    /// Accept that this attribute is not as on a key that never left its token, and write down how
    /// it is (several allowed)
    #[arg(long, value_name = "CKA_NAME", value_parser = fact)]
    pub accept: Vec<String>,
    /// Replace another file that is there already
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
            Self::Doctor(args) => args.common.into(),
            Self::Passport(args) => args.common.into(),
        }
    }
}
