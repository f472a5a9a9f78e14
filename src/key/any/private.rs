//! Private key files in each form, read and written.

use std::path::Path;

use super::any_key::AnyKey;
use super::cosign::CosignKey;
use super::der_form::DerForm;
use super::error::PrivateFileError as E;
use super::sealed_pkcs8::SealedPkcs8;
use super::{pkcs1, pkcs8, sec1};
use crate::encoding::pem_text::{self, PemBlock, PemText};
use crate::files::{self, Existing};
use crate::key::ec_key::EcKey;
use crate::key::error::Error;
use crate::key::passphrase::Passphrases;
use crate::key::rsa_key::RsaKey;
use crate::secret::Secret;

/// No key file is longer.
pub(super) const MAX_FILE: usize = 64 * 1024;

/// The PEM labels of a cosign key file, now and before 2022.
const SIGSTORE: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
const COSIGN: &str = "ENCRYPTED COSIGN PRIVATE KEY";

/// A private key file, taken apart as far as that goes without a passphrase.
pub enum KeyFile {
    /// A key that is not encrypted.
    Plain(AnyKey),
    /// An encrypted key.
    Sealed(Sealed),
}

/// An encrypted private key.
pub struct Sealed(Form);

enum Form {
    Cosign(CosignKey),
    Pkcs8(SealedPkcs8),
}

impl KeyFile {
    /// Reads a cosign key file, or SEC1, PKCS#1 or PKCS#8, encrypted or not, in DER or PEM.
    ///
    /// ```
    /// use ir_sign::key::any::{KeyFile, PrivateFileError};
    ///
    /// assert_eq!(KeyFile::read(b"no key").err(), Some(PrivateFileError::Unknown));
    /// ```
    pub fn read(bytes: &[u8]) -> Result<Self, E> {
        if bytes.starts_with(&[0x30]) {
            return Self::of_der(bytes);
        }
        if !bytes.windows(11).any(|part| part == b"-----BEGIN ") {
            return Err(E::Unknown);
        }
        let text = PemText::of(bytes)?;
        // `openssl ecparam -genkey` writes them before the key.
        let mut blocks = text
            .blocks
            .iter()
            .filter(|block| block.label != "EC PARAMETERS");
        let block = blocks
            .next()
            .ok_or_else(|| E::Label("EC PARAMETERS".into()))?;
        let of_cosign = matches!(block.label, SIGSTORE | COSIGN);
        if of_cosign || block.label.ends_with("PRIVATE KEY") {
            let more = blocks.next().is_some() || of_cosign && text.more_follows;
            if more {
                return Err(E::More);
            }
            if block.has_headers {
                return Err(E::OldEncryption);
            }
        }
        let sealed = |form| Ok(Self::Sealed(Sealed(form)));
        match block.label {
            SIGSTORE | COSIGN => sealed(Form::Cosign(CosignKey::read(&content(block)?)?)),
            "EC PRIVATE KEY" => ec(sec1::read(&content(block)?)),
            "RSA PRIVATE KEY" => rsa(pkcs1::read(&content(block)?)),
            "PRIVATE KEY" => pkcs8::read(&content(block)?).map(Self::Plain),
            "ENCRYPTED PRIVATE KEY" => sealed(Form::Pkcs8(SealedPkcs8::read(&content(block)?)?)),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(E::PublicKey),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Err(E::Certificate),
            "DSA PRIVATE KEY" => Err(E::Algorithm("DSA".into())),
            other => Err(E::Label(other.to_owned())),
        }
    }

    fn of_der(bytes: &[u8]) -> Result<Self, E> {
        match DerForm::of(bytes).ok_or(E::Unknown)? {
            DerForm::Sec1 => ec(sec1::read(bytes)),
            DerForm::Pkcs8 => pkcs8::read(bytes).map(Self::Plain),
            DerForm::SealedPkcs8 => {
                let form = Form::Pkcs8(SealedPkcs8::read(bytes)?);
                Ok(Self::Sealed(Sealed(form)))
            }
            DerForm::Pkcs12 => Err(E::Pkcs12),
            DerForm::Rsa => rsa(pkcs1::read(bytes)),
            DerForm::Dsa => Err(E::Algorithm("DSA".into())),
            DerForm::PublicKey | DerForm::RsaPublic => Err(E::PublicKey),
            DerForm::Certificate => Err(E::Certificate),
        }
    }
}

impl Sealed {
    /// Encrypts a key as cosign does: the text of a key file.
    pub fn text_of(key: &AnyKey, passphrase: &[u8]) -> String {
        pem_text::write(SIGSTORE, &CosignKey::seal(key, passphrase).write())
    }

    /// Decrypts the key.
    pub fn open(&self, passphrase: &[u8]) -> Result<AnyKey, E> {
        match &self.0 {
            Form::Cosign(key) => key.open(passphrase),
            Form::Pkcs8(key) => key.open(passphrase),
        }
    }
}

fn ec(read: Result<EcKey, E>) -> Result<KeyFile, E> {
    Ok(KeyFile::Plain(AnyKey::Ec(read?)))
}

fn rsa(read: Result<RsaKey, E>) -> Result<KeyFile, E> {
    Ok(KeyFile::Plain(AnyKey::Rsa(read?)))
}

/// The content of a block, which may be a key.
fn content(block: &PemBlock<'_>) -> Result<Secret, E> {
    let mut room = Secret::zeroed(block.room());
    let length = block.read(&mut room)?;
    room.truncate(length);
    Ok(room)
}

/// Reads a private key file. If the file is encrypted, asks for the passphrase, once.
pub fn read_private(path: &Path, passphrases: &Passphrases) -> Result<AnyKey, Error> {
    let bytes = files::read_secret(path, MAX_FILE)?;
    let not_read = |source| Error::PrivateFile {
        path: path.to_owned(),
        source,
    };
    match KeyFile::read(&bytes).map_err(not_read)? {
        KeyFile::Plain(key) => Ok(key),
        KeyFile::Sealed(sealed) => {
            let passphrase = passphrases.of(path).map_err(Error::passphrase(path))?;
            sealed.open(passphrase.expose()).map_err(not_read)
        }
    }
}

/// Writes a new key file, encrypted as cosign's, where there is none. Returns whether its passphrase is empty, and so
/// protects nothing.
pub fn write_private(path: &Path, key: &AnyKey, passphrases: &Passphrases) -> Result<bool, Error> {
    files::check_absent(path).map_err(Error::PairFile)?;
    let passphrase = passphrases.of_new(path).map_err(Error::passphrase(path))?;
    let text = Sealed::text_of(key, passphrase.expose());
    let is_open = passphrase.is_empty();
    drop(passphrase);
    files::write(path, text.as_bytes(), 0o600, Existing::Refuse).map_err(Error::PairFile)?;
    Ok(is_open)
}
