//! What to do about a key file of cosign's, or of openssl's, that is not what it was given for.

use std::path::Path;

use super::keys::free;
use super::shell::{quoted, word};
use crate::files::is_standard;
use crate::key::KeyRef;
use crate::key::any::{PrivateFileError, PublicFileError};
use crate::key::passphrase::PassphraseError;

/// Why nothing replaces a private key's file, and what to do.
pub(super) const NEVER_REPLACED: &str = "a private key is never overwritten: name other files with --output-key-prefix, or \
     move this one away; `ir-sign cosign public-key` writes its public key";

/// What is left to do for a private key that was made.
pub(super) fn of_made(key: &KeyRef) -> String {
    let key = match key {
        KeyRef::File(path) => quoted(path),
        KeyRef::Token(uri) => word(uri.to_string()),
    };
    format!("write its public key: ir-sign cosign public-key --key {key} --outfile FILE")
}

pub(super) fn of_private(path: &Path, error: &PrivateFileError) -> Option<String> {
    let path = quoted(path);
    let new = free("pem");
    Some(match error {
        PrivateFileError::OldEncryption | PrivateFileError::Encryption(_) => {
            format!("convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {path} -out {new}")
        }
        PrivateFileError::ExplicitCurve => {
            format!("convert it: openssl ec -in {path} -param_enc named_curve -out {new}")
        }
        PrivateFileError::Hybrid => {
            format!("convert it: openssl ec -in {path} -conv_form uncompressed -out {new}")
        }
        PrivateFileError::Pkcs12 => format!(
            "take the key out: openssl pkcs12 -in {path} -nocerts | openssl pkcs8 -topk8 -v2 aes-256-cbc -out {new}"
        ),
        PrivateFileError::More => "give the private key in a file of its own".into(),
        PrivateFileError::Algorithm(_) | PrivateFileError::Curve(_) => {
            "make a key that signs: ir-sign cosign generate-key-pair".into()
        }
        PrivateFileError::PublicKey | PrivateFileError::Certificate => {
            "give the private key, as cosign.key".into()
        }
        PrivateFileError::Mismatch | PrivateFileError::Scalar | PrivateFileError::Numbers => {
            "the file is damaged or was made wrongly; take another copy".into()
        }
        _ => return None,
    })
}

pub(super) fn of_public(path: &Path, error: &PublicFileError) -> Option<String> {
    let new = free("pub");
    let path = if is_standard(path) {
        "/dev/stdin".into()
    } else {
        quoted(path)
    };
    Some(match error {
        PublicFileError::Private => {
            format!(
                "take the public key out: ir-sign cosign public-key --key {path} --outfile {new}"
            )
        }
        PublicFileError::Certificate => format!(
            "if you trust it, take the public key out: openssl x509 -in {path} -noout -pubkey > {new}"
        ),
        PublicFileError::Pkcs1 => {
            format!("convert it: openssl rsa -RSAPublicKey_in -in {path} -pubout -out {new}")
        }
        PublicFileError::More => "give each key in a file of its own".into(),
        _ => return None,
    })
}

pub(super) fn of_passphrase(error: &PassphraseError) -> Option<String> {
    match error {
        PassphraseError::Nobody { flag, by_variable } => {
            let or = if *by_variable {
                ", or COSIGN_PASSWORD"
            } else {
                ""
            };
            Some(format!("{flag} file:PATH, env:NAME or fd:NUMBER{or}"))
        }
        _ => None,
    }
}
