//! Making keys and taking their public halves out.

use std::path::{Path, PathBuf};

use super::{Error, check_output};
use crate::crypto::PublicKey;
use crate::files::{self, Existing, Written};
use crate::key::{KeyRef, KeyRing};

/// Makes a private key where there is none, and writes its public half if asked to.
#[derive(Clone, Debug)]
pub struct Generate {
    /// Where the private key goes.
    pub key: KeyRef,
    /// Where the public key goes: DER `SubjectPublicKeyInfo`.
    pub public: Option<PathBuf>,
    /// Whether a public key file that is there already is replaced.
    pub force: bool,
}

impl Generate {
    /// Both outputs are checked before a key is made.
    pub fn run(&self) -> Result<PublicKey, Error> {
        if let Some(public) = &self.public {
            check_output("public key file", public, &key_files(&[&self.key]))?;
            if !self.force {
                files::check_absent(public).map_err(Error::file("public key file"))?;
            }
        }
        let key = KeyRing::new().generate(&self.key)?;
        if let Some(public) = &self.public {
            write_public(&key, public, self.force)?;
        }
        Ok(key)
    }
}

/// Writes the public half of a private key.
#[derive(Clone, Debug)]
pub struct ExtractPublic {
    /// The private key.
    pub key: KeyRef,
    /// Where the public key goes: DER `SubjectPublicKeyInfo`.
    pub output: PathBuf,
    /// Whether another file that is there already is replaced.
    pub force: bool,
}

impl ExtractPublic {
    /// A file that holds this public key already is left alone.
    pub fn run(&self) -> Result<(PublicKey, Written), Error> {
        check_output("public key file", &self.output, &key_files(&[&self.key]))?;
        let key = *KeyRing::new().signer(&self.key)?.public_key();
        let written = write_public(&key, &self.output, self.force)?;
        Ok((key, written))
    }
}

fn write_public(key: &PublicKey, path: &Path, force: bool) -> Result<Written, Error> {
    files::write(path, &key.to_spki(), 0o644, existing(force))
        .map_err(Error::file("public key file"))
}

/// The files among these keys.
pub(super) fn key_files<'a>(keys: &[&'a KeyRef]) -> Vec<&'a Path> {
    keys.iter()
        .map(|key| match key {
            KeyRef::File(path) => path.as_path(),
        })
        .collect()
}

/// What to do about an output that is there already.
pub(super) const fn existing(force: bool) -> Existing {
    if force {
        Existing::Replace
    } else {
        Existing::Keep
    }
}
