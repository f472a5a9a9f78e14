//! Setting a token up.

use cryptoki_sys as sys;

use super::choose::{self, Among, Found};
use super::error::Error;
use super::flags::Trouble;
use super::identity::Identity;
use super::manage::TokenListing;
use super::module::Module;
use super::pin_length::PinLength;
use super::raw::{Session, TokenInfo, User};
use super::tokens::Tokens;
use super::{ending, login};
use crate::key::pin::Pin;
use crate::key::uri::TokenUri;

/// How to set a token up.
pub struct Setup {
    /// The new label, 1 to 32 bytes.
    pub label: String,
    /// The label of the initialised token that is to be erased.
    pub erase: Option<String>,
    /// Where the SO PIN comes from, for a message.
    pub so_pin_from: String,
    /// Whether a person types one of the PINs.
    pub is_typed: bool,
}

impl Tokens {
    /// Sets a token up: label, SO PIN and user PIN. One that is initialised already loses all that
    /// is on it, and so is refused unless its label is given as the one to erase. A URI with another label is
    /// refused, because it does not say which token is meant.
    ///
    /// `pins` gets the new label and the allowed length of a PIN, and returns the SO PIN and the user PIN.
    pub fn initialise(
        &self,
        uri: &TokenUri,
        setup: &Setup,
        pins: impl FnOnce(&str, &PinLength) -> Result<(Pin, Pin), Error>,
    ) -> Result<TokenListing, Error> {
        if setup.label.is_empty() || setup.label.len() > 32 {
            return Err(Error::Label {
                label: setup.label.clone(),
            });
        }
        if setup.label.ends_with([' ', '\0']) {
            return Err(Error::LabelBlanks {
                label: setup.label.clone(),
            });
        }
        uri.only_names_a_token()?;
        if uri.pin_source.is_some() {
            return Err(Error::Attribute {
                uri: uri.to_string(),
                name: "pin-source",
                why: "and a token that is set up has two PINs: --so-pin-source and --new-pin-source",
            });
        }
        if let (Some(token), Some(erase)) = (&uri.token, &setup.erase)
            && !choose::same_text(token, erase)
        {
            return Err(Error::EraseOther {
                token: token.clone(),
                erase: erase.clone(),
            });
        }
        let module = self.modules.load(&self.shared.options, uri)?;
        let found = choose(&module, uri, setup)?;
        // Most tokens have no label yet; the slot identifies it.
        let name = format!(
            "token \"{}\" in slot {}",
            setup.erase.as_ref().unwrap_or(&setup.label),
            found.slot.id()
        );
        guard_so(&found.info, &name)?;
        if setup.is_typed && found.info.has(sys::CKF_PROTECTED_AUTHENTICATION_PATH) {
            return Err(Error::Pad(name));
        }
        let is_double = |other: &Found| {
            other.slot != found.slot
                && other.info.has(sys::CKF_TOKEN_INITIALIZED)
                && other.info.label == setup.label
        };
        let all = choose::all(&module)?.tokens;
        if all.iter().any(|(other, _)| is_double(other)) {
            let text = format!(
                "another token has the label \"{}\" too: the URI has to name one of them by its serial",
                setup.label
            );
            self.shared.options.prompt.warn(&text);
        }
        let length = PinLength::of(&found.info);
        let (so_pin, user_pin) = pins(&setup.label, &length)?;
        for (pin, what) in [(&so_pin, "SO PIN"), (&user_pin, "user PIN")] {
            length.check(pin, what)?;
        }
        let refused = |error| login::refused(&name, &setup.so_pin_from, error);
        let _inside = ending::enter();
        check_unchanged(&module, &found, &name)?;
        let made = module
            .library
            .init_token(found.slot, so_pin.expose(), &setup.label);
        made.map_err(refused)?;
        let set_user_pin = || {
            let session = Session::open(&module.library, found.slot, true);
            let session = session.map_err(Error::refusal(&name))?;
            session
                .log_in(User::SecurityOfficer, Some(so_pin.expose()))
                .map_err(refused)?;
            session
                .init_pin(user_pin.expose())
                .map_err(Error::refusal(&name))
        };
        // From here on every error has to say how far it went.
        let stopped = |pin_is_set| {
            move |source| Error::HalfSetUp {
                label: setup.label.clone(),
                pin_is_set,
                source: Box::new(source),
            }
        };
        set_user_pin().map_err(stopped(false))?;
        let info = module
            .token_info(found.slot, &name)
            .map_err(stopped(true))?;
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

/// Refuses another token than the selected one: while a person typed the PINs, somebody may have swapped it.
fn check_unchanged(module: &Module, found: &Found, name: &str) -> Result<(), Error> {
    let now = module.token_info(found.slot, name)?;
    let is_set_up = |info: &TokenInfo| info.has(sys::CKF_TOKEN_INITIALIZED);
    if Identity::from(&now) != Identity::from(&found.info)
        || is_set_up(&now) != is_set_up(&found.info)
    {
        return Err(Error::Gone(name.to_owned()));
    }
    guard_so(&now, name)
}

/// Looks at the flags of a token that is to be erased before its SO PIN is sent.
fn guard_so(info: &TokenInfo, name: &str) -> Result<(), Error> {
    if Trouble::NotInitialised.shows(info) {
        return Ok(());
    }
    let troubles = [Trouble::SoLocked, Trouble::SoFinalTry];
    if let Some(trouble) = troubles.into_iter().find(|trouble| trouble.shows(info)) {
        return Err(Error::Guarded {
            token: name.to_owned(),
            reason: trouble.words(),
            final_try: false,
        });
    }
    Ok(())
}

/// Finds exactly one token to set up.
fn choose(module: &Module, uri: &TokenUri, setup: &Setup) -> Result<Found, Error> {
    let mut wanted = uri.clone();
    if let Some(label) = &setup.erase {
        wanted.token = Some(label.clone());
    }
    if wanted.names_a_token() {
        let found = choose::find(module, &wanted, Among::All)?;
        if found.info.has(sys::CKF_TOKEN_INITIALIZED)
            && !setup
                .erase
                .as_ref()
                .is_some_and(|erase| choose::same_text(erase, &found.info.label))
        {
            return Err(Error::Initialised {
                token: format!("token \"{}\"", found.info.label),
                label: found.info.label,
            });
        }
        return Ok(found);
    }
    let all = choose::all(module)?;
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

impl PinLength {
    /// Refuses a PIN that is too short or too long.
    pub fn check(&self, pin: &Pin, what: &'static str) -> Result<(), Error> {
        if self.allows(pin.expose().len() as u64) {
            return Ok(());
        }
        Err(Error::PinLength {
            what,
            length: *self,
        })
    }
}
