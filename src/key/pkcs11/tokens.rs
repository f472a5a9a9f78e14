//! All tokens of a run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::budget::Budget;
use super::choose::{self, Among};
use super::error::Error;
use super::generate::{self, NewKey};
use super::login::Login;
use super::mechanism::{LONGEST_MESSAGE, SignMechanism};
use super::module::Modules;
use super::object::Wanted;
use super::options::{Options, Shared};
use super::passport::{Passport, PassportError};
use super::passport_check;
use super::public;
use super::signer::TokenKey;
use super::token::Token;
use crate::crypto::PublicKey;
use crate::key::file::FileKey;
use crate::key::key_type::KeyType;
use crate::key::signer::Signer;
use crate::key::uri::{ObjectType, TokenUri};

/// The tokens that this run has opened.
pub struct Tokens {
    pub(super) shared: Arc<Shared>,
    pub(super) open: Mutex<Vec<Arc<Token>>>,
    pub(super) modules: Modules,
}

impl Tokens {
    /// The files that the options come from.
    pub(in crate::key) fn files(&self) -> &[PathBuf] {
        &self.shared.options.files
    }

    /// How many sessions of a token a run uses at once.
    pub(in crate::key) fn sessions(&self) -> usize {
        self.shared.options.sessions.get()
    }

    /// The longest message that a token signs; none where ir-sign hashes.
    pub(in crate::key) fn longest_message(&self) -> Option<usize> {
        (self.shared.options.mechanism == SignMechanism::EcdsaSha384).then_some(LONGEST_MESSAGE)
    }

    /// No token is opened yet, and no module loaded.
    pub fn new(options: Options) -> Self {
        if let Some(source) = &options.pin_source {
            source.keep_from_children();
        }
        Self {
            shared: Arc::new(Shared {
                options,
                budget: Budget::default(),
                used: Mutex::default(),
            }),
            open: Mutex::default(),
            modules: Modules::default(),
        }
    }

    /// Opens the token that a URI names, unless it is open already.
    pub(super) fn token(&self, uri: &TokenUri) -> Result<Arc<Token>, Error> {
        let module = self.modules.load(&self.shared.options, uri)?;
        let found = choose::find(&module, uri, Among::Initialised)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = module.live().generation;
        let known = open
            .iter()
            .find(|token| Arc::ptr_eq(&token.module, &module) && token.is(&found, generation));
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let shared = Arc::clone(&self.shared);
        let token = Arc::new(Token::new(open.len(), module, &found, shared));
        open.push(Arc::clone(&token));
        Ok(token)
    }

    pub(super) fn logged_in(&self, uri: &TokenUri) -> Result<Arc<Token>, Error> {
        log_in(self.token(uri)?, uri)
    }

    /// The same with read-write sessions.
    pub(super) fn writing(&self, uri: &TokenUri) -> Result<Arc<Token>, Error> {
        let token = self.token(uri)?;
        token.will_write();
        log_in(token, uri)
    }

    /// The private key that a URI names, ready to sign. Where passports are required it has to
    /// have one.
    pub fn key(&self, uri: &TokenUri, wanted: Wanted) -> Result<TokenKey, Error> {
        let key = self.find(uri, ObjectType::Private, wanted)?;
        self.check_passport(&key)?;
        Ok(key)
    }

    /// The public half of the private key that a URI names, proven by a signature.
    pub fn public_key(&self, uri: &TokenUri, wanted: Wanted) -> Result<PublicKey, Error> {
        let kind = match uri.kind {
            Some(ObjectType::Public) => ObjectType::Public,
            _ => ObjectType::Private,
        };
        let key = self.find(uri, kind, wanted)?;
        key.prove()?;
        Ok(key.public_key().clone())
    }

    /// A public key to verify with. Where the user names where a PIN comes from, this is
    /// [`Tokens::public_key`]. Where the token shows exactly one public object of the name without a login, this
    /// takes it unproven, tells the person so, and asks for no PIN.
    pub fn verifying_key(&self, uri: &TokenUri, wanted: Wanted) -> Result<PublicKey, Error> {
        let names_private = uri.kind == Some(ObjectType::Private);
        if names_private || is_named(&self.shared.options, uri) {
            return self.public_key(uri, wanted);
        }
        check_kind(uri, ObjectType::Public)?;
        let token = self.token(uri)?;
        // Where no prompt is needed, the key's own signature proves it.
        if token.has_way_in() || !token.info()?.has(cryptoki_sys::CKF_LOGIN_REQUIRED) {
            return self.public_key(uri, wanted);
        }
        let Some((name, public)) = public::shown_to_all(&token, uri, wanted)? else {
            return self.public_key(uri, wanted);
        };
        self.shared.options.prompt.notify(&format!(
            "{name}: its public key is taken as the token shows it without a login, and no signature proves it; fingerprint {}",
            public.fingerprint()
        ));
        Ok(public)
    }

    pub(super) fn find(
        &self,
        uri: &TokenUri,
        kind: ObjectType,
        wanted: Wanted,
    ) -> Result<TokenKey, Error> {
        check_kind(uri, kind)?;
        let token = self.logged_in(uri)?;
        match TokenKey::find(Arc::clone(&token), uri, wanted) {
            Err(Error::Keys { found, .. }) if found.is_empty() && token.insist() => {
                TokenKey::find(token, uri, wanted)
            }
            found => found,
        }
    }

    /// Makes a key pair on P-384: [`Tokens::generate_of`].
    pub fn generate(&self, uri: &TokenUri) -> Result<NewKey, Error> {
        self.generate_of(uri, KeyType::default())
    }

    /// Makes a key pair on the token that a URI names. A label or id that is in use is refused.
    pub fn generate_of(&self, uri: &TokenUri, of: KeyType) -> Result<NewKey, Error> {
        check_kind(uri, ObjectType::Private)?;
        check_label(uri)?;
        generate::generate(&self.writing(uri)?, uri, of)
    }

    /// Imports the private key of a file into the token that a URI names.
    pub fn import(&self, uri: &TokenUri, key: &FileKey) -> Result<NewKey, Error> {
        check_kind(uri, ObjectType::Private)?;
        check_label(uri)?;
        generate::import(&self.writing(uri)?, uri, key)
    }

    /// Makes the passport of a key. One whose attributes do not say that it was made on the token
    /// and never left it is refused, but for those that are accepted by name (`CKA_LOCAL`).
    pub fn passport(&self, uri: &TokenUri, accepted: &[String]) -> Result<Passport, Error> {
        let key = self.find(uri, ObjectType::Private, Wanted::P384)?;
        let unfit = passport_check::unfit(&key.facts()?, accepted);
        if !unfit.is_empty() {
            return Err(Error::Unfit {
                key: key.name(),
                reasons: unfit,
            });
        }
        Passport::make(&key)
    }

    /// Checks a key against all its passports: every one has to fit.
    pub(super) fn check_passport(&self, key: &TokenKey) -> Result<(), Error> {
        let passports = &self.shared.options.passports;
        if passports.is_empty() {
            return Ok(());
        }
        let all = passports.iter().enumerate();
        let about: Vec<_> = all
            .filter(|(_, (_, passport))| passport.public_key().to_spki() == key.public_key().spki())
            .collect();
        if about.is_empty() {
            return Err(Error::NoPassport {
                key: key.name(),
                fingerprint: key.public_key().fingerprint(),
            });
        }
        for (_, (path, passport)) in &about {
            let differences = passport.check(key)?;
            if !differences.is_empty() {
                return Err(wrong(path, PassportError::Differs(differences.join("; "))));
            }
        }
        let mut used = self
            .shared
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        used.extend(about.into_iter().map(|(n, _)| n));
        Ok(())
    }

    /// Refuses a passport of a key that this run has not used.
    pub fn check_all_passports_used(&self) -> Result<(), Error> {
        let used = self
            .shared
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (n, (path, passport)) in self.shared.options.passports.iter().enumerate() {
            if !used.contains(&n) {
                let fingerprint = passport.public_key().fingerprint().to_string();
                return Err(wrong(path, PassportError::Unused(fingerprint)));
            }
        }
        Ok(())
    }
}

/// Whether the user named where the PIN comes from.
pub(super) fn is_named(options: &Options, uri: &TokenUri) -> bool {
    uri.pin_source.is_some() || options.pin_source.is_some()
}

pub(super) fn log_in(token: Arc<Token>, uri: &TokenUri) -> Result<Arc<Token>, Error> {
    token.log_in(Login {
        source: uri.pin_source.clone(),
        insists: false,
    })?;
    Ok(token)
}

pub(super) fn wrong(path: &Path, source: PassportError) -> Error {
    Error::Passport {
        path: path.to_owned(),
        source,
    }
}

pub(super) fn check_kind(uri: &TokenUri, wanted: ObjectType) -> Result<(), Error> {
    match uri.kind {
        Some(kind) if kind != wanted => Err(Error::Kind {
            uri: uri.to_string(),
            wanted: wanted.name(),
        }),
        _ => Ok(()),
    }
}

/// Asserts that a missing label is an error before the PIN prompt.
pub(super) fn check_label(uri: &TokenUri) -> Result<(), Error> {
    if uri.object.is_none() {
        return Err(Error::NoLabel {
            uri: uri.to_string(),
        });
    }
    Ok(())
}
