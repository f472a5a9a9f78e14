//! The commands on images.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::written::{not_beside_json, written};
use crate::cli::args::image::{ExtractSignImage, How, InspectImage, Prune, SignImage, VerifyImage};
use crate::cli::args::registry::{ImageArgs, RegistryAt};
use crate::cli::console::{Console, Failure, Outcome};
use crate::cli::context::{beside_bar, ring, ring_with, warn_if_open};
use crate::cli::explain;
use crate::cli::show;
use crate::cli::status::Status;
use crate::files::Written;
#[cfg(feature = "registry")]
use crate::image::Tag;
use crate::image::{Descriptor, ImageName, Reference};
use crate::key::{KeyRef, KeyRing};
use crate::ops::endorsement::Vouch;
use crate::ops::inspect::{Inspect, Inspection};
#[cfg(feature = "registry")]
use crate::ops::place::At;
use crate::ops::place::Where;
#[cfg(feature = "registry")]
use crate::ops::sign_remote;
use crate::ops::{Error, extract, sign, verify};
use crate::report::{Report, Verdict};
use crate::store::{Limits, Published, Registry, Selection};
use crate::text::plain;

/// The images and keys of a command, and the ring that has the keys.
fn how(args: How, console: &Console) -> Result<(sign::How, KeyRing), Failure> {
    let vendor = args.vendor();
    let keys = [Some(&vendor), args.ca_prv.as_ref(), args.ca_pub.as_ref()];
    let own = keys.map(|key| key.and_then(KeyRef::pin_source));
    let passports = args.passports.require_passport;
    let ring = ring_with(&args.tokens, passports, args.jobs, own, console)?;
    let vouch = match (args.ca_prv, args.vendor_pub_signature, args.ca_pub) {
        (Some(key), ..) => {
            warn_if_open(&key, console);
            Vouch::Ca(key)
        }
        (None, Some(signature), Some(ca)) => Vouch::File { signature, ca },
        _ => unreachable!("the argument parser asks for one or the other"),
    };
    warn_if_open(&vendor, console);
    let how = sign::How {
        references: args.references,
        selection: match (args.platform, args.all_platforms) {
            (Some(platform), _) => Selection::Platform(platform),
            (None, true) => Selection::All,
            (None, false) => Selection::One,
        },
        vendor,
        vouch,
        for_realms: args.for_realms,
        limits: args.limits.into(),
        jobs: args.jobs,
    };
    Ok((how, ring))
}

/// Where the images of a command are, and by what they are named there. In a registry one image is meant unless all
/// are: the tag `latest` where there is no other name.
fn images(
    args: &ImageArgs,
    references: Vec<Reference>,
    all: bool,
) -> Result<(Where, Vec<Reference>), Failure> {
    let name = match (&args.image, &args.registry, &args.app) {
        (Some(name), ..) => name.clone(),
        (None, Some(RegistryAt::Folder(registry)), Some(app)) => {
            let (registry, app) = (registry.clone(), app.clone());
            return Ok((Where::App { registry, app }, references));
        }
        (None, Some(RegistryAt::Docker(registry)), Some(app)) => {
            let name = ImageName::in_registry(registry, app.as_str(), None);
            name.map_err(Error::from)?
        }
        _ => unreachable!("the argument parser asks for one or the other"),
    };
    let not_here = |reason| Error::NotHere {
        image: name.to_string(),
        reason,
    };
    match &name {
        #[cfg(feature = "registry")]
        ImageName::Docker {
            host,
            repository,
            tag,
            digest,
        } => {
            let own = match (digest, tag) {
                (Some(digest), _) => Some(Reference::Digest(*digest)),
                (None, Some(tag)) => Some(Reference::Tag(tag.to_string())),
                (None, None) => None,
            };
            if all && own.is_some() {
                Err(not_here(
                    "--all is for a repository: name it without a tag or digest",
                ))?;
            }
            let named = references.into_iter().chain(own);
            let mut named: Vec<_> = named.collect();
            if named.is_empty() && !all {
                named.push(Reference::Tag(Tag::latest().to_string()));
            }
            let at = At {
                host: host.clone(),
                name: repository.clone(),
                options: args.options(),
            };
            Ok((Where::Repository(Box::new(at)), named))
        }
        #[cfg(not(feature = "registry"))]
        ImageName::Docker { .. } => Err(not_here("this build lacks the feature registry"))?,
        ImageName::Layout { path, reference } => {
            let app = path.file_name().and_then(|name| name.to_str());
            let app = app.and_then(|app| app.parse().ok());
            let app = app.ok_or_else(|| not_here("is in a folder whose name no app can have"))?;
            let registry = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let registry = registry.unwrap_or(Path::new(".")).to_owned();
            Ok((
                Where::App { registry, app },
                reference.iter().cloned().collect(),
            ))
        }
        ImageName::Archive { .. } => Err(not_here("archives are read by extract-sign-image"))?,
        ImageName::Dir { .. } => Err(not_here(
            "folders as skopeo writes them for dir: are not read",
        ))?,
    }
}

/// Refuses what is not for repositories of a registry.
fn not_in_registry(place: &Where, reason: &'static str) -> Result<(), Failure> {
    match place {
        Where::App { .. } => Ok(()),
        #[cfg(feature = "registry")]
        Where::Repository(at) => {
            let image = format!("docker://{}/{}", at.host, at.name);
            Err(Error::NotHere { image, reason })?
        }
    }
}

pub(super) fn sign_image(args: SignImage, console: &Console) -> Outcome {
    let (mut how, ring) = how(args.how, console)?;
    let named = std::mem::take(&mut how.references);
    let (place, references) = images(&args.images, named, false)?;
    how.references = references;
    if how.for_realms {
        not_in_registry(&place, "--for-realms is for apps in a registry directory")?;
    }
    let signed = match place {
        Where::App { registry, app } => {
            let request = sign::SignImages { registry, app, how };
            beside_bar(console, |bar| request.run(&ring, bar))?
        }
        #[cfg(feature = "registry")]
        Where::Repository(at) => {
            let request = sign_remote::SignInRegistry { at: *at, how };
            beside_bar(console, |bar| request.run(&ring, bar))?
        }
    };
    show_signed(&signed, None, console)
}

pub(super) fn extract_sign_image(args: ExtractSignImage, console: &Console) -> Outcome {
    let app = match args.app {
        Some(app) => app,
        None => extract::default_app(&args.filename)?,
    };
    let (how, ring) = how(args.how, console)?;
    let request = extract::ExtractSign {
        registry: args.registry,
        archive: args.filename,
        app,
        how,
        force: args.force,
    };
    let (mut signed, published) = beside_bar(console, |bar| request.run(&ring, bar))?;
    let layout = signed.layout.display();
    // An image may have been signed in the archive; the app is another one all the same.
    signed.changed = published != Published::Same;
    match published {
        Published::New => console.note(&format!("unpacked as {layout}")),
        Published::Replaced => console.note(&format!(
            "unpacked as {layout}, in the place of what was there"
        )),
        Published::Same => console.note(&format!(
            "{layout} is there already, with this very content"
        )),
    }
    show_signed(&signed, Some(published), console)
}

fn show_signed(
    signed: &sign::SignedImages,
    published: Option<Published>,
    console: &Console,
) -> Outcome {
    // First, for the images are told of as they are after it.
    for mended in &signed.mended {
        console.note(&show::mended(mended));
    }
    for image in &signed.images {
        console.note(&show::signed(image));
    }
    console.note(&show::endorsement(&signed.endorsement));
    console.detail(&format!("vendor {}", signed.vendor));
    console.detail(&format!("ca     {}", signed.ca));
    for referrer in &signed.referrers {
        console.warn(&show::referrer(referrer));
    }
    warn_of_unseen(&signed.unseen, "-d DIGEST signs it", console);
    for warning in &signed.warnings {
        console.warn(warning);
    }
    console.realms(&signed.realms);
    if !signed.changed {
        console.note("nothing was changed");
    }
    for image in &signed.images {
        console.result(&image.applied.new.to_string())?;
    }
    console.json(|| {
        let mut result = show::signed_json(signed);
        if let Some(published) = published {
            result["replaced"] = json!(published == Published::Replaced);
        }
        result
    })?;
    Ok(Status::Done)
}

pub(super) fn verify_image(args: VerifyImage, console: &Console) -> Outcome {
    let keys = std::iter::once(&args.ca_pub).chain(&args.vendors);
    let ring = ring(&args.tokens, keys.map(KeyRef::pin_source), console)?;
    let (place, references) = images(&args.images, args.references, args.all)?;
    if args.for_realms {
        let reason = "--for-realms is for apps in a registry directory";
        not_in_registry(&place, reason)?;
    }
    let request = verify::VerifyImages {
        place,
        which: if args.all {
            verify::Which::All
        } else {
            verify::Which::Named(references)
        },
        selection: args.platform.map_or(Selection::One, Selection::Platform),
        ca: args.ca_pub,
        vendors: args.vendors,
        for_realms: args.for_realms,
        config_only: args.config_only,
        limits: args.limits.into(),
    };
    let verified = beside_bar(console, |bar| request.run(&ring, bar))?;
    show_verified(&verified, console)
}

/// How many images are told of that were not looked at.
const MOST_TOLD: usize = 20;

/// Tells of images that lie beside the one which was meant without a name, and what to do about them.
fn warn_of_unseen(unseen: &[Arc<Descriptor>], advice: &str, console: &Console) {
    // There may be very many.
    for descriptor in unseen.iter().take(MOST_TOLD) {
        console.warn(&format!(
            "{} is another image that was not looked at; {advice}",
            descriptor.digest
        ));
    }
    if let Some(more @ 1..) = unseen.len().checked_sub(MOST_TOLD) {
        console.warn(&format!("{more} more images were not looked at"));
    }
}

fn show_verified(verified: &verify::Verified, console: &Console) -> Outcome {
    let mut worst = Status::Done;
    let mut images = Vec::new();
    let mut show = |report: &Report, trusted: bool| {
        if console.settings.quiet && !trusted {
            for line in show::failures(report) {
                console.failure(&line);
            }
        }
        console.note(&show::report(report, trusted, console.paint));
        if console.settings.json {
            images.push(show::report_json(report, trusted));
        }
    };
    let mut digests = Vec::new();
    let mut errors = Vec::new();
    for verdict in &verified.images {
        match verdict {
            Ok(Verdict::Trusted(trusted)) => {
                show(trusted.report(), true);
                digests.push(trusted.report().digest);
            }
            // Who trusts a CA asked for a signature.
            Ok(Verdict::Allowed(report) | Verdict::Refused(report)) => {
                show(report, false);
                worst = Status::Refused;
            }
            Err(error) => {
                console.error(error);
                errors.push(error);
            }
        }
    }
    let verdicts = verified.images.iter().filter_map(|v| v.as_ref().ok());
    let failed = verdicts
        .flat_map(|verdict| &verdict.report().checks)
        .filter(|check| check.has_failed());
    if let Some(hint) = explain::realms::hint(failed.filter(|c| c.is_of_realms()).map(|c| c.rule)) {
        console.hint(hint);
    }
    for descriptor in &verified.skipped {
        console.note(&format!(
            "ignored {}: not a runnable image",
            descriptor.digest
        ));
    }
    warn_of_unseen(&verified.unseen, "--all verifies every image", console);
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
        let errors = errors
            .iter()
            .map(|e| super::written::error_json(e)["error"].clone());
        json!({
            "trusted": worst == Status::Done,
            "images": images,
            "skipped": show::digests(&verified.skipped),
            "not_looked_at": show::digests(&verified.unseen),
            "errors": errors.collect::<Vec<_>>(),
        })
    })?;
    Ok(worst)
}

pub(super) fn inspect_image(args: InspectImage, console: &Console) -> Outcome {
    let named = args.reference.into_iter().collect();
    let (place, references) = images(&args.images, named, false)?;
    let request = Inspect {
        place,
        reference: references.into_iter().next(),
        limits: Limits::default(),
    };
    if let Some(output) = &args.endorsement {
        not_beside_json("endorsement file", output, console)?;
    }
    let Inspection {
        entries,
        realms,
        untold,
    } = beside_bar(console, |bar| request.run(bar))?;
    if let Some(output) = &args.endorsement {
        let how = request.write_endorsement(&entries, output, args.force)?;
        console.note(&written(output, how));
        console.json(|| {
            let path = output.display().to_string();
            json!({ "endorsement": path, "changed": how == Written::New })
        })?;
        return Ok(Status::Done);
    }
    for entry in &entries {
        console.result(&show::inspected(entry))?;
    }
    match &realms {
        Ok(findings) => console.realms(findings),
        Err(reason) => console.warn(&format!(
            "cannot tell whether realms get this app: {reason}"
        )),
    }
    if let Some(reason) = &untold {
        console.warn(&format!(
            "cannot tell whether a realm can unpack an image: {reason}"
        ));
    }
    console.json(|| {
        json!({
            "entries": entries.iter().map(show::inspected_json).collect::<Vec<_>>(),
            "realms": realms.as_ref().map_or(Value::Null, |findings| show::realms_json(findings)),
            "not_told": untold.as_deref().map(show::short),
        })
    })?;
    Ok(Status::Done)
}

pub(super) fn prune(args: &Prune, console: &Console) -> Outcome {
    let registry = Registry::open(&args.place.registry, Limits::default())?;
    let pruned = beside_bar(console, |bar| {
        registry.prune(&args.place.app, &args.absent, bar, |found| {
            // It may have told of a wait.
            bar.finish();
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
                    plain(name)
                ));
            }
            for name in &found.foreign {
                console.warn(&show::foreign(name));
            }
            if found.blobs.is_empty() && found.temporary.is_empty() {
                console.note("nothing to remove");
            }
            !args.dry_run
        })
    })?;
    console.json(|| show::pruned_json(&pruned, args.dry_run))?;
    Ok(Status::Done)
}
