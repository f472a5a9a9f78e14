//! Keys on PKCS#11 tokens (PKCS #11 v2.40 and later).
//!
//! One token is opened once in a run: one session and one login serve all keys on it.

mod attributes;
mod choose;
mod doctor;
mod ending;
mod error;
mod generate;
mod login;
mod manage;
mod mechanism;
mod module;
mod object;
mod passport;
mod point;
mod public;
mod raw;
mod resume;
mod setup;
mod signer;
mod token;
mod turn;
mod words;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use attributes::{FACTS, Facts};
pub use doctor::{Finding, Level};
pub use ending::last as before_death;
pub use error::Error;
pub use generate::{NewKey, unasked};
pub use login::{NO_USER_PIN, NoPrompt, Prompt};
pub use manage::{KeyListing, ModuleListing, SlotListing, TokenListing};
pub use mechanism::{LONGEST_MESSAGE, SignMechanism};
pub use module::of_environment as module_of_environment;
pub use passport::{Passport, PassportError, attributes as attributes_json, has_passport_for};
pub use point::{PointError, read as read_point};
pub(super) use raw::{keep_from_children, open_again};
pub use resume::Described;
pub use setup::{PinLength, Setup};
pub use signer::TokenKey;

use super::file::FileKey;
use super::pin::PinSource;
use super::uri::{ObjectType, TokenUri};
use crate::crypto::{PublicKey, Signer};
use choose::Among;
use login::{Budget, Login};
use module::Modules;
use token::Token;

/// How tokens are reached.
pub struct Options {
    /// The module, before any that a URI names.
    pub module: Option<PathBuf>,
    /// Where the PIN comes from when a URI does not say: of one token only.
    pub pin_source: Option<PinSource>,
    /// Whether a PIN is sent to a token that allows only one more try.
    pub allow_final_try: bool,
    /// Whether a PIN is kept for the run, for keys that ask for it at each signature.
    pub keep_pin: bool,
    /// How many sessions of a token are used at once.
    pub sessions: NonZeroUsize,
    /// What tokens make signatures by.
    pub mechanism: SignMechanism,
    /// Asks a person for a PIN.
    pub prompt: Box<dyn Prompt>,
    /// The public halves of keys whose token does not show them.
    pub public_keys: Vec<PublicKey>,
    /// The passports that keys on tokens must have, with their files; none for no such rule.
    pub passports: Vec<(PathBuf, Passport)>,
    /// The files that all this was read from, or will be.
    pub files: Vec<PathBuf>,
}

impl Default for Options {
    /// The system's modules, and nobody to ask for a PIN.
    fn default() -> Self {
        Self {
            module: None,
            pin_source: None,
            allow_final_try: false,
            keep_pin: false,
            sessions: NonZeroUsize::MIN,
            mechanism: SignMechanism::default(),
            prompt: Box::new(NoPrompt),
            public_keys: Vec::new(),
            passports: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// What all tokens of a run share.
struct Shared {
    options: Options,
    budget: Budget,
    /// The passports that a key of this run has, by their place among the options.
    used: Mutex<HashSet<usize>>,
}

/// The tokens that this run has opened.
pub struct Tokens {
    shared: Arc<Shared>,
    open: Mutex<Vec<Arc<Token>>>,
    modules: Modules,
}

impl Tokens {
    /// The files that the options were read from.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.shared.options.files
    }

    /// How many sessions of a token are used at once.
    pub(super) fn sessions(&self) -> usize {
        self.shared.options.sessions.get()
    }

    /// The longest message that a token signs; none where it signs a hash that is made here.
    pub(super) fn longest_message(&self) -> Option<usize> {
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

    /// Opens the token that a URI names, or takes the one that is open already.
    fn token(&self, uri: &TokenUri) -> Result<Arc<Token>, Error> {
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

    fn logged_in(&self, uri: &TokenUri) -> Result<Arc<Token>, Error> {
        log_in(self.token(uri)?, uri)
    }

    /// The same for who will write.
    fn writing(&self, uri: &TokenUri) -> Result<Arc<Token>, Error> {
        let token = self.token(uri)?;
        token.will_write();
        log_in(token, uri)
    }

    /// The private key that a URI names, ready to sign. Where passports are required it has to
    /// have one.
    pub fn key(&self, uri: &TokenUri) -> Result<TokenKey, Error> {
        let key = self.find(uri, ObjectType::Private)?;
        self.check_passport(&key)?;
        Ok(key)
    }

    /// The public half of the private key that a URI names, proven by a signature.
    pub fn public_key(&self, uri: &TokenUri) -> Result<PublicKey, Error> {
        let kind = match uri.kind {
            Some(ObjectType::Public) => ObjectType::Public,
            _ => ObjectType::Private,
        };
        let key = self.find(uri, kind)?;
        key.prove()?;
        Ok(*key.public_key())
    }

    /// A public key to verify with. Where the user names where a PIN comes from, this is
    /// [`Tokens::public_key`]. Nobody is asked for a PIN where the token shows exactly one public object of
    /// the name to all: that one is taken, unproven, and the person is told so.
    pub fn verifying_key(&self, uri: &TokenUri) -> Result<PublicKey, Error> {
        let names_private = uri.kind == Some(ObjectType::Private);
        if names_private || is_named(&self.shared.options, uri) {
            return self.public_key(uri);
        }
        check_kind(uri, ObjectType::Public)?;
        let token = self.token(uri)?;
        // Where nobody need be asked the key's own signature proves it.
        if token.has_way_in() || !token.info()?.has(cryptoki_sys::CKF_LOGIN_REQUIRED) {
            return self.public_key(uri);
        }
        let Some((name, public)) = public::shown_to_all(&token, uri)? else {
            return self.public_key(uri);
        };
        self.shared.options.prompt.tell(&format!(
            "{name}: its public key is taken as the token shows it without a login, and no signature proves it; fingerprint {}",
            public.fingerprint()
        ));
        Ok(public)
    }

    fn find(&self, uri: &TokenUri, kind: ObjectType) -> Result<TokenKey, Error> {
        check_kind(uri, kind)?;
        let token = self.logged_in(uri)?;
        match TokenKey::find(Arc::clone(&token), uri) {
            Err(Error::Keys { found, .. }) if found.is_empty() && token.insist() => {
                TokenKey::find(token, uri)
            }
            found => found,
        }
    }

    /// Makes a key pair on the token that a URI names. A label or id that is in use is refused.
    pub fn generate(&self, uri: &TokenUri) -> Result<NewKey, Error> {
        check_kind(uri, ObjectType::Private)?;
        check_label(uri)?;
        generate::generate(&self.writing(uri)?, uri)
    }

    /// Brings the private key of a file onto the token that a URI names.
    pub fn import(&self, uri: &TokenUri, key: &FileKey) -> Result<NewKey, Error> {
        check_kind(uri, ObjectType::Private)?;
        check_label(uri)?;
        generate::import(&self.writing(uri)?, uri, key)
    }

    /// Makes the passport of a key. One whose attributes do not say that it was made on the token
    /// and never left it is refused, but for those that are accepted by name (`CKA_LOCAL`).
    pub fn passport(&self, uri: &TokenUri, accepted: &[String]) -> Result<Passport, Error> {
        let key = self.find(uri, ObjectType::Private)?;
        let unfit = passport::unfit(&key.facts()?, accepted);
        if !unfit.is_empty() {
            return Err(Error::Unfit {
                key: key.name(),
                reasons: unfit,
            });
        }
        Passport::make(&key)
    }

    /// Checks a key against the passports that are about it: all have to fit.
    fn check_passport(&self, key: &TokenKey) -> Result<(), Error> {
        let passports = &self.shared.options.passports;
        if passports.is_empty() {
            return Ok(());
        }
        let all = passports.iter().enumerate();
        let about: Vec<_> = all
            .filter(|(_, (_, passport))| passport.public_key() == key.public_key())
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

    /// Refuses a passport that none of the keys has which were asked for so far.
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
fn is_named(options: &Options, uri: &TokenUri) -> bool {
    uri.pin_source.is_some() || options.pin_source.is_some()
}

fn log_in(token: Arc<Token>, uri: &TokenUri) -> Result<Arc<Token>, Error> {
    token.log_in(Login {
        source: uri.pin_source.clone(),
        insists: false,
    })?;
    Ok(token)
}

fn wrong(path: &Path, source: PassportError) -> Error {
    Error::Passport {
        path: path.to_owned(),
        source,
    }
}

fn check_kind(uri: &TokenUri, wanted: ObjectType) -> Result<(), Error> {
    match uri.kind {
        Some(kind) if kind != wanted => Err(Error::Kind {
            uri: uri.to_string(),
            wanted: wanted.name(),
        }),
        _ => Ok(()),
    }
}

/// A new key needs a label: said before a PIN is asked for.
fn check_label(uri: &TokenUri) -> Result<(), Error> {
    if uri.object.is_none() {
        return Err(Error::NoLabel {
            uri: uri.to_string(),
        });
    }
    Ok(())
}
