//! Flags of the commands about keys and files.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};

use super::paths;
use super::settings::Common;
use super::token::{PassportArgs, TokenArgs};
use crate::key::uri::TokenUri;
use crate::key::{KeyRef, KeyType};

// `gen-key`
#[derive(Debug, Args)]
pub struct GenKey {
    /// Write the private key to this file or token
    #[arg(short, long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath, required_unless_present = "pkcs11_uri", conflicts_with = "pkcs11_uri")]
    pub(super) output: Option<KeyRef>,
    #[command(flatten)]
    pub(super) uri: OwnUri,
    /// The key's type; annotations and endorsements take only p384, the cosign, notation and cert commands take any
    #[arg(long = "type", value_name = "TYPE", value_parser = key_type(), default_value_t)]
    pub of: KeyType,
    /// Write the public key to this file too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub public: Option<PathBuf>,
    /// Replace an existing public key file (a private key is never replaced)
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `extract-public`
#[derive(Debug, Args)]
pub struct ExtractPublic {
    /// The private key
    #[arg(short, long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath, required_unless_present = "pkcs11_uri", conflicts_with = "pkcs11_uri")]
    pub(super) input: Option<KeyRef>,
    #[command(flatten)]
    pub(super) uri: OwnUri,
    /// Write the public key to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: PathBuf,
    /// Replace an existing file with other content
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `sign` and `endorse`
#[derive(Debug, Args)]
pub struct Sign {
    /// The private key
    #[arg(short, long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath, required_unless_present = "pkcs11_uri", conflicts_with = "pkcs11_uri")]
    pub(super) key: Option<KeyRef>,
    #[command(flatten)]
    pub(super) uri: OwnUri,
    /// The file to sign
    #[arg(short, long, value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    /// Write the signature to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub signature: PathBuf,
    /// Replace an existing file with other content
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub passports: PassportArgs,
    #[command(flatten)]
    pub common: Common,
}

// `verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// The public key
    #[arg(short, long, value_name = "PUB", value_parser = paths::public_key(), value_hint = ValueHint::FilePath)]
    pub key: KeyRef,
    /// The file that was signed
    #[arg(short, long, value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    /// The signature
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub signature: PathBuf,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `fingerprint`
#[derive(Debug, Args)]
pub struct Fingerprint {
    /// Public keys, certificates, passports of keys on tokens, or private keys in DER SEC1
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

/// The type of a new key.
fn key_type() -> impl TypedValueParser<Value = KeyType> {
    PossibleValuesParser::new(KeyType::ALL.map(|(name, _)| name))
        .try_map(|name| name.parse::<KeyType>())
}

// The command's own key on a token.
#[derive(Clone, Debug, Args)]
pub(super) struct OwnUri {
    /// The same, as the PKCS#11 URI of a key on a token
    #[arg(long, value_name = "URI")]
    pub(super) pkcs11_uri: Option<TokenUri>,
}

impl OwnUri {
    /// The key, from the one flag or the other.
    pub(super) fn or(self, key: Option<KeyRef>) -> KeyRef {
        self.pkcs11_uri
            .map(|uri| KeyRef::Token(Box::new(uri)))
            .or(key)
            .expect("the argument parser asks for one or the other")
    }
}

impl GenKey {
    /// Write the private key to this file or token.
    pub fn key(&self) -> KeyRef {
        self.uri.clone().or(self.output.clone())
    }
}

impl ExtractPublic {
    /// The private key.
    pub fn key(&self) -> KeyRef {
        self.uri.clone().or(self.input.clone())
    }
}

impl Sign {
    /// The private key.
    pub fn key(&self) -> KeyRef {
        self.uri.clone().or(self.key.clone())
    }
}
