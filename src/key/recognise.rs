//! Reading the public key out of a file that holds a key in any known form.

use std::fmt;
use std::path::Path;

use der::{Decode, Document, Encode};
use x509_cert::Certificate;

use super::error::Error;
use super::file;
use super::file_error::KeyFileError;
use super::form_error::FormError;
use super::pkcs11::Passport;
use super::read::made;
use super::signer::Signer;
use crate::crypto::PublicKey;
use crate::crypto::forms::Pem;
use crate::crypto::public_key::PublicKeyError;
use crate::files;

/// The most bytes of such a file: a certificate or a passport has a few thousand.
const MAX_FILE: usize = 64 * 1024;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A `SubjectPublicKeyInfo`, in DER or PEM.
    PublicKey,
    /// A private key as `gen-key` writes it.
    PrivateKey,
    /// An X.509 certificate, in DER or PEM.
    Certificate,
    /// A key's passport.
    Passport,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicKey => "public key",
            Self::PrivateKey => "private key",
            Self::Certificate => "certificate",
            Self::Passport => "passport",
        })
    }
}

/// The public key of a file, and the form it was in.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// What the file holds.
    pub form: Form,
    /// The public key of it.
    pub key: PublicKey,
}

/// Reads a file that holds a public key, a certificate (RFC 5280), a passport or a private key as `gen-key` writes
/// it. Nobody
/// checks a certificate's signature here: ir-sign reads only its key.
pub fn read_any(path: &Path) -> Result<Recognised, Error> {
    let bytes = files::read_secret(path, MAX_FILE)?;
    recognise(&bytes).map_err(|source| Error::Unrecognised {
        path: path.to_owned(),
        source,
    })
}

fn recognise(bytes: &[u8]) -> Result<Recognised, FormError> {
    if bytes.starts_with(b"{") {
        let passport = Passport::parse(bytes)?;
        let key = PublicKey::from(*passport.public_key());
        let form = Form::Passport;
        return Ok(Recognised { form, key });
    }
    match Pem::of(bytes) {
        Some(Pem::Private | Pem::Encrypted) => return Err(FormError::Private),
        Some(_) => return of_pem(bytes),
        None => {}
    }
    match PublicKey::from_spki(bytes) {
        Ok(key) => {
            let form = Form::PublicKey;
            return Ok(Recognised { form, key });
        }
        // It is a public key, but of an unknown kind.
        Err(error) if !matches!(error, PublicKeyError::Der(_)) => return Err(error.into()),
        Err(_) => {}
    }
    if let Ok(certificate) = Certificate::from_der(bytes) {
        return of_certificate(&certificate);
    }
    match made(bytes) {
        Ok(key) => {
            let key = key.public_key().clone();
            let form = Form::PrivateKey;
            Ok(Recognised { form, key })
        }
        Err(error @ (KeyFileError::Curve(_) | KeyFileError::Mismatch)) => Err(error.into()),
        Err(_) if file::is_private(bytes) => Err(FormError::Private),
        Err(_) => Err(FormError::Unknown),
    }
}

fn of_pem(bytes: &[u8]) -> Result<Recognised, FormError> {
    // Only the first block is read, as other programs do.
    let text = std::str::from_utf8(bytes).map_err(|_| FormError::Unknown)?;
    let (label, document) =
        Document::from_pem(text).map_err(|error| FormError::Pem(error.to_string()))?;
    match label {
        "PUBLIC KEY" => Ok(Recognised {
            form: Form::PublicKey,
            key: PublicKey::from_spki(document.as_bytes())?,
        }),
        "CERTIFICATE" => {
            let certificate = Certificate::from_der(document.as_bytes());
            of_certificate(&certificate.map_err(|error| FormError::Certificate(error.to_string()))?)
        }
        other if other.ends_with("PRIVATE KEY") => Err(FormError::Private),
        _ => Err(FormError::Unknown),
    }
}

fn of_certificate(certificate: &Certificate) -> Result<Recognised, FormError> {
    let spki = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der();
    let spki = spki.map_err(|error| FormError::Certificate(error.to_string()))?;
    Ok(Recognised {
        form: Form::Certificate,
        key: PublicKey::from_spki(&spki)?,
    })
}
