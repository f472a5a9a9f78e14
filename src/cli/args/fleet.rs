//! Flags for very many images.

use clap::Args;

use crate::ops::shard::Shard;

// How very many images are verified.
#[derive(Clone, Copy, Debug, Args)]
pub struct FleetArgs {
    /// Verify only one part of the images: those whose digest, as a number, is I modulo N (I from 0 to N - 1)
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Print each image as a line of JSON on standard output once it is decided, and totals as the last line
    #[arg(long, conflicts_with = "json")]
    pub json_lines: bool,
}

// The same for commands that take images only by name.
#[derive(Clone, Copy, Debug, Args)]
pub struct ManyArgs {
    /// Every tag of each repository or layout that is named
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub fleet: FleetArgs,
}
