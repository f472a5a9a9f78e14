//! cosign's key pairs: an encrypted private key file, or a key on a token, and its public key in PEM.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::keys::{existing, inputs};
use super::outputs::check_output;
use crate::crypto::{Curve, PublicKey};
use crate::encoding::pem_text;
use crate::files::{self, Written};
use crate::key::any::{self, AnyKey};
use crate::key::passphrase::Passphrases;
use crate::key::pkcs11::NewKey;
use crate::key::uri::TokenUri;
use crate::key::{self, KeyRef, KeyRing, KeyType, Signer};

/// The names in messages for the files of a pair.
const PUBLIC: &str = "public key file";

/// The two files of a pair, as cosign names them.
#[derive(Clone, Debug)]
pub struct PairFiles {
    /// The private key: `PREFIX.key`.
    pub private: PathBuf,
    /// The public key: `PREFIX.pub`.
    pub public: PathBuf,
}

impl PairFiles {
    /// The files of this prefix.
    pub fn new(prefix: &Path) -> Self {
        let with = |ending: &str| {
            let mut name = OsString::from(prefix);
            name.push(ending);
            PathBuf::from(name)
        };
        Self {
            private: with(".key"),
            public: with(".pub"),
        }
    }
}

/// A pair that was made or imported.
pub struct Pair {
    /// The public key.
    pub key: PublicKey,
    /// Whether the private key's file is encrypted with an empty passphrase.
    pub unprotected: bool,
    /// The token's description of the key, if the key is on a token.
    pub on_token: Option<NewKey>,
    /// Whether this run wrote the public key's file.
    pub written: Written,
}

/// Makes a pair of files.
#[derive(Clone, Debug)]
pub struct GeneratePair {
    /// The files.
    pub files: PairFiles,
    /// The curve.
    pub curve: Curve,
    /// Whether to replace a public key file that is there already.
    pub force: bool,
}

impl GeneratePair {
    /// Checks that it can write both files before it asks for a passphrase or makes a key.
    pub fn run(&self, passphrases: &Passphrases) -> Result<Pair, Error> {
        let PairFiles { private, public } = &self.files;
        files::check_absent(private).map_err(key::Error::PairFile)?;
        check_new_public(public, &[private], self.force)?;
        write_pair(
            &AnyKey::generate(KeyType::Ec(self.curve)),
            &self.files,
            passphrases,
            self.force,
        )
    }
}

/// Makes a pair on a token, and writes the public key.
#[derive(Clone, Debug)]
pub struct GenerateOnToken {
    /// The token, and the key's name there.
    pub uri: TokenUri,
    /// The file for the public key.
    pub public: PathBuf,
    /// The curve.
    pub curve: Curve,
    /// Whether to replace a public key file that is there already.
    pub force: bool,
}

impl GenerateOnToken {
    /// Checks that it can write the file before it asks for a PIN.
    pub fn run(&self, ring: &KeyRing) -> Result<Pair, Error> {
        let files = ring.files().iter().map(PathBuf::as_path);
        let files: Vec<_> = files.chain(self.uri.files()).collect();
        check_new_public(&self.public, &files, self.force)?;
        let new = ring
            .tokens()
            .generate_of(&self.uri, KeyType::Ec(self.curve));
        let new = new.map_err(key::Error::from)?;
        let written = write_pem(&new.public, &self.public, self.force);
        let made = KeyRef::Token(Box::new(new.uri.clone()));
        Ok(Pair {
            written: written.map_err(but_made(made))?,
            key: new.public.clone(),
            unprotected: false,
            on_token: Some(new),
        })
    }
}

/// Brings a private key into a pair of files.
#[derive(Clone, Debug)]
pub struct ImportPair {
    /// The private key, in any form that is read.
    pub from: PathBuf,
    /// The files.
    pub files: PairFiles,
    /// Whether to replace another public key file that is there already.
    pub force: bool,
}

impl ImportPair {
    /// Leaves the key's source file as it is. If that file is encrypted, the first passphrase is the file's.
    pub fn run(&self, of_old: &Passphrases, of_new: &Passphrases) -> Result<Pair, Error> {
        let PairFiles { private, public } = &self.files;
        files::check_absent(private).map_err(key::Error::PairFile)?;
        check_output(PUBLIC, public, &[private, &self.from])?;
        files::check_writable(public).map_err(Error::file(PUBLIC))?;
        let key = any::read_private(&self.from, of_old)?;
        // The file that is there may hold this very key: then it stays.
        let text = pem(key.public_key());
        files::check(public, text.as_bytes(), existing(self.force)).map_err(Error::file(PUBLIC))?;
        write_pair(&key, &self.files, of_new, self.force)
    }
}

/// Takes the public key out of a private one.
#[derive(Clone, Debug)]
pub struct PublicHalf {
    /// The private key.
    pub key: KeyRef,
    /// The file for the public key, if any.
    pub output: Option<PathBuf>,
    /// Whether to replace another file that is there already.
    pub force: bool,
}

impl PublicHalf {
    /// Keeps a file that holds this public key already.
    pub fn run(
        &self,
        ring: &KeyRing,
        passphrases: &Passphrases,
    ) -> Result<(PublicKey, Option<Written>), Error> {
        if let Some(output) = &self.output {
            check_output(PUBLIC, output, &inputs(ring, &[&self.key]))?;
            let is_file = output.symlink_metadata().is_ok_and(|there| there.is_file());
            if !is_file {
                files::check_writable(output).map_err(Error::file(PUBLIC))?;
            }
        }
        let key = ring.public_half_of_any(&self.key, passphrases)?;
        let output = self.output.as_ref();
        let written = output.map(|output| write_pem(&key, output, self.force));
        Ok((key, written.transpose()?))
    }
}

/// A public key as cosign writes it.
pub fn pem(key: &PublicKey) -> String {
    pem_text::write("PUBLIC KEY", key.spki())
}

/// Refuses a place for the public half of a key that does not exist yet.
fn check_new_public(public: &Path, inputs: &[&Path], force: bool) -> Result<(), Error> {
    check_output(PUBLIC, public, inputs)?;
    if !force {
        files::check_absent(public).map_err(Error::file(PUBLIC))?;
    }
    files::check_writable(public).map_err(Error::file(PUBLIC))
}

/// Asks for a passphrase, and writes the private key and then the public key.
fn write_pair(
    key: &AnyKey,
    files: &PairFiles,
    passphrases: &Passphrases,
    force: bool,
) -> Result<Pair, Error> {
    let unprotected = any::write_private(&files.private, key, passphrases)?;
    let written = write_pem(key.public_key(), &files.public, force);
    let made = KeyRef::File(files.private.clone());
    Ok(Pair {
        key: key.public_key().clone(),
        unprotected,
        on_token: None,
        written: written.map_err(but_made(made))?,
    })
}

fn write_pem(key: &PublicKey, path: &Path, force: bool) -> Result<Written, Error> {
    let text = pem(key);
    files::write(path, text.as_bytes(), 0o644, existing(force)).map_err(Error::file(PUBLIC))
}

/// Adds to an error that the private key is there all the same.
fn but_made(key: KeyRef) -> impl FnOnce(Error) -> Error {
    move |error| Error::PairMade {
        key,
        source: Box::new(error),
    }
}
