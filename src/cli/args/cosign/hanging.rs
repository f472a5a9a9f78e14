//! `generate`, `attach`, `download`, `triangulate`, `tree`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::common::{Annotation, FamilyArgs, HangingArgs, OutputArgs, identity, image};
use crate::cli::args::paths;
use crate::cli::args::settings::{Common, Settings};
use crate::cli::args::token::TokenArgs;
use crate::image::ImageName;
use crate::key::KeyRef;
use crate::scheme::cosign::PredicateType;

// `cosign generate`
#[derive(Debug, Args)]
pub struct Generate {
    /// The image: HOST/REPO[:TAG][@DIGEST], docker://…, oci:DIR[:TAG], or an archive
    #[arg(value_name = "IMAGE", value_parser = image)]
    pub image: ImageName,
    /// An annotation of the signature (several allowed)
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub annotations: Vec<Annotation>,
    /// The name that the signature is to state [default: the image's own, HOST/REPO[:TAG]]
    #[arg(long, value_name = "REF", value_parser = identity)]
    pub sign_container_identity: Option<String>,
    #[command(flatten)]
    pub to: OutputArgs,
    #[command(flatten)]
    pub hanging: HangingArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `cosign attach`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum AttachCommand {
    /// Put signatures beside an image, that an offline machine made of a payload
    ///
    /// The payload is compared with the image, and with --key each signature is verified, before anything is written.
    Signature(AttachSignature),
    /// Put attestations beside an image: DSSE envelopes, or a bundle
    ///
    /// They are compared with the image, and with --key verified, before anything is written.
    Attestation(AttachAttestation),
}

// `cosign attach signature`
#[derive(Debug, Args)]
pub struct AttachSignature {
    /// The image: HOST/REPO[:TAG][@DIGEST], docker://…, or oci:DIR[:TAG]
    #[arg(value_name = "IMAGE", value_parser = image)]
    pub image: ImageName,
    /// The signed payload, from `cosign generate`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub payload: PathBuf,
    /// The signatures: base64, one a line, or one in DER
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub signature: PathBuf,
    #[command(flatten)]
    pub of: AttachArgs,
}

// `cosign attach attestation`
#[derive(Debug, Args)]
pub struct AttachAttestation {
    /// The image: HOST/REPO[:TAG][@DIGEST], docker://…, or oci:DIR[:TAG]
    #[arg(value_name = "IMAGE", value_parser = image)]
    pub image: ImageName,
    /// The attestations: DSSE envelopes, one a line, or a bundle
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub attestation: PathBuf,
    #[command(flatten)]
    pub of: AttachArgs,
}

// What both have.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// The signer's public key: verified with it first
    #[arg(long, value_name = "PUB", value_parser = paths::public_key(), value_hint = ValueHint::FilePath)]
    pub key: Option<KeyRef>,
    #[command(flatten)]
    pub tokens: TokenArgs,
    #[command(flatten)]
    pub hanging: HangingArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `cosign download`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum DownloadCommand {
    /// Print an image's signatures, one JSON object a line; nothing is verified
    Signature(DownloadSignature),
    /// Print an image's attestations, one DSSE envelope a line; nothing is verified
    Attestation(DownloadAttestation),
}

// `cosign tree`, and the flags that the commands below share with it
#[derive(Debug, Args)]
pub struct Download {
    /// The image: HOST/REPO[:TAG][@DIGEST], docker://…, oci:DIR[:TAG], or an archive
    #[arg(value_name = "IMAGE", value_parser = image)]
    pub image: ImageName,
    #[command(flatten)]
    pub hanging: HangingArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `cosign download signature`
#[derive(Debug, Args)]
pub struct DownloadSignature {
    #[command(flatten)]
    pub to: OutputArgs,
    #[command(flatten)]
    pub of: Download,
}

// `cosign download attestation`
#[derive(Debug, Args)]
pub struct DownloadAttestation {
    #[command(flatten)]
    pub to: OutputArgs,
    /// The type of the predicates [default: all]
    #[arg(long, value_name = "TYPE")]
    pub predicate_type: Option<PredicateType>,
    #[command(flatten)]
    pub of: Download,
}

// `cosign triangulate`
#[derive(Debug, Args)]
pub struct Triangulate {
    /// The kind of attachment that the tag is for
    #[arg(long = "type", value_name = "signature|attestation", default_value = "signature", value_parser = ["signature", "attestation"])]
    pub kind: String,
    #[command(flatten)]
    pub of: Download,
}

impl AttachCommand {
    /// How its results and notes are shown.
    pub fn settings(&self) -> Settings {
        let common: Common = match self {
            Self::Signature(args) => args.of.family.common,
            Self::Attestation(args) => args.of.family.common,
        };
        common.into()
    }
}

impl DownloadCommand {
    /// How its results and notes are shown.
    pub fn settings(&self) -> Settings {
        let common: Common = match self {
            Self::Signature(args) => args.of.family.common,
            Self::Attestation(args) => args.of.family.common,
        };
        common.into()
    }
}
