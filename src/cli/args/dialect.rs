//! Whose rules a policy follows.

use clap::Args;

use crate::trust::Dialect;

// `--dialect`
#[derive(Clone, Copy, Debug, Args)]
pub struct DialectArgs {
    /// Whose policy it is: that of skopeo, podman and CRI-O, or that of image-rs
    #[arg(long, value_name = "containers|image-rs", default_value = "containers", value_parser = dialect)]
    pub dialect: Dialect,
}

/// Reads the name of a dialect.
pub fn dialect(text: &str) -> Result<Dialect, String> {
    [Dialect::Containers, Dialect::ImageRs]
        .into_iter()
        .find(|dialect| dialect.to_string() == text)
        .ok_or_else(|| "the dialects are containers and image-rs".into())
}
