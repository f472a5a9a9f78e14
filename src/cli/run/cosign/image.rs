//! Signing and verifying images.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::common::{
    annotations, check_media_types, check_outputs, forms, hanging, images, key_files, keys, now,
    put, signer, write,
};
use super::shown;
use crate::cli::args::cosign::image::{Attest, Sign, Verify, VerifyAttestation};
use crate::cli::console::{Console, Failure, Outcome};
use crate::cli::context::beside_bar;
use crate::cli::run::many::Many;
use crate::cli::run::written::{error_json, shown as path_of};
use crate::cli::status::{self, Status};
use crate::cli::{explain, show};
use crate::encoding::base64::base64;
use crate::files;
use crate::ops::Error;
use crate::ops::cosign::payload::sign_payload;
use crate::ops::cosign::sign::{CosignSign, CosignSigned, Says};
use crate::ops::cosign::verify::{CosignVerdict, CosignVerify};
use crate::ops::policy::Decision;
use crate::scheme::cosign::{Hashes, Wanted, signature_lines};
use crate::text::plain;

/// No predicate is longer.
const MOST_PREDICATE: usize = 128 << 20;

pub(super) fn sign(args: Sign, console: &Console) -> Outcome {
    let mut inputs = key_files(&args.key);
    inputs.extend(args.payload.as_deref());
    check_outputs(
        &[
            ("signature file", &args.output_signature),
            ("payload file", &args.output_payload),
            ("bundle file", &args.bundle),
        ],
        &inputs,
        console,
    )?;
    let hashes = Hashes(args.key.signature_digest_algorithm);
    if let (Some(payload), Some(output)) = (&args.payload, &args.output_signature) {
        let signer = signer(&args.key, console)?;
        let (_, made) = sign_payload(payload, &*signer, hashes)?;
        let text = signature_lines(made.iter().map(|(_, signature)| &**signature));
        write(
            "signature file",
            output,
            text.as_bytes(),
            args.force,
            console,
        )?;
        for (by, _) in &made {
            console.note(&format!(
                "{} signed by {by}",
                plain(&payload.display().to_string())
            ));
        }
        console.json(|| {
            let made = made.iter().map(|(by, signature)| {
                json!({ "algorithm": by.to_string(), "signature": base64(signature) })
            });
            json!({ "payload": payload.display().to_string(), "signatures": made.collect::<Vec<_>>() })
        })?;
        return Ok(Status::Done);
    }
    check_media_types()?;
    let outputs = [&args.output_signature, &args.output_payload, &args.bundle];
    let request = CosignSign {
        images: images(args.images, false, &args.family, console)?,
        says: Says::Signature {
            identity: args.identity,
            annotations: annotations(args.annotations),
        },
        recursive: args.recursive,
        forms: forms(&args.hanging),
        hashes,
        hanging: hanging(&args.hanging)?,
        attaches: args.upload,
        now: now(),
    };
    if outputs.iter().any(|output| output.is_some()) && request.images.len() != 1 {
        return Err(Error::from(crate::ops::cosign::Error::NotHere {
            image: format!("{} images", request.images.len()),
            reason: "signature, payload and bundle files are for one image only",
        })
        .into());
    }
    let signer = signer(&args.key, console)?;
    let all = beside_bar(console, |bar| request.run(&*signer, bar))?;
    if let [Ok(signed)] = &*all {
        write_new(signed, outputs, args.force, console)?;
    }
    let mut made = all.iter().flatten().flatten().flat_map(|image| &image.made);
    let is_new = made.any(|made| made.new.is_some());
    let result = show_signed(all, &signer.public_key().fingerprint().to_string(), console);
    if request.attaches && is_new && !console.settings.quiet {
        console.hint(
            "cosign verifies it without a network by --insecure-ignore-tlog=true or --private-infrastructure",
        );
    }
    result
}

/// Writes what one image's new signatures are into the files that the user names.
fn write_new(
    signed: &[CosignSigned],
    [of_signatures, of_payload, of_bundle]: [&Option<PathBuf>; 3],
    force: bool,
    console: &Console,
) -> Result<(), Failure> {
    let made = || signed.iter().flat_map(|image| &image.made);
    let new = || made().filter_map(|made| made.new.as_ref().map(|new| (made.form, new)));
    let by_tag = || {
        new()
            .filter(|(form, _)| *form != "bundle")
            .map(|(_, new)| new)
    };
    let text: String = by_tag().map(|new| base64(&new.signature) + "\n").collect();
    let signatures = (!text.is_empty()).then_some(text.as_bytes());
    let payload = by_tag().next().map(|new| &*new.message);
    let bundle = new().find_map(|(_, new)| new.bundle.as_deref());
    for (role, path, bytes) in [
        ("signature file", of_signatures, signatures),
        ("payload file", of_payload, payload),
        ("bundle file", of_bundle, bundle),
    ] {
        match (path, bytes) {
            (None, _) => {}
            (Some(path), Some(bytes)) => write(role, path, bytes, force, console)?,
            (Some(path), None) => console.warn(&format!(
                "did not write {}, because there is no new signature; `ir-sign cosign download` prints the present ones",
                path_of(path)
            )),
        }
    }
    Ok(())
}

pub(super) fn attest(args: Attest, console: &Console) -> Outcome {
    check_media_types()?;
    let now = now();
    let content = files::read(&args.predicate, MOST_PREDICATE);
    let content = content.map_err(|source| Error::File {
        role: "predicate file",
        source,
    })?;
    let predicate = args.kind.predicate(&content, &now).map_err(|source| {
        Error::from(crate::ops::cosign::Error::Malformed {
            name: format!("predicate file {}", args.predicate.display()),
            source,
        })
    })?;
    let request = CosignSign {
        images: images(args.images, false, &args.family, console)?,
        says: Says::Attestation {
            kind: args.kind,
            predicate,
            replaces: args.replace,
        },
        recursive: args.recursive,
        forms: forms(&args.hanging),
        hashes: Hashes(args.key.signature_digest_algorithm),
        hanging: hanging(&args.hanging)?,
        attaches: true,
        now,
    };
    let signer = signer(&args.key, console)?;
    let all = beside_bar(console, |bar| request.run(&*signer, bar))?;
    show_signed(all, &signer.public_key().fingerprint().to_string(), console)
}

/// Tells what was signed: a digest a line for scripts, and how for people.
fn show_signed(
    all: Vec<Result<Vec<CosignSigned>, Error>>,
    key: &str,
    console: &Console,
) -> Outcome {
    let mut errors = Vec::new();
    let mut shown = Vec::new();
    for outcome in all {
        match outcome {
            Ok(images) => {
                for image in images {
                    for made in &image.made {
                        let how = if made.new.is_some() { "signed" } else { "kept" };
                        let (form, by) = (made.form, made.by);
                        console.note(&format!(
                            "{} {}: {form} {how} ({by}, key {key})",
                            plain(&image.name),
                            image.digest
                        ));
                        if made.left > 0 {
                            let (name, left) = (plain(&image.name), made.left);
                            console.warn(&format!(
                                "{name}: older attestations of this type and key stay in bundles: {left} ({by}); \
                                 --replace replaces those under the tag alone, as with cosign 3"
                            ));
                        }
                    }
                    console.realms_in_short(&image.realms);
                    console.result(&image.digest.to_string())?;
                    shown.push(signed_json(&image));
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
        json!({ "key": key, "images": shown, "errors": errors.collect::<Vec<_>>() })
    })?;
    Ok(status::worst(errors.iter().map(explain::status)))
}

fn signed_json(image: &CosignSigned) -> Value {
    let made = image.made.iter().map(|made| {
        json!({
            "form": made.form,
            "algorithm": made.by.to_string(),
            "new": made.new.is_some(),
        })
    });
    json!({
        "reference": image.name,
        "digest": image.digest.to_string(),
        "signatures": made.collect::<Vec<_>>(),
        "realms": image.realms.as_ref().map_or(Value::Null, |found| show::realms_json(found)),
    })
}

pub(super) fn verify(args: Verify, console: &Console) -> Outcome {
    let chosen = forms(&args.hanging);
    let inputs = [&args.payload, &args.signature].into_iter().flatten();
    let inputs: Vec<_> = inputs.map(PathBuf::as_path).collect();
    check_outputs(&[("output file", &args.to.output_file)], &inputs, console)?;
    let request = CosignVerify {
        images: images(args.images.names, args.many.all, &args.family, console)?,
        shard: args.many.fleet.shard,
        keys: keys(&args.keys, console)?,
        wanted: Wanted(annotations(args.annotations)),
        hash: args.signature_digest_algorithm,
        attestation: None,
        by_tag: chosen.by_tag,
        bundles: chosen.bundle,
        hanging: hanging(&args.hanging)?,
        detached: args.payload.zip(args.signature),
    };
    let prints = args.output == "json" && !is_for_programs(console);
    let (status, verdicts) = show_verdicts(&request, prints, console)?;
    if status == Status::Done && prints {
        let lists = verdicts.iter();
        let signatures = lists.flat_map(|image| {
            let met = image.met.iter();
            met.map(|met| shown::signature(image, met))
        });
        let list = Value::from(signatures.collect::<Vec<_>>());
        put(format!("{list}\n").as_bytes(), &args.to, console)?;
    }
    Ok(status)
}

pub(super) fn verify_attestation(args: VerifyAttestation, console: &Console) -> Outcome {
    let chosen = forms(&args.hanging);
    check_outputs(&[("output file", &args.to.output_file)], &[], console)?;
    let request = CosignVerify {
        images: images(args.images.names, args.many.all, &args.family, console)?,
        shard: args.many.fleet.shard,
        keys: keys(&args.keys, console)?,
        wanted: Wanted::default(),
        hash: None,
        attestation: Some(args.kind),
        by_tag: chosen.by_tag,
        bundles: chosen.bundle,
        hanging: hanging(&args.hanging)?,
        detached: None,
    };
    let prints = args.output == "json" && !is_for_programs(console);
    let (status, verdicts) = show_verdicts(&request, prints, console)?;
    if status == Status::Done && prints {
        let met = verdicts.iter().flat_map(|image| &image.met);
        let lines = met
            .filter_map(shown::envelope)
            .map(|envelope| format!("{envelope}\n"));
        put(lines.collect::<String>().as_bytes(), &args.to, console)?;
    }
    Ok(status)
}

const fn is_for_programs(console: &Console) -> bool {
    console.settings.json || console.settings.json_lines
}

/// Verifies, and reports what it finds of each image: all have to hold. Keeps the verdicts where they are printed later.
fn show_verdicts(
    request: &CosignVerify,
    keeps: bool,
    console: &Console,
) -> Result<(Status, Vec<CosignVerdict>), Failure> {
    let are_many = request.images.len() > 1 || request.shard.is_some();
    let mut many = Many::new(request.shard, console);
    let mut verdicts = Vec::new();
    beside_bar(console, |bar| {
        request.run(bar, &mut |found| {
            many.take(found, |many, image| {
                tell(many, &image)?;
                if keeps {
                    verdicts.push(image);
                }
                Ok(())
            })
        });
    });
    let are_trusted = many.are_trusted();
    Ok((many.end(are_many, ("trusted", are_trusted))?, verdicts))
}

fn tell(many: &mut Many<'_>, image: &CosignVerdict) -> Result<(), Failure> {
    let trusted = image.verdict.is_trusted();
    let console = many.console;
    if many.tells_people() {
        let report = image.verdict.report();
        if !trusted && console.settings.quiet {
            for line in show::failures(report) {
                console.failure(&line);
            }
        }
        console.note(&show::report(report, trusted, console.paint));
        for met in &image.met {
            console.note(&format!("  {}", shown::line(met)));
        }
        for note in &image.notes {
            console.note(&format!("  note: {}", plain(note)));
        }
    }
    let decision = if trusted {
        Decision::Trusted
    } else {
        Decision::Refused
    };
    many.decided(decision, || verdict_json(image))
}

fn verdict_json(image: &CosignVerdict) -> Value {
    let mut value = show::report_json(image.verdict.report(), image.verdict.is_trusted());
    let met = image.met.iter().map(|met| {
        json!({
            "form": met.form,
            "key": met.key.fingerprint().to_string(),
            "algorithm": met.by.to_string(),
            "log": if met.has_log { "not checked" } else { "none" },
            "says": shown::signature(image, met),
        })
    });
    value["signatures"] = Value::from(met.collect::<Vec<_>>());
    value["looked_at"] = json!(image.looked_at);
    value["notes"] = json!(image.notes);
    value
}
