//! The commands on tokens.

use std::fmt::Write;

use serde_json::{Value, json};

use super::written::{not_beside_json, or_tell_key, written};
use crate::cli::args::token::{
    Doctor, Import, ImportCertificate, Init, Keys, List, MakePassport, TokenArgs, TokenCommand,
};
use crate::cli::console::{Console, Outcome};
use crate::cli::context::{ring, warn_if_open};
use crate::cli::explain;
use crate::cli::prompt::{new_pin, new_pin_again, old_pin};
use crate::cli::show;
use crate::cli::status::Status;
use crate::crypto::{KeyKind, PublicKey};
use crate::encoding::hex::hex;
use crate::files::Written;
use crate::key::pin::{Pin, PinSource};
use crate::key::pkcs11::{
    self, Facts, KeyListing, ModuleListing, NewKey, PinLength, Setup, SlotListing,
    TokenCertificate, TokenListing, attributes_json,
};
use crate::key::{self, KeyRef};
use crate::ops::keys;
use crate::report::{self, Check};
use crate::text::plain;

const SO_PIN: &str = "SO PIN";

/// Runs a command on tokens.
pub(super) fn run(command: TokenCommand, console: &Console) -> Outcome {
    match command {
        TokenCommand::List(args) => list(args, console),
        TokenCommand::Keys(args) => list_keys(&args, console),
        TokenCommand::Init(args) => init(args, console),
        TokenCommand::Import(args) => import(args, console),
        TokenCommand::ImportCertificate(args) => import_certificate(args, console),
        TokenCommand::Doctor(args) => doctor(&args, console),
        TokenCommand::Passport(args) => passport(args, console),
    }
}

fn list(args: List, console: &Console) -> Outcome {
    let ring = ring(&TokenArgs::of_module(args.pkcs11_module), [], console)?;
    let module = ring.tokens().list(&args.uri).map_err(key::Error::from)?;
    console.result(&shown_module(&module))?;
    console.json(|| module_json(&module))?;
    Ok(Status::Done)
}

fn shown_module(module: &ModuleListing) -> String {
    let mut text = format!(
        "module {} ({})",
        plain(&module.path.display().to_string()),
        plain(&module.library)
    );
    if module.slots.is_empty() {
        text.push_str("\n  no slots");
    }
    for slot in &module.slots {
        let _ = write!(text, "\n  slot {}: {}", slot.id, plain(&slot.description));
        match &slot.token {
            None => text.push_str("\n    no token"),
            Some(Err(error)) => {
                let _ = write!(text, "\n    cannot be read: {}", plain(error));
            }
            Some(Ok(token)) => text.push_str(&shown_token(token)),
        }
    }
    text
}

fn shown_token(token: &TokenListing) -> String {
    let mut text = format!(
        "\n    token \"{}\": {}\n    {}\n    flags: {}",
        plain(&token.label),
        plain(&token.description()),
        token.uri,
        token.flags.join(", ")
    );
    for problem in &token.problems {
        let _ = write!(text, "\n    problem: {problem}");
    }
    text
}

fn module_json(module: &ModuleListing) -> Value {
    let slot = |slot: &SlotListing| {
        json!({
            "id": slot.id,
            "description": slot.description,
            "token": slot.token.as_ref().and_then(|t| t.as_ref().ok()).map(token_json),
            "error": slot.token.as_ref().and_then(|t| t.as_ref().err()),
        })
    };
    json!({
        "module": module.path.display().to_string(),
        "library": module.library,
        "slots": module.slots.iter().map(slot).collect::<Vec<_>>(),
    })
}

fn token_json(token: &TokenListing) -> Value {
    json!({
        "uri": token.uri.to_string(),
        "label": token.label,
        "manufacturer": token.manufacturer,
        "model": token.model,
        "serial": token.serial,
        "firmware": format!("{}.{}", token.firmware.0, token.firmware.1),
        "flags": token.flags,
        "problems": token.problems,
    })
}

fn list_keys(args: &Keys, console: &Console) -> Outcome {
    let ring = ring(&args.tokens, [args.uri.pin_source.as_ref()], console)?;
    let keys = ring.tokens().keys(&args.uri).map_err(key::Error::from)?;
    let certificates = ring.tokens().all_certificates(&args.uri);
    let certificates = certificates.map_err(key::Error::from)?;
    for key in &keys {
        console.result(&shown_key(key))?;
    }
    for there in &certificates {
        console.result(&shown_certificate(there))?;
    }
    if keys.is_empty() {
        console.note(if args.uri.object.is_some() || args.uri.id.is_some() {
            "there is no such private key"
        } else {
            "there is no private key"
        });
    } else {
        console.note(
            "the fingerprints are those that the token shows, but no signature has proven them: \
             `ir-sign token doctor --login` does",
        );
    }
    console.json(|| {
        let keys = keys.iter().map(|key| {
            json!({
                "uri": (!is_nameless(key)).then(|| key.uri.to_string()),
                "label": key.label,
                "id": hex(&key.id),
                "kind": key.public.as_ref().ok().map(|key| key.kind().to_string()),
                "curve": key.public.as_ref().ok().and_then(curve_of),
                "fingerprint": key.public.as_ref().ok().map(|k| show::fingerprint(&k.fingerprint())),
                "problem": key.public.as_ref().err(),
                "attributes": attributes_json(&key.facts),
            })
        });
        let certificates = certificates.iter().map(certificate_json);
        json!({
            "keys": keys.collect::<Vec<_>>(),
            "certificates": certificates.collect::<Vec<_>>(),
        })
    })?;
    Ok(Status::Done)
}

const fn is_nameless(key: &KeyListing) -> bool {
    key.uri.object.is_none() && key.uri.id.is_none()
}

/// The curve of an EC key.
const fn curve_of(key: &PublicKey) -> Option<&'static str> {
    match key.kind() {
        KeyKind::Ec(curve) => Some(curve.sec_name()),
        KeyKind::Rsa { .. } | KeyKind::Ed25519 => None,
    }
}

fn shown_key(key: &KeyListing) -> String {
    let public = match &key.public {
        Ok(public) => {
            let kind = curve_of(public).map_or_else(
                || public.kind().to_string(),
                |curve| format!("curve {curve}"),
            );
            format!("{kind}, fingerprint {}", public.fingerprint())
        }
        Err(problem) => format!("problem: {}", plain(problem)),
    };
    let uri = match (is_nameless(key), key.label.is_empty()) {
        (false, _) => key.uri.to_string(),
        (true, true) => "a key that no URI can name: it has neither label nor id".into(),
        (true, false) => {
            "a key that no URI can name: its label is not UTF-8, and it has no id".into()
        }
    };
    format!(
        "{uri}\n  label \"{}\", id {}\n  {public}\n  {}",
        plain(&key.label),
        hex(&key.id),
        shown_facts(&key.facts)
    )
}

/// The attributes that are true, then those that are false, then those that are unknown.
fn shown_facts(facts: &Facts) -> String {
    let of = |wanted: Option<bool>| {
        let names = facts.iter().filter(|(_, value)| *value == wanted);
        names.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    };
    let mut lines = format!("true: {}\n  false: {}", of(Some(true)), of(Some(false)));
    let unknown = of(None);
    if !unknown.is_empty() {
        let _ = write!(lines, "\n  not known to the token: {unknown}");
    }
    lines
}

fn init(args: Init, console: &Console) -> Outcome {
    let sources = [args.so_pin_source.as_ref(), args.new_pin_source.as_ref()];
    for source in sources.into_iter().flatten() {
        source.keep_from_children();
    }
    let ring = ring(&TokenArgs::of_module(args.pkcs11_module), sources, console)?;
    let setup = Setup {
        label: args.label,
        erase: args.erase,
        so_pin_from: args
            .so_pin_source
            .as_ref()
            .map_or_else(|| "the prompt for the SO PIN".into(), ToString::to_string),
        is_typed: args.so_pin_source.is_none() || args.new_pin_source.is_none(),
    };
    let (so, user) = (args.so_pin_source, args.new_pin_source);
    // A token that is erased has an SO PIN: one prompt is enough, and the token refuses a wrong one.
    let erased = setup.erase.clone();
    let pins = |label: &str, length: &PinLength| {
        let typed = |what| match (&erased, what) {
            (Some(erased), SO_PIN) => old_pin(what, erased),
            _ => new_pin(what, length),
        };
        let pin = |source: Option<&PinSource>, what, flag| -> Result<Pin, pkcs11::Error> {
            let no_pin = |source| pkcs11::Error::NoSetupPin {
                what,
                label: label.to_owned(),
                flag,
                source,
            };
            let pin = source.map_or_else(|| typed(what), PinSource::read);
            let pin = pin.map_err(no_pin)?;
            // Before the next prompt.
            length.check(&pin, what)?;
            if source.is_none() && (erased.is_none() || what != SO_PIN) {
                new_pin_again(what, &pin).map_err(no_pin)?;
            }
            Ok(pin)
        };
        Ok((
            pin(so.as_ref(), SO_PIN, "--so-pin-source")?,
            pin(user.as_ref(), "user PIN", "--new-pin-source")?,
        ))
    };
    let token = ring.tokens().initialise(&args.uri, &setup, pins);
    let token = token.map_err(key::Error::from)?;
    console.note(&format!("initialised token \"{}\"", plain(&token.label)));
    console.result(&token.uri.to_string())?;
    console.json(|| token_json(&token))?;
    Ok(Status::Done)
}

fn import(args: Import, console: &Console) -> Outcome {
    warn_if_open(&KeyRef::File(args.key.clone()), console);
    let ring = ring(&args.tokens, [args.pkcs11_uri.pin_source.as_ref()], console)?;
    let request = keys::Import {
        file: args.key,
        key: args.pkcs11_uri,
    };
    let new = request.run(&ring)?;
    console.note("imported the private key into the token, read it back, and signed with it");
    console.note(
        "it came from a file: the token does not call it local, always sensitive or never extractable, \
         and anyone with the file still has the key",
    );
    console.note(&format!("fingerprint {}", new.public.fingerprint()));
    or_tell_key(console.result(&new.uri.to_string()), &new.uri)?;
    or_tell_key(console.json(|| new_key_json(&new)), &new.uri)?;
    Ok(Status::Done)
}

fn import_certificate(args: ImportCertificate, console: &Console) -> Outcome {
    let ring = ring(&args.tokens, [args.uri.pin_source.as_ref()], console)?;
    let request = keys::ImportCertificates {
        key: args.uri,
        file: args.file,
    };
    let imported = request.run(&ring)?;
    for one in &imported {
        let subject = one.certificate.certificate.subject().to_string();
        let done = if one.is_new {
            "put certificate on the token"
        } else {
            "the certificate was already there"
        };
        console.note(&format!("{done}: {}", plain(&subject)));
        console.result(&one.certificate.uri.to_string())?;
    }
    console.json(|| {
        let all = imported.iter().map(|one| {
            let mut shown = certificate_json(&one.certificate);
            shown["changed"] = one.is_new.into();
            shown
        });
        json!({ "certificates": all.collect::<Vec<_>>() })
    })?;
    Ok(Status::Done)
}

/// A certificate on a token.
fn certificate_json(there: &TokenCertificate) -> Value {
    json!({
        "uri": there.uri.to_string(),
        "label": there.label,
        "id": hex(&there.id),
        "subject": there.certificate.subject().to_string(),
        "issuer": there.certificate.issuer().to_string(),
        "fingerprint": there.certificate.fingerprint().hex(),
    })
}

fn shown_certificate(there: &TokenCertificate) -> String {
    let certificate = &there.certificate;
    format!(
        "{}\n  certificate of {}\n  issued by {}, fingerprint SHA256:{}",
        there.uri,
        plain(&certificate.subject().to_string()),
        plain(&certificate.issuer().to_string()),
        certificate.fingerprint().hex(),
    )
}

/// A new key on a token.
pub(super) fn new_key_json(new: &NewKey) -> Value {
    json!({
        "key": new.uri.to_string(),
        "fingerprint": show::fingerprint(&new.public.fingerprint()),
        "attributes": attributes_json(&new.facts),
        "oddities": new.oddities,
    })
}

fn doctor(args: &Doctor, console: &Console) -> Outcome {
    let ring = ring(&args.tokens, [args.uri.pin_source.as_ref()], console)?;
    let checks = ring.tokens().examine(&args.uri, args.login);
    let checks = checks.map_err(key::Error::from)?;
    for check in &checks {
        console.result(&shown_check(check))?;
    }
    let fit = !checks.iter().any(Check::has_failed);
    console.json(|| {
        let findings = checks.iter().map(|check| {
            let (level, what) = found(check);
            json!({ "level": level, "finding": what, "advice": explain::doctor::advice(check) })
        });
        json!({ "fit": fit, "findings": findings.collect::<Vec<_>>() })
    })?;
    Ok(if fit { Status::Done } else { Status::Refused })
}

/// The grade of a check of a token, and its finding.
fn found(check: &Check) -> (&'static str, &str) {
    use report::Outcome;
    match &check.outcome {
        Outcome::Passed | Outcome::Blocked | Outcome::LeftOut | Outcome::Unchecked(_) => {
            ("ok", check.about.as_deref().unwrap_or_default())
        }
        Outcome::Warned(what) => ("odd", what),
        Outcome::Failed(what) => ("FAIL", what),
    }
}

fn shown_check(check: &Check) -> String {
    let (level, what) = found(check);
    let advice = explain::doctor::advice(check).map(|advice| format!("\n      {advice}"));
    format!("{level:<4}  {}{}", plain(what), advice.unwrap_or_default())
}

fn passport(args: MakePassport, console: &Console) -> Outcome {
    not_beside_json("passport", &args.output, console)?;
    let ring = ring(&args.tokens, [args.uri.pin_source.as_ref()], console)?;
    let request = keys::MakePassport {
        key: args.uri,
        output: args.output,
        accepted: args.accept,
        force: args.force,
    };
    let (passport, how) = request.run(&ring)?;
    console.note(&written(&request.output, how));
    console.note(&format!(
        "fingerprint {}",
        passport.public_key().fingerprint()
    ));
    console.json(|| {
        json!({
            "passport": request.output.display().to_string(),
            "changed": how == Written::New,
            "statement": passport.statement(),
        })
    })?;
    Ok(Status::Done)
}
