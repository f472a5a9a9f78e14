//! What hangs on images: written down for offline machines, attached, downloaded and shown.

use serde_json::{Value, json};

use super::common::{
    annotations, check_media_types, check_outputs, hanging, key, now, one_image, put, write,
};
use crate::cli::args::cosign::hanging::{
    AttachAttestation, AttachSignature, Download, DownloadAttestation, DownloadSignature,
    Generate as GenerateArgs, Triangulate,
};
use crate::cli::console::{Console, Outcome, print};
use crate::cli::context::beside_bar;
use crate::cli::show::realms_json;
use crate::cli::status::Status;
use crate::encoding::base64::base64;
use crate::image::ImageName;
use crate::ops::cosign::attach::{Attach, AttachedTo, What};
use crate::ops::cosign::look::{Branch, Kind, Look};
use crate::ops::cosign::payload::Generate;
use crate::scheme::cosign::{Attachment, PredicateType};
use crate::text::plain;

pub(super) fn generate(args: GenerateArgs, console: &Console) -> Outcome {
    check_outputs(&[("payload file", &args.to.output_file)], &[], console)?;
    let request = Generate {
        image: one_image(args.image, &args.family, console)?,
        identity: args.sign_container_identity,
        annotations: annotations(args.annotations),
        statement: args.hanging.new_bundle_format == Some(true),
    };
    let payload = beside_bar(console, |bar| request.run(bar))?;
    match &args.to.output_file {
        Some(path) => write("payload file", path, &payload, args.to.force, console)?,
        // Without an end of line: the bytes that are signed.
        None if !console.settings.json => print(&payload)?,
        None => {}
    }
    console.json(|| json!({ "payload": base64(&payload) }))?;
    Ok(Status::Done)
}

pub(super) fn attach_signature(args: AttachSignature, console: &Console) -> Outcome {
    let what = What::Signature {
        payload: args.payload,
        signature: args.signature,
        key: key(args.of.key.as_ref(), &args.of.tokens, console)?,
    };
    let request = Attach {
        image: one_image(args.image, &args.of.family, console)?,
        what,
        hanging: hanging(&args.of.hanging)?,
        now: now(),
    };
    attach(&request, console)
}

pub(super) fn attach_attestation(args: AttachAttestation, console: &Console) -> Outcome {
    let what = What::Attestation {
        file: args.attestation,
        key: key(args.of.key.as_ref(), &args.of.tokens, console)?,
    };
    let request = Attach {
        image: one_image(args.image, &args.of.family, console)?,
        what,
        hanging: hanging(&args.of.hanging)?,
        now: now(),
    };
    attach(&request, console)
}

fn attach(request: &Attach, console: &Console) -> Outcome {
    check_media_types()?;
    let verified = match &request.what {
        What::Signature { key, .. } | What::Attestation { key, .. } => key.is_some(),
    };
    let AttachedTo {
        digest,
        is_new,
        realms,
    } = request.run()?;
    let name = plain(&request.image.name.to_string());
    console.note(&if is_new {
        format!("attached to {name}")
    } else {
        format!("attached already to {name}, so nothing was changed")
    });
    if !verified {
        console.warn("no key verified it: give --key to verify it before attaching");
    }
    console.realms_in_short(&realms);
    console.result(&digest.to_string())?;
    console.json(|| {
        json!({
            "digest": digest.to_string(),
            "new": is_new,
            "verified": verified,
            "realms": realms.as_ref().map_or(Value::Null, |found| realms_json(found)),
        })
    })?;
    Ok(Status::Done)
}

fn look(args: Download, console: &Console) -> Result<Look, crate::cli::console::Failure> {
    Ok(Look {
        image: one_image(args.image, &args.family, console)?,
        hanging: hanging(&args.hanging)?,
    })
}

pub(super) fn download_signature(args: DownloadSignature, console: &Console) -> Outcome {
    check_outputs(&[("output file", &args.to.output_file)], &[], console)?;
    let look = look(args.of, console)?;
    let mut lines = Vec::new();
    for found in beside_bar(console, |bar| look.signatures(bar))? {
        // As cosign prints them.
        lines.push(json!({
            "Base64Signature": found.annotations.get("dev.cosignproject.cosign/signature"),
            "Payload": base64(&found.content),
            "Cert": null,
            "Chain": null,
            "Bundle": null,
            "RFC3161Timestamp": null,
        }));
    }
    let lines = lines.iter().map(|line| format!("{line}\n"));
    put(lines.collect::<String>().as_bytes(), &args.to, console)?;
    Ok(Status::Done)
}

pub(super) fn download_attestation(args: DownloadAttestation, console: &Console) -> Outcome {
    check_outputs(&[("output file", &args.to.output_file)], &[], console)?;
    let look = look(args.of, console)?;
    let kind = args.predicate_type.as_ref().map(PredicateType::uri);
    let found = beside_bar(console, |bar| look.attestations(kind, bar))?;
    let lines = found
        .iter()
        .map(|found| [&found.content[..], b"\n"].concat());
    put(&lines.collect::<Vec<_>>().concat(), &args.to, console)?;
    Ok(Status::Done)
}

pub(super) fn triangulate(args: Triangulate, console: &Console) -> Outcome {
    let kind = match args.kind.as_str() {
        "attestation" => Attachment::Attestations,
        _ => Attachment::Signatures,
    };
    let look = look(args.of, console)?;
    let tag = beside_bar(console, |bar| look.triangulate(kind, bar))?;
    let name = tagged(&look.image.beside(), &tag);
    console.result(&name)?;
    console.json(|| json!({ "name": name }))?;
    Ok(Status::Done)
}

/// The name of another tag of the same place.
fn tagged(name: &ImageName, tag: &str) -> String {
    match name {
        ImageName::Docker {
            host, repository, ..
        } => format!("{host}/{repository}:{tag}"),
        ImageName::Layout { path, .. } => format!("oci:{}:{tag}", path.display()),
        ImageName::Archive { kind, path, .. } => {
            format!("{}:{}:{tag}", kind.transport(), path.display())
        }
        ImageName::Dir { path } => format!("dir:{}", path.display()),
    }
}

fn at_digest(name: &ImageName, digest: &str) -> String {
    tagged(name, "").trim_end_matches(':').to_owned() + "@" + digest
}

pub(super) fn tree(args: Download, console: &Console) -> Outcome {
    let look = look(args, console)?;
    let (_, branches) = beside_bar(console, |bar| look.tree(bar))?;
    let name = &look.image.beside();
    let shown = look.image.name.to_string();
    let shown = shown.strip_prefix("docker://").unwrap_or(&shown);
    console.result(&format!(
        "📦 Supply Chain Security Related artifacts for an image: {}",
        plain(shown)
    ))?;
    for Branch {
        kind,
        name: of,
        layers,
    } in &branches
    {
        let head = match kind {
            Kind::Signatures => {
                format!("└── 🔐 Signatures for an image tag: {}", tagged(name, of))
            }
            Kind::Attestations => {
                format!("└── 💾 Attestations for an image tag: {}", tagged(name, of))
            }
            Kind::Referrer(predicate) => format!(
                "└── 🔗 {} artifacts via OCI referrer: {}",
                predicate.as_deref().unwrap_or("unknown"),
                at_digest(name, of)
            ),
        };
        console.result(&plain(&head))?;
        for (n, layer) in layers.iter().enumerate() {
            let branch = if n + 1 == layers.len() {
                "└──"
            } else {
                "├──"
            };
            console.result(&format!("   {branch} 🍒 {layer}"))?;
        }
    }
    if branches.is_empty() {
        console.note("nothing is attached to it");
    }
    console.json(|| {
        let branches = branches.iter().map(|branch| {
            let (kind, predicate) = match &branch.kind {
                Kind::Signatures => ("signatures", None),
                Kind::Attestations => ("attestations", None),
                Kind::Referrer(predicate) => ("referrer", predicate.clone()),
            };
            let layers = branch.layers.iter().map(ToString::to_string);
            json!({
                "kind": kind,
                "name": branch.name,
                "type": predicate,
                "layers": layers.collect::<Vec<_>>(),
            })
        });
        json!({ "image": name.to_string(), "artifacts": branches.collect::<Vec<_>>() })
    })?;
    Ok(Status::Done)
}
