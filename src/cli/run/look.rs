//! The commands that inspect a place, and remove what nothing refers to.

use serde_json::{Value, json};

use super::images::asked;
use super::written::{error_json, not_beside_json, written};
use crate::cli::args::image::{InspectImage, LayoutArgs, Prune};
use crate::cli::console::{Console, Failure, Outcome};
use crate::cli::context::beside_bar;
use crate::cli::status::{self, Status};
use crate::cli::{explain, show};
use crate::files::Written;
use crate::ops::Error;
use crate::ops::inspect::{Inspect, Inspection};
use crate::ops::location::{Asked, Location};
use crate::ops::prune;
use crate::store::Limits;
use crate::text::plain;

pub(super) fn inspect_image(args: InspectImage, console: &Console) -> Outcome {
    let asked = asked(
        args.images,
        args.reference.into_iter().collect(),
        false,
        console,
    )?;
    let requests: Vec<_> = asked.into_iter().flat_map(requests).collect();
    if let Some(output) = &args.endorsement {
        not_beside_json("endorsement file", output, console)?;
        let [request] = &*requests else {
            return Err(Error::OneEndorsement(requests.len()).into());
        };
        let Inspection { entries, .. } = beside_bar(console, |bar| request.run(bar))?;
        let how = request.write_endorsement(&entries, output, args.force)?;
        console.note(&written(output, how));
        console.json(|| {
            let path = output.display().to_string();
            json!({ "endorsement": path, "changed": how == Written::New })
        })?;
        return Ok(Status::Done);
    }
    if let [request] = &*requests {
        let inspection = beside_bar(console, |bar| request.run(bar))?;
        show_inspection(&inspection, console)?;
        console.json(|| inspection_json(&inspection))?;
        return Ok(Status::Done);
    }
    let (mut places, mut errors) = (Vec::new(), Vec::new());
    for request in &requests {
        let name = request.name();
        match beside_bar(console, |bar| request.run(bar)) {
            Ok(inspection) => {
                console.result(&format!("{}:", plain(&name)))?;
                show_inspection(&inspection, console)?;
                if console.settings.json {
                    let mut value = inspection_json(&inspection);
                    value["image"] = json!(name);
                    places.push(value);
                }
            }
            Err(error) => {
                console.error(&error);
                errors.push(error);
            }
        }
    }
    console.json(|| {
        let errors = errors.iter().map(|e| error_json(e)["error"].clone());
        json!({ "images": places, "errors": errors.collect::<Vec<_>>() })
    })?;
    Ok(status::worst(errors.iter().map(explain::status)))
}

/// The inspections: one for each image, or one for a whole place.
fn requests(asked: Asked) -> Vec<Inspect> {
    let one = |reference| Inspect {
        location: asked.location.clone(),
        reference,
        limits: Limits::default(),
    };
    if asked.references.is_empty() {
        return vec![one(None)];
    }
    asked.references.into_iter().map(Some).map(one).collect()
}

fn show_inspection(inspection: &Inspection, console: &Console) -> Result<(), Failure> {
    for entry in &inspection.entries {
        console.result(&show::inspected(entry))?;
    }
    match &inspection.realms {
        None => {}
        Some(Ok(findings)) => console.realms(findings),
        Some(Err(reason)) => console.warn(&format!(
            "cannot tell whether realms get this app: {reason}"
        )),
    }
    if let Some(reason) = &inspection.untold {
        console.warn(&format!(
            "cannot tell whether a realm can unpack an image: {reason}"
        ));
    }
    Ok(())
}

fn inspection_json(inspection: &Inspection) -> Value {
    let Inspection {
        entries,
        realms,
        untold,
    } = inspection;
    let realms = realms.as_ref().and_then(|realms| realms.as_ref().ok());
    json!({
        "entries": entries.iter().map(show::inspected_json).collect::<Vec<_>>(),
        "realms": realms.map_or(Value::Null, |findings| show::realms_json(findings)),
        "not_told": untold.as_deref().map(show::short),
    })
}

pub(super) fn prune(args: Prune, console: &Console) -> Outcome {
    let LayoutArgs {
        image,
        registry,
        app,
    } = args.layout;
    let location = match (image, registry, app) {
        (Some(image), ..) => prune::layout(image)?,
        (None, Some(registry), Some(app)) => Location::App { registry, app },
        _ => unreachable!("the argument parser asks for one or the other"),
    };
    let request = prune::Prune {
        location,
        absent: args.absent,
    };
    let pruned = beside_bar(console, |bar| {
        request.run(bar, |found| {
            // The bar may show a wait.
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
                    "{verb} {}, left by an interrupted run",
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
