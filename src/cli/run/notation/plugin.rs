//! This program as a plugin of notation.

use serde_json::json;

use super::common::{failed, folders};
use crate::cli::args::notation::plugin::Install;
use crate::cli::console::{Console, Outcome};
use crate::cli::run::written::written;
use crate::cli::status::Status;
use crate::ops::notation::plugin;

/// `notation plugin install`.
pub(super) fn install(args: &Install, console: &Console) -> Outcome {
    let (path, how) = plugin::install(&folders()?, args.force).map_err(failed)?;
    console.note(&written(&path, how));
    console.result(&path.display().to_string())?;
    console.json(|| json!({ "plugin": path.display().to_string() }))?;
    Ok(Status::Done)
}
