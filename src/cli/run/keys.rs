//! The commands on keys and files.

use std::num::NonZeroUsize;

use serde_json::json;

use super::written::{error_json, not_beside_json, or_tell_key, shown, written};
use crate::cli::args::{ExtractPublic, Fingerprint, GenKey, Sign, Verify};
use crate::cli::console::{Console, Outcome};
use crate::cli::context::{beside_bar, ring, ring_with, warn_if_open};
use crate::cli::explain;
use crate::cli::show;
use crate::cli::status::Status;
use crate::files::Written;
use crate::key::{self, KeyType};
use crate::ops::{Error, file, keys};
use crate::text::plain;

const PUBLIC: &str = "public key file";

pub(super) fn gen_key(args: GenKey, console: &Console) -> Outcome {
    if let Some(public) = &args.public {
        not_beside_json(PUBLIC, public, console)?;
    }
    let request = keys::Generate {
        key: args.key(),
        of: args.of,
        public: args.public,
        force: args.force,
    };
    let ring = ring(&args.tokens, [request.key.pin_source()], console)?;
    let made = request.run(&ring)?;
    let key = made.public;
    console.note(&format!(
        "made private key {}",
        plain(&request.key.to_string())
    ));
    if let Some(public) = &request.public {
        console.note(&format!("wrote its public key {}", shown(public)));
    }
    console.note(&format!("fingerprint {}", key.fingerprint()));
    if request.of != KeyType::default() {
        console.note(&format!(
            "it is an {} key: annotations and endorsements take only P-384",
            key.kind()
        ));
    }
    if let Some(new) = &made.on_token {
        for oddity in &new.oddities {
            console.warn(&format!("the token says of the key that it made: {oddity}"));
        }
        or_tell_key(console.result(&new.uri.to_string()), &new.uri)?;
    }
    let printed = console.json(|| {
        json!({
            "key": made.on_token.as_ref().map_or_else(|| request.key.to_string(), |new| new.uri.to_string()),
            "token": made.on_token.as_ref().map(super::token::new_key_json),
            "public": request.public.as_ref().map(|p| p.display().to_string()),
            "kind": key.kind().to_string(),
            "fingerprint": show::fingerprint(&key.fingerprint()),
        })
    });
    match &made.on_token {
        Some(new) => or_tell_key(printed, &new.uri)?,
        None => printed?,
    }
    Ok(Status::Done)
}

pub(super) fn extract_public(args: ExtractPublic, console: &Console) -> Outcome {
    not_beside_json(PUBLIC, &args.output, console)?;
    let key = args.key();
    warn_if_open(&key, console);
    let ring = ring(&args.tokens, [key.pin_source()], console)?;
    let request = keys::ExtractPublic {
        key,
        output: args.output,
        force: args.force,
    };
    let (key, how) = request.run(&ring)?;
    console.note(&written(&request.output, how));
    console.note(&format!("fingerprint {}", key.fingerprint()));
    console.json(|| {
        json!({
            "public": request.output.display().to_string(),
            "changed": how == Written::New,
            "fingerprint": show::fingerprint(&key.fingerprint()),
        })
    })?;
    Ok(Status::Done)
}

pub(super) fn sign_file(args: Sign, endorse: bool, console: &Console) -> Outcome {
    not_beside_json("signature file", &args.signature, console)?;
    let key = args.key();
    warn_if_open(&key, console);
    let passports = args.passports.require_passport;
    let own = [key.pin_source()];
    let ring = ring_with(&args.tokens, passports, NonZeroUsize::MIN, own, console)?;
    let request = file::SignFile {
        key,
        file: args.file,
        signature: args.signature,
        force: args.force,
        endorse,
    };
    let signed = beside_bar(console, |bar| request.run(&ring, bar))?;
    console.note(&written(&request.signature, signed.written));
    if let Some(vendor) = &signed.endorsed {
        console.note(&format!("endorses vendor {}", vendor.fingerprint()));
    }
    console.note(&format!("signed by {}", signed.key.fingerprint()));
    console.json(|| {
        json!({
            "signature": request.signature.display().to_string(),
            "changed": signed.written == Written::New,
            "key": show::fingerprint(&signed.key.fingerprint()),
            "endorsed": signed.endorsed.map(|vendor| show::fingerprint(&vendor.fingerprint())),
        })
    })?;
    Ok(Status::Done)
}

pub(super) fn verify_file(args: Verify, console: &Console) -> Outcome {
    let ring = ring(&args.tokens, [args.key.pin_source()], console)?;
    let request = file::VerifyFile {
        key: args.key,
        file: args.file,
        signature: args.signature,
    };
    let key = beside_bar(console, |bar| request.run(&ring, bar))?;
    console.note(&format!(
        "{} was signed by {}",
        shown(&request.file),
        key.fingerprint()
    ));
    console.json(|| json!({ "verified": true, "key": show::fingerprint(&key.fingerprint()) }))?;
    Ok(Status::Done)
}

pub(super) fn fingerprint(args: &Fingerprint, console: &Console) -> Outcome {
    let mut worst = Status::Done;
    let mut keys = Vec::new();
    let mut errors = Vec::new();
    for path in &args.files {
        match key::read_any(path) {
            Ok(found) => {
                let fingerprint = found.key.fingerprint();
                let path = shown(path);
                console.result(&format!("{fingerprint}  {path}"))?;
                console.note(&format!("{path}: {} {}", found.key.kind(), found.form));
                keys.push(json!({
                    "file": path,
                    "form": found.form.to_string(),
                    "kind": found.key.kind().to_string(),
                    "fingerprint": show::fingerprint(&fingerprint),
                }));
            }
            Err(error) => {
                let error = Error::from(error);
                console.error(&error);
                worst = worst.max(explain::status(&error));
                errors.push(error_json(&error)["error"].clone());
            }
        }
    }
    console.json(|| json!({ "keys": keys, "errors": errors }))?;
    Ok(worst)
}
