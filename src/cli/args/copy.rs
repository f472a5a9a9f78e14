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
    /// What it is to be called.
    #[arg(
        value_name = "IMAGE",
        help = "What it is to be called: oci:DIR[:TAG], docker://HOST/REPO[:TAG], or oci-archive:FILE[:TAG] for a new archive"
    )]
    pub to: ImageName,
    /// Of a multi-platform image, the one for this platform [default: all]
    #[arg(long, value_name = "OS[(VERSION)]/ARCH[/VARIANT]")]
    pub platform: Option<Platform>,
    /// Take along what refers to the image: signatures and attestations of cosign and notation
    #[arg(long)]
    pub with_signatures: bool,
    /// Refuse to move a tag that leads elsewhere
    #[arg(long)]
    pub no_move: bool,
    /// Replace an archive that is there already
    #[arg(long)]
    pub force: bool,
    /// How many blobs are on their way at once
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = at_least_one)]
    pub jobs: NonZeroUsize,
    #[cfg(feature = "registry")]
    #[command(flatten)]
    pub remote: super::registry::RemoteArgs,
    #[command(flatten)]
    pub common: Common,
}
