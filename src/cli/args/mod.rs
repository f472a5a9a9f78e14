//! The commands and their flags.

pub mod ceremony;
pub mod image;
mod paths;
pub mod token;

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::key::uri::TokenUri;
use crate::key::{KeyRef, hidden};
use ceremony::CeremonyCommand;
use image::{ExtractSignImage, InspectImage, Prune, SignImage, VerifyImage};
use token::{PassportArgs, TokenArgs, TokenCommand};

/// Signs OCI images with a vendor's key that a root CA vouches for, and verifies them offline.
#[derive(Debug, Parser)]
#[command(name = "ir-sign", version, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 done or trusted; 1 refused, a check failed; 2 wrong usage; \
                        3 could not decide (I/O, token, environment); \
                        128 + the signal that ended it."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a P-384 private key
    ///
    /// In a file it is DER SEC1 with mode 0600, and never over an existing one. On a token it never
    /// leaves it, and a label or id that is in use is refused.
    GenKey(GenKey),
    /// Write the public key of a private key, as DER `SubjectPublicKeyInfo`
    ExtractPublic(ExtractPublic),
    /// Sign a file (ECDSA P-384 over its SHA-384, DER)
    ///
    /// The same as `openssl dgst -sha384 -sign`, but deterministic (RFC 6979).
    Sign(Sign),
    /// Verify a file's signature
    ///
    /// The same as `openssl dgst -sha384 -verify`.
    Verify(Verify),
    /// Sign a vendor's public key as its CA
    ///
    /// As `sign`, but the file has to be a P-384 public key.
    Endorse(Sign),
    /// Sign an image that is in the registry directory
    ///
    /// The image is checked first, down to what its layers unpack to. Prints the signed manifest's
    /// digest, one line an image.
    SignImage(SignImage),
    /// Unpack an image archive (docker save, OCI) into the registry directory and sign it
    ///
    /// A failure leaves nothing behind. Prints the signed manifest's digest, one line an image.
    ExtractSignImage(ExtractSignImage),
    /// Verify images in the registry directory
    ///
    /// Prints the digest of each image that is trusted, one line an image.
    VerifyImage(VerifyImage),
    /// Show what is in an app's layout and who claims to have signed it, trusting nothing
    InspectImage(InspectImage),
    /// Remove the blobs of an app's layout that nothing refers to
    Prune(Prune),
    /// Look at and set up PKCS#11 tokens
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Make a root key, or endorse vendors with it, by a reviewed plan
    Ceremony {
        #[command(subcommand)]
        command: CeremonyCommand,
    },
    /// Print a shell's completion script
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
        #[command(flatten)]
        common: Common,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder.
        #[arg(value_hint = ValueHint::DirPath, value_parser = paths::place())]
        dir: PathBuf,
        /// Replace pages that are there already
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// How results and notes are shown.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Print the result as JSON.
    pub json: bool,
    /// Print no notes.
    pub quiet: bool,
    /// How much is told.
    pub verbose: u8,
    /// Whether colours are used.
    pub color: Color,
}

/// What has settings.
pub trait SettingsOf {
    /// How its results and notes are shown.
    fn settings(&self) -> Settings;
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The flags every command has.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = Resettable::Reset)]
pub struct Common {
    #[command(flatten)]
    shown: Shown,
    /// Tell more; twice for still more
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

/// The same where `-v` means the vendor's key.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = Resettable::Reset)]
pub struct CommonLong {
    #[command(flatten)]
    shown: Shown,
    /// Tell more; twice for still more
    #[arg(long, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, Args)]
struct Shown {
    /// Print the result as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Print no notes, only errors
    #[arg(short, long)]
    quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    color: Color,
}

impl Shown {
    const fn settings(self, verbose: u8) -> Settings {
        Settings {
            json: self.json,
            quiet: self.quiet,
            verbose,
            color: self.color,
        }
    }
}

impl From<Common> for Settings {
    fn from(common: Common) -> Self {
        common.shown.settings(common.verbose)
    }
}

impl From<CommonLong> for Settings {
    fn from(common: CommonLong) -> Self {
        common.shown.settings(common.verbose)
    }
}

/// `gen-key`
#[derive(Debug, Args)]
pub struct GenKey {
    /// Where the private key goes
    #[arg(short, long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath, required_unless_present = "pkcs11_uri", conflicts_with = "pkcs11_uri")]
    output: Option<KeyRef>,
    #[command(flatten)]
    uri: OwnUri,
    /// Where the public key goes too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub public: Option<PathBuf>,
    /// Replace a public key file that is there already (a private key is never replaced)
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

/// `extract-public`
#[derive(Debug, Args)]
pub struct ExtractPublic {
    /// The private key
    #[arg(short, long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath, required_unless_present = "pkcs11_uri", conflicts_with = "pkcs11_uri")]
    input: Option<KeyRef>,
    #[command(flatten)]
    uri: OwnUri,
    /// Where the public key goes
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output: PathBuf,
    /// Replace another file that is there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

/// `sign` and `endorse`
#[derive(Debug, Args)]
pub struct Sign {
    /// The private key
    #[arg(short, long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath, required_unless_present = "pkcs11_uri", conflicts_with = "pkcs11_uri")]
    key: Option<KeyRef>,
    #[command(flatten)]
    uri: OwnUri,
    /// The file to sign
    #[arg(short, long, value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    /// Where the signature goes
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub signature: PathBuf,
    /// Replace another file that is there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub passports: PassportArgs,
    #[command(flatten)]
    pub common: Common,
}

/// `verify`
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

/// The command's own key on a token.
#[derive(Clone, Debug, Args)]
struct OwnUri {
    /// The same, as the PKCS#11 URI of a key on a token
    #[arg(long, value_name = "URI")]
    pkcs11_uri: Option<TokenUri>,
}

impl OwnUri {
    /// The key, from the one flag or the other.
    fn or(self, key: Option<KeyRef>) -> KeyRef {
        self.pkcs11_uri
            .map(|uri| KeyRef::Token(Box::new(uri)))
            .or(key)
            .expect("the argument parser asks for one or the other")
    }
}

impl GenKey {
    /// Where the private key goes.
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

/// Takes out of a usage error what could be a PIN: the parser shows the argument that it refuses.
pub fn hide_secrets(error: &mut clap::Error) {
    let of_pin = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(flag)) if flag.contains("pin-source")
    );
    if of_pin {
        let hidden = ContextValue::String("...".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    let shown: Vec<(ContextKind, String)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, text.clone())),
            _ => None,
        })
        .collect();
    for (kind, text) in shown {
        let hidden = hidden::pins(&text);
        if hidden != text {
            error.insert(kind, ContextValue::String(hidden.into_owned()));
            // How to pass it all the same: with the whole of it, and it is no use.
            error.remove(ContextKind::Suggested);
        }
    }
}

/// Whether nothing else in a usage error could be a PIN: a parser's own words may repeat what it
/// refuses too.
pub fn is_clean(error: &clap::Error) -> bool {
    let mut text = error.render().to_string();
    for (_, value) in error.context() {
        if let ContextValue::String(shown) = value
            && hidden::first(shown).is_some()
        {
            text = text.replace(shown, "");
        }
    }
    hidden::first(&text).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
