//! The commands on images.

use std::sync::Arc;

use serde_json::json;

use super::written::error_json;
use crate::cli::args::broker::ReachArgs;
use crate::cli::args::image::{ExtractSignImage, How, Platforms, SignImage};
use crate::cli::args::registry::{ImageArgs, RegistryAt};
use crate::cli::console::{Console, Failure, Outcome};
use crate::cli::context::{beside_bar, reporting, ring_with, warn_if_open};
use crate::cli::status::{self, Status};
use crate::cli::{explain, show};
use crate::image::{Descriptor, ImageName, Reference};
use crate::key::{KeyRef, KeyRing};
use crate::ops::decryption::{self, Encrypted};
use crate::ops::endorsement::EndorsementFrom;
use crate::ops::location::{Asked, Location};
use crate::ops::sign_apps::SignImages;
use crate::ops::signed::SignedImages;
use crate::ops::{self, extract, sign};
use crate::store::{Published, Selection};

pub(super) fn selection(platforms: Platforms) -> Selection {
    match (platforms.platform, platforms.all_platforms) {
        (Some(platform), _) => Selection::Platform(platform),
        (None, true) => Selection::All,
        (None, false) => Selection::One,
    }
}

/// The images and keys of a command, and the ring that has the keys.
fn how(args: How, reach: ReachArgs, console: &Console) -> Result<(sign::How, KeyRing), Failure> {
    let broker = args.decryption.kbs.clone().at(reach);
    let decryption = decryption::keys(&args.decryption.keys, &broker)?;
    let vendor = args.vendor();
    let keys = [Some(&vendor), args.ca_prv.as_ref(), args.ca_pub.as_ref()];
    let own = keys.map(|key| key.and_then(KeyRef::pin_source));
    let passports = args.passports.require_passport;
    let ring = ring_with(&args.tokens, passports, args.jobs, own, console)?;
    let endorsement = match (args.ca_prv, args.vendor_pub_signature, args.ca_pub) {
        (Some(key), ..) => {
            warn_if_open(&key, console);
            EndorsementFrom::Ca(key)
        }
        (None, Some(signature), Some(ca)) => EndorsementFrom::File { signature, ca },
        _ => unreachable!("the argument parser asks for one or the other"),
    };
    warn_if_open(&vendor, console);
    let how = sign::How {
        references: args.references,
        all: false,
        selection: selection(args.platforms),
        vendor,
        endorsement,
        for_realms: args.for_realms,
        replaces_other_ca: args.replace_endorsement,
        encrypted: Encrypted {
            keys: decryption,
            are_allowed: args.allow_encrypted,
        },
        limits: args.limits.into(),
        jobs: args.jobs,
    };
    Ok((how, ring))
}

pub(super) fn sign_image(args: SignImage, console: &Console) -> Outcome {
    let (mut how, ring) = how(args.how, args.images.reach(), console)?;
    if args.all {
        (how.all, how.selection) = (true, Selection::All);
    }
    let asked = asked(
        args.images,
        std::mem::take(&mut how.references),
        args.all,
        console,
    )?;
    let request = SignImages { asked, how };
    let all = beside_bar(console, |bar| request.run(&ring, bar))?;
    if request.has_several() {
        return show_all_signed(&all, console);
    }
    for signed in all {
        let signed = signed?;
        show_signed(&signed, console)?;
        console.json(|| show::signed_json(&signed))?;
    }
    Ok(Status::Done)
}

pub(super) fn extract_sign_image(args: ExtractSignImage, console: &Console) -> Outcome {
    let app = match args.app {
        Some(app) => app,
        None => extract::default_app(&args.filename)?,
    };
    let (how, ring) = how(args.how, args.reach, console)?;
    let request = extract::ExtractSign {
        registry: args.registry,
        archive: args.filename,
        app,
        how,
        force: args.force,
    };
    let (mut signed, published) = beside_bar(console, |bar| request.run(&ring, bar))?;
    let layout = signed.layout.display();
    // An image may have been signed in the archive already; the app has changed in any case.
    signed.changed = published != Published::Same;
    match published {
        Published::New => console.note(&format!("unpacked as {layout}")),
        Published::Replaced => console.note(&format!(
            "unpacked as {layout}, in place of the app that was there"
        )),
        Published::Same => console.note(&format!("{layout} is up to date")),
    }
    show_signed(&signed, console)?;
    console.json(|| {
        let mut result = show::signed_json(&signed);
        result["replaced"] = json!(published == Published::Replaced);
        result
    })?;
    Ok(Status::Done)
}

/// The requested images, by names or by flags: the argument parser allows one or the other. In a registry a name
/// without a tag means `latest`, unless all images are meant.
pub(super) fn asked(
    args: ImageArgs,
    mut references: Vec<Reference>,
    all: bool,
    console: &Console,
) -> Result<Vec<Asked>, Failure> {
    let options = reporting(args.options(), console);
    let (Some(registry), Some(app)) = (args.registry, args.app) else {
        return Ok(Asked::of(args.images, all, &options)?);
    };
    let location = match registry {
        RegistryAt::Folder(registry) => Location::App { registry, app },
        RegistryAt::Docker(registry) => {
            let name = ImageName::in_registry(&registry, app.as_str(), None);
            let name = name.map_err(ops::Error::from)?;
            let asked = Asked::of(vec![name], true, &options)?;
            asked.into_iter().next().expect("one name").location
        }
    };
    if references.is_empty() && !all {
        references.extend(location.by_default());
    }
    Ok(vec![Asked {
        location,
        references,
    }])
}

/// Prints the results for several apps.
fn show_all_signed(all: &[Result<SignedImages, ops::Error>], console: &Console) -> Outcome {
    for signed in all {
        match signed {
            Ok(signed) => show_signed(signed, console)?,
            Err(error) => console.error(error),
        }
    }
    let errors = || all.iter().filter_map(|signed| signed.as_ref().err());
    console.json(|| {
        let signed = all.iter().filter_map(|signed| signed.as_ref().ok());
        let errors = errors().map(|e| error_json(e)["error"].clone());
        json!({
            "signed": signed.map(show::signed_json).collect::<Vec<_>>(),
            "errors": errors.collect::<Vec<_>>(),
        })
    })?;
    Ok(status::worst(errors().map(explain::status)))
}

fn show_signed(signed: &SignedImages, console: &Console) -> Result<(), Failure> {
    // Mending comes first: the lines about images show their state afterwards.
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
    Ok(())
}

/// The most unchecked images to list.
const MOST_TOLD: usize = 20;

/// Warns of other images, where the user named none and the only runnable one was used.
pub(super) fn warn_of_unseen(unseen: &[Arc<Descriptor>], advice: &str, console: &Console) {
    // There may be very many.
    for descriptor in unseen.iter().take(MOST_TOLD) {
        console.warn(&format!(
            "{} is another image, and was not checked; {advice}",
            descriptor.digest
        ));
    }
    if let Some(more @ 1..) = unseen.len().checked_sub(MOST_TOLD) {
        console.warn(&format!("{more} more images were not checked"));
    }
}
