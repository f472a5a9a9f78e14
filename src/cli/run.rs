//! Each command, from its flags to what it prints.

use std::fs::Metadata;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::{
    Color, Command, ExtractPublic, ExtractSignImage, GenKey, How, InspectImage, Prune, Settings,
    Sign, SignImage, Verify, VerifyImage,
};
use super::bar::Bar;
use super::console::{Console, Failure, Outcome, print, tell};
use super::explain::{self, Status};
use super::generate;
use super::show;
use crate::files::{Existing, Written};
use crate::key::KeyRef;
use crate::ops::{Error, endorsement::Vouch, extract, file, inspect::Inspect, keys, sign, verify};
use crate::report::Report;
use crate::store::{Limits, Published, Registry, Selection};

/// Runs a command and tells how it went.
pub fn run(command: Command) -> ExitCode {
    let console = Console::new(settings(&command));
    let status = match execute(command, &console) {
        Ok(status) => status,
        Err(Failure::Work(error)) => {
            console.error(&error);
            let status = explain::status(&error);
            let told = console.json(|| error_json(&error));
            match told {
                Ok(()) => status,
                Err(_) => Status::Undecided,
            }
        }
        Err(Failure::Output(error)) => {
            tell(&format!("error: cannot write to standard output: {error}"));
            Status::Undecided
        }
    };
    ExitCode::from(status as u8)
}

fn error_json(error: &Error) -> Value {
    json!({
        "error": {
            "message": error.to_string(),
            "hint": explain::hint(error),
            "status": explain::status(error) as u8,
        }
    })
}

fn settings(command: &Command) -> Settings {
    match command {
        Command::GenKey(args) => args.common.into(),
        Command::ExtractPublic(args) => args.common.into(),
        Command::Sign(args) | Command::Endorse(args) => args.common.into(),
        Command::Verify(args) => args.common.into(),
        Command::SignImage(args) => args.how.common.into(),
        Command::ExtractSignImage(args) => args.how.common.into(),
        Command::VerifyImage(args) => args.common.into(),
        Command::InspectImage(args) => args.common.into(),
        Command::Prune(args) => args.common.into(),
        Command::Completions { .. } | Command::Man { .. } => Settings {
            json: false,
            quiet: false,
            verbose: 0,
            color: Color::Auto,
        },
    }
}

fn execute(command: Command, console: &Console) -> Outcome {
    match command {
        Command::GenKey(args) => gen_key(args, console),
        Command::ExtractPublic(args) => extract_public(args, console),
        Command::Sign(args) => sign_file(args, false, console),
        Command::Endorse(args) => sign_file(args, true, console),
        Command::Verify(args) => verify_file(args, console),
        Command::SignImage(args) => sign_image(args, console),
        Command::ExtractSignImage(args) => extract_sign_image(args, console),
        Command::VerifyImage(args) => verify_image(args, console),
        Command::InspectImage(args) => inspect_image(args, console),
        Command::Prune(args) => prune(&args, console),
        Command::Completions { shell } => {
            print(&generate::completions(shell))?;
            Ok(Status::Done)
        }
        Command::Man { dir, force } => {
            let existing = if force {
                Existing::Replace
            } else {
                Existing::Keep
            };
            for page in generate::manual(&dir, existing)? {
                console.note(&format!("wrote {}", shown(&dir.join(page))));
            }
            Ok(Status::Done)
        }
    }
}

fn gen_key(args: GenKey, console: &Console) -> Outcome {
    let request = keys::Generate {
        key: args.output,
        public: args.public,
        force: args.force,
    };
    let key = request.run()?;
    console.note(&format!(
        "made private key {}",
        show::plain(&request.key.to_string())
    ));
    if let Some(public) = &request.public {
        console.note(&format!("wrote its public key {}", shown(public)));
    }
    console.note(&format!("fingerprint {}", key.fingerprint()));
    console.json(|| {
        json!({
            "key": request.key.to_string(),
            "public": request.public.as_ref().map(|p| p.display().to_string()),
            "fingerprint": show::fingerprint(&key.fingerprint()),
        })
    })?;
    Ok(Status::Done)
}

/// A path for a person.
fn shown(path: &Path) -> String {
    show::plain(&path.display().to_string())
}

fn written(path: &Path, written: Written) -> String {
    match written {
        Written::New => format!("wrote {}", shown(path)),
        Written::Same => format!("{} is right already and was left alone", shown(path)),
    }
}

fn extract_public(args: ExtractPublic, console: &Console) -> Outcome {
    warn_if_open(&args.input, console);
    let request = keys::ExtractPublic {
        key: args.input,
        output: args.output,
        force: args.force,
    };
    let (key, how) = request.run()?;
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

fn sign_file(args: Sign, endorse: bool, console: &Console) -> Outcome {
    warn_if_open(&args.key, console);
    let request = file::SignFile {
        key: args.key,
        file: args.file,
        signature: args.signature,
        force: args.force,
        endorse,
    };
    let bar = Bar::new(console.settings);
    let result = request.run(&bar);
    bar.finish();
    let signed = result?;
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

fn verify_file(args: Verify, console: &Console) -> Outcome {
    let request = file::VerifyFile {
        key: args.key,
        file: args.file,
        signature: args.signature,
    };
    let bar = Bar::new(console.settings);
    let result = request.run(&bar);
    bar.finish();
    let key = result?;
    console.note(&format!(
        "{} was signed by {}",
        shown(&request.file),
        key.fingerprint()
    ));
    console.json(|| json!({ "verified": true, "key": show::fingerprint(&key.fingerprint()) }))?;
    Ok(Status::Done)
}

fn how(args: How, console: &Console) -> sign::How {
    let vouch = match (args.ca_prv, args.vendor_pub_signature, args.ca_pub) {
        (Some(key), ..) => {
            warn_if_open(&key, console);
            Vouch::Ca(key)
        }
        (None, Some(signature), Some(ca)) => Vouch::File { signature, ca },
        _ => unreachable!("the argument parser asks for one or the other"),
    };
    warn_if_open(&args.vendor_prv, console);
    sign::How {
        references: args.references,
        selection: match (args.platform, args.all_platforms) {
            (Some(platform), _) => Selection::Platform(platform),
            (None, true) => Selection::All,
            (None, false) => Selection::One,
        },
        vendor: args.vendor_prv,
        vouch,
        limits: args.limits.into(),
    }
}

fn sign_image(args: SignImage, console: &Console) -> Outcome {
    let request = sign::SignImages {
        registry: args.place.registry,
        app: args.place.app,
        how: how(args.how, console),
    };
    let bar = Bar::new(console.settings);
    let result = request.run(&bar);
    bar.finish();
    show_signed(&result?, console)
}

fn extract_sign_image(args: ExtractSignImage, console: &Console) -> Outcome {
    let app = match args.app {
        Some(app) => app,
        None => extract::default_app(&args.filename)?,
    };
    let request = extract::ExtractSign {
        registry: args.registry,
        archive: args.filename,
        app,
        how: how(args.how, console),
        force: args.force,
    };
    let bar = Bar::new(console.settings);
    let result = request.run(&bar);
    bar.finish();
    let (mut signed, published) = result?;
    let layout = signed.layout.display();
    match published {
        Published::New => console.note(&format!("unpacked as {layout}")),
        Published::Replaced => console.note(&format!(
            "unpacked as {layout}, in the place of what was there"
        )),
        Published::Same => {
            console.note(&format!(
                "{layout} is there already, with this very content"
            ));
            signed.changed = false;
        }
    }
    show_signed(&signed, console)
}

fn show_signed(signed: &sign::SignedImages, console: &Console) -> Outcome {
    for image in &signed.images {
        console.note(&show::signed(image));
    }
    console.note(&show::endorsement(&signed.endorsement));
    console.detail(&format!("vendor {}", signed.vendor));
    console.detail(&format!("ca     {}", signed.ca));
    for referrer in &signed.referrers {
        console.warn(&show::referrer(referrer));
    }
    for warning in &signed.warnings {
        console.warn(warning);
    }
    if !signed.changed {
        console.note("nothing was changed");
    }
    for image in &signed.images {
        console.result(&image.applied.new.to_string())?;
    }
    console.json(|| show::signed_json(signed))?;
    Ok(Status::Done)
}

fn verify_image(args: VerifyImage, console: &Console) -> Outcome {
    let request = verify::VerifyImages {
        registry: args.place.registry,
        app: args.place.app,
        which: if args.all {
            verify::Which::All
        } else {
            verify::Which::Named(args.references)
        },
        selection: args.platform.map_or(Selection::One, Selection::Platform),
        ca: args.ca_pub,
        vendors: args.vendors,
        config_only: args.config_only,
        limits: args.limits.into(),
    };
    let bar = Bar::new(console.settings);
    let result = request.run(&bar);
    bar.finish();
    show_verified(&result?, console)
}

fn show_verified(verified: &verify::Verified, console: &Console) -> Outcome {
    let mut worst = Status::Done;
    let mut images = Vec::new();
    let mut show = |report: &Report, trusted: bool| {
        console.note(&show::report(report, trusted, console.paint));
        if console.settings.json {
            images.push(show::report_json(report, trusted));
        }
    };
    let mut digests = Vec::new();
    let mut errors = Vec::new();
    for verdict in &verified.images {
        match verdict {
            Ok(Ok(trusted)) => {
                show(trusted.report(), true);
                digests.push(trusted.report().digest);
            }
            Ok(Err(report)) => {
                show(report, false);
                worst = Status::Refused;
            }
            Err(error) => {
                console.error(error);
                errors.push(error);
            }
        }
    }
    for descriptor in &verified.skipped {
        console.note(&format!(
            "{} is not an image and was passed over",
            descriptor.digest
        ));
    }
    for digest in digests {
        console.result(&digest.to_string())?;
    }
    // A check that failed is known; what could not be decided does not take that back.
    if worst == Status::Done
        && let Some(status) = errors.iter().map(|e| explain::status(e)).max()
    {
        worst = status;
    }
    console.json(|| {
        let skipped = verified.skipped.iter().map(|d| d.digest.to_string());
        let errors = errors.iter().map(|e| error_json(e)["error"].clone());
        json!({
            "trusted": worst == Status::Done,
            "images": images,
            "skipped": skipped.collect::<Vec<_>>(),
            "errors": errors.collect::<Vec<_>>(),
        })
    })?;
    Ok(worst)
}

fn inspect_image(args: InspectImage, console: &Console) -> Outcome {
    let request = Inspect {
        registry: args.place.registry,
        app: args.place.app,
        reference: args.reference,
        limits: Limits::default(),
    };
    let entries = request.run()?;
    for entry in &entries {
        console.result(&show::inspected(entry))?;
    }
    console.json(
        || json!({ "entries": entries.iter().map(show::inspected_json).collect::<Vec<_>>() }),
    )?;
    Ok(Status::Done)
}

fn prune(args: &Prune, console: &Console) -> Outcome {
    let registry = Registry::open(&args.place.registry, Limits::default())?;
    let layout = registry.layout(&args.place.app)?;
    let bar = Bar::new(console.settings);
    let pruned = layout.prune(&bar, |found| {
        let verb = if args.dry_run {
            "would remove"
        } else {
            "removing"
        };
        for (digest, size) in &found.blobs {
            console.note(&format!("{verb} {digest} ({size} bytes)"));
        }
        for name in &found.temporary {
            console.note(&format!(
                "{verb} {}, left by a run that was ended",
                show::plain(name)
            ));
        }
        for name in &found.foreign {
            console.warn(&show::foreign(name));
        }
        if found.blobs.is_empty() && found.temporary.is_empty() {
            console.note("nothing to remove");
        }
        !args.dry_run
    });
    bar.finish();
    let pruned = pruned?;
    console.json(|| show::pruned_json(&pruned, !args.dry_run))?;
    Ok(Status::Done)
}

/// Warns of a private key that others on this machine can read.
fn warn_if_open(key: &KeyRef, console: &Console) {
    use std::os::unix::fs::PermissionsExt;
    let KeyRef::File(path) = key;
    let metadata = path.metadata().ok().filter(Metadata::is_file);
    let mode = metadata.map_or(0, |m| m.permissions().mode());
    if mode & 0o077 != 0 {
        console.warn(&format!(
            "private key {} can be read or written by others (mode {:04o}); chmod 600 it",
            path.display(),
            mode & 0o7777
        ));
    }
}
