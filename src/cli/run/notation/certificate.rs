//! The trust stores.

use std::io::{self, BufRead};

use serde_json::{Value, json};

use super::common::{failed, folders};
use super::table::table;
use crate::cli::args::notation::certificate::{Add, Delete, List, Show};
use crate::cli::console::{Console, Outcome, tell};
use crate::cli::status::Status;
use crate::encoding::hex::hex;
use crate::files::Written;
use crate::ops::notation::{Error, certificates};
use crate::text::plain;
use crate::x509::Certificate;

/// `notation certificate list`. A file that is not a certificate is shown too: notation refuses its store.
pub(super) fn list(args: &List, console: &Console) -> Outcome {
    let all = certificates::list(&folders()?, args.kind, args.store.as_ref()).map_err(failed)?;
    let head = ["STORE TYPE", "STORE NAME", "CERTIFICATE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|stored| {
        let kind = stored.kind.name().to_owned();
        vec![kind, stored.store.clone(), stored.file.clone()]
    }));
    for line in table(&rows) {
        console.result(&line)?;
    }
    let mut status = Status::Done;
    for error in all.iter().filter_map(|stored| stored.read.as_ref().err()) {
        console.failure(&error.to_string());
        status = Status::Undecided;
    }
    console.json(|| {
        let all = all.iter().map(|stored| {
            json!({
                "type": stored.kind.name(),
                "store": stored.store,
                "file": stored.file,
                "error": stored.read.as_ref().err().map(ToString::to_string),
            })
        });
        json!({ "certificates": all.collect::<Vec<_>>() })
    })?;
    Ok(status)
}

/// `notation certificate add`.
pub(super) fn add(args: &Add, console: &Console) -> Outcome {
    let (kind, store) = (args.store.kind, &args.store.store);
    let done = certificates::add(&folders()?, kind, store, &args.files).map_err(failed)?;
    for (path, how) in args.files.iter().zip(&done) {
        let did = match how {
            Written::New => "added to",
            Written::Same => "is already in",
        };
        console.note(&format!(
            "{}: {did} named store {} of type {}",
            path.display(),
            store.as_str(),
            kind.name()
        ));
    }
    console.json(|| {
        let files = args.files.iter().zip(&done).map(|(path, how)| {
            json!({ "file": path.display().to_string(), "new": *how == Written::New })
        });
        json!({ "type": kind.name(), "store": store.as_str(), "files": files.collect::<Vec<_>>() })
    })?;
    Ok(Status::Done)
}

/// `notation certificate show`.
pub(super) fn show(args: &Show, console: &Console) -> Outcome {
    let all = certificates::show(&folders()?, args.store.kind, &args.store.store, &args.file);
    let all = all.map_err(failed)?;
    console.result("Certificate details")?;
    for certificate in &all {
        console.result(&"-".repeat(80))?;
        for line in details(certificate) {
            console.result(&plain(&line))?;
        }
    }
    console.json(|| json!({ "certificates": all.iter().map(details_json).collect::<Vec<_>>() }))?;
    Ok(Status::Done)
}

fn is_ca(certificate: &Certificate) -> bool {
    let constraints = certificate.extensions().basic_constraints;
    constraints.is_some_and(|constraints| constraints.ca)
}

fn details(certificate: &Certificate) -> [String; 6] {
    let time = |time| humantime::format_rfc3339_seconds(time).to_string();
    [
        format!("Issuer: {}", certificate.issuer()),
        format!("Subject: {}", certificate.subject()),
        format!("Valid from: {}", time(certificate.not_before())),
        format!("Valid to: {}", time(certificate.not_after())),
        format!("IsCA: {}", is_ca(certificate)),
        format!("SHA256 Thumbprint: {}", certificate.fingerprint().hex()),
    ]
}

fn details_json(certificate: &Certificate) -> Value {
    let time = |time| humantime::format_rfc3339_seconds(time).to_string();
    json!({
        "issuer": certificate.issuer().to_string(),
        "subject": certificate.subject().to_string(),
        "serial": hex(certificate.serial()),
        "not_before": time(certificate.not_before()),
        "not_after": time(certificate.not_after()),
        "is_ca": is_ca(certificate),
        "sha256": certificate.fingerprint().hex(),
    })
}

/// `notation certificate delete`.
pub(super) fn delete(args: &Delete, console: &Console) -> Outcome {
    let folders = folders()?;
    let (kind, store) = (args.store.kind, &args.store.store);
    let what = match &args.file {
        Some(file) => format!(
            "{:?} in {:?} of type {:?}",
            file.as_str(),
            store.as_str(),
            kind.name()
        ),
        None => format!(
            "all certificates in {:?} of type {:?}",
            store.as_str(),
            kind.name()
        ),
    };
    if !args.yes && !confirmed(what)? {
        console.note("nothing was deleted");
        console.json(|| json!({ "deleted": null }))?;
        return Ok(Status::Done);
    }
    let gone = certificates::delete(&folders, kind, store, args.file.as_ref()).map_err(failed)?;
    console.note(&format!("deleted {}", gone.display()));
    console.json(|| json!({ "deleted": gone.display().to_string() }))?;
    Ok(Status::Done)
}

/// Asks whether something is to be deleted. Standard input that is at its end answers nothing.
fn confirmed(what: String) -> Result<bool, crate::cli::console::Failure> {
    tell(&plain(&format!(
        "Are you sure you want to delete {what}? [y/N]"
    )));
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(length) if length > 0 => {
            let answer = answer.trim().to_ascii_lowercase();
            Ok(matches!(answer.as_str(), "y" | "yes"))
        }
        Ok(_) | Err(_) => Err(failed(Error::NobodyAnswers { what })),
    }
}
