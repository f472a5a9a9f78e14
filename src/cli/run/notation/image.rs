//! Signing images, and looking at their signatures.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::common::{failed, images, metadata, signer};
use super::tree::Tree;
use crate::cli::args::notation::image::{FamilyArgs, Inspect, List, Sign};
use crate::cli::console::{Console, Failure, Outcome};
use crate::cli::context::beside_bar;
use crate::cli::explain;
use crate::cli::run::written::error_json;
use crate::cli::status::{self, Status};
use crate::encoding::hex::hex;
use crate::encoding::time;
use crate::ops::Error;
use crate::ops::notation::look::{Looked, LookedAt, NotationLook};
use crate::ops::notation::sign::{NotationSign, NotationSigned};
use crate::scheme::notary::{Envelope, SIGNATURE_TYPE, SignatureManifest};
use crate::text::plain;
use crate::x509::Certificate;

/// `notation sign`.
pub(super) fn sign(args: Sign, console: &Console) -> Outcome {
    let images = images(&args.images, false, &args.family, console)?;
    let metadata = metadata(args.user_metadata).map_err(failed)?;
    let (signer, chain) = signer(&args.key, console)?;
    let request = NotationSign {
        images,
        chain,
        format: args.signature_format,
        form: args.signature_manifest,
        metadata,
        lifetime: args.expiry,
        all_platforms: args.all_platforms,
        now: SystemTime::now(),
    };
    let all = beside_bar(console, |_| request.run(&*signer))?;
    show_signed(all, &request.chain, console)
}

/// Tells what was signed: a digest a line for scripts, and how for people.
fn show_signed(
    all: Vec<Result<Vec<NotationSigned>, Error>>,
    chain: &[Certificate],
    console: &Console,
) -> Outcome {
    let (mut signed, mut errors) = (Vec::new(), Vec::new());
    for outcome in all {
        match outcome {
            Ok(images) => signed.extend(images),
            Err(error) => {
                console.error(&error);
                errors.push(error);
            }
        }
    }
    for image in &signed {
        let name = plain(&image.name);
        console.note(&if image.is_new {
            format!("{name}: signed, signature {}", image.signature)
        } else {
            format!(
                "{name}: already signed this way, so ir-sign added nothing; signature {}",
                image.signature
            )
        });
        console.realms_in_short(&image.realms);
        console.result(&image.digest.to_string())?;
    }
    console.json(|| {
        let signed = signed.iter().map(|image| {
            json!({
                "name": image.name,
                "digest": image.digest.to_string(),
                "signature": image.signature.to_string(),
                "new": image.is_new,
                "expiry": image.expiry.map(time::write),
            })
        });
        let errors = errors.iter().map(|e| error_json(e)["error"].clone());
        json!({
            "signer": chain.first().map(|leaf| leaf.subject().to_string()),
            "signed": signed.collect::<Vec<_>>(),
            "errors": errors.collect::<Vec<_>>(),
        })
    })?;
    Ok(status::worst(errors.iter().map(explain::status)))
}

fn look(
    name: &str,
    most: usize,
    family: &FamilyArgs,
    console: &Console,
) -> Result<Looked, Failure> {
    let names = [name.to_owned()];
    let mut images = images(&names, false, family, console)?;
    let image = images.pop().expect("one name is one image");
    let request = NotationLook { image, most };
    Ok(beside_bar(console, |bar| request.run(bar))?)
}

/// Says what the tree does not show. A signature that is none may hide what somebody did.
fn complain(looked: &Looked, most: usize, console: &Console) -> Status {
    let mut status = Status::Done;
    for signature in &looked.signatures {
        if let Err(reason) = &signature.read {
            console.failure(&format!("signature {}: {reason}", signature.digest));
            status = Status::Refused;
        }
    }
    if looked.more {
        console.warn(&format!(
            "there are more than {most} signatures; --max-signatures shows more"
        ));
    }
    status
}

/// `notation list`.
pub(super) fn list(args: &List, console: &Console) -> Outcome {
    let most = args.max_signatures;
    let looked = look(&args.image, most, &args.family, console)?;
    let good = looked.signatures.iter().filter(|one| one.read.is_ok());
    let digests: Vec<String> = good.map(|one| one.digest.to_string()).collect();
    if digests.is_empty() {
        console.result(&format!(
            "{} has no associated signature",
            plain(&looked.name)
        ))?;
    } else {
        let mut tree = Tree::new(&looked.name);
        let kind = tree.add(SIGNATURE_TYPE);
        for digest in &digests {
            kind.add(digest);
        }
        for line in tree.lines() {
            console.result(&line)?;
        }
    }
    let status = complain(&looked, most, console);
    console.json(|| {
        json!({
            "image": looked.name,
            "digest": looked.image.digest.to_string(),
            "signatures": digests,
            "errors": errors(&looked),
            "more": looked.more,
        })
    })?;
    Ok(status)
}

fn errors(looked: &Looked) -> Vec<Value> {
    let all = looked.signatures.iter();
    let bad = all.filter_map(|one| Some((one.digest, one.read.as_ref().err()?)));
    bad.map(|(digest, reason)| json!({ "digest": digest.to_string(), "reason": reason }))
        .collect()
}

/// `notation inspect`.
pub(super) fn inspect(args: &Inspect, console: &Console) -> Outcome {
    let most = args.max_signatures;
    let looked = look(&args.image, most, &args.family, console)?;
    let good = looked.signatures.iter().filter_map(said);
    let is_json = args.output == "json" || console.settings.json;
    if is_json {
        let all = good.map(|(of, manifest, envelope)| said_json(of, manifest, envelope));
        let value = json!({
            "mediaType": &*looked.image.media_type,
            "signatures": all.collect::<Vec<_>>(),
        });
        let text = format!("{value:#}\n");
        crate::cli::console::print(text.as_bytes())?;
    } else if looked.signatures.iter().all(|one| one.read.is_err()) {
        console.result(&format!(
            "{} has no associated signature",
            plain(&looked.name)
        ))?;
    } else {
        console.result("Inspecting all signatures for signed artifact")?;
        let mut tree = Tree::new(&looked.name);
        let kind = tree.add(SIGNATURE_TYPE);
        for (of, manifest, envelope) in good {
            said_tree(kind, of, manifest, envelope);
        }
        for line in tree.lines() {
            console.result(&line)?;
        }
    }
    Ok(complain(&looked, most, console))
}

fn said(of: &LookedAt) -> Option<(&LookedAt, &SignatureManifest, &Envelope)> {
    let (manifest, envelope) = of.read.as_ref().ok()?;
    Some((of, manifest, envelope))
}

/// The signed attributes, under notation's names.
fn signed_attributes(envelope: &Envelope) -> Vec<(&'static str, String)> {
    let attributes = &envelope.attributes;
    let mut all = vec![
        ("signingScheme", attributes.scheme.name().to_owned()),
        ("signingTime", time::write(attributes.signing_time)),
    ];
    all.extend(attributes.expiry.map(|at| ("expiry", time::write(at))));
    all.extend(
        attributes
            .plugin
            .iter()
            .map(|plugin| ("verificationPlugin", plugin.name.clone())),
    );
    all
}

/// The algorithm under notation's name.
fn algorithm(envelope: &Envelope) -> String {
    use crate::crypto::{Algorithm, HashAlgorithm};
    let of = |hash: HashAlgorithm| hash.name().trim_start_matches("sha").to_owned();
    match envelope.algorithm {
        Algorithm::Ecdsa(_, hash) => format!("ECDSA-SHA-{}", of(hash)),
        Algorithm::RsaPss(hash) => format!("RSASSA-PSS-SHA-{}", of(hash)),
        other @ (Algorithm::RsaPkcs1(_) | Algorithm::Ed25519) => other.to_string(),
    }
}

fn said_json(of: &LookedAt, manifest: &SignatureManifest, envelope: &Envelope) -> Value {
    let pairs = |all: Vec<(&'static str, String)>| {
        let all = all.into_iter();
        Value::Object(
            all.map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        )
    };
    let certificates = envelope.chain.certificates().iter().map(|certificate| {
        json!({
            "SHA256Fingerprint": certificate.fingerprint().hex(),
            "issuedTo": certificate.subject().to_string(),
            "issuedBy": certificate.issuer().to_string(),
            "expiry": time::write(certificate.not_after()),
        })
    });
    let payload = &envelope.payload;
    let mut unsigned = serde_json::Map::new();
    if let Some(agent) = &envelope.agent {
        unsigned.insert("signingAgent".into(), agent.clone().into());
    }
    if let Some(token) = &envelope.timestamp {
        unsigned.insert("timestampSignature".into(), hex(token).into());
    }
    json!({
        "mediaType": manifest.format.media_type(),
        "digest": of.digest.to_string(),
        "signatureAlgorithm": algorithm(envelope),
        "signedAttributes": pairs(signed_attributes(envelope)),
        "userDefinedAttributes": payload.annotations,
        "unsignedAttributes": unsigned,
        "certificates": certificates.collect::<Vec<_>>(),
        "signedArtifact": {
            "mediaType": payload.media_type,
            "digest": payload.digest.to_string(),
            "size": payload.size,
        },
    })
}

fn said_tree(kind: &mut Tree, of: &LookedAt, manifest: &SignatureManifest, envelope: &Envelope) {
    let node = kind.add(&of.digest.to_string());
    node.pair("media type", manifest.format.media_type());
    node.pair("signature algorithm", &algorithm(envelope));
    let signed = node.add("signed attributes");
    for (name, value) in signed_attributes(envelope) {
        signed.pair(name, &value);
    }
    let payload = &envelope.payload;
    let own = node.add("user defined attributes");
    for (name, value) in &payload.annotations {
        own.pair(name, value);
    }
    if payload.annotations.is_empty() {
        own.add("(empty)");
    }
    let unsigned = node.add("unsigned attributes");
    if let Some(agent) = &envelope.agent {
        unsigned.pair("signingAgent", agent);
    }
    if envelope.timestamp.is_some() {
        unsigned.add("timestamp signature, which ir-sign does not read");
    }
    let certificates = node.add("certificates");
    for certificate in envelope.chain.certificates() {
        let one = certificates.pair("SHA256 fingerprint", &certificate.fingerprint().hex());
        one.pair("issued to", &certificate.subject().to_string());
        one.pair("issued by", &certificate.issuer().to_string());
        one.pair("expiry", &time::write(certificate.not_after()));
    }
    let artifact = node.add("signed artifact");
    artifact.pair("media type", &payload.media_type);
    artifact.pair("digest", &payload.digest.to_string());
    artifact.pair("size", &payload.size.to_string());
}
