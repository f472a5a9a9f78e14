//! The commands.

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Parser, Subcommand, ValueHint};

use super::ceremony::CeremonyCommand;
use super::cert::CertCommand;
use super::copy::Copy;
use super::cosign::CosignCommand;
use super::image::{ExtractSignImage, InspectImage, Prune, SignImage, VerifyImage};
use super::keys::{ExtractPublic, Fingerprint, GenKey, Sign, Verify};
use super::notation::NotationCommand;
use super::paths;
use super::policy::PolicyCommand;
use super::resource::ResourceCommand;
use super::settings::Common;
use super::token::TokenCommand;

/// The text of `--version`; `-V` prints its first line.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let all = [
        // A static program cannot load PKCS#11 modules.
        ("tokens", !cfg!(target_feature = "crt-static")),
        ("registry", cfg!(feature = "registry")),
        ("grpc", cfg!(feature = "grpc")),
        ("openssl", cfg!(feature = "openssl")),
    ];
    let named = all.map(|(name, is_there)| {
        let no = if is_there { "" } else { "no-" };
        format!("{no}{name}")
    });
    let (version, commit) = (env!("CARGO_PKG_VERSION"), env!("IR_SIGN_COMMIT"));
    format!(
        "{version}\ncommit: {commit}\nfeatures: {}",
        named.join(", ")
    )
});

/// Signs OCI images with a vendor's key that a root CA vouches for, and verifies them offline.
#[derive(Debug, Parser)]
#[command(name = "ir-sign", version, long_version = LONG_VERSION.as_str(), max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 done or trusted; 1 refused, a check failed; 2 wrong usage; \
                        3 could not decide (I/O, token, environment); \
                        128 + the signal that ended it."
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands. Building the flags of all takes longer than checking a small image, so clap builds those of one.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Make a P-384 private key
    ///
    /// A key file is DER SEC1 with mode 0600, and never replaces an existing file. A key on a token never leaves
    /// the token; ir-sign refuses a label or id that is in use.
    GenKey(GenKey),
    /// Write the public key of a private key, as DER `SubjectPublicKeyInfo`
    ExtractPublic(ExtractPublic),
    /// Sign a file (ECDSA P-384 over its SHA-384, DER)
    ///
    /// The same as `openssl dgst -sha384 -sign`, but deterministic (RFC 6979).
    Sign(Sign),
    /// Verify a file's signature
    ///
    /// The same as `openssl dgst -sha384 -verify`.
    Verify(Verify),
    /// Sign a vendor's public key as its CA
    ///
    /// As `sign`, but the file has to be a P-384 public key.
    Endorse(Sign),
    /// Sign an image that is in the registry directory, or in a registry
    ///
    /// Checks the image first, down to the unpacked content of its layers. Prints the signed manifest's digest, one
    /// line an image.
    SignImage(Box<SignImage>),
    /// Unpack an image archive (docker save, OCI) into the registry directory and sign it
    ///
    /// A failure leaves nothing behind. Prints the signed manifest's digest, one line an image.
    ExtractSignImage(Box<ExtractSignImage>),
    /// Verify images in the registry directory, or in a registry
    ///
    /// Prints the digest of each trusted image, one line an image.
    VerifyImage(VerifyImage),
    /// Show the content of an app's layout and who claims to have signed it, trusting nothing
    InspectImage(InspectImage),
    /// Remove the blobs of a layout that nothing refers to
    Prune(Prune),
    /// Copy an image, every byte checked against its digest
    ///
    /// The target's tag then leads to the copy. Copies no blob that is there already, so a second run resumes an
    /// interrupted one. Prints the digest of the copied image.
    Copy(Copy),
    /// Print the fingerprints of keys: SHA-256 over the DER public key
    ///
    /// Reads public keys of every supported kind and certificates in DER or PEM, passports, and private keys in
    /// DER SEC1. One line a file: the fingerprint, two blanks, the file. It says nothing about the owner of a key.
    Fingerprint(Fingerprint),
    /// Inspect and set up PKCS#11 tokens
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Make a root key, endorse vendors or sign payloads with it, by a reviewed plan
    Ceremony {
        #[command(subcommand)]
        command: CeremonyCommand,
    },
    /// Make, show and verify X.509 certificates, with keys in files or on tokens
    Cert {
        #[command(subcommand)]
        command: CertCommand,
    },
    /// Sign and verify as cosign does, with keys in files or on tokens, without a network
    Cosign {
        #[command(subcommand)]
        command: CosignCommand,
    },
    /// Fetch resources from a key broker, and make the file of an offline one
    Resource {
        #[command(subcommand)]
        command: ResourceCommand,
    },
    /// Check images by policies (containers-policy.json(5)) of skopeo, podman, CRI-O and image-rs, and show these
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Sign and verify as notation does, with its configuration, and with keys in files or on tokens
    Notation {
        #[command(subcommand)]
        command: NotationCommand,
    },
    /// Print a shell's completion script
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
        #[command(flatten)]
        common: Common,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder.
        #[arg(value_hint = ValueHint::DirPath, value_parser = paths::place())]
        dir: PathBuf,
        /// Replace existing pages
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
