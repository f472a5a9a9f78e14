//! Advice on a file that is not the wanted key.

use std::path::Path;

use super::shell::quoted;
use crate::crypto::forms::Pem;
use crate::crypto::p384::PublicKeyError;
use crate::files::is_standard;
use crate::key::pkcs11::SignMechanism;
use crate::key::{FormError, KeyFileError};

/// A name that no file has here: openssl overwrites existing files, private keys too.
pub(super) fn free(ending: &str) -> String {
    let more = (2..100).map(|n| format!("key-{n}.{ending}"));
    let mut names = std::iter::once(format!("key.{ending}")).chain(more);
    let is_free = |name: &String| Path::new(name).symlink_metadata().is_err();
    names.find(is_free).unwrap_or_else(|| "FILE".into())
}

/// The condition for a key whose algorithm only its passphrase shows.
fn shown_by(command: &str) -> String {
    format!("if it is on secp384r1, which `{command}` shows with its passphrase, ")
}

pub(super) fn of_private(path: &Path, error: &KeyFileError) -> Option<String> {
    let new = free("der");
    let convert = |form: &str| {
        let path = quoted(path);
        Some(format!(
            "convert it: openssl ec{form} -in {path} -outform DER -out {new}"
        ))
    };
    let encrypted = |form: &str| {
        let look = format!("openssl pkey{form} -in {} -noout -text_pub", quoted(path));
        Some(shown_by(&look) + &convert(form)?)
    };
    match error {
        KeyFileError::Pem(Pem::Private) => convert(""),
        KeyFileError::Pem(Pem::Encrypted) => encrypted(""),
        KeyFileError::EncryptedPkcs8 => encrypted(" -inform DER"),
        KeyFileError::Pkcs8 | KeyFileError::TrailingBytes => convert(" -inform DER"),
        KeyFileError::Pkcs12 => {
            let open = format!("openssl pkcs12 -in {} -nocerts -nodes", quoted(path));
            let first = shown_by(&format!("{open} | openssl pkey -noout -text_pub"));
            Some(format!(
                "{first}take the key out: {open} | openssl ec -outform DER -out {new}"
            ))
        }
        KeyFileError::ExplicitCurve => convert(" -inform DER -param_enc named_curve"),
        KeyFileError::Hybrid => convert(" -inform DER -conv_form uncompressed"),
        KeyFileError::Scalar | KeyFileError::Mismatch => Some(format!(
            "the file is damaged or was made wrongly; take another copy, or make a P-384 key: ir-sign gen-key -o {new}"
        )),
        KeyFileError::Algorithm(_)
        | KeyFileError::Numbers(_)
        | KeyFileError::Curve(_)
        | KeyFileError::NoCurve
        | KeyFileError::Pem(Pem::Foreign(_)) => Some(format!(
            "make a P-384 key: ir-sign gen-key -o {new}, or openssl ecparam -name secp384r1 -genkey -noout -outform DER -out {new}"
        )),
        KeyFileError::PublicKey | KeyFileError::Pem(Pem::Public | Pem::Certificate) => {
            Some("give the private key (made by ir-sign gen-key)".into())
        }
        _ => None,
    }
}

pub(super) fn of_public(path: &Path, error: &PublicKeyError) -> Option<String> {
    let new = free("pub");
    let to_key = format!("-pubout -outform DER -out {new}");
    let path = if is_standard(path) {
        "/dev/stdin".into()
    } else {
        quoted(path)
    };
    let convert = |form: &str, how: &str| {
        format!("convert it: openssl ec -pubin{form} -in {path}{how} {to_key}")
    };
    let take_out =
        |form: &str| format!("take the public key out: openssl ec{form} -in {path} {to_key}");
    Some(match error {
        PublicKeyError::Pem(Pem::Public) => convert("", ""),
        PublicKeyError::Pem(Pem::Private) => take_out(""),
        PublicKeyError::Pem(Pem::Encrypted) => {
            let look = format!("openssl pkey -in {path} -noout -text_pub");
            shown_by(&look) + &take_out("")
        }
        PublicKeyError::Pem(Pem::Certificate) => format!(
            "take the public key out: openssl x509 -in {path} -noout -pubkey | openssl ec -pubin {to_key}"
        ),
        PublicKeyError::TrailingBytes => convert(" -inform DER", ""),
        PublicKeyError::ExplicitCurve => convert(" -inform DER", " -param_enc named_curve"),
        PublicKeyError::Compressed | PublicKeyError::Hybrid => {
            convert(" -inform DER", " -conv_form uncompressed")
        }
        PublicKeyError::Algorithm(_) | PublicKeyError::Pem(Pem::Foreign(_)) => {
            let private = free("der");
            format!(
                "give the public key of a P-384 key, as this makes: ir-sign gen-key -o {private} --public {new}"
            )
        }
        PublicKeyError::PrivateKey => {
            format!("take the public key out: ir-sign extract-public -i {path} -o {new}")
        }
        PublicKeyError::Pkcs8 => take_out(" -inform DER"),
        _ => return None,
    })
}

/// Advice on a file that has no fingerprint.
pub(super) fn of_any(path: &Path, error: &FormError) -> Option<String> {
    matches!(error, FormError::Private).then(|| {
        format!(
            "take the public key out: openssl pkey -in {} -pubout -outform DER -out {}",
            quoted(path),
            free("pub")
        )
    })
}

/// Advice where a token lacks a mechanism.
pub(super) fn of_mechanism(wanted: &str, offered: &str) -> &'static str {
    let has = |mechanism: SignMechanism| offered.split(", ").any(|name| name == mechanism.name());
    if wanted == SignMechanism::Ecdsa.wanted() && has(SignMechanism::EcdsaSha384) {
        "--mechanism CKM_ECDSA_SHA384 makes the token hash what it signs (in a ceremony: mechanism in the plan's [key])"
    } else if wanted == SignMechanism::EcdsaSha384.wanted() && has(SignMechanism::Ecdsa) {
        "leave --mechanism out: then ir-sign makes the hash, and the token signs it"
    } else if wanted.contains("RSA") {
        "RSA keys sign by CKM_RSA_PKCS_PSS, and for certificates and cosign by CKM_RSA_PKCS; see the token's settings"
    } else {
        "ir-sign uses only CKM_ECDSA, or CKM_ECDSA_SHA384 if --mechanism says so; see the token's settings"
    }
}
