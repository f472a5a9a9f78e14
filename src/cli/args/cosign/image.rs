//! `sign`, `verify`, `attest`, `verify-attestation`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::common::{
    Annotation, FamilyArgs, HangingArgs, OutputArgs, PrivateKeyArgs, PublicKeyArgs, hash, identity,
    image,
};
use super::local::VerifiedImages;
use crate::cli::args::fleet::ManyArgs;
use crate::cli::args::paths;
use crate::crypto::HashAlgorithm;
use crate::image::ImageName;
use crate::scheme::cosign::PredicateType;

// `cosign sign`
#[derive(Debug, Args)]
pub struct Sign {
    /// The image (several allowed): HOST/REPO[:TAG][@DIGEST], docker://…, or oci:DIR[:TAG]; an index is signed as one
    #[arg(value_name = "IMAGE", value_parser = image, required_unless_present = "payload")]
    pub images: Vec<ImageName>,
    #[command(flatten)]
    pub key: PrivateKeyArgs,
    /// An annotation of the signature (several allowed)
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub annotations: Vec<Annotation>,
    /// Sign all that an index leads to, too
    #[arg(short, long)]
    pub recursive: bool,
    /// The name that the signature states [default: the image's own, HOST/REPO[:TAG]]
    #[arg(long = "sign-container-identity", value_name = "REF", value_parser = identity)]
    pub identity: Option<String>,
    /// Sign this payload of `cosign generate` instead of an image
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream(), conflicts_with = "images", requires = "output_signature")]
    pub payload: Option<PathBuf>,
    /// Where the signatures go too: base64, one a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub output_signature: Option<PathBuf>,
    /// Where the payload goes too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream(), conflicts_with = "payload")]
    pub output_payload: Option<PathBuf>,
    /// Where the bundle goes too, of the first hash
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream(), conflicts_with = "payload")]
    pub bundle: Option<PathBuf>,
    /// Whether the signatures are put beside the image
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub upload: bool,
    /// Replace other output files that are there already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub hanging: HangingArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `cosign verify`
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub images: VerifiedImages,
    #[command(flatten)]
    pub keys: PublicKeyArgs,
    #[command(flatten)]
    pub many: ManyArgs,
    /// Take only signatures under this hash
    #[arg(long, value_name = "sha256|sha384|sha512", value_parser = hash)]
    pub signature_digest_algorithm: Option<HashAlgorithm>,
    /// An annotation that a signature must have (several allowed)
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub annotations: Vec<Annotation>,
    /// How the signatures that hold are printed
    #[arg(short, long, value_name = "json|text", default_value = "json", value_parser = ["json", "text"])]
    pub output: String,
    #[command(flatten)]
    pub to: OutputArgs,
    /// A payload that does not hang on the image, to be verified with --signature
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream(), requires = "signature")]
    pub payload: Option<PathBuf>,
    /// Its signatures: base64, one a line, or one in DER
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream(), requires = "payload")]
    pub signature: Option<PathBuf>,
    #[command(flatten)]
    pub hanging: HangingArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `cosign attest`
#[derive(Debug, Args)]
pub struct Attest {
    /// The image: HOST/REPO[:TAG][@DIGEST], docker://…, or oci:DIR[:TAG]
    #[arg(value_name = "IMAGE", value_parser = image, required = true)]
    pub images: Vec<ImageName>,
    #[command(flatten)]
    pub key: PrivateKeyArgs,
    /// The predicate: the statement about the image
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::stream())]
    pub predicate: PathBuf,
    /// The predicate's type: custom, slsaprovenance, slsaprovenance02, slsaprovenance1, spdx, spdxjson, cyclonedx,
    /// vuln, openvex, link, or a URI
    #[arg(long = "type", value_name = "TYPE", default_value = "custom")]
    pub kind: PredicateType,
    /// Leave out this key's attestations of this type that are under the tag; those in bundles stay, as with cosign 3
    #[arg(long)]
    pub replace: bool,
    /// Attest to all that an index leads to, too
    #[arg(short, long)]
    pub recursive: bool,
    #[command(flatten)]
    pub hanging: HangingArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}

// `cosign verify-attestation`
#[derive(Debug, Args)]
pub struct VerifyAttestation {
    #[command(flatten)]
    pub images: VerifiedImages,
    #[command(flatten)]
    pub keys: PublicKeyArgs,
    #[command(flatten)]
    pub many: ManyArgs,
    /// The predicate's type
    #[arg(long = "type", value_name = "TYPE", default_value = "custom")]
    pub kind: PredicateType,
    /// How the attestations that hold are printed
    #[arg(short, long, value_name = "json|text", default_value = "json", value_parser = ["json", "text"])]
    pub output: String,
    #[command(flatten)]
    pub to: OutputArgs,
    #[command(flatten)]
    pub hanging: HangingArgs,
    #[command(flatten)]
    pub family: FamilyArgs,
}
