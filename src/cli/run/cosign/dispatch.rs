//! From a command of cosign's to what it does.

use super::keys;
use crate::cli::args::cosign::CosignCommand;
use crate::cli::console::{Console, Outcome};

/// Runs a command of cosign's.
pub(in crate::cli::run) fn run(command: CosignCommand, console: &Console) -> Outcome {
    match command {
        CosignCommand::GenerateKeyPair(args) => keys::generate(*args, console),
        CosignCommand::ImportKeyPair(args) => keys::import(args, console),
        CosignCommand::PublicKey(args) => keys::public_key(args, console),
    }
}
