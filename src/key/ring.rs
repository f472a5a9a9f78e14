//! From references to signers.

use std::path::{Path, PathBuf};

use super::any::{self, AnyKey};
use super::error::Error;
use super::gate::Gated;
use super::key_ref::KeyRef;
use super::key_type::KeyType;
use super::passphrase::Passphrases;
use super::pkcs11::{Imported, NewKey, Options, Passport, Tokens, Wanted};
use super::read::{read_made, read_private, read_public};
use super::signer::{Checked, P384Signer, Signer};
use super::uri::TokenUri;
use crate::crypto::{P384Key, PublicKey};
use crate::files::{self, Existing};
use crate::x509::Certificate;

/// The most bytes of a file of certificates.
const MAX_CERTIFICATES: usize = 1 << 20;

/// A private key that was made.
pub struct Generated {
    /// Its public half.
    pub public: PublicKey,
    /// What its token says of it, where it is on one.
    pub on_token: Option<NewKey>,
}

/// Turns references into signers, and keeps the tokens that they are on open.
pub struct KeyRing {
    pub(super) tokens: Tokens,
}

impl KeyRing {
    /// A ring that reaches tokens in this way.
    pub fn new(options: Options) -> Self {
        Self {
            tokens: Tokens::new(options),
        }
    }

    /// The tokens.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The files that were named for keys on tokens in general: passports, a PIN's, public keys.
    pub fn files(&self) -> &[PathBuf] {
        self.tokens.files()
    }

    /// The signer behind a reference to a key on P-384. Each of its signatures is verified before it is handed out.
    pub fn signer(&self, key: &KeyRef) -> Result<P384Signer, Error> {
        let signer: Box<dyn Signer> = match key {
            KeyRef::File(path) => {
                let signer = read_private(path)?;
                Box::new(Checked::new(signer, format!("key file {key}")))
            }
            KeyRef::Token(uri) => self.on_token(uri, Wanted::P384)?,
        };
        Ok(P384Signer::new(signer).expect("no key on another curve is read"))
    }

    /// The signer behind a reference to a key of any kind: a token's, or a file's in any form. The passphrase of
    /// an encrypted file is asked for, and only of one. Each signature is verified before it is handed out.
    pub fn signer_of_any(
        &self,
        key: &KeyRef,
        passphrases: &Passphrases,
    ) -> Result<Box<dyn Signer>, Error> {
        let signer: Box<dyn Signer> = match key {
            KeyRef::File(path) => {
                let signer = any::read_private(path, passphrases)?;
                Box::new(Checked::new(signer, format!("key file {key}")))
            }
            KeyRef::Token(uri) => self.on_token(uri, Wanted::Any)?,
        };
        self.check_passports()?;
        Ok(signer)
    }

    fn on_token(&self, uri: &TokenUri, wanted: Wanted) -> Result<Box<dyn Signer>, Error> {
        let signer = self.tokens.key(uri, wanted)?;
        let name = signer.name();
        let gated = Gated::new(signer, self.tokens.sessions());
        Ok(Box::new(Checked::new(gated, name)))
    }

    /// The longest message that a key signs which hashes by itself; none for a key that signs a hash.
    pub fn longest_message(&self, key: &KeyRef) -> Option<usize> {
        match key {
            KeyRef::File(_) => None,
            KeyRef::Token(_) => self.tokens.longest_message(),
        }
    }

    /// Refuses passports that none of the signers so far has.
    pub fn check_passports(&self) -> Result<(), Error> {
        Ok(self.tokens.check_all_passports_used()?)
    }

    /// Makes a new key. What is there already is never overwritten.
    pub fn generate(&self, key: &KeyRef, of: KeyType) -> Result<Generated, Error> {
        match key {
            KeyRef::File(path) => {
                files::check_absent(path)?;
                let key = AnyKey::generate(of);
                files::write(path, &key.to_der(), 0o600, Existing::Refuse)?;
                Ok(Generated {
                    public: key.public_key().clone(),
                    on_token: None,
                })
            }
            KeyRef::Token(uri) => {
                let new = self.tokens.generate_of(uri, of)?;
                Ok(Generated {
                    public: new.public.clone(),
                    on_token: Some(new),
                })
            }
        }
    }

    /// The public half of a private key of a type that `gen-key` makes: of the file, or what a token shows and a
    /// signature of the private half proves.
    pub fn public_of(&self, key: &KeyRef) -> Result<PublicKey, Error> {
        match key {
            KeyRef::File(path) => Ok(read_made(path)?.public_key().clone()),
            KeyRef::Token(uri) => Ok(self.tokens.public_key(uri, Wanted::Any)?),
        }
    }

    /// A public key to verify with: from a file with its DER `SubjectPublicKeyInfo`, or from a token, which
    /// may show it without a PIN.
    pub fn public(&self, key: &KeyRef) -> Result<P384Key, Error> {
        match key {
            KeyRef::File(path) => read_public(path),
            KeyRef::Token(uri) => Ok(p384(&self.tokens.verifying_key(uri, Wanted::P384)?)),
        }
    }

    /// The public half of a key of any kind: of a file, or what a token shows and a signature of the
    /// private half proves.
    pub fn public_half_of_any(
        &self,
        key: &KeyRef,
        passphrases: &Passphrases,
    ) -> Result<PublicKey, Error> {
        match key {
            KeyRef::File(path) => Ok(any::read_private(path, passphrases)?.public_key().clone()),
            KeyRef::Token(uri) => Ok(self.tokens.public_key(uri, Wanted::Any)?),
        }
    }

    /// A public key of any kind to verify with: from a file with its `SubjectPublicKeyInfo` in DER or PEM, or from a
    /// token, which may show it without a PIN.
    pub fn public_of_any(&self, key: &KeyRef) -> Result<PublicKey, Error> {
        match key {
            KeyRef::File(path) => any::read_public(path),
            KeyRef::Token(uri) => Ok(self.tokens.verifying_key(uri, Wanted::Any)?),
        }
    }

    /// Brings the private key of a file onto a token, and leaves the file as it is.
    pub fn import(&self, file: &Path, uri: &TokenUri) -> Result<NewKey, Error> {
        let key = read_private(file)?;
        Ok(self.tokens.import(uri, &key)?)
    }

    /// The certificates of the private key that a URI names, as its token holds them: the key's own, then the issuers.
    pub fn certificates(&self, uri: &TokenUri) -> Result<Vec<Certificate>, Error> {
        Ok(self.tokens.certificates(uri)?)
    }

    /// Puts the certificates of a file on the token of a key, the key's own first.
    pub fn import_certificates(&self, file: &Path, uri: &TokenUri) -> Result<Vec<Imported>, Error> {
        let bytes = files::read(file, MAX_CERTIFICATES).map_err(Error::CertificateFile)?;
        let chain = Certificate::read_all(&bytes).map_err(|source| Error::Certificates {
            path: file.to_owned(),
            source,
        })?;
        Ok(self.tokens.import_certificates(uri, &chain)?)
    }

    /// Makes the passport of a key on a token.
    pub fn passport(&self, uri: &TokenUri, accepted: &[String]) -> Result<Passport, Error> {
        Ok(self.tokens.passport(uri, accepted)?)
    }
}

/// The key of a token that was asked for one on P-384.
fn p384(key: &PublicKey) -> P384Key {
    P384Key::of(key).expect("no key on another curve is found")
}
