//! The commands below `cosign`.

use clap::Subcommand;

use super::keys::{GenerateKeyPair, ImportKeyPair, PublicKeyOf};
use crate::cli::args::settings::{Settings, SettingsOf};

// `cosign`
#[derive(Debug, Subcommand)]
pub enum CosignCommand {
    /// Make a key pair: cosign.key, encrypted, and cosign.pub
    ///
    /// The private key's file is never written over an existing one. Its passphrase is that of --passphrase-source,
    /// else of `COSIGN_PASSWORD`, else it is asked for. With --key the pair is made on a token, and only the public key
    /// is written.
    GenerateKeyPair(Box<GenerateKeyPair>),
    /// Bring a private key into the form of cosign: import-cosign.key, encrypted, and import-cosign.pub
    ///
    /// Takes EC keys on P-256, P-384 and P-521: SEC1 or PKCS#8, encrypted or not, in DER or PEM, and cosign's own key
    /// files, which get another passphrase that way. The file is left as it is.
    ImportKeyPair(ImportKeyPair),
    /// Print the public key of a private key, in PEM
    PublicKey(PublicKeyOf),
}

impl SettingsOf for CosignCommand {
    fn settings(&self) -> Settings {
        match self {
            Self::GenerateKeyPair(args) => args.common.into(),
            Self::ImportKeyPair(args) => args.common.into(),
            Self::PublicKey(args) => args.common.into(),
        }
    }
}
