//! The commands and their flags.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::image::{AppName, Platform, Reference};
use crate::key::{KeyRef, KeyRefError};
use crate::store::Limits;

/// Signs OCI images with a vendor's key that a root CA vouches for, and verifies them offline.
#[derive(Debug, Parser)]
#[command(name = "ir-sign", version, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 done or trusted; 1 refused, a check failed; 2 wrong usage; \
                        3 could not decide (I/O, environment)."
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
    /// The key is written as DER SEC1 with mode 0600, and never over an existing file.
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
    /// Print a shell's completion script
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder.
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Replace pages that are there already
        #[arg(long)]
        force: bool,
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
pub struct Common {
    #[command(flatten)]
    shown: Shown,
    /// Tell more; twice for still more
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

/// The same where `-v` means the vendor's key.
#[derive(Clone, Copy, Debug, Args)]
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
    #[arg(short, long, value_name = "FILE", value_parser = key_parser(), value_hint = ValueHint::FilePath)]
    pub output: KeyRef,
    /// Where the public key goes too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub public: Option<PathBuf>,
    /// Replace a public key file that is there already (a private key is never replaced)
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `extract-public`
#[derive(Debug, Args)]
pub struct ExtractPublic {
    /// The private key
    #[arg(short, long, value_name = "KEY", value_parser = key_parser(), value_hint = ValueHint::FilePath)]
    pub input: KeyRef,
    /// Where the public key goes
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Replace another file that is there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `sign` and `endorse`
#[derive(Debug, Args)]
pub struct Sign {
    /// The private key
    #[arg(short, long, value_name = "KEY", value_parser = key_parser(), value_hint = ValueHint::FilePath)]
    pub key: KeyRef,
    /// The file to sign
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Where the signature goes
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub signature: PathBuf,
    /// Replace another file that is there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// The public key
    #[arg(short, long, value_name = "PUB", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,
    /// The file that was signed
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The signature
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub signature: PathBuf,
    #[command(flatten)]
    pub common: Common,
}

/// Which app of which registry.
#[derive(Debug, Args)]
pub struct Place {
    /// The registry: a directory with one OCI image layout an app
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub registry: PathBuf,
    /// The app: the name of its layout in the registry
    #[arg(short, long, value_name = "NAME")]
    pub app: AppName,
}

/// How an image is signed.
#[derive(Debug, Args)]
pub struct How {
    /// The image, by tag or digest (several allowed); may be left out where there is only one
    #[arg(short = 'd', long = "reference", value_name = "REF")]
    pub references: Vec<Reference>,
    /// The vendor's private key
    #[arg(short, long, value_name = "KEY", value_parser = key_parser(), value_hint = ValueHint::FilePath)]
    pub vendor_prv: KeyRef,
    /// The CA's signature of the vendor's public key
    #[arg(
        short = 's',
        long,
        value_name = "FILE",
        requires = "ca_pub",
        required_unless_present = "ca_prv",
        conflicts_with = "ca_prv",
        value_hint = ValueHint::FilePath
    )]
    pub vendor_pub_signature: Option<PathBuf>,
    /// The CA's public key
    #[arg(
        short,
        long,
        value_name = "PUB",
        requires = "vendor_pub_signature",
        conflicts_with = "ca_prv",
        value_hint = ValueHint::FilePath
    )]
    pub ca_pub: Option<PathBuf>,
    /// The CA's private key, instead of -s and -c
    #[arg(short = 'x', long, value_name = "KEY", value_parser = key_parser(), value_hint = ValueHint::FilePath)]
    pub ca_prv: Option<KeyRef>,
    /// Of a multi-platform image, the one for this platform
    #[arg(
        long,
        value_name = "OS/ARCH[/VARIANT]",
        conflicts_with = "all_platforms"
    )]
    pub platform: Option<Platform>,
    /// Of a multi-platform image, all
    #[arg(long)]
    pub all_platforms: bool,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub common: CommonLong,
}

/// How much is read before giving up.
#[derive(Clone, Copy, Debug, Args)]
pub struct LimitArgs {
    /// The most bytes a layer may have, packed or unpacked
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "8GiB")]
    max_layer_size: u64,
    /// The most bytes all layers of an image, or an archive, may have unpacked
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32GiB")]
    max_image_size: u64,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        Self {
            layer: args.max_layer_size,
            image: args.max_image_size,
            ..Self::default()
        }
    }
}

/// `sign-image`
#[derive(Debug, Args)]
pub struct SignImage {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub how: How,
}

/// `extract-sign-image`
#[derive(Debug, Args)]
pub struct ExtractSignImage {
    /// The registry: a directory with one OCI image layout an app
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub registry: PathBuf,
    /// The archive: from `docker save`, or an OCI layout in a tar, also gzip or zstd
    #[arg(short, long, value_name = "ARCHIVE", value_hint = ValueHint::FilePath)]
    pub filename: PathBuf,
    /// The app: the name its layout gets in the registry [default: the archive's name without its
    /// endings]
    #[arg(short, long, value_name = "NAME")]
    pub app: Option<AppName>,
    /// Replace an app that is there already with other content
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub how: How,
}

/// `verify-image`
#[derive(Debug, Args)]
pub struct VerifyImage {
    #[command(flatten)]
    pub place: Place,
    /// The image, by tag or digest (several allowed); may be left out where there is only one
    #[arg(
        short = 'd',
        long = "reference",
        value_name = "REF",
        conflicts_with = "all"
    )]
    pub references: Vec<Reference>,
    /// All images of the layout
    #[arg(long)]
    pub all: bool,
    /// The CA's public key
    #[arg(short, long, value_name = "PUB", value_hint = ValueHint::FilePath)]
    pub ca_pub: PathBuf,
    /// Trust this vendor's public key only (several allowed)
    #[arg(long = "vendor", value_name = "PUB", value_hint = ValueHint::FilePath)]
    pub vendors: Vec<PathBuf>,
    /// Of a multi-platform image, the one for this platform
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", conflicts_with = "all")]
    pub platform: Option<Platform>,
    /// Leave the layers out; the report says so
    #[arg(long)]
    pub config_only: bool,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub common: Common,
}

/// `inspect-image`
#[derive(Debug, Args)]
pub struct InspectImage {
    #[command(flatten)]
    pub place: Place,
    /// The image, by tag or digest [default: all there are]
    #[arg(short = 'd', long = "reference", value_name = "REF")]
    pub reference: Option<Reference>,
    #[command(flatten)]
    pub common: Common,
}

/// `prune`
#[derive(Debug, Args)]
pub struct Prune {
    #[command(flatten)]
    pub place: Place,
    /// Only say what would be removed
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub common: Common,
}

fn key_parser() -> impl TypedValueParser<Value = KeyRef> {
    OsStringValueParser::new()
        .try_map(|text: OsString| -> Result<KeyRef, KeyRefError> { text.as_os_str().try_into() })
}

/// Reads a size: a number with an optional `K`, `M`, `G` or `T` (powers of 1024, also as `KiB`).
fn size(text: &str) -> Result<u64, String> {
    let upper = text.trim().to_ascii_uppercase();
    let digits = upper.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match &upper[digits.len()..] {
        "" | "B" => 0,
        "K" | "KIB" => 10,
        "M" | "MIB" => 20,
        "G" | "GIB" => 30,
        "T" | "TIB" => 40,
        _ => return Err("the units are K, M, G and T, powers of 1024".into()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "a size is a whole number with a unit, as in 512M or 8GiB".to_owned())?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "that is more than can be counted".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("8GiB"), Ok(8 << 30));
        assert_eq!(size("3k"), Ok(3 << 10));
        for bad in ["", "G", "-1", "1.5G", "1GB", "99999999999T", "1 x"] {
            assert!(size(bad).is_err(), "{bad} was taken");
        }
    }
}
