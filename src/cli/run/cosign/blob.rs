//! Signing and verifying files.

use std::path::PathBuf;

use serde_json::json;

use super::common::{check_outputs, key_files, keys, now, signer, write};
use super::shown;
use crate::cli::args::cosign::blob::{AttestBlob, SignBlob, VerifyBlob, VerifyBlobAttestation};
use crate::cli::console::{Console, Outcome, print};
use crate::cli::context::beside_bar;
use crate::cli::run::verdict::show_verdict;
use crate::cli::run::written::shown as path_of;
use crate::cli::status::Status;
use crate::encoding::base64::base64;
use crate::files;
use crate::ops::Error;
use crate::ops::cosign::blob::{
    Proof, attest_blob, sign_blob, verify_blob, verify_blob_attestation,
};

/// No predicate is longer.
const MOST_PREDICATE: usize = 128 << 20;

pub(super) fn sign(args: &SignBlob, console: &Console) -> Outcome {
    let mut inputs = key_files(&args.key);
    inputs.push(&args.file);
    check_outputs(
        &[
            ("signature file", &args.output_signature),
            ("bundle file", &args.bundle),
        ],
        &inputs,
        console,
    )?;
    let signer = signer(&args.key, console)?;
    let hash = args.key.signature_digest_algorithm;
    let made = beside_bar(console, |bar| sign_blob(&args.file, &*signer, hash, bar))?;
    let signature = base64(&made.signature);
    if let Some(path) = &args.bundle {
        write("bundle file", path, &made.bundle, args.force, console)?;
    }
    match &args.output_signature {
        Some(path) => write(
            "signature file",
            path,
            signature.as_bytes(),
            args.force,
            console,
        )?,
        None => console.result(&signature)?,
    }
    let key = signer.public_key().fingerprint();
    console.note(&format!("{} signed by {key}", path_of(&args.file)));
    console.json(|| {
        json!({
            "file": args.file.display().to_string(),
            "digest": made.digest.to_string(),
            "signature": signature,
            "key": key.to_string(),
        })
    })?;
    Ok(Status::Done)
}

pub(super) fn attest(args: &AttestBlob, console: &Console) -> Outcome {
    let mut inputs = key_files(&args.key);
    inputs.extend([&*args.file, &*args.predicate]);
    check_outputs(
        &[
            ("attestation file", &args.output_attestation),
            ("bundle file", &args.bundle),
        ],
        &inputs,
        console,
    )?;
    let content = files::read(&args.predicate, MOST_PREDICATE);
    let content = content.map_err(|source| Error::File {
        role: "predicate file",
        source,
    })?;
    let predicate = args.kind.predicate(&content, &now());
    let predicate = predicate.map_err(|source| {
        Error::from(crate::ops::cosign::Error::Malformed {
            name: format!("predicate file {}", args.predicate.display()),
            source,
        })
    })?;
    let signer = signer(&args.key, console)?;
    let hash = args.key.signature_digest_algorithm;
    let (envelope, made) = beside_bar(console, |bar| {
        attest_blob(&args.file, &args.kind, &predicate, &*signer, hash, bar)
    })?;
    let envelope = envelope.to_bytes();
    if let Some(path) = &args.bundle {
        write("bundle file", path, &made.bundle, args.force, console)?;
    }
    match &args.output_attestation {
        Some(path) => write("attestation file", path, &envelope, args.force, console)?,
        None => console.result(&String::from_utf8_lossy(&envelope))?,
    }
    let key = signer.public_key().fingerprint();
    console.note(&format!("{} attested to by {key}", path_of(&args.file)));
    console.json(|| {
        json!({
            "file": args.file.display().to_string(),
            "digest": made.digest.to_string(),
            "envelope": serde_json::from_slice::<serde_json::Value>(&envelope).ok(),
            "key": key.to_string(),
        })
    })?;
    Ok(Status::Done)
}

pub(super) fn verify(args: VerifyBlob, console: &Console) -> Outcome {
    let proof = proof(args.bundle, args.signature);
    let keys = keys(&args.keys, console)?;
    let verdict = beside_bar(console, |bar| verify_blob(&args.file, &proof, &keys, bar))?;
    show_verdict(&verdict, console)
}

pub(super) fn verify_attestation(args: VerifyBlobAttestation, console: &Console) -> Outcome {
    let proof = proof(args.bundle, args.signature);
    let keys = keys(&args.keys, console)?;
    let (verdict, met) = beside_bar(console, |bar| {
        verify_blob_attestation(&args.file, &proof, &args.kind, &keys, bar)
    })?;
    let status = show_verdict(&verdict, console)?;
    if let Some(envelope) = met.as_ref().and_then(shown::envelope)
        && status == Status::Done
        && !console.settings.json
    {
        print(format!("{envelope}\n").as_bytes())?;
    }
    Ok(status)
}

fn proof(bundle: Option<PathBuf>, signature: Option<PathBuf>) -> Proof {
    match (bundle, signature) {
        (Some(bundle), _) => Proof::Bundle(bundle),
        (None, Some(signature)) => Proof::Signature(signature),
        (None, None) => unreachable!("the argument parser asks for one or the other"),
    }
}
