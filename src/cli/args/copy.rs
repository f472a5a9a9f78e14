//! The flags of `copy`.

use std::num::NonZeroUsize;

use clap::Args;

use super::image::at_least_one;
use super::settings::Common;
use crate::image::{ImageName, Platform};

// `copy`
#[derive(Debug, Args)]
pub struct Copy {
    /// The image.
    #[arg(
        value_name = "IMAGE",
        help = "The image: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], or docker://HOST/REPO[:TAG][@DIGEST]"
    )]
    pub from: ImageName,
    /// The target's name.
    #[arg(
        value_name = "IMAGE",
        help = "The target: oci:DIR[:TAG], docker://HOST/REPO[:TAG], or oci-archive:FILE[:TAG] for a new archive"
    )]
    pub to: ImageName,
    /// Copy the image for this platform only, out of a multi-platform image [default: all]
    #[arg(long, value_name = "OS[(VERSION)]/ARCH[/VARIANT]")]
    pub platform: Option<Platform>,
    #[command(flatten)]
    pub along: AlongArgs,
    /// Refuse to move a tag that leads elsewhere
    #[arg(long)]
    pub no_move: bool,
    /// Replace an existing archive
    #[arg(long)]
    pub force: bool,
    /// How many blobs to copy at once, 6 at most
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = at_least_one)]
    pub jobs: NonZeroUsize,
    #[cfg(feature = "registry")]
    #[command(flatten)]
    pub remote: super::registry::RemoteArgs,
    #[command(flatten)]
    pub common: Common,
}

// What goes along, or stays behind.
#[derive(Debug, Args)]
pub struct AlongArgs {
    /// Also copy the image's referrers: signatures and attestations of cosign and notation
    #[arg(long)]
    pub with_signatures: bool,
    /// Leave out what the server for realms does not load, let tags name images and not indexes, and shorten tags
    #[arg(long, conflicts_with = "with_signatures")]
    pub for_realms: bool,
}
