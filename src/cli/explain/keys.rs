//! What to do about a file that is not the key that it was given for.

use std::path::Path;

use super::quoted;
use crate::crypto::forms::Pem;
use crate::crypto::p384::PublicKeyError;
use crate::key::file::KeyFileError;

const NEW_PRIVATE: &str = "make a P-384 key: ir-sign gen-key -o key.der, or openssl ecparam -name secp384r1 -genkey -noout -outform DER -out key.der";
const ANOTHER_PUBLIC: &str = "give the public key of a P-384 key, as this makes: ir-sign gen-key -o key.der --public key.pub";

pub(super) fn of_private(path: &Path, error: &KeyFileError) -> Option<String> {
    let convert = |form: &str| {
        let path = quoted(path);
        Some(format!(
            "convert it: openssl ec{form} -in {path} -outform DER -out key.der"
        ))
    };
    match error {
        KeyFileError::Pem(Pem::Private) => convert(""),
        KeyFileError::Pkcs8 | KeyFileError::EncryptedPkcs8 | KeyFileError::TrailingBytes => {
            convert(" -inform DER")
        }
        KeyFileError::ExplicitCurve => convert(" -inform DER -param_enc named_curve"),
        KeyFileError::Hybrid => convert(" -inform DER -conv_form uncompressed"),
        KeyFileError::Scalar | KeyFileError::Mismatch => Some(
            "the file is damaged or was made wrongly; take another copy, or make a P-384 key: ir-sign gen-key -o key.der"
                .into(),
        ),
        KeyFileError::Algorithm(_)
        | KeyFileError::Curve(_)
        | KeyFileError::NoCurve
        | KeyFileError::Pem(Pem::Foreign(_)) => Some(NEW_PRIVATE.into()),
        KeyFileError::PublicKey | KeyFileError::Pem(Pem::Public | Pem::Certificate) => {
            Some("give the private key (made by ir-sign gen-key)".into())
        }
        _ => None,
    }
}

pub(super) fn of_public(path: &Path, error: &PublicKeyError) -> Option<String> {
    const TO_KEY: &str = "-pubout -outform DER -out key.pub";
    let path = quoted(path);
    let convert = |form: &str, how: &str| {
        format!("convert it: openssl ec -pubin{form} -in {path}{how} {TO_KEY}")
    };
    let take_out =
        |form: &str| format!("take the public key out: openssl ec{form} -in {path} {TO_KEY}");
    Some(match error {
        PublicKeyError::Pem(Pem::Public) => convert("", ""),
        PublicKeyError::Pem(Pem::Private) => take_out(""),
        PublicKeyError::Pem(Pem::Certificate) => format!(
            "take the public key out: openssl x509 -in {path} -noout -pubkey | openssl ec -pubin {TO_KEY}"
        ),
        PublicKeyError::TrailingBytes => convert(" -inform DER", ""),
        PublicKeyError::ExplicitCurve => convert(" -inform DER", " -param_enc named_curve"),
        PublicKeyError::Compressed | PublicKeyError::Hybrid => {
            convert(" -inform DER", " -conv_form uncompressed")
        }
        PublicKeyError::Algorithm(_) | PublicKeyError::Pem(Pem::Foreign(_)) => {
            ANOTHER_PUBLIC.into()
        }
        PublicKeyError::PrivateKey => {
            format!("take the public key out: ir-sign extract-public -i {path} -o key.pub")
        }
        PublicKeyError::Pkcs8 => take_out(" -inform DER"),
        _ => return None,
    })
}
