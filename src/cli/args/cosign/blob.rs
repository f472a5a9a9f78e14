//! `sign-blob`, `verify-blob`, `attest-blob`, `verify-blob-attestation`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::common::{PrivateKeyArgs, PublicKeyArgs, WithoutEffect};
use crate::cli::args::paths;
use crate::cli::args::settings::Common;
use crate::scheme::cosign::PredicateType;

// Flags of cosign's that change nothing of files.
#[derive(Clone, Debug, Args)]
struct BlobsAlone {
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = new_bundles)]
    new_bundle_format: Option<bool>,
    #[arg(short, long, hide = true)]
    timeout: Option<String>,
}

/// Bundles of cosign 2 are read without a flag, and not written.
fn new_bundles(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        _ => {
            Err("bundles of version 0.3 are written, and those of cosign 2 are read without a flag")
        }
    }
}

// `cosign sign-blob`
#[derive(Debug, Args)]
pub struct SignBlob {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    #[command(flatten)]
    pub key: PrivateKeyArgs,
    /// Where a Sigstore bundle goes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub bundle: Option<PathBuf>,
    /// Where the signature goes, in base64 [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output_signature: Option<PathBuf>,
    /// Replace other output files that are there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    blobs_alone: BlobsAlone,
    #[command(flatten)]
    pub without_effect: WithoutEffect,
    #[command(flatten)]
    pub common: Common,
}

// `cosign verify-blob`
#[derive(Debug, Args)]
pub struct VerifyBlob {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    #[command(flatten)]
    pub keys: PublicKeyArgs,
    /// The bundle: Sigstore's version 0.3, or cosign 2's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream(), required_unless_present = "signature", conflicts_with = "signature")]
    pub bundle: Option<PathBuf>,
    /// The signature: base64, or DER
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub signature: Option<PathBuf>,
    #[command(flatten)]
    blobs_alone: BlobsAlone,
    #[command(flatten)]
    pub without_effect: WithoutEffect,
    #[command(flatten)]
    pub common: Common,
}

// `cosign attest-blob`
#[derive(Debug, Args)]
pub struct AttestBlob {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    #[command(flatten)]
    pub key: PrivateKeyArgs,
    /// What is attested to
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub predicate: PathBuf,
    /// The predicate's type, as for `cosign attest`
    #[arg(long = "type", value_name = "TYPE", default_value = "custom")]
    pub kind: PredicateType,
    /// Where a Sigstore bundle goes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub bundle: Option<PathBuf>,
    /// Where the signed statement goes, a DSSE envelope [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output_attestation: Option<PathBuf>,
    /// Replace other output files that are there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    blobs_alone: BlobsAlone,
    #[command(flatten)]
    pub without_effect: WithoutEffect,
    #[command(flatten)]
    pub common: Common,
}

// `cosign verify-blob-attestation`
#[derive(Debug, Args)]
pub struct VerifyBlobAttestation {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub file: PathBuf,
    #[command(flatten)]
    pub keys: PublicKeyArgs,
    /// The predicate's type
    #[arg(long = "type", value_name = "TYPE", default_value = "custom")]
    pub kind: PredicateType,
    /// The bundle
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream(), required_unless_present = "signature", conflicts_with = "signature")]
    pub bundle: Option<PathBuf>,
    /// The signed statement: a DSSE envelope, as it is or in base64
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub signature: Option<PathBuf>,
    #[command(flatten)]
    blobs_alone: BlobsAlone,
    #[command(flatten)]
    pub without_effect: WithoutEffect,
    #[command(flatten)]
    pub common: Common,
}
