//! Public key files, in DER or PEM, of keys of every kind.

use std::path::Path;

use super::der_form::DerForm;
use super::private::MAX_FILE;
use super::public_error::PublicFileError as E;
use crate::crypto::PublicKey;
use crate::encoding::pem_text::PemText;
use crate::files;
use crate::key::error::Error;

/// Reads a public key file. Wipes its bytes, because the user may have given a private key by mistake.
pub fn read_public(path: &Path) -> Result<PublicKey, Error> {
    let bytes = files::read_wiped(path, MAX_FILE)?;
    public_key_of(&bytes).map_err(|source| Error::PublicFile {
        path: path.to_owned(),
        source,
    })
}

/// The key in a public key file: a `SubjectPublicKeyInfo` in DER or PEM.
pub fn public_key_of(bytes: &[u8]) -> Result<PublicKey, E> {
    if bytes.starts_with(&[0x30]) {
        return of_der(bytes);
    }
    if !bytes.windows(11).any(|part| part == b"-----BEGIN ") {
        return Err(E::Unknown);
    }
    let text = PemText::of(bytes)?;
    if text
        .blocks
        .iter()
        .any(|block| block.label.contains("PRIVATE KEY"))
    {
        return Err(E::Private);
    }
    let [block] = &*text.blocks else {
        return Err(E::More);
    };
    match block.label {
        "PUBLIC KEY" => {
            let mut room = vec![0; block.room()];
            let length = block.read(&mut room)?;
            Ok(PublicKey::from_spki(&room[..length])?)
        }
        "RSA PUBLIC KEY" => Err(E::Pkcs1),
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Err(E::Certificate),
        other => Err(E::Label(other.to_owned())),
    }
}

fn of_der(bytes: &[u8]) -> Result<PublicKey, E> {
    match DerForm::of(bytes) {
        Some(DerForm::PublicKey) => Ok(PublicKey::from_spki(bytes)?),
        Some(DerForm::RsaPublic) => Err(E::Pkcs1),
        Some(DerForm::Certificate) => Err(E::Certificate),
        Some(form) if form.is_private() => Err(E::Private),
        Some(_) | None => Err(E::Unknown),
    }
}
