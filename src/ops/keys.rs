//! Making keys and writing their public halves.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::outputs::check_output;
use crate::crypto::PublicKey;
use crate::files::{self, Existing, Written};
use crate::key::pkcs11::{self, Imported, NewKey, Passport};
use crate::key::uri::TokenUri;
use crate::key::{self, Generated, KeyRef, KeyRing, KeyType};

/// Makes a private key where none exists, and can write its public half.
#[derive(Clone, Debug)]
pub struct Generate {
    /// The place for the private key.
    pub key: KeyRef,
    /// The key's type.
    pub of: KeyType,
    /// The file for the public key: DER `SubjectPublicKeyInfo`.
    pub public: Option<PathBuf>,
    /// Whether to replace a public key file that is there already.
    pub force: bool,
}

impl Generate {
    /// Checks both outputs before it makes a key: the private key's first, because nothing replaces an existing
    /// key.
    pub fn run(&self, ring: &KeyRing) -> Result<Generated, Error> {
        if let KeyRef::File(path) = &self.key {
            files::check_absent(path).map_err(key::Error::from)?;
        }
        if let Some(public) = &self.public {
            check_output("public key file", public, &inputs(ring, &[&self.key]))?;
            if files::is_standard(public) && matches!(self.key, KeyRef::Token(_)) {
                return Err(Error::OutputTaken {
                    role: "public key file",
                    other: "the new key's URI",
                });
            }
            if !self.force {
                files::check_absent(public).map_err(Error::file("public key file"))?;
            }
            files::check_writable(public).map_err(Error::file("public key file"))?;
        }
        let key = ring.generate(&self.key, self.of)?;
        if let Some(public) = &self.public {
            write_public(&key.public, public, self.force).map_err(|error| Error::KeyMade {
                key: match &key.on_token {
                    Some(new) => KeyRef::Token(Box::new(new.uri.clone())),
                    None => self.key.clone(),
                },
                source: Box::new(error),
            })?;
        }
        Ok(key)
    }
}

/// Writes the public half of a private key.
#[derive(Clone, Debug)]
pub struct ExtractPublic {
    /// The private key.
    pub key: KeyRef,
    /// The file for the public key: DER `SubjectPublicKeyInfo`.
    pub output: PathBuf,
    /// Whether to replace an existing file with other content.
    pub force: bool,
}

impl ExtractPublic {
    /// Keeps a file that already holds this public key.
    pub fn run(&self, ring: &KeyRing) -> Result<(PublicKey, Written), Error> {
        check_output("public key file", &self.output, &inputs(ring, &[&self.key]))?;
        if let KeyRef::Token(_) = self.key {
            check_place("public key file", &self.output)?;
        }
        let key = ring.public_of(&self.key)?;
        let written = write_public(&key, &self.output, self.force)?;
        Ok((key, written))
    }
}

/// Refuses an unwritable place before the PIN prompt. An existing file may hold the key already.
fn check_place(role: &'static str, path: &Path) -> Result<(), Error> {
    let is_file = path.symlink_metadata().is_ok_and(|there| there.is_file());
    if is_file && !files::is_standard(path) {
        return Ok(());
    }
    files::check_writable(path).map_err(Error::file(role))
}

fn write_public(key: &PublicKey, path: &Path, force: bool) -> Result<Written, Error> {
    files::write(path, key.spki(), 0o644, existing(force)).map_err(Error::file("public key file"))
}

/// Imports the private key of a file into a token.
#[derive(Clone, Debug)]
pub struct Import {
    /// The file.
    pub file: PathBuf,
    /// The token, and the key's label and id there.
    pub key: TokenUri,
}

impl Import {
    /// Leaves the file as it is.
    pub fn run(&self, ring: &KeyRing) -> Result<NewKey, Error> {
        Ok(ring.import(&self.file, &self.key)?)
    }
}

/// Puts certificates on the token of their key.
#[derive(Clone, Debug)]
pub struct ImportCertificates {
    /// The key.
    pub key: TokenUri,
    /// The key's certificate, or its chain up to the root, in PEM or DER.
    pub file: PathBuf,
}

impl ImportCertificates {
    /// Keeps those that are there with the same bytes.
    pub fn run(&self, ring: &KeyRing) -> Result<Vec<Imported>, Error> {
        Ok(ring.import_certificates(&self.file, &self.key)?)
    }
}

/// Writes the passport of a key on a token.
#[derive(Clone, Debug)]
pub struct MakePassport {
    /// The key.
    pub key: TokenUri,
    /// The file for the passport.
    pub output: PathBuf,
    /// The attributes that may differ from those of a key that never left its token.
    pub accepted: Vec<String>,
    /// Whether to replace an existing file with other content.
    pub force: bool,
}

impl MakePassport {
    /// Keeps an existing passport that still fits the key.
    pub fn run(&self, ring: &KeyRing) -> Result<(Passport, Written), Error> {
        let files = ring.files().iter().map(PathBuf::as_path);
        let files: Vec<_> = files.chain(self.key.files()).collect();
        check_output("passport", &self.output, &files)?;
        check_place("passport", &self.output)?;
        let there = !files::is_standard(&self.output) && self.output.symlink_metadata().is_ok();
        if there && !self.force {
            let differs = || Error::File {
                role: "passport",
                source: files::Error::Differs {
                    path: self.output.clone(),
                },
            };
            let there = Passport::read(&self.output).map_err(|error| match error {
                pkcs11::Error::Passport { .. }
                | pkcs11::Error::PassportFile(files::Error::TooLarge { .. }) => differs(),
                other => key::Error::from(other).into(),
            })?;
            let now = ring.passport(&self.key, &self.accepted)?;
            if there.statement() == now.statement() {
                files::sync_existing(&self.output).map_err(Error::file("passport"))?;
                return Ok((there, Written::Same));
            }
            return Err(differs());
        }
        let passport = ring.passport(&self.key, &self.accepted)?;
        let written = files::write(
            &self.output,
            passport.as_bytes(),
            0o644,
            existing(self.force),
        );
        let written = written.map_err(Error::file("passport"))?;
        Ok((passport, written))
    }
}

/// The files that ir-sign reads for these keys.
pub(super) fn inputs<'a>(ring: &'a KeyRing, keys: &[&'a KeyRef]) -> Vec<&'a Path> {
    let of_ring = ring.files().iter().map(PathBuf::as_path);
    let of_keys = keys.iter().flat_map(|key| key.files());
    of_ring.chain(of_keys).collect()
}

/// What to do if an output already exists.
pub(super) const fn existing(force: bool) -> Existing {
    if force {
        Existing::Replace
    } else {
        Existing::Keep
    }
}
