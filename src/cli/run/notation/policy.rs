//! The trust policy, and revocation lists for notation.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::common::{failed, folders};
use crate::cli::args::notation::policy::{AddCrl, Import, Init};
use crate::cli::console::{Console, Outcome, print};
use crate::cli::run::written::written;
use crate::cli::status::Status;
use crate::encoding::time;
use crate::files::Written;
use crate::ops::notation::{crls, policies, trust};

/// `notation policy show`.
pub(super) fn show(console: &Console) -> Outcome {
    let (path, bytes, policy) = trust::policy(&folders()?).map_err(failed)?;
    if console.settings.json {
        let text: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        console.json(|| json!({ "path": path.display().to_string(), "policy": text }))?;
    } else {
        print(&bytes)?;
    }
    for name in &policy.unknown {
        console.warn(&format!("{}: unknown member {name}", path.display()));
    }
    Ok(Status::Done)
}

/// `notation policy import`.
pub(super) fn import(args: &Import, console: &Console) -> Outcome {
    let put = policies::import(&folders()?, &args.file, args.force);
    tell(&put.map_err(failed)?, console)
}

/// `notation policy init`.
pub(super) fn init(args: &Init, console: &Console) -> Outcome {
    let put = policies::init(
        &folders()?,
        &args.name,
        &args.stores,
        &args.identities,
        args.force,
    );
    tell(&put.map_err(failed)?, console)
}

fn tell((path, how): &(PathBuf, Written), console: &Console) -> Outcome {
    console.note(&written(path, *how));
    console.json(|| json!({ "policy": path.display().to_string() }))?;
    Ok(Status::Done)
}

/// `notation crl add`.
pub(super) fn add_crl(args: &AddCrl, console: &Console) -> Outcome {
    let folders = folders()?;
    let url = args.url.as_deref();
    let now = SystemTime::now();
    let added = crls::add(&folders, &args.files, url, &args.certificates, now).map_err(failed)?;
    for cached in &added {
        console.note(&format!(
            "{}: notation uses it for {} until {}",
            cached.from.display(),
            cached.url,
            time::write(cached.until)
        ));
        console.result(&cached.path.display().to_string())?;
    }
    console.json(|| {
        let added = added.iter().map(|cached| {
            json!({
                "file": cached.from.display().to_string(),
                "url": cached.url,
                "path": cached.path.display().to_string(),
                "until": time::write(cached.until),
            })
        });
        json!({ "lists": added.collect::<Vec<_>>() })
    })?;
    Ok(Status::Done)
}
