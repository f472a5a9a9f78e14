//! Looking at modules, tokens and keys, and setting a token up.

use std::path::PathBuf;
use std::sync::Arc;

use cryptoki::session::UserType;
use cryptoki_sys as sys;

use super::Tokens;
use super::attributes::Facts;
use super::error::Error;
use super::login;
use super::module::Module;
use super::object::{self, PrivateKey};
use super::raw::TokenInfo;
use super::signer::TokenKey;
use super::token::{self, Again, Among, Found, Identity, Token};
use crate::crypto::{PublicKey, Signer};
use crate::key::pin::Pin;
use crate::key::uri::TokenUri;

/// A module and what is in its slots.
#[derive(Clone, Debug)]
pub struct ModuleListing {
    /// The shared library.
    pub path: PathBuf,
    /// Who made it, what it says it is, and its version.
    pub library: String,
    /// Its slots.
    pub slots: Vec<SlotListing>,
}

/// A slot and the token in it.
#[derive(Clone, Debug)]
pub struct SlotListing {
    /// `CK_SLOT_ID`.
    pub id: u64,
    /// What the slot is called.
    pub description: String,
    /// The token, or why it was not read; nothing in an empty slot.
    pub token: Option<Result<TokenListing, String>>,
}

/// A token.
#[derive(Clone, Debug)]
pub struct TokenListing {
    /// A URI that names it.
    pub uri: TokenUri,
    /// What it says of itself.
    pub label: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Major and minor version of its firmware.
    pub firmware: (u8, u8),
    /// The names of its flags that are set.
    pub flags: Vec<&'static str>,
    /// What keeps it from signing.
    pub problems: Vec<&'static str>,
}

/// A private key on a token.
#[derive(Clone, Debug)]
pub struct KeyListing {
    /// A URI that names the key and no other.
    pub uri: TokenUri,
    /// Its label.
    pub label: String,
    /// Its id.
    pub id: Vec<u8>,
    /// Its public half where that is on P-384, else why it is of no use here.
    pub public: Result<PublicKey, String>,
    /// Its attributes.
    pub facts: Facts,
}

/// The flags of a token, by name (PKCS #11 v2.40, section 3.2).
const FLAGS: [(u64, &str); 17] = [
    (sys::CKF_RNG, "rng"),
    (sys::CKF_WRITE_PROTECTED, "write-protected"),
    (sys::CKF_LOGIN_REQUIRED, "login-required"),
    (sys::CKF_USER_PIN_INITIALIZED, "user-pin-initialized"),
    (
        sys::CKF_PROTECTED_AUTHENTICATION_PATH,
        "protected-authentication-path",
    ),
    (sys::CKF_TOKEN_INITIALIZED, "token-initialized"),
    (sys::CKF_USER_PIN_COUNT_LOW, "user-pin-count-low"),
    (sys::CKF_USER_PIN_FINAL_TRY, "user-pin-final-try"),
    (sys::CKF_USER_PIN_LOCKED, "user-pin-locked"),
    (sys::CKF_USER_PIN_TO_BE_CHANGED, "user-pin-to-be-changed"),
    (sys::CKF_SO_PIN_COUNT_LOW, "so-pin-count-low"),
    (sys::CKF_SO_PIN_FINAL_TRY, "so-pin-final-try"),
    (sys::CKF_SO_PIN_LOCKED, "so-pin-locked"),
    (sys::CKF_SO_PIN_TO_BE_CHANGED, "so-pin-to-be-changed"),
    (sys::CKF_ERROR_STATE, "error-state"),
    (sys::CKF_CLOCK_ON_TOKEN, "clock-on-token"),
    (sys::CKF_DUAL_CRYPTO_OPERATIONS, "dual-crypto-operations"),
];

impl TokenListing {
    pub(super) fn new(info: &TokenInfo) -> Self {
        let flags = FLAGS.iter().filter(|(flag, _)| info.has(*flag));
        Self {
            uri: Identity::from(info).uri(),
            label: info.label.clone(),
            manufacturer: info.manufacturer.clone(),
            model: info.model.clone(),
            serial: info.serial.clone(),
            firmware: info.firmware,
            flags: flags.map(|(_, name)| *name).collect(),
            problems: problems(info),
        }
    }
}

/// What keeps a token from signing, or may soon.
fn problems(info: &TokenInfo) -> Vec<&'static str> {
    if !info.has(sys::CKF_TOKEN_INITIALIZED) {
        return vec!["it is not initialised (ir-sign token init)"];
    }
    let mut problems = Vec::new();
    let mut when = |flag, problem| {
        if info.has(flag) {
            problems.push(problem);
        }
    };
    when(sys::CKF_USER_PIN_LOCKED, "the user PIN is locked");
    when(
        sys::CKF_USER_PIN_FINAL_TRY,
        "one more wrong PIN locks it for good",
    );
    when(
        sys::CKF_USER_PIN_COUNT_LOW,
        "a wrong PIN was tried since the last login",
    );
    when(
        sys::CKF_USER_PIN_TO_BE_CHANGED,
        "the user PIN has expired or has to be changed first",
    );
    when(sys::CKF_ERROR_STATE, "it is in an error state");
    if !info.has(sys::CKF_USER_PIN_INITIALIZED) && info.has(sys::CKF_LOGIN_REQUIRED) {
        problems.push("its user PIN is not set");
    }
    problems
}

/// How a token is to be set up.
pub struct Setup {
    /// The new label, 1 to 32 bytes.
    pub label: String,
    /// The label of the initialised token that is to be erased.
    pub erase: Option<String>,
    /// Where the SO PIN comes from, for a message.
    pub so_pin_from: String,
}

impl Tokens {
    /// The module that is used when a URI names none, and all its slots.
    pub fn list(&self, uri: &TokenUri) -> Result<ModuleListing, Error> {
        let module = self.modules.load(&self.shared.options, uri)?;
        let name = module.name();
        let info = module
            .context
            .get_library_info()
            .map_err(Error::call(&name))?;
        let text = |text: &str| text.trim_end_matches([' ', '\0']).to_owned();
        let version = info.library_version();
        let with_token = module.slots(true)?;
        let slots = module.slots(false)?;
        let slot = |slot: cryptoki::slot::Slot| SlotListing {
            id: slot.id(),
            description: module.context.get_slot_info(slot).map_or_else(
                |error| Error::call(&name)(error).to_string(),
                |info| text(info.slot_description()),
            ),
            token: with_token.contains(&slot).then(|| {
                let info = module.token_info(slot, &name);
                info.map(|info| TokenListing::new(&info))
                    .map_err(|e| e.to_string())
            }),
        };
        Ok(ModuleListing {
            path: module.path.clone(),
            library: format!(
                "{} {} {}.{}",
                text(info.manufacturer_id()),
                text(info.library_description()),
                version.major(),
                version.minor()
            ),
            slots: slots.into_iter().map(slot).collect(),
        })
    }

    /// The private keys of a token, after a login.
    pub fn keys(&self, uri: &TokenUri) -> Result<Vec<KeyListing>, Error> {
        let token = self.logged_in(uri)?;
        let keys = object::all_private(&token)?;
        let mut listed = Vec::new();
        for key in keys {
            let wanted = uri
                .object
                .as_ref()
                .is_none_or(|l| l.as_bytes() == key.label)
                && uri.id.as_ref().is_none_or(|id| *id == key.id);
            if wanted {
                listed.push(list_key(&token, key)?);
            }
        }
        Ok(listed)
    }

    /// Sets a token up: label, SO PIN and user PIN. One that is initialised already loses all that
    /// is on it, and so is refused unless its label is given as the one to erase. A URI of another
    /// label than that is refused: which token is meant is not known.
    pub fn initialise(
        &self,
        uri: &TokenUri,
        setup: &Setup,
        pins: impl FnOnce(&str) -> Result<(Pin, Pin), Error>,
    ) -> Result<TokenListing, Error> {
        if setup.label.is_empty() || setup.label.len() > 32 {
            return Err(Error::Label {
                label: setup.label.clone(),
            });
        }
        if let (Some(token), Some(erase)) = (&uri.token, &setup.erase)
            && token != erase
        {
            return Err(Error::EraseOther {
                token: token.clone(),
                erase: erase.clone(),
            });
        }
        let module = self.modules.load(&self.shared.options, uri)?;
        let found = choose(&module, uri, setup)?;
        // Most tokens have no name yet; the slot tells which it is.
        let name = format!(
            "token \"{}\" in slot {}",
            setup.erase.as_ref().unwrap_or(&setup.label),
            found.slot.id()
        );
        guard_so(&found.info, &name)?;
        let (so_pin, user_pin) = pins(&setup.label)?;
        for (pin, what) in [(&so_pin, "the SO PIN"), (&user_pin, "the user PIN")] {
            check_length(&found.info, pin, what)?;
        }
        let refused = |error| login::refused(&name, &setup.so_pin_from, error);
        let so_pin = login::auth_pin(&so_pin);
        let made = module.context.init_token(found.slot, &so_pin, &setup.label);
        made.map_err(refused)?;
        let session = module.context.open_rw_session(found.slot);
        let session = session.map_err(Error::call(&name))?;
        session
            .login(UserType::So, Some(&so_pin))
            .map_err(refused)?;
        session
            .init_pin(&login::auth_pin(&user_pin))
            .map_err(Error::call(&name))?;
        drop(session);
        let info = module.token_info(found.slot, &name)?;
        let ready = info.has(sys::CKF_TOKEN_INITIALIZED) && info.has(sys::CKF_USER_PIN_INITIALIZED);
        if !ready || info.label != setup.label {
            return Err(Error::Nonsense {
                what: name,
                reason: "after its initialisation it does not say that it is initialised".into(),
            });
        }
        Ok(TokenListing::new(&info))
    }
}

/// Looks at the flags of a token that is to be erased before its SO PIN is sent.
fn guard_so(info: &TokenInfo, name: &str) -> Result<(), Error> {
    let refuse = |reason| {
        Err(Error::Guarded {
            token: name.to_owned(),
            reason,
            final_try: false,
        })
    };
    if !info.has(sys::CKF_TOKEN_INITIALIZED) {
        return Ok(());
    }
    if info.has(sys::CKF_SO_PIN_LOCKED) {
        return refuse("the SO PIN is locked");
    }
    if info.has(sys::CKF_SO_PIN_FINAL_TRY) {
        return refuse("one more wrong SO PIN locks it for good");
    }
    Ok(())
}

/// Exactly one token that may be set up.
fn choose(module: &Module, uri: &TokenUri, setup: &Setup) -> Result<Found, Error> {
    let mut wanted = uri.clone();
    if let Some(label) = &setup.erase {
        wanted.token = Some(label.clone());
    }
    let names_one = wanted
        != TokenUri {
            pin_source: wanted.pin_source.clone(),
            module_path: wanted.module_path.clone(),
            module_name: wanted.module_name.clone(),
            ..TokenUri::default()
        };
    if names_one {
        let found = token::find(module, &wanted, Among::All)?;
        if found.info.has(sys::CKF_TOKEN_INITIALIZED)
            && setup.erase.as_ref() != Some(&found.info.label)
        {
            return Err(Error::Initialised {
                token: format!("token \"{}\"", found.info.label),
                label: found.info.label,
            });
        }
        return Ok(found);
    }
    let all = token::all(module)?;
    let unreadable = all.unreadable;
    let all: Vec<Found> = all.tokens.into_iter().map(|(found, _)| found).collect();
    let fresh = |found: &&Found| !found.info.has(sys::CKF_TOKEN_INITIALIZED);
    let fresh: Vec<&Found> = all.iter().filter(fresh).collect();
    if let [one] = fresh.as_slice() {
        return Ok((*one).clone());
    }
    let describe = |found: &Found| {
        let mut uri = Identity::from(&found.info).uri();
        uri.slot_id = Some(found.slot.id());
        uri.to_string()
    };
    Err(Error::Tokens {
        uri: "a token that is not initialised".into(),
        found: fresh.into_iter().map(describe).collect(),
        present: all.iter().map(describe).chain(unreadable).collect(),
    })
}

fn check_length(info: &TokenInfo, pin: &Pin, what: &'static str) -> Result<(), Error> {
    let (least, most) = info.pin_length;
    let length = pin.expose().len() as u64;
    // Some tokens say nothing, or that the most is 0.
    if length < least || (most > 0 && most >= least && length > most) {
        return Err(Error::PinLength { what, least, most });
    }
    Ok(())
}

pub(super) fn list_key(token: &Arc<Token>, key: PrivateKey) -> Result<KeyListing, Error> {
    let name = key.name(token);
    let facts = token.with(Again::Yes, |session, _, generation| {
        let handle = key.handle(token, session, generation)?;
        Facts::read(session, handle, &name)
    })?;
    let uri = key.uri(token);
    let (label, id) = (
        String::from_utf8_lossy(&key.label).into_owned(),
        key.id.clone(),
    );
    let public = match object::check_private(token, &key)
        .and_then(|()| TokenKey::new(Arc::clone(token), key))
    {
        Ok(key) => Ok(*key.public_key()),
        Err(
            error @ (Error::Curve { .. }
            | Error::NoPublic { .. }
            | Error::Point { .. }
            | Error::Publics { .. }),
        ) => Err(error.to_string()),
        Err(error) => return Err(error),
    };
    Ok(KeyListing {
        uri,
        label,
        id,
        public,
        facts,
    })
}
