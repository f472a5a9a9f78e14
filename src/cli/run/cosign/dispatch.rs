//! From a command of cosign's to what it does.

use super::{blob, hanging, image, keys};
use crate::cli::args::cosign::CosignCommand;
use crate::cli::args::cosign::hanging::{AttachCommand, DownloadCommand};
use crate::cli::console::{Console, Outcome};

/// Runs a command of cosign's.
pub(in crate::cli::run) fn run(command: CosignCommand, console: &Console) -> Outcome {
    match command {
        CosignCommand::GenerateKeyPair(args) => keys::generate(*args, console),
        CosignCommand::ImportKeyPair(args) => keys::import(args, console),
        CosignCommand::PublicKey(args) => keys::public_key(args, console),
        CosignCommand::Sign(args) => image::sign(*args, console),
        CosignCommand::Verify(args) => image::verify(args, console),
        CosignCommand::Attest(args) => image::attest(*args, console),
        CosignCommand::VerifyAttestation(args) => image::verify_attestation(args, console),
        CosignCommand::SignBlob(args) => blob::sign(&args, console),
        CosignCommand::VerifyBlob(args) => blob::verify(args, console),
        CosignCommand::AttestBlob(args) => blob::attest(&args, console),
        CosignCommand::VerifyBlobAttestation(args) => blob::verify_attestation(args, console),
        CosignCommand::Generate(args) => hanging::generate(args, console),
        CosignCommand::Attach { command } => match command {
            AttachCommand::Signature(args) => hanging::attach_signature(args, console),
            AttachCommand::Attestation(args) => hanging::attach_attestation(args, console),
        },
        CosignCommand::Download { command } => match command {
            DownloadCommand::Signature(args) => hanging::download_signature(args, console),
            DownloadCommand::Attestation(args) => hanging::download_attestation(args, console),
        },
        CosignCommand::Triangulate(args) => hanging::triangulate(args, console),
        CosignCommand::Tree(args) => hanging::tree(args, console),
    }
}
