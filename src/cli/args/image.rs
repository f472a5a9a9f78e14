//! The flags of the commands on images.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::broker::ReachArgs;
use super::decryption::DecryptionArgs;
use super::fleet::FleetArgs;
use super::keys::OwnUri;
use super::paths;
use super::registry::ImageArgs;
use super::settings::{Common, CommonLong};
use super::token::{PassportArgs, TokenArgs};
use crate::image::{AppName, ImageName, Platform, Reference};
use crate::key::KeyRef;
use crate::store::{Absent, Limits};

// A layout by its name, or by a registry and an app.
#[derive(Debug, Args)]
pub struct LayoutArgs {
    /// The layout: oci:DIR
    #[arg(value_name = "IMAGE", conflicts_with_all = ["registry", "app"], required_unless_present = "registry")]
    pub image: Option<ImageName>,
    /// The registry: a directory with one OCI image layout an app
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = paths::registry(), requires = "app")]
    pub registry: Option<PathBuf>,
    /// The app: the name of its layout in the registry
    #[arg(short, long, value_name = "NAME", requires = "registry")]
    pub app: Option<AppName>,
}

// Which images of a multi-platform one are meant.
#[derive(Debug, Args)]
pub struct Platforms {
    /// Of a multi-platform image, the one for this platform
    #[arg(
        long,
        value_name = "OS[(VERSION)]/ARCH[/VARIANT]",
        conflicts_with = "all_platforms"
    )]
    pub platform: Option<Platform>,
    /// Of a multi-platform image, all
    #[arg(long)]
    pub all_platforms: bool,
}

// How to sign an image.
#[derive(Debug, Args)]
pub struct How {
    /// The image, by tag or digest (several allowed) [default: the only one]
    #[arg(short = 'd', long = "reference", id = "reference", value_name = "REF")]
    pub references: Vec<Reference>,
    /// The vendor's private key
    #[arg(short, long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath, required_unless_present = "pkcs11_uri", conflicts_with = "pkcs11_uri")]
    vendor_prv: Option<KeyRef>,
    #[command(flatten)]
    uri: OwnUri,
    /// The CA's signature of the vendor's public key
    #[arg(
        short = 's',
        long,
        value_name = "FILE",
        requires = "ca_pub",
        required_unless_present = "ca_prv",
        conflicts_with = "ca_prv",
        value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub vendor_pub_signature: Option<PathBuf>,
    /// The CA's public key
    #[arg(
        short,
        long,
        value_name = "PUB",
        requires = "vendor_pub_signature",
        conflicts_with = "ca_prv",
        value_parser = paths::public_key(),
        value_hint = ValueHint::FilePath
    )]
    pub ca_pub: Option<KeyRef>,
    /// The CA's private key, instead of -s and -c
    #[arg(short = 'x', long, value_name = "KEY", value_parser = paths::private_key(), value_hint = ValueHint::FilePath)]
    pub ca_prv: Option<KeyRef>,
    #[command(flatten)]
    pub platforms: Platforms,
    /// Make the app fit for realms: leave out entries that no server loads, and shorten tags
    #[arg(long)]
    pub for_realms: bool,
    /// Replace an endorsement by another CA; a realm that was started with it loses its data
    #[arg(long)]
    pub replace_endorsement: bool,
    /// How many signatures to request at once: each takes a session of the token
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = at_least_one)]
    pub jobs: NonZeroUsize,
    #[command(flatten)]
    pub decryption: DecryptionArgs,
    /// Sign images with encrypted layers without looking into those that no key is given for
    #[arg(long)]
    pub allow_encrypted: bool,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub passports: PassportArgs,
    #[command(flatten)]
    pub common: CommonLong,
}

// The limits on input.
#[derive(Clone, Copy, Debug, Args)]
pub struct LimitArgs {
    /// The most bytes a layer may have, packed or unpacked
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "8GiB")]
    max_layer_size: u64,
    /// The most bytes all layers of an image, or an archive, may have unpacked
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32GiB")]
    max_image_size: u64,
    /// The most memory for the window of a zstd stream; skopeo's zstd:chunked layers want 32M
    ///
    /// A power of two, from 1 KiB to 2 GiB; another size counts as the power of two below it.
    /// [default: 8MiB, and 128MiB to verify an image whose signatures hold]
    #[arg(long = "max-zstd-window", value_name = "SIZE", value_parser = window)]
    zstd_window: Option<u64>,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        let default = Self::default();
        Self {
            layer: args.max_layer_size,
            image: args.max_image_size,
            window: args.zstd_window.unwrap_or(default.window),
            signed_window: args.zstd_window.unwrap_or(default.signed_window),
            ..default
        }
    }
}

// `sign-image`
#[derive(Debug, Args)]
pub struct SignImage {
    #[command(flatten)]
    pub images: ImageArgs,
    /// All images of the layout, or of all tags of the repository: tag after tag
    #[arg(long, conflicts_with_all = ["reference", "platform", "all_platforms"])]
    pub all: bool,
    #[command(flatten)]
    pub how: How,
}

// `extract-sign-image`
#[derive(Debug, Args)]
pub struct ExtractSignImage {
    /// The registry: a directory with one OCI image layout an app
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = paths::registry())]
    pub registry: PathBuf,
    /// The archive: from `docker save`, or an OCI layout in a tar, plain, gzip or zstd
    #[arg(short, long, value_name = "ARCHIVE", value_hint = ValueHint::FilePath, value_parser = paths::archive())]
    pub filename: PathBuf,
    /// The app: the new layout's name in the registry [default: the archive's name without its endings]
    #[arg(short, long, value_name = "NAME")]
    pub app: Option<AppName>,
    /// Replace an existing app with other content
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub reach: ReachArgs,
    #[command(flatten)]
    pub how: How,
}

// `verify-image`
#[derive(Debug, Args)]
pub struct VerifyImage {
    #[command(flatten)]
    pub images: ImageArgs,
    /// The image, by tag or digest (several allowed) [default: the only one]
    #[arg(short = 'd', long = "reference", id = "reference", value_name = "REF")]
    pub references: Vec<Reference>,
    /// All images of the layout, or of all tags of the repository
    #[arg(long, conflicts_with_all = ["reference", "platform", "all_platforms"])]
    pub all: bool,
    /// The CA's public key (several allowed: any of these CAs is trusted)
    #[arg(short, long = "ca-pub", value_name = "PUB", required = true, value_parser = paths::public_key(), value_hint = ValueHint::FilePath)]
    pub ca_pubs: Vec<KeyRef>,
    /// Trust this vendor's public key only (several allowed)
    #[arg(long = "vendor", value_name = "PUB", value_parser = paths::public_key(), value_hint = ValueHint::FilePath)]
    pub vendors: Vec<KeyRef>,
    #[command(flatten)]
    pub platforms: Platforms,
    /// Refuse images that realms cannot get, even if they are trusted
    #[arg(long)]
    pub for_realms: bool,
    /// Do not check the layers; the report says so
    #[arg(long)]
    pub config_only: bool,
    #[command(flatten)]
    pub decryption: DecryptionArgs,
    #[command(flatten)]
    pub fleet: FleetArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub common: Common,
}

// `inspect-image`
#[derive(Debug, Args)]
pub struct InspectImage {
    #[command(flatten)]
    pub images: ImageArgs,
    /// The image, by tag or digest [default: all]
    #[arg(short = 'd', long = "reference", value_name = "REF")]
    pub reference: Option<Reference>,
    /// Write the image's endorsement, the CA's signature of the vendor's public key, to FILE as DER, without
    /// verifying it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub endorsement: Option<PathBuf>,
    /// Replace an existing file with other content
    #[arg(long, requires = "endorsement")]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

// `prune`
#[derive(Debug, Args)]
pub struct Prune {
    #[command(flatten)]
    pub layout: LayoutArgs,
    /// Only say what would be removed
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// An index or a manifest that the layout will never have (`all` for all such): also remove the blobs that only it led to
    #[arg(long, value_name = "DIGEST")]
    pub absent: Vec<Absent>,
    #[command(flatten)]
    pub common: Common,
}

impl How {
    /// The vendor's private key.
    pub fn vendor(&self) -> KeyRef {
        self.uri.clone().or(self.vendor_prv.clone())
    }
}

/// Reads a number that is at least 1.
pub(super) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    let number: usize = text
        .parse()
        .map_err(|_| "it is not a whole number".to_owned())?;
    NonZeroUsize::new(number).ok_or_else(|| "must be at least 1".into())
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

/// Reads a window's size that zstd's decoder accepts.
fn window(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if (1 << 10..=2 << 30).contains(&bytes) {
        Ok(bytes)
    } else {
        Err("a zstd window has from 1K to 2G".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!((window("1k"), window("2GiB")), (Ok(1 << 10), Ok(2 << 30)));
        assert!(window("1023").is_err() && window("2049M").is_err());
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("8GiB"), Ok(8 << 30));
        assert_eq!(size("3k"), Ok(3 << 10));
        for bad in ["", "G", "-1", "1.5G", "1GB", "99999999999T", "1 x"] {
            assert!(size(bad).is_err(), "{bad} was taken");
        }
    }
}
