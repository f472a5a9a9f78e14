//! The commands below `cosign`.

use clap::Subcommand;

use super::blob::{AttestBlob, SignBlob, VerifyBlob, VerifyBlobAttestation};
use super::hanging::{AttachCommand, Download, DownloadCommand, Generate, Triangulate};
use super::image::{Attest, Sign, Verify, VerifyAttestation};
use super::keys::{GenerateKeyPair, ImportKeyPair, PublicKeyOf};
use crate::cli::args::settings::{Settings, SettingsOf};

// `cosign`
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum CosignCommand {
    /// Make a key pair: cosign.key, encrypted, and cosign.pub
    ///
    /// The private key's file is never written over an existing one. Its passphrase is that of --passphrase-source,
    /// else of `COSIGN_PASSWORD`, else it is asked for. With --key the pair is made on a token, and only the public key
    /// is written.
    GenerateKeyPair(Box<GenerateKeyPair>),
    /// Bring a private key into the form of cosign: import-cosign.key, encrypted, and import-cosign.pub
    ///
    /// Takes RSA keys and EC keys on P-256, P-384 and P-521: SEC1, PKCS#1 or PKCS#8, encrypted or not, in DER or PEM, and
    /// cosign's own key files, which get another passphrase that way. The file is left as it is.
    ImportKeyPair(ImportKeyPair),
    /// Print the public key of a private key, in PEM
    PublicKey(PublicKeyOf),
    /// Sign images so that cosign, skopeo, podman, Kyverno and image-rs verify them
    ///
    /// Makes a signature under the tag sha256-HEX.sig and a bundle that refers to the image, each under SHA-256 and, with
    /// P-384 and P-521 keys, under the curve's own hash. One that is there already and holds is kept. Prints the digest of
    /// what was signed, one line an image.
    Sign(Box<Sign>),
    /// Verify images' signatures of both forms with public keys
    ///
    /// Prints the signatures that hold as JSON, as cosign does. No log is asked, and keyless signatures are not trusted.
    Verify(Verify),
    /// Attest to an image: sign an in-toto statement about it
    Attest(Box<Attest>),
    /// Verify attestations of one type
    ///
    /// Prints each DSSE envelope that holds, one a line.
    VerifyAttestation(VerifyAttestation),
    /// Sign a file
    SignBlob(SignBlob),
    /// Verify a file's signature or bundle
    VerifyBlob(VerifyBlob),
    /// Attest to a file
    AttestBlob(AttestBlob),
    /// Verify an attestation to a file
    VerifyBlobAttestation(VerifyBlobAttestation),
    /// Write the payload that an offline machine signs for an image: no layers
    Generate(Generate),
    /// Attach to an image the signatures of an offline machine
    Attach {
        #[command(subcommand)]
        command: AttachCommand,
    },
    /// Print what hangs on an image
    Download {
        #[command(subcommand)]
        command: DownloadCommand,
    },
    /// Print the name by which an image's signatures are found
    Triangulate(Triangulate),
    /// Show what hangs on an image, trusting nothing
    Tree(Download),
}

impl SettingsOf for CosignCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::GenerateKeyPair(args) => args.common.into(),
            Self::ImportKeyPair(args) => args.common.into(),
            Self::PublicKey(args) => args.common.into(),
            Self::Sign(args) => args.family.common.into(),
            Self::Verify(args) => Settings {
                json_lines: args.many.fleet.json_lines,
                ..args.family.common.into()
            },
            Self::Attest(args) => args.family.common.into(),
            Self::VerifyAttestation(args) => Settings {
                json_lines: args.many.fleet.json_lines,
                ..args.family.common.into()
            },
            Self::SignBlob(args) => args.common.into(),
            Self::VerifyBlob(args) => args.common.into(),
            Self::AttestBlob(args) => args.common.into(),
            Self::VerifyBlobAttestation(args) => args.common.into(),
            Self::Generate(args) => args.family.common.into(),
            Self::Attach { command } => command.settings(),
            Self::Download { command } => command.settings(),
            Self::Triangulate(args) => args.of.family.common.into(),
            Self::Tree(args) => args.family.common.into(),
        }
    }
}
